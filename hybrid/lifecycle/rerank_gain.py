"""What a reranker gains, measured on dev: it is used because it is configured, and this says whether it should be.

nDCG@10 of the answerable dev questions before and after, with the 95 % interval of the paired gain, and what it costs
in time. Nothing is chosen by it: a reranker that costs rank is told of, not taken away.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hybrid.answering.pipeline import Pipeline
from hybrid.artifacts import Manifest, current, publish, require
from hybrid.config import Config
from hybrid.evaluation.attribution import jsonable
from hybrid.evaluation.figure import gain, measure, ratio
from hybrid.evaluation.questions import cluster_of
from hybrid.evaluation.ranking import rank_metrics
from hybrid.types import Hit, Question

VERSION = 1
NDCG = ratio("ndcg@10", lambda row: row["ndcg@10"], lambda row: 1.0)
Rows = list[dict[str, Any]]


def measure_gain(
    pipeline: Pipeline, dev: Sequence[Question], *, config: Config, target: Path, inputs: Mapping[str, str]
) -> Manifest:
    """Publish what the pipeline's reranker does to the ranking of `dev`, in the manifest; nothing where it lies there.

    `milliseconds` of a question are those of the reranker alone. Bounds of one question are null.
    """
    settings = {**config.retrieval.settings(), "resamples": config.evaluation.resamples, "seed": config.seed}
    if done := current(target, "rerank", VERSION, settings, inputs):
        return done
    with publish(target, "rerank", VERSION, settings, inputs) as build:
        before, after, milliseconds = both_rows(pipeline, dev)
        draws = {"resamples": config.evaluation.resamples, "seed": config.seed}
        found = {
            "before": measure(NDCG, before, **draws),
            "after": measure(NDCG, after, **draws),
            "gain": gain(NDCG, before, after, **draws),
        }
        told = {name: jsonable(asdict(interval)) for name, interval in found.items() if interval}
        build.facts.update(told, reranker=config.retrieval.reranker, milliseconds=round(milliseconds, 1))
        build.counts["questions"] = len(dev)
    return require(target, "hybrid index")


def both_rows(pipeline: Pipeline, questions: Sequence[Question]) -> tuple[Rows, Rows, float]:
    """A row of each question before and after the pipeline's reranker, and its milliseconds a question.

    One question is reranked beforehand, so that loading the model is in no figure.
    """
    asked = [question.question for question in questions]
    first = pipeline.first_stage(asked, pipeline.config.retrieval.depth)
    pipeline.retrieve(asked[:1])
    started = time.perf_counter()
    last = pipeline.reranked(asked, first)
    milliseconds = 1000 * (time.perf_counter() - started) / len(asked)
    return _rows(questions, first), _rows(questions, last), milliseconds


def in_words(facts: Mapping[str, Any], num: int) -> str:
    """The gain for people, and what to do where there is none."""
    found, before = facts["gain"], facts["before"]["value"]
    bounds = "too few questions for an interval"
    if found["low"] is not None:
        bounds = f"95 % interval {found['low']:+.3f} to {found['high']:+.3f}"
    told = (
        f"nDCG@10 {found['value']:+.3f} ({bounds}) over {before:.3f} without it, on {num} dev questions; "
        f"{facts['milliseconds']:.0f} ms a question"
    )
    low, high = (math.nan if found[side] is None else found[side] for side in ("low", "high"))
    if low > 0:
        return f"{told}: a proven gain"
    if high < 0:
        return f"{told}: it costs rank, leave retrieval.reranker empty"
    advice = "write more dev questions, or leave" if found["value"] > 0 else "leave"
    return f"{told}: no gain is proven, {advice} retrieval.reranker empty"


def _rows(questions: Sequence[Question], rankings: Sequence[Sequence[Hit]]) -> Rows:
    run = {question.id: hits for question, hits in zip(questions, rankings, strict=True)}
    values = rank_metrics(run, {question.id: set(question.positives) for question in questions})["ndcg@10"]
    return [{"id": q.id, "cluster": cluster_of(q), "ndcg@10": values[q.id]} for q in questions]
