"""The figures of the benchmark tables from the rows of evaluations: a value with its interval, and paired gains.

A figure is a function of column sums over questions (a ratio, a macro-F1), so that one clustered bootstrap serves all:
clusters of questions with the same first gold passage are drawn, both systems of a gain with the same draws.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hybrid.evaluation.graders import grade
from hybrid.evaluation.statistics import cluster_resample_means, percentile_interval, wilson
from hybrid.types import Interval, Question

Row = Mapping[str, Any]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """`columns`: a row to its addends `(n_columns,)`, None where the row does not count; `value`: sums `(…, n_columns)`
    to the figure `(…)`.
    """

    name: str
    columns: Callable[[Row], list[float] | None]
    value: Callable[[Floats], Floats]


def _ratio(sums: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[..., 0] / sums[..., 1]


def ratio(name: str, numerator: Callable[[Row], float], denominator: Callable[[Row], float]) -> Figure:
    """Sum over sum."""

    def columns(row: Row) -> list[float] | None:
        below = float(denominator(row))
        return [float(numerator(row)), below] if below else None

    return Figure(name, columns, _ratio)


LABELS = ("yes", "no", "maybe")


def _label_columns(row: Row) -> list[float] | None:
    """True positives, predictions and golds of each label; an answer that is no label predicts none."""
    if not row["answerable"]:
        return None
    given, gold = _label_of(row), row["answers"][0].lower()
    return [float(test) for label in LABELS for test in (given == gold == label, given == label, gold == label)]


def _label_of(row: Row) -> str:
    """The label that the answer chooses, as the grader reads it; empty where it chooses none."""
    for label in LABELS:
        asked = Question(row["id"], "", (label,), answer_type="yes_no_maybe")
        if grade(row["plain"], asked, abstained=row["abstained"]).correct:
            return label
    return ""


def _macro_f1(sums: Floats) -> Floats:
    """Mean over labels of 2·TP / (predicted + gold); a label that is neither predicted nor gold counts 0."""
    parts = []
    for start in range(0, 3 * len(LABELS), 3):
        both = sums[..., start + 1] + sums[..., start + 2]
        parts.append(2 * sums[..., start] / np.where(both == 0, 1, both))
    return np.mean(parts, axis=0)


def figures(answer_type: str) -> list[Figure]:
    """What is told of the answers to questions of this type."""

    def answerable(row: Row) -> bool:
        return bool(row["answerable"])

    def hit(row: Row) -> float:
        # an API call is right as a whole or not at all, whatever stands around it
        return float(row["correct"] if answer_type == "api_call" else row["exact"])

    def under(arm: str) -> Callable[[Row], float]:
        return lambda row: hit(row["arms"][arm])

    def has(arm: str) -> Callable[[Row], float]:
        return lambda row: float(answerable(row) and arm in row.get("arms", {}))

    found = [
        ratio("exact/oracle", under("oracle"), has("oracle")),
        ratio("exact/oracle+distractors", under("oracle_in_distractors"), has("oracle_in_distractors")),
        ratio("exact/retrieved", lambda r: hit(r), answerable),
        ratio("abstention/unanswerable", lambda r: r["abstained"], lambda r: not answerable(r)),
        ratio(
            "abstention/over-refusal",
            lambda r: r["abstained"],
            lambda r: answerable(r) and r["gold_in_context"],
        ),
        ratio("citation-precision", lambda r: r["cited_gold"], lambda r: len(r["cited"]) * answerable(r)),
        ratio(
            "citation-recall",
            lambda r: r["cited_gold"] > 0,
            lambda r: answerable(r) and not r["abstained"] and r["gold_in_context"],
        ),
    ]
    if answer_type in ("span", "long"):
        found.append(ratio("f1/retrieved", lambda r: r["f1"], answerable))
    if answer_type == "yes_no_maybe":
        found.append(Figure("macro-f1/retrieved", _label_columns, _macro_f1))
    return found


RANKING = [
    ratio("ndcg@10/384", lambda r: r["ndcg@10"], lambda r: r["answerable"]),
    ratio("ndcg@10/64", lambda r: r["ndcg@10/64"], lambda r: r["answerable"]),
    ratio("recall@5", lambda r: r["recall@5"], lambda r: r["answerable"]),
]
GENERAL = ratio("general/mean", lambda r: r["right"], lambda r: 1.0)


def measure(figure: Figure, rows: Sequence[Row], *, resamples: int, seed: int) -> Interval | None:
    """The figure with its 95 % interval; None where no row counts, or too few for an interval.

    At 0 and 1, where every resample is alike, the interval is Wilson's over clusters.
    """
    table = _table(figure, [rows])
    if table is None:
        return None
    matrix, clusters = table
    draws = figure.value(cluster_resample_means(matrix, clusters, resamples=resamples, seed=seed))
    value = float(figure.value(matrix.sum(axis=0)))
    found = percentile_interval(value, draws[~np.isnan(draws)], len(matrix))
    if value in (0.0, 1.0) and not found.low < found.high:
        groups = len(set(clusters))
        bound = wilson(round(value * groups), groups)
        return Interval(value, bound.low, bound.high, len(matrix))
    return None if math.isnan(found.low) else found


def gain(figure: Figure, before: Sequence[Row], after: Sequence[Row], *, resamples: int, seed: int) -> Interval | None:
    """The figure after less the figure before, on the same questions, with the interval of the paired difference."""
    if [row["id"] for row in before] != [row["id"] for row in after]:
        raise ValueError("the two evaluations asked different questions")
    table = _table(figure, [before, after])
    if table is None:
        return None
    matrix, clusters = table
    width = matrix.shape[1] // 2
    means = cluster_resample_means(matrix, clusters, resamples=resamples, seed=seed)
    draws = figure.value(means[:, width:]) - figure.value(means[:, :width])
    sums = matrix.sum(axis=0)
    value = float(figure.value(sums[width:]) - figure.value(sums[:width]))
    if math.isnan(value) or len(matrix) < 2:
        return None
    found = percentile_interval(value, draws[~np.isnan(draws)], len(matrix))
    if found.low == found.high:
        # no question differs in any draw: as many as Wilson's bound for none seen still could
        slack = wilson(0, len(set(clusters))).high
        return Interval(value, value - slack, value + slack, len(matrix))
    return found


def kept_share(
    base: Sequence[Row], tuned: Sequence[Row], merged: Sequence[Row], *, resamples: int, seed: int
) -> Interval:
    """(merged − base) ÷ (tuned − base) of the answer score over the answerable questions of all sets together."""
    rows = [
        (b["cluster"], [b["score"], t["score"], m["score"]])
        for b, t, m in zip(base, tuned, merged, strict=True)
        if b["answerable"]
    ]
    matrix, clusters = np.array([values for _, values in rows]), [cluster for cluster, _ in rows]
    means = cluster_resample_means(matrix, clusters, resamples=resamples, seed=seed)
    draws = (means[:, 2] - means[:, 0]) / (means[:, 1] - means[:, 0])
    whole = matrix.sum(axis=0)
    return percentile_interval(float((whole[2] - whole[0]) / (whole[1] - whole[0])), draws, len(rows))


def _table(figure: Figure, sides: Sequence[Sequence[Row]]) -> tuple[Floats, list[str]] | None:
    """Columns of all sides beside each other, zeros where a row does not count; None where a side has no row."""
    columns = [[figure.columns(row) for row in side] for side in sides]
    width = next((len(found) for side in columns for found in side if found is not None), 0)
    if not width or any(all(found is None for found in side) for side in columns):
        return None
    zeros = [0.0] * width
    matrix = [[x for found in together for x in (found or zeros)] for together in zip(*columns, strict=True)]
    used = [any(found is not None for found in together) for together in zip(*columns, strict=True)]
    clusters = [str(row.get("cluster", row["id"])) for row in sides[0]]
    return (
        np.array([row for row, keep in zip(matrix, used, strict=True) if keep]),
        [cluster for cluster, keep in zip(clusters, used, strict=True) if keep],
    )
