"""The figures of the benchmark tables: what is told of ranking, of answers by their type, and of general ability."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from hybrid.evaluation.figure import Figure, Floats, Row, ratio
from hybrid.evaluation.graders import grade
from hybrid.evaluation.statistics import cluster_resample_means, percentile_interval
from hybrid.types import Interval, Question

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
        found.append(Figure("macro-f1/retrieved", "macro-F1", _label_columns, _macro_f1))
    return found


RANKING = [
    ratio("ndcg@10/384", lambda r: r["ndcg@10"], lambda r: r["answerable"]),
    ratio("ndcg@10/64", lambda r: r["ndcg@10/64"], lambda r: r["answerable"]),
    ratio("recall@5", lambda r: r["recall@5"], lambda r: r["answerable"]),
]
GENERAL = ratio("general/mean", lambda r: r["right"], lambda r: 1.0)


def kept_share(
    base: Sequence[Row], tuned: Sequence[Row], merged: Sequence[Row], *, resamples: int, seed: int
) -> Interval:
    """(merged − base) ÷ (tuned − base) of the answer score over the answerable questions of all sets together.

    The share of no gain has no value: where tuned scores as base does, value and bounds are nan, and resamples without
    a gain are left out.
    """
    rows = [
        (b["cluster"], [b["score"], t["score"], m["score"]])
        for b, t, m in zip(base, tuned, merged, strict=True)
        if b["answerable"]
    ]
    matrix, clusters = np.array([values for _, values in rows]), [cluster for cluster, _ in rows]
    means = cluster_resample_means(matrix, clusters, resamples=resamples, seed=seed)
    means = means[means[:, 1] != means[:, 0]]
    draws = (means[:, 2] - means[:, 0]) / (means[:, 1] - means[:, 0])
    base_sum, tuned_sum, merged_sum = matrix.sum(axis=0)
    if tuned_sum == base_sum:
        return Interval(math.nan, math.nan, math.nan, len(rows))
    return percentile_interval(float((merged_sum - base_sum) / (tuned_sum - base_sum)), draws, len(rows))
