"""What a least support costs and saves, from rows alone."""

from typing import Any

import pytest

from hybrid.evaluation.least_support import GuardAt, guard_at, suggest


def row(support: float, *, right: bool = True, answerable: bool = True, **more: Any) -> dict[str, Any]:
    given = {"answerable": answerable, "correct": right, "support": support, "reason": None, "abstained": False}
    return {**given, **more}


ROWS = [
    *(row(1.0 + place / 50) for place in range(40)),
    row(0.9, right=False),
    row(0.5, right=False),
    row(0.2, right=False, abstained=True),
    row(0.75, right=False, answerable=False),
    row(1.014, right=False, answerable=False),
    row(2.0, right=False, answerable=False, reason="figure"),
    row(0.0, right=False, answerable=False, abstained=True),
]


def test_counts_at_a_least_support() -> None:
    assert guard_at(ROWS, 0.8) == GuardAt(0.8, 0, 40, 3, 4, 1, 43)
    assert guard_at(ROWS, None) == GuardAt(None, 0, 40, 2, 4, 2, 43)
    assert guard_at(ROWS, 1.1).right_withheld == 5
    # what was withheld for too little support under another setting counts by its support alone
    assert guard_at([row(1.2, reason="off topic")], 1.0).right_withheld == 0


def test_the_highest_that_withholds_three_in_a_hundred_right_answers_is_suggested() -> None:
    found = suggest(ROWS)
    assert found == guard_at(ROWS, 1.02) and found.right_withheld == 1 and found.declined == 4
    assert "answering.min_support=1.02: 1 of 40 right answers withheld, 4 of 4 unanswerable questions declined" in (
        found.sentence
    )


def test_what_is_withheld_for_another_reason_is_no_spare_room() -> None:
    rows = [*(row(1.0 + place / 50) for place in range(38)), *(row(3.0, reason="figure") for _ in range(2))]
    found = suggest(rows)
    assert found and (found.min_support, found.right_withheld) == (1.0, 2)


@pytest.mark.parametrize("rows", [[], [row(1.0)] * 19, [row(1.0, right=False)] * 60])
def test_few_right_answers_choose_nothing(rows: list[dict[str, Any]]) -> None:
    assert suggest(rows) is None


def test_nothing_is_suggested_where_all_is_withheld_anyway() -> None:
    assert suggest([row(1.0, reason="no source")] * 30) is None
