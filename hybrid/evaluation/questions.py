"""Which questions are asked, which of them vary together, and what of their gold the generator was shown."""

import random
from collections.abc import Mapping, Sequence

from hybrid.answering.excerpt import answer_survives, contains_answer
from hybrid.errors import UserError
from hybrid.types import Answer, Passage, Question


def sample(questions: Sequence[Question], split: str, max_questions: int, seed: int) -> list[Question]:
    """The questions of a split, or a fixed random sample in file order. Raises `UserError` where there are none."""
    chosen = [question for question in questions if split in (question.split, "all")]
    if not chosen:
        raise UserError(
            f"the corpus has no questions in split {split!r}",
            "write questions.jsonl first: without an evaluation set nothing can be measured, nothing should be tuned",
        )
    if max_questions and max_questions < len(chosen):
        keep = set(random.Random(seed).sample(range(len(chosen)), max_questions))
        chosen = [question for i, question in enumerate(chosen) if i in keep]
    return chosen


def cluster_of(question: Question) -> str:
    """Questions with the same first gold passage vary together; an unanswerable one stands alone."""
    return question.positives[0] if question.positives else question.id


def gold_shown(question: Question, answer: Answer, passages: Mapping[str, Passage]) -> bool:
    """Whether a gold passage was in the prompt, and what was shown of it still holds the answer that it holds."""
    return any(
        identity in question.positives and answer_survives(question.answers, passages[identity].full_text, shown)
        for identity, shown in zip(answer.context, answer.shown, strict=True)
    )


def oracles(question: Question, passages: Mapping[str, Passage]) -> list[Passage]:
    """The gold passages that make a perfect context.

    Where each of several holds an answer by itself they are alternatives, copies of one record for example, and the
    first one is enough; else all of them are needed, as for questions over two passages.
    """
    gold = [passages[identity] for identity in question.positives if identity in passages]
    alternatives = all(any(contains_answer(p.full_text, answer) for answer in question.answers) for p in gold)
    return gold[:1] if alternatives else gold
