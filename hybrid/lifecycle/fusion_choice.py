"""How vectors and words are fused, chosen on dev.

Every weight in steps of .1 and reciprocal rank fusion are measured by nDCG@10 on the answerable dev questions. The best
one is taken if the 95 % interval of its paired gain over the vectors alone lies above 0; else the vectors stay alone,
which need no second index. Of equal ones the first is best: vectors alone, then rising weights, then reciprocal ranks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hybrid.artifacts import Manifest, current, publish, require
from hybrid.config import Config
from hybrid.errors import TooLittleDataError
from hybrid.evaluation.questions import cluster_of
from hybrid.evaluation.ranking import rank_metrics
from hybrid.evaluation.statistics import paired_interval
from hybrid.retrieval.fusion import RRF_K, Fusion
from hybrid.types import Hit, Interval, Question

VERSION = 1
DENSE = Fusion("dense")
CANDIDATES = (
    DENSE,
    *(Fusion("weighted", step / 10) for step in range(1, 10)),
    Fusion("lexical"),
    Fusion("rrf"),
)
"""Weights 0 and 1 are one ranking alone."""
Halves = Mapping[str, Sequence[Sequence[Hit]]]


def dev_questions(questions: Sequence[Question]) -> list[Question]:
    """What the choice is made on. Raises `TooLittleDataError` where there is nothing."""
    found = [q for q in questions if q.split == "dev" and q.answerable and q.positives]
    if not found:
        raise TooLittleDataError(
            "retrieval.mode is auto, but no dev question names its passage: nothing to choose by",
            "write dev questions with evidence, or set retrieval.mode to rrf, weighted, lexical or dense",
        )
    return found


def choose_fusion(
    dev: Sequence[Question], halves: Halves, *, config: Config, target: Path, inputs: Mapping[str, str]
) -> Manifest:
    """Publish the choice, its gain over the vectors alone and the points that led to it, as facts.

    `halves` holds the rankings `dense` and `lexical` of the `dev` questions.
    """
    resamples, seed = config.evaluation.resamples, config.seed
    with publish(target, "fusion", VERSION, choice_settings(config), inputs) as build:
        scores = {fusion: ndcg_of(fusion, dev, halves) for fusion in CANDIDATES}
        means = {fusion: round(sum(values) / len(values), 6) for fusion, values in scores.items()}
        best = max(CANDIDATES, key=lambda fusion: means[fusion])
        clusters = [cluster_of(question) for question in dev]
        gain = paired_interval(scores[DENSE], scores[best], clusters, resamples=resamples, seed=seed)
        chosen = choose(best, gain)
        build.counts["questions"] = len(dev)
        build.facts.update(
            **asdict(chosen),
            best=asdict(best),
            gain=asdict(gain),
            points=[{**asdict(fusion), "ndcg@10": mean} for fusion, mean in means.items()],
        )
    return require(target, "hybrid index")


def choose(best: Fusion, gain: Interval) -> Fusion:
    """The rule. `gain`: nDCG@10 of the best less that of the vectors alone; bounds nan are no proof."""
    return best if gain.low > 0 else DENSE


def ndcg_of(fusion: Fusion, questions: Sequence[Question], halves: Halves) -> list[float]:
    """nDCG@10 of each question under a fusion of its two rankings."""
    rankings = list(fused(fusion, halves))
    run = {question.id: hits for question, hits in zip(questions, rankings, strict=True)}
    values = rank_metrics(run, {question.id: set(question.positives) for question in questions})["ndcg@10"]
    return [values[question.id] for question in questions]


def fused(fusion: Fusion, halves: Halves) -> Sequence[Sequence[Hit]]:
    """The ranking of every question."""
    if fusion.fuse is None:
        return halves[fusion.mode]
    return [fusion.fuse(*pair) for pair in zip(halves["dense"], halves["lexical"], strict=True)]


def chosen_fusion(target: Path, config: Config, inputs: Mapping[str, str]) -> Fusion | None:
    """The choice that was made of just this; None where there is none."""
    manifest = current(target, "fusion", VERSION, choice_settings(config), inputs)
    return Fusion(manifest.facts["mode"], manifest.facts["weight"]) if manifest else None


def choice_settings(config: Config) -> dict[str, Any]:
    """What the choice depends on beside its inputs."""
    return {
        "candidates": [fusion.name for fusion in CANDIDATES],
        "depth": config.retrieval.depth,
        "rrf_k": RRF_K,
        "resamples": config.evaluation.resamples,
        "seed": config.seed,
    }
