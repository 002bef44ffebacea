"""The task score: RAFT examples answered and graded, declining included."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from hybrid.evaluation.task_score import score_as_served, score_examples
from hybrid.jsonl import write_jsonl
from hybrid.types import Chat, Generation, Question
from tests.answering.test_reading_apart import FirstWeight, system

QUESTIONS = {
    "q1": Question("q1", "Where?", ("Oslo",), ("p1",)),
    "q2": Question("q2", "Who?", ("Ada Lovelace",), ("p2",)),
    "q3": Question("q3", "Why?", answerable=False),
}


def line(question: str, kind: str, completion: str) -> dict[str, object]:
    return {
        "kind": kind,
        "question_id": question,
        "prompt": [{"role": "user", "content": question}],
        "completion": [{"role": "assistant", "content": completion}],
    }


class Says:
    """A generator that answers from a table."""

    name = fingerprint = "says"

    def __init__(self, answers: dict[str, str]) -> None:
        self._answers = answers

    def count_tokens(self, chat: Chat) -> int:
        return len(chat)

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        return [Generation(self._answers[chat[-1].content], "stop", 1, 1) for chat in chats]


@pytest.mark.parametrize(
    ("answers", "scores"),
    [
        ({"q1": "Oslo [1]", "q2": "Ada [2]", "q3": "I don't know."}, [1.0, 2 / 3, 1.0]),
        ({"q1": "I don't know.", "q2": "Bergen [1]", "q3": "Because [1]"}, [0.0, 0.0, 0.0]),
    ],
)
def test_answers_are_graded_and_declining_is_right_where_it_is_wanted(
    tmp_path: Path, answers: dict[str, str], scores: list[float]
) -> None:
    rows = [
        line("q1", "oracle", "Oslo [1]"),
        line("q2", "oracle", "Ada Lovelace [2]"),
        line("q3", "unanswerable", "I don't know."),
        line("g", "general", "Hello."),
    ]
    write_jsonl(tmp_path / "dev.jsonl", rows)
    found = score_examples(Says(answers), tmp_path / "dev.jsonl", QUESTIONS, max_new_tokens=5)
    assert found == pytest.approx(scores)


def test_an_answer_from_memory_is_graded_where_that_is_the_target(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "dev.jsonl", [line("q1", "no_oracle", "Oslo")])
    says = [Says({"q1": text}) for text in ("Oslo", "I don't know.")]
    found = [score_examples(one, tmp_path / "dev.jsonl", QUESTIONS, max_new_tokens=5) for one in says]
    assert found == [[1.0], [0.0]]


def test_a_base_that_reads_apart_is_scored_as_it_is_served(tmp_path: Path) -> None:
    """By the reader that says the first weight it reads: together it is wrong, apart it is right."""
    questions = {
        "m": Question("m", "The motor weighs how many kg?", ("40 kg",), ("motor",)),
        "none": Question("none", "What is the price of a cake?", answerable=False),
        "v": Question("v", "At how many bar does the valve open?", ("6 bar",), ("valve",)),
    }
    contexts = {"m": ("motor", ["pump", "valve"]), "none": ("", ["pump", "motor"]), "v": ("valve", [])}
    rows = []
    for name, (oracle, distractors) in contexts.items():
        target = questions[name].answers[0] if oracle else "I don't know."
        rows.append({**line(name, "oracle", target), "oracle": oracle, "distractors": distractors})
    write_jsonl(tmp_path / "dev.jsonl", [*rows, line("g", "general", "Hello.")])

    def scores(reading: str) -> list[float]:
        pipeline = system(FirstWeight(), reading=reading)
        return score_as_served(pipeline, tmp_path / "dev.jsonl", questions)

    # the weight of a pump says nothing of a cake's price, so it is withheld; of a valve nothing is said
    assert scores("apart") == [1.0, 1.0, 0.0]
    assert scores("together")[1:] == [1.0, 0.0]
