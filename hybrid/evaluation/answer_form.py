"""The form of the answers: an axis of its own beside right and wrong.

Measured on the answer that a person reads (arm `retrieved`, the retriever's order), where it does not decline. What is
wrong here although the right passage was read is the generator's to mend.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from hybrid.answer_format import is_valid, shape
from hybrid.answering.citations import read_answer
from hybrid.answering.markers import without_markers
from hybrid.evaluation.attribution import Diagnosis
from hybrid.evaluation.glossary import Glossary
from hybrid.evaluation.records import Record
from hybrid.evaluation.statistics import share_interval
from hybrid.types import Arm, Interval, Layer, Outcome, Question

MIN_STYLE = 10
"""Answers of one type below which no style is told."""
FORM_TITLES = {
    "valid": "valid, where a format is asked",
    "right_but_malformed": "right but malformed",
    "wrong_terms": "with a wrong term of the glossary",
    "mixed_terms": "with right and wrong terms mixed",
    "consistent_style": "in the usual shape of their answer type",
}
"""What each share of an `AnswerForm` is called."""


@dataclass(frozen=True)
class AnswerForm:
    """Shares of answers; None where nothing asks for them.

    `valid`: of the answers with a format asked, those that have it. `right_but_malformed`: of the right ones among
    them, those that have not. `wrong_terms`: of the answers read from the gold that use a term of the glossary, those
    with a wrong variant; `mixed_terms` those with both. `consistent_style`: answers in the commonest shape of their
    answer type. `malformed` and `misnamed` are the questions concerned.
    """

    valid: Interval | None
    right_but_malformed: Interval | None
    wrong_terms: Interval | None
    mixed_terms: Interval | None
    consistent_style: Interval | None
    shapes: dict[str, dict[str, int]]
    malformed: tuple[str, ...]
    misnamed: tuple[str, ...]


@dataclass(frozen=True)
class _Read:
    """An answer that was given; `plain` is it without markers, on one line."""

    question: Question
    cluster: str
    outcome: Outcome
    plain: str

    @cached_property
    def valid(self) -> bool | None:
        # a list of one number in an answer by schema looks like a marker
        return is_valid(self.outcome.text, self.question) or is_valid(self.plain, self.question)

    @cached_property
    def shape(self) -> str:
        return shape(without_markers(self.outcome.text))


def measure_form(
    records: Sequence[Record],
    questions: Sequence[Question],
    glossary: Glossary | None,
    *,
    resamples: int,
    seed: int,
) -> AnswerForm:
    """The form of the answers in `records`; intervals are clustered by gold passage."""
    by_id = {question.id: question for question in questions}
    given = [read for record in records if (read := _read(record, by_id[record.question_id]))]

    def share(group: Sequence[_Read], test: Callable[[_Read], bool]) -> Interval | None:
        if not group:
            return None
        clusters = [read.cluster for read in group]
        return share_interval([test(read) for read in group], clusters, resamples=resamples, seed=seed)

    asked = [read for read in given if read.valid is not None]
    terms = glossary or Glossary({})
    named = [read for read in given if read.outcome.gold_in_context and terms.concerns(read.plain)]
    shapes: dict[str, Counter[str]] = {}
    for read in given:
        shapes.setdefault(read.question.answer_type, Counter())[read.shape] += 1
    usual = {kind: found.most_common(1)[0][0] for kind, found in shapes.items() if found.total() >= MIN_STYLE}
    styled = [read for read in given if read.question.answer_type in usual]
    return AnswerForm(
        valid=share(asked, lambda read: bool(read.valid)),
        right_but_malformed=share([read for read in asked if read.outcome.correct], lambda read: not read.valid),
        wrong_terms=share(named, lambda read: bool(terms.wrong(read.plain))),
        mixed_terms=share(named, lambda read: bool(terms.mixed(read.plain))),
        consistent_style=share(styled, lambda read: read.shape == usual[read.question.answer_type]),
        shapes={kind: dict(shapes[kind].most_common()) for kind in usual},
        malformed=tuple(read.question.id for read in asked if not read.valid),
        misnamed=tuple(read.question.id for read in named if terms.wrong(read.plain)),
    )


def with_form(diagnosis: Diagnosis, form: AnswerForm, minimum_effect: float) -> Diagnosis:
    """The diagnosis with what the form says of it: answers that are right but malformed, or in the wrong terms, are
    the generator's to mend. Where no layer is recommended for the sake of right answers, it is recommended for this.
    """
    faults = [
        f"{_hundreds(interval)} of every 100 {what}"
        for interval, what in (
            (form.right_but_malformed, "right answers have not the form that was asked for"),
            (form.wrong_terms, "answers with a term of the glossary use a wrong one"),
        )
        if interval and interval.low > minimum_effect
    ]
    if not faults:
        return diagnosis
    told = " and ".join(faults)
    if diagnosis.recommended is not None:
        return replace(diagnosis, notes=(f"The form is the generator's to mend: {told}.", *diagnosis.notes))
    return replace(
        diagnosis,
        recommended=Layer.GENERATOR,
        sentence=f"Retune the generator for the form of its answers: {told}. {diagnosis.sentence}",
        questions_needed=None,
        next_command="hybrid train-raft, on targets of the right form; or say the form in answering.instruction first",
    )


def _read(record: Record, question: Question) -> _Read | None:
    first = next((outcome for outcome in record.of(Arm.RETRIEVED) if outcome.order == 0), None)
    if first is None or first.abstained or not first.text.strip():
        return None
    return _Read(question, record.cluster, first, read_answer(first.text, (), guard=False).plain)


def _hundreds(interval: Interval) -> str:
    return f"{100 * interval.value:.0f} [{100 * interval.low:.0f}, {100 * interval.high:.0f}]"
