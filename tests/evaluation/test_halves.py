"""Which half of a fused retrieval missed: what is counted, and what is not."""

from hybrid.evaluation.halves import MissedHalves, gold_rank, missed_halves
from hybrid.evaluation.records import Record
from hybrid.types import Arm, Outcome


def record(
    name: str,
    dense: int | None,
    lexical: int | None,
    *,
    right: bool = False,
    in_context: bool = False,
    in_index: bool = True,
    answerable: bool = True,
) -> Record:
    outcome = Outcome(name, Arm.RETRIEVED, 0, float(right), right, False, in_context, "")
    ranks = {"dense": dense, "lexical": lexical}
    return Record(name, "", name, answerable, in_index, None, (outcome,), ranks)


MISSED = [record("a", 3, 1), record("b", None, 2), record("c", 2, None), record("d", 9, 7), record("e", None, None)]
NOT_MISSED = [
    record("right", 9, 1, right=True),
    record("seen", 1, 1, in_context=True),
    record("absent", None, None, in_index=False),
    record("unanswerable", None, None, answerable=False),
]


def test_only_failures_whose_gold_was_in_reach_and_not_in_context_count() -> None:
    told = missed_halves([*NOT_MISSED, *MISSED], 3)
    assert told == MissedHalves(3, missed=5, lexical=2, dense=2, neither=2)
    assert told.sentence == (
        "Of 5 failed questions whose gold passage was not in the context, words alone find it within the first 3 for "
        "2, vectors alone for 2, neither for 2."
    )


def test_nothing_is_told_where_nothing_was_missed_or_the_halves_are_not_known() -> None:
    assert missed_halves(NOT_MISSED, 3) is None
    unknown = Record("q", "", "q", True, True, None, (Outcome("q", Arm.RETRIEVED, 0, 0.0, False, False, False, ""),))
    assert missed_halves([unknown], 3) is None
    assert missed_halves([], 3) is None


def test_the_rank_of_the_best_gold_passage() -> None:
    assert gold_rank(["x", "g", "h"], ("h", "g")) == 2
    assert gold_rank(["x", "g", "h"], ()) is None
