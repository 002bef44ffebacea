"""Which questions a diagnosis can be made of: gold passages found by answer match, and what has to be left out.

An answerable question needs an answer to be graded by and a gold passage to be put into the prompt. Where the passage
is not named, those that hold the answer stand in for it, best-ranked first, and are marked as inferred: a passage can
hold the words of an answer without answering, so the verdict on such questions is worth less.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hybrid.answering.excerpt import contains_answer
from hybrid.errors import TooLittleDataError
from hybrid.types import Hit, Passage, Question

MAX_INFERRED = 3
"""Passages taken for gold, at most: an answer like "12" stands everywhere."""
_STRINGS = ("span", "number", "api_call")
"""Answer types whose answers stand in a passage word by word."""


@dataclass
class Attributable:
    """The questions that are left, ids of those with inferred gold, and notes on the others."""

    questions: list[Question]
    inferred: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def attributable(
    questions: Sequence[Question], ranking: Sequence[Sequence[Hit]], passages: Mapping[str, Passage]
) -> Attributable:
    """Keep what can be attributed. `ranking` holds each question's hits, best first.

    Raises `TooLittleDataError` where nothing is left, saying what is lacking.
    """
    found = Attributable([])
    without_answer: list[str] = []
    without_gold: list[str] = []
    for question, hits in zip(questions, ranking, strict=True):
        if not question.answerable or (question.answers and question.positives):
            found.questions.append(question)
        elif not question.answers:
            without_answer.append(question.id)
        elif gold := _holding(question, hits, passages):
            found.questions.append(replace(question, positives=gold))
            found.inferred.add(question.id)
        else:
            without_gold.append(question.id)
    if found.inferred:
        found.notes.append(
            f"{len(found.inferred)} questions name no gold passage: passages that hold the answer were taken for it "
            "(inferred). Name them to be sure."
        )
    for names, lacking, still in (
        (without_answer, "have no answer", "nothing they get can be graded; `hybrid evaluate` still ranks them"),
        (without_gold, "name no gold passage and none holds the answer", "no layer can be blamed for them"),
    ):
        if names:
            some = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
            found.notes.append(f"{len(names)} questions {lacking} and were left out ({still}): {some}")
    if not any(question.answerable for question in found.questions) and (without_answer or without_gold):
        raise TooLittleDataError(
            "no answerable question can be attributed. " + " ".join(found.notes),
            "give each question `answers`, and `positives` or `evidence` that say where the answer stands",
        )
    return found


def _holding(question: Question, hits: Sequence[Hit], passages: Mapping[str, Passage]) -> tuple[str, ...]:
    """Ids of the best-ranked passages that hold an answer, then of any others."""
    if question.answer_type not in _STRINGS:
        return ()
    ranked = [hit.passage_id for hit in hits]
    holding = []
    for identity in dict.fromkeys((*ranked, *passages)):
        if any(contains_answer(passages[identity].full_text, answer) for answer in question.answers):
            holding.append(identity)
            if len(holding) == MAX_INFERRED:
                break
    return tuple(holding)
