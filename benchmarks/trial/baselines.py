"""What a team would do without a diagnosis: four rules of thumb that name a layer from the same records."""

from collections.abc import Callable, Sequence

from hybrid.evaluation.records import Record
from hybrid.types import Arm

THRESHOLD = 0.8
"""Shares of found gold and of right answers that count as good enough by the fixed thresholds."""

Rule = Callable[[Sequence[Record]], str | None]


def _failed(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if not record.correct(Arm.RETRIEVED)]


def gold_in_top_k(records: Sequence[Record]) -> str | None:
    """Were most failures without the gold in context? Then the embedder, else the generator."""
    failed = _failed(records)
    if not failed:
        return None
    missed = sum(not record.gold_in_context for record in failed)
    return "embedder" if 2 * missed > len(failed) else "generator"


def fixed_thresholds(records: Sequence[Record]) -> str | None:
    """Gold found for less than 80 %: the embedder; answers right for less than 80 %: the generator."""
    found = sum(record.gold_in_context for record in records) / len(records)
    right = 1 - len(_failed(records)) / len(records)
    if found < THRESHOLD:
        return "embedder"
    return "generator" if right < THRESHOLD else None


def refused(records: Sequence[Record]) -> str | None:
    """Did it decline in most failures? Then it was given the wrong documents, else it answered wrongly."""
    failed = _failed(records)
    if not failed:
        return None
    declined = sum(any(outcome.abstained for outcome in record.of(Arm.RETRIEVED)) for record in failed)
    return "embedder" if 2 * declined > len(failed) else "generator"


def always_retrieval(records: Sequence[Record]) -> str | None:
    """It is always the retrieval."""
    return "embedder"


RULES: dict[str, Rule] = {
    "gold in top k?": gold_in_top_k,
    "fixed thresholds": fixed_thresholds,
    "refused?": refused,
    "always retrieval": always_retrieval,
}
