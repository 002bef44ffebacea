"""Questions whose gold answer may be wrong: a flag for a person to check, never a verdict."""

from collections.abc import Sequence

from hybrid.answering.citations import read_answer
from hybrid.answering.excerpt import contains_answer
from hybrid.evaluation.graders import normalise
from hybrid.evaluation.records import Record
from hybrid.types import Arm


def suspect_label(record: Record, gold_texts: Sequence[str]) -> bool:
    """Whether the system, whatever it is shown, gives one and the same answer that is not the gold one, that a gold
    passage holds word by word, and that the model does not give without passages.
    """
    asked = [o for arm in (Arm.RETRIEVED, Arm.ORACLE_IN_DISTRACTORS, Arm.ORACLE) for o in record.of(arm)]
    arms = {outcome.arm for outcome in asked}
    if not record.answerable or len(arms) < 3 or any(o.correct or o.abstained for o in asked):
        return False
    answers = {_plain(outcome.text) for outcome in asked}
    (answer, *others) = answers
    if others or not normalise(answer):
        return False
    by_heart = {normalise(_plain(outcome.text)) for outcome in record.of(Arm.CLOSED_BOOK)}
    return normalise(answer) not in by_heart and any(contains_answer(text, answer) for text in gold_texts)


def _plain(text: str) -> str:
    return read_answer(text, (), guard=False).plain.strip().rstrip(".")
