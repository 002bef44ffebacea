"""How many gold answers are likely wrong, by each source that can tell."""

from collections.abc import Sequence
from dataclasses import dataclass

from hybrid.audit.findings import Finding, Kind
from hybrid.evaluation.statistics import wilson
from hybrid.types import Interval, Question


@dataclass(frozen=True)
class LabelNoise:
    """A share of the questions looked at, with Wilson's 95 % interval. `source`: what was looked at, and how; `by` the
    same in a word.

    It counts what can be seen: a wrong answer that stands in the gold passage is not among them, and a question that
    two documents answer otherwise is.
    """

    source: str
    by: str
    share: Interval


@dataclass(frozen=True)
class Diagnosed:
    """What a diagnosis says of its questions: `suspects` of `num_answerable` are flagged SUSPECT_LABEL."""

    name: str
    num_answerable: int
    suspects: tuple[str, ...]
    closed_book: tuple[str, ...] = ()
    """Ids of those answered rightly without any passage."""
    num_closed_book: int = 0
    """Questions that were asked without any passage."""


def label_noise(
    questions: Sequence[Question], findings: Sequence[Finding], diagnosed: Sequence[Diagnosed]
) -> list[LabelNoise]:
    """From the set itself: gold passages without the answer, and of each two questions that contradict each other the
    later one, as one of the two must be wrong. Then from each diagnosis.
    """
    answered = [question.id for question in questions if question.answerable and question.answers]
    place = {name: number for number, name in enumerate(answered)}
    wrong = {finding.question for finding in findings if finding.kind is Kind.WRONG_GOLD}
    for finding in findings:
        if finding.kind is Kind.CONTRADICTION:
            pair = (finding.question, *finding.others)
            # whether it has an answer at all is another dispute: sets ask unanswerable ones in near the same words
            if all(name in place for name in pair) and not wrong.intersection(pair):
                wrong.add(max(pair, key=lambda name: place[name]))
    source = "gold passages without the answer, and contradictions"
    found = [LabelNoise(source, "the set", wilson(len(wrong & set(answered)), len(answered)))]
    return found + [
        LabelNoise(f"flags SUSPECT_LABEL of {item.name}", item.name, wilson(len(item.suspects), item.num_answerable))
        for item in diagnosed
        if item.num_answerable
    ]
