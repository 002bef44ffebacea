"""Passages and questions that exports are tried on, and an imported corpus read again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from hybrid.corpus.passages import read_passages
from hybrid.corpus.questions import read_questions, resolve
from hybrid.types import Evidence, Passage, Question

PASSAGES = [
    Passage(
        id=f"m{n // 2}.md#{n}",
        text=f"Pump {n} is blue.\nIt weighs {100 + n} kg.",
        title=f'Pump_{n // 2} "é"',
        document_id=f"m{n // 2}.md",
    )
    for n in range(12)
]
PASSAGES[1] = replace(PASSAGES[1], section="Mass › dry")


def question(n: int, **changes: Any) -> Question:
    """The question on a passage."""
    passage = PASSAGES[n % len(PASSAGES)]
    values: dict[str, Any] = {
        "id": f"q{n}",
        "question": f"How heavy is pump {n}?",
        "answers": (f"{100 + n} kg",),
        "positives": (passage.id,),
        "split": ("train", "train", "dev", "test")[n % 4],
        "answer_type": "number",
        "evidence": (Evidence(passage.document_id, f"It weighs {100 + n} kg."),),
    }
    return Question(**{**values, **changes})


QUESTIONS = [
    *(question(n) for n in range(10)),
    question(10, topic="mass", case="edge", group="blue", origin="users", pattern=r"\d+ kg"),
    question(11, json_schema='{"type": "object"}', answers=("111 kg", "is blue")),
    question(12, id="u1", answers=(), positives=(), evidence=(), answerable=False, split="dev", topic="price"),
    question(13, id="u2", answers=(), positives=(), evidence=(), answerable=False, split="test"),
]


def came_back(corpus: Path) -> tuple[dict[str, Question], dict[str, Passage]]:
    """Questions and passages by id."""
    passages = read_passages(corpus / "passages.jsonl")
    questions = resolve(read_questions([corpus / "questions.jsonl"]), passages, {}).questions
    return {q.id: q for q in questions}, {p.id: p for p in passages}
