"""Which questions the generator answers without any passage: they say little about a retriever."""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from hybrid.answering.citations import read_answer
from hybrid.audit.findings import Finding, Kind
from hybrid.audit.label_noise import Diagnosed
from hybrid.evaluation.graders import grade
from hybrid.evaluation.statistics import wilson
from hybrid.protocols import Generator
from hybrid.types import Chat, Interval, Message, Question

GUESSABLE = ("yes_no", "yes_no_maybe", "choice")
"""Types that chance answers often enough: they are not asked."""
_SYSTEM = "Answer from what you know, in as few words as you can."


@dataclass(frozen=True)
class ClosedBook:
    """`share` of the questions asked were answered; `source` says by what."""

    source: str
    share: Interval
    answered: tuple[str, ...]

    def findings(self, known: Collection[str]) -> Iterator[Finding]:
        """One for each question of `known` that was answered."""
        for name in self.answered:
            if name in known:
                yield Finding(Kind.CLOSED_BOOK, name, f"answered rightly without any passage ({self.source})")


def ask_closed_book(
    generator: Generator, questions: Sequence[Question], *, most: int, max_new_tokens: int, seed: int
) -> ClosedBook | None:
    """Ask at most `most` (0: all) answerable questions; None where there are none to ask."""
    asked = [q for q in questions if q.answerable and q.answers and q.answer_type not in GUESSABLE]
    if most and most < len(asked):
        kept = set(random.Random(seed).sample(range(len(asked)), most))
        asked = [question for place, question in enumerate(asked) if place in kept]
    if not asked:
        return None
    chats: list[Chat] = [(Message("system", _SYSTEM), Message("user", question.question)) for question in asked]
    generations = generator.generate(chats, max_new_tokens=max_new_tokens)
    right = []
    for question, generation in zip(asked, generations, strict=True):
        answer = read_answer(generation.text, (), guard=False)
        if grade(answer.plain, question, abstained=answer.abstained).correct:
            right.append(question.id)
    return ClosedBook(f"asked {generator.name}", wilson(len(right), len(asked)), tuple(right))


def from_diagnoses(diagnosed: Sequence[Diagnosed]) -> ClosedBook | None:
    """From the first diagnosis that asked without passages; None where none did."""
    for item in diagnosed:
        if item.num_closed_book:
            share = wilson(len(item.closed_book), item.num_closed_book)
            return ClosedBook(f"arm closed_book of {item.name}", share, item.closed_book)
    return None
