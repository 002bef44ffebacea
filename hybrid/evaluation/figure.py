"""A figure of an evaluation: its value with an interval, and the paired gain between two evaluations.

A figure is a function of column sums over questions (a ratio, a macro-F1), so that one clustered bootstrap serves all:
clusters of questions with the same first gold passage are drawn, both systems of a gain with the same draws.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hybrid.evaluation.statistics import cluster_resample_means, percentile_interval, wilson
from hybrid.types import Interval

Row = Mapping[str, Any]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """`columns`: a row to its addends `(n_columns,)`, None where the row does not count; `value`: sums `(…, n_columns)`
    to the figure `(…)`, between 0 and 1.
    """

    name: str
    title: str
    columns: Callable[[Row], list[float] | None]
    value: Callable[[Floats], Floats]
    higher_is_better: bool = True


def ratio(
    name: str,
    numerator: Callable[[Row], float],
    denominator: Callable[[Row], float],
    *,
    title: str = "",
    higher_is_better: bool = True,
) -> Figure:
    """A micro-average: sum of `numerator` over sum of `denominator` of the rows where the latter is not 0."""

    def columns(row: Row) -> list[float] | None:
        below = float(denominator(row))
        return [float(numerator(row)), below] if below else None

    return Figure(name, title or name, columns, _over, higher_is_better)


def measure(figure: Figure, rows: Sequence[Row], *, resamples: int, seed: int) -> Interval | None:
    """The figure with its 95 % interval; None where no row counts. `num` is the number of rows that do.

    At 0 and 1, where every resample is alike, the interval is Wilson's over clusters: a bootstrap would claim
    certainty. One row with a value between them has bounds nan.
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
    return found


def gain(figure: Figure, before: Sequence[Row], after: Sequence[Row], *, resamples: int, seed: int) -> Interval | None:
    """The figure after less the figure before, with the interval of the paired difference; None where one has none.

    A gain that is the same in every resample is not certain: as many of the clusters as Wilson's bound for none seen
    could still behave otherwise. Raises `ValueError` where the two asked different questions.
    """
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
    found = percentile_interval(value, draws[~np.isnan(draws)], len(matrix))
    if found.low == found.high:
        slack = wilson(0, len(set(clusters))).high
        return Interval(value, max(-1.0, value - slack), min(1.0, value + slack), len(matrix))
    return found


def is_known(interval: Interval | None) -> bool:
    """Whether there is a figure, and more than one row to tell its spread by."""
    return interval is not None and not math.isnan(interval.low)


def _over(sums: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[..., 0] / sums[..., 1]


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
