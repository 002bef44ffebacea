"""Worked examples: which are chosen, what they show, what they never show, and what happens where they do not fit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid.answering.excerpt import count_words
from hybrid.answering.pipeline import Pipeline, Request
from hybrid.answering.prompt import ABSTENTION, Asked, Example, PromptForm
from hybrid.config import Config
from hybrid.errors import UserError
from hybrid.prompting.examples import VECTORS, ExampleBank, build_examples
from hybrid.retrieval.flat_store import FlatStore
from hybrid.types import Chat, Generation, Passage, Question
from tests.words_embedder import Words

FILLER = " ".join(f"Remark {n} on cleaning fills the page." for n in range(30))
PASSAGES = {
    f"p{n}": Passage(f"p{n}", f"{FILLER} The bare mx{n} weighs {100 + n} kg. {FILLER}", title=f"mx{n}")
    for n in range(8)
}
EMBEDDER = Words()


def question(n: int, text: str = "", **changes: Any) -> Question:
    values: dict[str, Any] = {"answers": (f"{100 + n} kg",), "positives": (f"p{n}",), "split": "train"}
    return Question(f"q{n}{text}", text or f"How heavy is the mx{n}?", **{**values, **changes})


TRAIN = [question(n) for n in range(6)]
NEVER = [
    Question("u1", "Who painted the mx1?", split="train", answerable=False),
    Question("u2", "Who painted the mx2?", split="train", answerable=False),
]


def bank(folder: Path, questions: Sequence[Question], tokens: int = 40) -> ExampleBank:
    store = FlatStore(EMBEDDER.dim)
    store.add(list(PASSAGES), EMBEDDER.encode_passages([p.full_text for p in PASSAGES.values()]))
    build_examples(
        lambda: questions, PASSAGES, EMBEDDER, store, target=folder / "examples", inputs={"of": str(len(questions))}
    )
    return ExampleBank(folder / "examples", EMBEDDER, PASSAGES, tokens)


def asked(found: tuple[Example, ...]) -> list[str]:
    return [example.question for example in found]


def test_the_most_alike_is_nearest_to_the_question(tmp_path: Path) -> None:
    made = bank(tmp_path, [*TRAIN, question(3, "What does the mx3 weigh in kg?"), question(7, split="dev")])
    (found,) = made.choose([Asked("How heavy is the pump mx4?")], 3, PromptForm())
    assert len(found) == 3 and found[-1].question == "How heavy is the mx4?" and found[-1].target == "104 kg"
    assert "How heavy is the mx7?" not in asked(made.choose([Asked("How heavy is the mx7?")], 9, PromptForm())[0])


def test_what_an_example_shows_is_cut_round_its_answer(tmp_path: Path) -> None:
    made = bank(tmp_path, TRAIN)
    for example in made.choose([Asked("How heavy is the mx9?")], 6, PromptForm())[0]:
        (passage,) = example.passages
        number = passage.id[1:]
        assert f"The bare mx{number} weighs 10{number} kg." in passage.text
        assert count_words(passage.full_text) <= 40
    assert made.choose([Asked("How heavy is it?")], 6, PromptForm()) != [()]
    # a budget in which no answer is left leaves no example
    assert bank(tmp_path, TRAIN, tokens=3).choose([Asked("How heavy is it?")], 6, PromptForm()) == [()]


def test_no_question_is_its_own_example_and_no_hidden_passage_is_shown(tmp_path: Path) -> None:
    made = bank(tmp_path, [*TRAIN, question(2, "What does the mx2 weigh in kg?")])
    own, hidden, among = made.choose(
        [
            Asked("how heavy is the MX2"),
            Asked("How heavy is the mx2?", frozenset({"p2"})),
            Asked("How heavy is the mx2?", among=frozenset({"p0", "p5"})),
        ],
        9,
        PromptForm(),
    )
    assert "How heavy is the mx2?" not in asked(own) and "What does the mx2 weigh in kg?" in asked(own)
    assert {p.id for e in hidden for p in e.passages} == {"p0", "p1", "p3", "p4", "p5"}
    assert {p.id for e in among for p in e.passages} == {"p0", "p5"}


def test_of_two_or_more_one_declines(tmp_path: Path) -> None:
    made = bank(tmp_path, [*TRAIN, *NEVER])
    (one,) = made.choose([Asked("How heavy is the mx4?")], 1, PromptForm())
    (two,) = made.choose([Asked("How heavy is the mx4?")], 2, PromptForm())
    (many,) = made.choose([Asked("Who painted the mx1 red?")], 5, PromptForm())
    assert [e.target == ABSTENTION for e in one] == [False]
    assert [e.target == ABSTENTION for e in two] == [True, False]
    assert sum(e.target == ABSTENTION for e in many) == 1 and len(many) == 5
    # though the most alike declines, an example that answers stands last
    assert many[-1].target != ABSTENTION and many[-2].target == ABSTENTION
    declining = next(e for e in two if e.target == ABSTENTION)
    assert declining.passages and declining.passages[0].id in PASSAGES


def test_paraphrases_and_answers_that_stand_nowhere_are_no_further_examples(tmp_path: Path) -> None:
    copies = [question(0, f"How heavy is the mx0, please, {n}?") for n in range(5)]
    wrong = question(1, "What does it weigh?", answers=("9 tons",))
    (found,) = bank(tmp_path, [*copies, wrong, *TRAIN[:2]]).choose([Asked("How heavy is the mx9?")], 9, PromptForm())
    assert sorted(e.target for e in found) == ["100 kg", "101 kg"]


def test_vectors_are_made_once_for_these_questions_and_this_embedder(tmp_path: Path) -> None:
    made = bank(tmp_path, TRAIN)
    before = (made.folder / VECTORS).stat().st_mtime_ns
    bank(tmp_path, TRAIN)
    assert (made.folder / VECTORS).stat().st_mtime_ns == before
    bank(tmp_path, [*TRAIN, *NEVER])
    assert np.load(made.folder / VECTORS).shape == (8, EMBEDDER.dim)


class Counts:
    """A generator that counts words and says nothing; its model takes `window` of them."""

    name = fingerprint = "counts"

    def __init__(self, window: int | None) -> None:
        self.window = window
        self.chats: list[Chat] = []

    def count_tokens(self, chat: Chat) -> int:
        return sum(len(message.content.split()) for message in chat)

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        self.chats += chats
        return [Generation(ABSTENTION, "stop", 1, 1) for _ in chats]


def pipeline(made: ExampleBank, window: int | None, num: int, **generator: Any) -> Pipeline:
    values = {"generator": {"max_new_tokens": 10, **generator}, "answering": {"examples": num}}
    store = FlatStore(EMBEDDER.dim)
    return Pipeline(store, EMBEDDER, Counts(window), PASSAGES, Config.model_validate(values), examples=made)


def test_examples_come_on_top_of_the_budget_of_passages(tmp_path: Path) -> None:
    made = bank(tmp_path, TRAIN)
    request = Request("How heavy is the mx9?", [PASSAGES["p6"], PASSAGES["p7"]])
    without = pipeline(made, 4000, 0, context_tokens=500).fit(request)
    within = pipeline(made, 4000, 5, context_tokens=500)
    fitted = within.fit(request)
    assert fitted.passages == without.passages and len(fitted.passages) == 1 and len(fitted.dropped) == 1
    assert len(fitted.examples) == 5 and fitted.examples_left_out == 0
    (answer,) = within.answer([request])
    (chat,) = within.generator.chats  # type: ignore[attr-defined]
    assert [m.role for m in chat] == ["user", "assistant"] * 5 + ["user"]
    assert (answer.examples, answer.examples_left_out) == (5, 0)


def test_what_the_window_does_not_hold_is_left_out_and_told(tmp_path: Path) -> None:
    made = bank(tmp_path, TRAIN)
    request = Request("How heavy is the mx4?", [PASSAGES["p6"]], hidden=["p4"])
    whole = pipeline(made, 4000, 5)
    full = whole.fit(request)
    size = whole.generator.count_tokens(whole.prompt(request.question, full.passages, full.examples))
    assert pipeline(made, size + 10, 5).fit(request).examples == full.examples
    tight = pipeline(made, size + 9, 5)
    fitted = tight.fit(request)
    # the least alike goes, no passage does
    assert fitted.examples == full.examples[1:] and fitted.examples_left_out == 1
    assert fitted.passages == full.passages
    (answer,) = tight.answer([request])
    assert (answer.examples, answer.examples_left_out) == (4, 1)
    # the configuration knows better than the model, and a default stands in for both
    assert len(pipeline(made, size + 9, 5, window_tokens=4000).fit(request).examples) == 5
    assert len(pipeline(made, None, 5).fit(request).examples) == 5


def test_a_window_without_room_for_one_example_is_an_error(tmp_path: Path) -> None:
    made = bank(tmp_path, TRAIN)
    with pytest.raises(UserError, match="a worked example beside the question with one passage") as caught:
        pipeline(made, 420, 3).fit(Request("How heavy is the mx9?", [PASSAGES["p6"]]))
    assert "answering.examples=0" in caught.value.remedy
