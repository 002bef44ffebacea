"""A gold answer is suspect where everything says another one, and the gold passage holds it."""

from dataclasses import replace

import pytest

from hybrid.evaluation.records import Record
from hybrid.evaluation.suspects import suspect_label
from hybrid.types import Arm
from tests.evaluation.test_attribution import record

GOLD = ["Tighten the nut to 45 Nm, then turn it by 90 degrees."]


def said(text: str, closed: str = "I don't know.", **changes: object) -> Record:
    made = record(r=(0, 0, 0), d=(0, 0, 0), o=(0,), in_context=True)
    outcomes = (replace(o, text=closed if o.arm is Arm.CLOSED_BOOK else text, **changes) for o in made.outcomes)  # type: ignore[arg-type]
    return replace(made, outcomes=tuple(outcomes))


def test_one_answer_everywhere_that_the_gold_passage_holds_is_suspect() -> None:
    assert suspect_label(said("45 Nm [1]"), GOLD)


@pytest.mark.parametrize(
    "made",
    [
        said("35 Nm [1]"),
        said("45 Nm [1]", closed="45 Nm"),
        said("45 Nm [1]", abstained=True),
        said("45 Nm [1]", correct=True),
        said(" [1]"),
        replace(said("45 Nm [1]"), answerable=False),
    ],
    ids=["not in the passage", "known by heart", "declined", "right", "empty", "unanswerable"],
)
def test_anything_else_is_not(made: Record) -> None:
    assert not suspect_label(made, GOLD)


def test_answers_that_differ_are_no_one_answer() -> None:
    made = said("45 Nm [1]")
    first, *rest = made.outcomes
    assert not suspect_label(replace(made, outcomes=(replace(first, text="90 degrees [1]"), *rest)), GOLD)
