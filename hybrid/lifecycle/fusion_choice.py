"""How vectors and words are fused, chosen on dev.

Every weight in steps of .1, words alone and reciprocal rank fusion are measured by nDCG@10 on the answerable dev
questions. Of those that are proven better than the vectors alone the best one is taken: a 95 % lower bound of the
paired gain, good for all of them at once, lies above 0. Where none is, the vectors stay alone, which need no second
index. Large weights move much and are hard to prove: few questions lead to a careful weight, many to the best one. Of
equal ones the first is taken: rising weights, words alone, reciprocal ranks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.artifacts import Manifest, current, publish, require
from hybrid.config import Config
from hybrid.errors import TooLittleDataError
from hybrid.evaluation.questions import cluster_of
from hybrid.evaluation.ranking import rank_metrics
from hybrid.evaluation.statistics import simultaneous_lower_bounds
from hybrid.retrieval.fusion import RRF_K, Fusion
from hybrid.types import Hit, Question

VERSION = 1
DENSE = Fusion("dense")
CANDIDATES = (*(Fusion("weighted", step / 10) for step in range(1, 10)), Fusion("lexical"), Fusion("rrf"))
Halves = Mapping[str, Sequence[Sequence[Hit]]]
"""The rankings `dense` and `lexical` of some questions."""


@dataclass(frozen=True, slots=True)
class Point:
    """What dev says of a candidate: its gain in nDCG@10 over the vectors alone, and the bound below which it is not."""

    fusion: Fusion
    gain: float
    low: float


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
    """Publish the choice and the points that led to it, as facts. `halves` are of the questions of `dev`."""
    with publish(target, "fusion", VERSION, _settings(config), inputs) as build:
        alone = np.array(ndcg_of(DENSE, dev, halves))
        gains = np.array([ndcg_of(fusion, dev, halves) for fusion in CANDIDATES]).T - alone[:, None]
        clusters = [cluster_of(question) for question in dev]
        draws = {"resamples": config.evaluation.resamples, "seed": config.seed}
        lows = simultaneous_lower_bounds(gains, clusters, **draws)
        # rounded, so that equal ones are equal in whatever order they were summed
        means = [round(float(mean), 6) for mean in gains.mean(axis=0)]
        points = [Point(*told) for told in zip(CANDIDATES, means, lows, strict=True)]
        build.counts["questions"] = len(dev)
        build.facts.update(
            **asdict(choose(points)),
            dense=round(float(alone.mean()), 6),
            points=[{**asdict(point.fusion), "gain": point.gain, "low": round(point.low, 6)} for point in points],
        )
    return require(target, "hybrid index")


def choose(points: Sequence[Point]) -> Fusion:
    """The rule. A bound that is nan proves nothing."""
    proven = [point for point in points if point.low > 0]
    return max(proven, key=lambda point: point.gain).fusion if proven else DENSE


def chosen_fusion(target: Path, config: Config, inputs: Mapping[str, str]) -> Fusion | None:
    """The choice that was made of just this; None where there is none."""
    manifest = current(target, "fusion", VERSION, _settings(config), inputs)
    return Fusion(manifest.facts["mode"], manifest.facts["weight"]) if manifest else None


def ndcg_of(fusion: Fusion, questions: Sequence[Question], halves: Halves) -> list[float]:
    """nDCG@10 of each question under a fusion of its two rankings."""
    fuse = fusion.fuse
    pairs = zip(halves["dense"], halves["lexical"], strict=True)
    rankings = halves[fusion.mode] if fuse is None else [fuse(*pair) for pair in pairs]
    run = {question.id: hits for question, hits in zip(questions, rankings, strict=True)}
    values = rank_metrics(run, {question.id: set(question.positives) for question in questions})["ndcg@10"]
    return [values[question.id] for question in questions]


def _settings(config: Config) -> dict[str, Any]:
    """What the choice depends on beside its inputs."""
    return {
        "candidates": [fusion.name for fusion in CANDIDATES],
        "depth": config.retrieval.depth,
        "rrf_k": RRF_K,
        "resamples": config.evaluation.resamples,
        "seed": config.seed,
    }
