"""The figures of an evaluation from its rows, and the paired gain between two evaluations of the same questions."""

from collections.abc import Sequence
from typing import Any

from hybrid.errors import UserError
from hybrid.evaluation.figure import Figure, Row, gain, measure, ratio
from hybrid.types import Interval


def _answerable(row: Row) -> float:
    return float(row["answerable"])


def _answered(row: Row) -> float:
    return float(row["answerable"] and not row["abstained"])


METRICS: tuple[Figure, ...] = (
    ratio("ndcg@10", lambda r: r.get("ndcg@10", 0.0), _answerable, title="retrieval nDCG@10"),
    ratio("recall@5", lambda r: r.get("recall@5", 0.0), _answerable, title="retrieval recall@5"),
    ratio("mrr@10", lambda r: r.get("mrr@10", 0.0), _answerable, title="retrieval MRR@10"),
    ratio("answer_score", lambda r: r["score"] * r["answerable"], _answerable, title="answer score"),
    ratio("answer_correct", lambda r: float(r["correct"] and r["answerable"]), _answerable, title="answers right"),
    ratio(
        "served_correct",
        lambda r: float(r["correct"] and r["answerable"] and not r["withheld"]),
        _answerable,
        title="answers right, as served",
    ),
    ratio(
        "citation_precision",
        lambda r: float(r["cited_gold"]) * r["answerable"],
        lambda r: float(len(r["cited"])) * r["answerable"],
        title="citation precision",
    ),
    ratio(
        "citation_recall",
        lambda r: float(r["cited_gold"] > 0) * _answered(r) * r["gold_in_context"],
        lambda r: _answered(r) * r["gold_in_context"],
        title="citation recall",
    ),
    ratio(
        "without_source",
        lambda r: float(not r["cited"] and not r["abstained"] and not r["withheld"]),
        lambda r: float(not r["abstained"] and not r["withheld"]),
        higher_is_better=False,
        title="served without a source",
    ),
    ratio(
        "echo",
        lambda r: float(r.get("echo", False)),
        lambda r: 1.0,
        higher_is_better=False,
        title="echo of the instruction",
    ),
    ratio(
        "right_withheld",
        lambda r: float(r["correct"] and r["answerable"] and r["withheld"]),
        lambda r: float(r["correct"] and r["answerable"]),
        higher_is_better=False,
        title="right answers withheld",
    ),
    ratio(
        "abstention",
        lambda r: float(r["abstained"] and not r["answerable"]),
        lambda r: float(not r["answerable"]),
        title="abstention on unanswerable",
    ),
    ratio(
        "served_abstention",
        lambda r: float((r["abstained"] or r["withheld"]) and not r["answerable"]),
        lambda r: float(not r["answerable"]),
        title="abstention on unanswerable, as served",
    ),
    ratio(
        "over_refusal",
        lambda r: float(r["abstained"] and r["gold_in_context"]),
        lambda r: float(r["gold_in_context"]),
        higher_is_better=False,
        title="over-refusal (gold in context)",
    ),
    ratio(
        "withheld",
        lambda r: float(r["withheld"]),
        lambda r: float(not r["abstained"]),
        higher_is_better=False,
        title="withheld by the guard",
    ),
)
GENERAL = ratio("general", lambda r: float(r["right"]), lambda r: 1.0, title="general ability")


def summarise(rows: Sequence[Row], general: Sequence[Row], *, resamples: int, seed: int) -> dict[str, Interval]:
    """Every metric that its rows allow, with a 95 % bootstrap interval clustered by gold passage."""
    summary = {}
    for metric, source in [*((m, rows) for m in METRICS), (GENERAL, general)]:
        if found := measure(metric, source, resamples=resamples, seed=seed):
            summary[metric.name] = found
    return summary


def by_origin(rows: Sequence[Row], *, resamples: int, seed: int) -> dict[str, dict[str, Interval]]:
    """Every metric for the questions of each origin; "not said" without one. Empty where there is but one origin."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.get("origin") or "not said", []).append(row)
    if len(groups) < 2:
        return {}
    return {name: summarise(group, [], resamples=resamples, seed=seed) for name, group in sorted(groups.items())}


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
        table.append(
            {
                "name": metric.name,
                "metric": metric.title,
                "before": measure(metric, old, resamples=resamples, seed=seed),
                "after": measure(metric, new, resamples=resamples, seed=seed),
                "gain": gain(metric, old, new, resamples=resamples, seed=seed),
                "higher_is_better": metric.higher_is_better,
            }
        )
    return table
