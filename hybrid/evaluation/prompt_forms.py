"""Other forms of the generator's prompt, by the answers to a few questions: does the present one stand in the way?

A small reader can read in one form what it cannot in another, and an instruction of the team's own can break the
answers of any. That looks like the generator's fault. Trying costs some answers for each form; all questions are
answered in the best one only where these few speak for it. The form is chosen by them and judged by the others.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hybrid.answering.pipeline import Pipeline, Request
from hybrid.config import Config
from hybrid.config_answering import AnsweringConfig, AnswerStyle
from hybrid.errors import UserError
from hybrid.evaluation.graders import grade
from hybrid.evaluation.pick import MIN_QUESTIONS
from hybrid.evaluation.questions import cluster_of
from hybrid.types import Hit, Question

SAMPLE = 24
"""Questions that each form answers at first, and never more than a third of the answerable ones."""
FEWEST = 10
"""Questions below which a sample says nothing."""
LEAST = 2
"""So many of the sample must be right more before all questions are answered. With 24, a gain of 20 in 100 answers
passes with probability .97, one of 10 with .7; where chance alone passes, it costs answers and no verdict.
"""


@dataclass(frozen=True, slots=True)
class OtherForm:
    """A form that is not the present one; `drops` is the key of `answering` that goes, with words of the team's own."""

    style: AnswerStyle
    drops: Literal["", "instruction", "template"] = ""

    def of(self, config: Config) -> Config:
        """The configuration with this form; nothing else changes."""
        changed: dict[str, str] = {"style": self.style}
        if self.drops:
            changed[self.drops] = ""
        answering = config.answering.model_copy(update=changed)
        return config.model_copy(update={"answering": answering})

    @property
    def named(self) -> str:
        """For a sentence."""
        if self.drops == "instruction":
            return "without answering.instruction"
        return f"in the form {self.style}{' instead of answering.template' if self.drops else ''}"

    @property
    def change(self) -> str:
        """What adopts it."""
        if self.drops == "instruction":
            return "remove answering.instruction"
        return f"set answering.style to {self.style}{' and remove answering.template' if self.drops else ''}"


@dataclass(frozen=True)
class ChosenForm:
    """The form that answered most of the sample, the system that asks in it, and ids of the questions that chose it."""

    form: OtherForm
    pipeline: Pipeline
    sample: frozenset[str]


@dataclass(frozen=True)
class FormTrial:
    """Forms to be tried, and the questions that choose among them."""

    forms: tuple[OtherForm, ...]
    sample: tuple[Question, ...]

    def told(self, num: int, orders: int) -> str:
        """What it may cost, before anything is asked; `num` questions in so many passage orders are diagnosed."""
        some = ", ".join(form.named for form in self.forms)
        return (
            f"other prompt forms are tried on {len(self.sample)} questions ({some}): {len(self.forms)} × "
            f"{len(self.sample)} answers more, and up to {num * orders} where one is clearly better there "
            "(diagnosis.prompt_forms)"
        )

    def best(
        self, pipeline: Pipeline, questions: Sequence[Question], ranking: Sequence[Sequence[Hit]]
    ) -> ChosenForm | None:
        """The form that answers most of the sample, in the retriever's order of passages; None where none is clearly
        better than the present one. `ranking` holds the hits of every question.

        A form in whose prompt some question does not fit is left out.
        """
        hits = {question.id: row for question, row in zip(questions, ranking, strict=True)}
        before = _right(pipeline, self.sample, hits)
        found: tuple[float, ChosenForm] | None = None
        for form in self.forms:
            other = replace(pipeline, config=form.of(pipeline.config))
            try:
                after = _right(other, self.sample, hits)
                if speaks_for(before, after) and (found is None or sum(after) > found[0]):
                    # what is too long for one question would stop the whole diagnosis
                    other.fit_all([_request(other, question, hits[question.id]) for question in questions])
                    sample = frozenset(question.id for question in self.sample)
                    found = sum(after), ChosenForm(form, other, sample)
            except UserError:
                continue
        return found[1] if found else None


def form_trial(pipeline: Pipeline, questions: Sequence[Question], *, seed: int) -> FormTrial | None:
    """What is to be tried; None where `diagnosis.prompt_forms` is empty or there are too few questions to judge by."""
    options = pipeline.config
    forms = other_forms(options.answering, options.diagnosis.prompt_forms)
    chosen = drawn([q for q in questions if q.answerable], seed=seed)
    return FormTrial(forms, chosen) if forms and chosen else None


def other_forms(answering: AnsweringConfig, styles: Sequence[AnswerStyle]) -> tuple[OtherForm, ...]:
    """The present form without the team's instruction, where there is one, and the forms of `styles` in its place."""
    present: AnswerStyle = "plain" if answering.style == "auto" else answering.style
    if not styles:
        return ()
    own = present == "own"
    instructed = answering.instruction and (not own or "{instruction}" in answering.template)
    first = (OtherForm(present, "instruction"),) if instructed else ()
    others = (OtherForm(style, "template" if own else "") for style in dict.fromkeys(styles) if style != present)
    return (*first, *others)


def drawn(questions: Sequence[Question], *, seed: int) -> tuple[Question, ...]:
    """The sample of these answerable questions, gold passage by gold passage, so that none of the others varies with
    it; empty where there are fewer than `MIN_QUESTIONS`, or too few passages to part them.
    """
    if len(questions) < MIN_QUESTIONS:
        return ()
    most = min(SAMPLE, len(questions) // 3)
    clusters: dict[str, list[str]] = {}
    for question in questions:
        clusters.setdefault(cluster_of(question), []).append(question.id)
    names = list(clusters)
    random.Random(f"{seed}/prompt forms").shuffle(names)
    chosen: set[str] = set()
    for name in names:
        if len(chosen) + len(clusters[name]) <= most:
            chosen.update(clusters[name])
    return tuple(q for q in questions if q.id in chosen) if len(chosen) >= FEWEST else ()


def speaks_for(before: Sequence[bool], after: Sequence[bool]) -> bool:
    """Whether the answers of a sample, question by question, are so much better that all questions are worth asking."""
    return sum(after) - sum(before) >= LEAST * max(1.0, len(before) / SAMPLE)


def _right(pipeline: Pipeline, sample: Sequence[Question], hits: dict[str, Sequence[Hit]]) -> list[bool]:
    answers = pipeline.answer([_request(pipeline, question, hits[question.id]) for question in sample])
    return [
        grade(answer.plain, question, abstained=answer.abstained).correct
        for answer, question in zip(answers, sample, strict=True)
    ]


def _request(pipeline: Pipeline, question: Question, hits: Sequence[Hit]) -> Request:
    ids = tuple(hit.passage_id for hit in hits)
    shown = pipeline.lookup(hits[: pipeline.config.retrieval.k])
    return Request(question.question, shown, ranking=ids, hidden=question.positives)
