"""The figures of an evaluation from its rows, and the paired gain between two evaluations of the same questions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hybrid.errors import UserError
from hybrid.evaluation.statistics import cluster_resample_means, percentile_interval, ratio_interval, wilson
from hybrid.types import Interval

Row = Mapping[str, Any]
Column = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """A micro-average: sum of `numerator` over sum of `denominator` of the rows where the latter is not 0."""

    name: str
    title: str
    numerator: Callable[[Row], float]
    denominator: Callable[[Row], float]
    higher_is_better: bool = True


def _answerable(row: Row) -> float:
    return float(row["answerable"])


def _answered(row: Row) -> float:
    return float(row["answerable"] and not row["abstained"])


METRICS: tuple[Metric, ...] = (
    Metric("ndcg@10", "retrieval nDCG@10", lambda r: r.get("ndcg@10", 0.0), _answerable),
    Metric("recall@5", "retrieval recall@5", lambda r: r.get("recall@5", 0.0), _answerable),
    Metric("mrr@10", "retrieval MRR@10", lambda r: r.get("mrr@10", 0.0), _answerable),
    Metric("answer_score", "answer score", lambda r: r["score"] * r["answerable"], _answerable),
    Metric("answer_correct", "answers right", lambda r: float(r["correct"] and r["answerable"]), _answerable),
    Metric(
        "served_correct",
        "answers right, as served",
        lambda r: float(r["correct"] and r["answerable"] and not r["withheld"]),
        _answerable,
    ),
    Metric(
        "citation_precision",
        "citation precision",
        lambda r: float(r["cited_gold"]) * r["answerable"],
        lambda r: float(len(r["cited"])) * r["answerable"],
    ),
    Metric(
        "citation_recall",
        "citation recall",
        lambda r: float(r["cited_gold"] > 0) * _answered(r) * r["gold_in_context"],
        lambda r: _answered(r) * r["gold_in_context"],
    ),
    Metric(
        "abstention",
        "abstention on unanswerable",
        lambda r: float(r["abstained"] and not r["answerable"]),
        lambda r: float(not r["answerable"]),
    ),
    Metric(
        "served_abstention",
        "abstention on unanswerable, as served",
        lambda r: float((r["abstained"] or r["withheld"]) and not r["answerable"]),
        lambda r: float(not r["answerable"]),
    ),
    Metric(
        "over_refusal",
        "over-refusal (gold in context)",
        lambda r: float(r["abstained"] and r["gold_in_context"]),
        lambda r: float(r["gold_in_context"]),
        higher_is_better=False,
    ),
    Metric(
        "withheld",
        "withheld by the guard",
        lambda r: float(r["withheld"]),
        lambda r: float(not r["abstained"]),
        higher_is_better=False,
    ),
)
GENERAL = Metric("general", "general ability", lambda r: float(r["right"]), lambda r: 1.0)


def summarise(rows: Sequence[Row], general: Sequence[Row], *, resamples: int, seed: int) -> dict[str, Interval]:
    """Every metric that its rows allow, with a 95 % bootstrap interval clustered by gold passage."""
    summary = {}
    for metric, source in [*((m, rows) for m in METRICS), (GENERAL, general)]:
        if not source:
            continue
        top, bottom = _columns(metric, source)
        if bottom.sum() > 0:
            summary[metric.name] = _ratio(top, bottom, _clusters(source), resamples, seed)
    return summary


def compare(
    before: tuple[Sequence[Row], Sequence[Row]],
    after: tuple[Sequence[Row], Sequence[Row]],
    *,
    resamples: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Rows for a before/after table; each side is (question rows, general rows) of the same questions.

    The gain is the difference of two micro-averages under one joint clustered bootstrap. Raises `UserError` where the
    two evaluations asked different questions.
    """
    table = []
    for metric, old, new in [*((m, before[0], after[0]) for m in METRICS), (GENERAL, before[1], after[1])]:
        if [row["id"] for row in old] != [row["id"] for row in new]:
            raise UserError(
                "the two evaluations asked different questions", "evaluate both systems on the same split again"
            )
        if not old:
            continue
        old_top, old_bottom = _columns(metric, old)
        new_top, new_bottom = _columns(metric, new)
        clusters = _clusters(old)
        sides = [
            _ratio(top, bottom, clusters, resamples, seed) if bottom.sum() > 0 else None
            for top, bottom in ((old_top, old_bottom), (new_top, new_bottom))
        ]
        gain = None
        if sides[0] and sides[1]:
            gain = _gain(old_top, old_bottom, new_top, new_bottom, clusters, resamples, seed)
            if gain.low == gain.high:
                gain = _unvaried(gain, clusters)
        table.append(
            {
                "name": metric.name,
                "metric": metric.title,
                "before": sides[0],
                "after": sides[1],
                "gain": gain,
                "higher_is_better": metric.higher_is_better,
            }
        )
    return table


def _columns(metric: Metric, rows: Sequence[Row]) -> tuple[Column, Column]:
    return np.array([metric.numerator(r) for r in rows]), np.array([metric.denominator(r) for r in rows])


def _clusters(rows: Sequence[Row]) -> list[str]:
    return [str(row.get("cluster", row["id"])) for row in rows]


def _ratio(top: Column, bottom: Column, clusters: Sequence[str], resamples: int, seed: int) -> Interval:
    """The metric with its interval; `num` counts the denominator. At 0 and 1, where every resample is alike, Wilson's
    interval over the clusters that have a denominator takes over: a bootstrap would claim certainty.
    """
    found = ratio_interval(top, bottom, clusters, resamples=resamples, seed=seed)
    num = round(float(bottom.sum()))
    if found.low == found.high and found.value in (0.0, 1.0):
        groups = len({cluster for cluster, weight in zip(clusters, bottom, strict=True) if weight})
        found = wilson(round(found.value * groups), groups)
    return Interval(found.value, found.low, found.high, num)


def _unvaried(gain: Interval, clusters: Sequence[str]) -> Interval:
    """A gain that is the same in every resample is not certain: as many of the clusters as Wilson's bound for none seen
    could still behave otherwise.
    """
    slack = wilson(0, len(set(clusters))).high
    return Interval(gain.value, max(-1.0, gain.value - slack), min(1.0, gain.value + slack), gain.num)


def _gain(
    old_top: Column,
    old_bottom: Column,
    new_top: Column,
    new_bottom: Column,
    clusters: Sequence[str],
    resamples: int,
    seed: int,
) -> Interval:
    """New ratio minus old ratio; both move with the same resampled clusters, so that the pairing counts."""
    columns = np.stack([old_top, old_bottom, new_top, new_bottom], axis=1)
    means = cluster_resample_means(columns, clusters, resamples=resamples, seed=seed)
    means = means[(means[:, 1] != 0) & (means[:, 3] != 0)]
    draws = means[:, 2] / means[:, 3] - means[:, 0] / means[:, 1]
    value = float(new_top.sum() / new_bottom.sum() - old_top.sum() / old_bottom.sum())
    return percentile_interval(value, draws, len(clusters))
