"""How much answer accuracy each layer could add, with intervals.

With R, D and O a question's accuracy (mean over orders) under the arms retrieved, oracle_in_distractors and oracle:

- retriever first: (D − R) retrieval + (O − D) distraction + (1 − O) reading = 1 − R;
- generator first, with G the accuracy of a perfect reader (1 where the gold is in the retrieved context, else R):
  (G − R) generator + (1 − G) retrieval = 1 − R.

Where it was not recorded whether the gold was in the context, G is taken for R + (1 − D): both orders say the same.

What comes second is credited with everything that needs both. The Shapley value is the mean of the two orders, the
interaction 1 − D − G + R is what neither layer adds alone. All means run over all answerable questions; negative
values stay.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hybrid.evaluation.records import Record
from hybrid.evaluation.statistics import Floats, cluster_resample_means, percentile_interval
from hybrid.types import Arm, Interval

TERMS = (
    "retrieval",
    "distraction",
    "reading",
    "total",
    "generator",
    "generator_alone",
    "retrieval_last",
    "retrieval_shapley",
    "generator_shapley",
    "interaction",
)
"""Columns. `retrieval` is also what retrieval adds alone; `generator` = distraction + reading."""


@dataclass(frozen=True)
class Headroom:
    """Intervals by term, and the joint bootstrap draws (resamples,) that they come from."""

    intervals: dict[str, Interval]
    draws: dict[str, Floats]


def measure_headroom(records: Sequence[Record], *, resamples: int, seed: int) -> Headroom:
    """Headroom over answerable records. No record: nan throughout."""
    matrix = terms(records)
    clusters = [record.cluster for record in records]
    draws = cluster_resample_means(matrix, clusters, resamples=resamples, seed=seed)
    intervals = {}
    for column, name in enumerate(TERMS):
        value = float(matrix[:, column].mean()) if len(matrix) else math.nan
        intervals[name] = percentile_interval(value, draws[:, column], len(matrix))
    return Headroom(intervals, {name: draws[:, column] for column, name in enumerate(TERMS)})


def terms(records: Sequence[Record]) -> Floats:
    """The terms of every question, `(n_questions, len(TERMS))`.

    Where the gold is in no passage, the oracle arms may not have been run; they are then taken to be as good as on
    the indexed questions (perfect if there are none), so that a gap in the corpus counts as retrieval headroom.
    """
    retrieved = np.array([record.accuracy(Arm.RETRIEVED) for record in records], dtype=np.float64)
    in_distractors = _filled(records, Arm.ORACLE_IN_DISTRACTORS)
    oracle = _filled(records, Arm.ORACLE)
    perfect_reader = np.array(
        [_perfect_reader(record, float(value)) for record, value in zip(records, in_distractors, strict=True)],
        dtype=np.float64,
    )
    retrieval, generator = in_distractors - retrieved, 1 - in_distractors
    generator_alone, retrieval_last = perfect_reader - retrieved, 1 - perfect_reader
    columns = [
        retrieval,
        oracle - in_distractors,
        1 - oracle,
        1 - retrieved,
        generator,
        generator_alone,
        retrieval_last,
        (retrieval + retrieval_last) / 2,
        (generator + generator_alone) / 2,
        generator - generator_alone,
    ]
    return np.stack(columns, axis=1)


def _filled(records: Sequence[Record], arm: Arm) -> Floats:
    values = np.array([record.accuracy(arm) for record in records], dtype=np.float64)
    missing = np.isnan(values)
    values[missing] = 1.0 if missing.all() else values[~missing].mean()
    return values


def _perfect_reader(record: Record, in_distractors: float) -> float:
    outcomes = record.of(Arm.RETRIEVED)
    right = sum(outcome.correct for outcome in outcomes) / len(outcomes)
    if any(outcome.gold_in_context is None for outcome in outcomes):
        return right + 1 - in_distractors
    return sum(bool(outcome.gold_in_context or outcome.correct) for outcome in outcomes) / len(outcomes)
