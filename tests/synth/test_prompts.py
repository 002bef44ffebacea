"""Drafts and scores read out of replies, in the forms that models give them."""

import pytest

from hybrid.config import SynthKind
from hybrid.synth.assignments import KINDS, Assignment
from hybrid.synth.prompts import Draft, critic_chat, draft_chat, draft_problem, read_draft, read_scores
from hybrid.types import Passage

PASSAGE = Passage("p", "The crate weighs 20 kg.", title="C40")


def assignment(kind: SynthKind = "lookup") -> Assignment:
    quotes = () if kind == "unanswerable" else (PASSAGE.text,)
    return Assignment("a1", kind, "an auditor", (PASSAGE,), quotes)


@pytest.mark.parametrize(
    "reply",
    [
        "Question: How heavy is it?\nAnswer: 20 kg",
        "**Question:** How heavy is it?\n**Answer:** 20 kg\n\nQuestion: Another?\nAnswer: 3",
        '{"question": "How heavy is it?", "answer": "20 kg"}',
        '```json\n{"Question": "How heavy is it?", "Answer": "20 kg"}\n```',
    ],
)
def test_two_lines_or_json(reply: str) -> None:
    assert read_draft(reply) == Draft("How heavy is it?", "20 kg")


def test_an_empty_answer_does_not_take_the_next_line() -> None:
    assert read_draft("Question: What does it cost?\nAnswer:\nI hope this helps") == Draft("What does it cost?", "")


@pytest.mark.parametrize(
    ("draft", "kind", "problem"),
    [
        (Draft("How heavy is the C40?", "20 kg"), "lookup", ""),
        (Draft("How heavy is the C40?", ""), "unanswerable", ""),
        (Draft("How heavy is the C40?", ""), "lookup", "answer"),
        (Draft("The C40 is heavy.", "20 kg"), "lookup", "question"),
        (Draft("Why?", "so"), "lookup", "question"),
        (Draft("How heavy is the C40?", "very " * 100), "lookup", "answer"),
        (Draft("", ""), "lookup", "question"),
    ],
)
def test_the_schema(draft: Draft, kind: SynthKind, problem: str) -> None:
    found = draft_problem(draft, kind)
    assert found.startswith(problem) and bool(found) == bool(problem)


@pytest.mark.parametrize(
    ("reply", "scores"),
    [
        ("grounding 5, correctness 4, clarity 3, standalone 2", [5, 4, 3, 2]),
        ("5 4 5 1", [5, 4, 5, 1]),
        ('{"grounding": 5, "correctness": 4, "clarity": 3, "standalone": 2}', [5, 4, 3, 2]),
        ("very good", None),
        ("grounding 5, correctness 4", None),
        ("10 20 30 45", None),
    ],
)
def test_scores(reply: str, scores: list[int] | None) -> None:
    found = read_scores(reply)
    assert (list(found.values()) if found else None) == scores


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_shows_an_example_that_its_own_reader_takes(kind: SynthKind) -> None:
    chat = draft_chat(assignment(kind))
    assert [turn.role for turn in chat] == ["system", "user", "assistant", "user"]
    assert draft_problem(read_draft(chat[2].content), kind) == ""
    assert "an auditor" in chat[0].content and PASSAGE.text in chat[3].content
    assert ("Marked" in chat[3].content) == (kind != "unanswerable")


def test_the_critic_sees_what_it_judges() -> None:
    chat = critic_chat(assignment(), Draft("How heavy?", "20 kg"))
    assert all(part in chat[1].content for part in (PASSAGE.text, "How heavy?", "20 kg"))
