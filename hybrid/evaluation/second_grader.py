"""The same outcomes under a stricter grader: a verdict that hangs on the threshold must say so first."""

from collections.abc import Sequence
from dataclasses import replace

from hybrid.evaluation.records import Record
from hybrid.types import Arm, Outcome

STRICT = 0.8
"""Scores from here on count as right: for spans a token F1, for judgements nothing changes."""


def stricter(records: Sequence[Record]) -> list[Record]:
    """Right only from a score of `STRICT`, under every arm where an answer is wanted; abstentions stay as they are."""

    def graded(outcome: Outcome, answerable: bool) -> Outcome:
        if not answerable or outcome.arm is Arm.IRRELEVANT:
            return outcome
        return replace(outcome, correct=outcome.correct and outcome.score >= STRICT)

    return [
        replace(record, outcomes=tuple(graded(outcome, record.answerable) for outcome in record.outcomes))
        for record in records
    ]
