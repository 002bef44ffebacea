"""The choice of a prompt: a planted best form is found within the budget, luck proves nothing, and stale is told."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hybrid.answering.pipeline import Pipeline
from hybrid.answering.prompt import ABSTENTION
from hybrid.artifacts import Manifest
from hybrid.config import Config
from hybrid.errors import TooLittleDataError, UserError
from hybrid.prompting.choice import (
    Budget,
    Round,
    candidates,
    choose_prompt,
    dev_questions,
    num_answers,
    plan_rounds,
)
from hybrid.prompting.settled import Prompt, present_prompt, prompt_inputs, settled, with_shots
from hybrid.retrieval.flat_store import FlatStore
from hybrid.types import Chat, Generation, Passage, Question
from tests.words_embedder import Words

NUM = 80
EMBEDDER = Words()
PASSAGES = {f"p{n}": Passage(f"p{n}", f"The mx{n} weighs {100 + n} kg.") for n in range(NUM)}
DEV = [
    Question(f"q{n}", f"How much weighs the mx{n}?", (f"{100 + n} kg",), (f"p{n}",), "dev", topic=str(n))
    for n in range(NUM)
]
INPUTS = {"dev": "d", "generator": "g"}


class Reads:
    """A generator that copies the figure of the first passage where `quote_first` is asked for, and elsewhere in one
    question of `every`; it declines the others. Keeps what it was asked.
    """

    name = fingerprint = "reads"
    window = 4000

    def __init__(self, every: int) -> None:
        self._every = every
        self.asked: list[Chat] = []

    def count_tokens(self, chat: Chat) -> int:
        return sum(len(message.content.split()) for message in chat)

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        self.asked += chats
        return [Generation(self._answer(chat[-1].content), "stop", 1, 1) for chat in chats]

    def _answer(self, prompt: str) -> str:
        number = int(prompt.rsplit("mx", 1)[1].rstrip("?"))
        knows = "First copy the sentence" in prompt or number % self._every == 0
        return f"{100 + number} kg" if knows else ABSTENTION


def choose(
    target: Path, generator: Reads, budget: Budget | None = None, **answering: Any
) -> tuple[Manifest, list[str]]:
    config = Config.model_validate({"answering": answering, "evaluation": {"resamples": 500}, "retrieval": {"k": 2}})
    store = FlatStore(EMBEDDER.dim)
    store.add(list(PASSAGES), EMBEDDER.encode_passages([p.full_text for p in PASSAGES.values()]))
    pipeline = Pipeline(store, EMBEDDER, generator, PASSAGES, present_prompt(config).of(config))
    notes: list[str] = []
    manifest = choose_prompt(
        pipeline, dev_questions(DEV, 1), candidates(config, 0), uncached=generator, budget=budget or Budget(),
        target=target, inputs=INPUTS, told=notes.append,
    )  # fmt: skip
    return manifest, notes


def test_a_planted_best_form_is_found_and_proven(tmp_path: Path) -> None:
    generator = Reads(every=3)
    manifest, notes = choose(tmp_path / "prompt", generator)
    facts = manifest.facts
    assert (facts["style"], facts["examples"], facts["proven"]) == ("quote_first", 0, True)
    rows = {row["style"]: row for row in facts["candidates"]}
    right = sum(n % 3 == 0 for n in range(NUM)) / NUM
    assert rows["plain"]["score"]["value"] == pytest.approx(right) and rows["plain"]["gain"] is None
    best = rows["quote_first"]
    assert best["gain"]["value"] == pytest.approx(1 - right)
    assert 0.3 < best["low"] < best["gain"]["value"] and 0.3 < best["gain"]["low"] < best["gain"]["value"]
    # three others: one leaves after the first round, two and the present prompt answer all of dev
    assert sorted(row["questions"] for row in rows.values()) == [16, NUM, NUM, NUM]
    assert manifest.counts == {"questions": NUM, "answers": 16 * 4 + (NUM - 16) * 3}
    # one for the model to load, one for the clock
    assert len(generator.asked) == manifest.counts["answers"] + 2
    assert f"4 prompts in 2 rounds: {manifest.counts['answers']} answers" in notes[0] and "minutes" in notes[0]
    evidence = [json.loads(line) for line in (tmp_path / "prompt" / "answers.jsonl").read_text().splitlines()]
    assert len(evidence) == manifest.counts["answers"]
    assert sum(row["right"] for row in evidence if row["style"] == "quote_first") == NUM


def test_what_is_as_good_proves_nothing_and_the_present_stays(tmp_path: Path) -> None:
    manifest, _ = choose(tmp_path / "prompt", Reads(every=1), style="cited")
    assert (manifest.facts["style"], manifest.facts["proven"]) == ("cited", False)
    assert {row["low"] is not None and row["low"] <= 0 for row in manifest.facts["candidates"] if row["low"]} == {True}


def test_a_budget_of_answers_is_kept(tmp_path: Path) -> None:
    generator = Reads(every=3)
    manifest, _ = choose(tmp_path / "prompt", generator, Budget(answers=130))
    assert manifest.counts["answers"] <= 130 and len(generator.asked) <= 132
    assert manifest.facts["style"] == "quote_first" and manifest.facts["budget"] == {"answers": 130, "minutes": None}


def test_rounds_halve_the_candidates_and_double_the_questions() -> None:
    plan = plan_rounds(11, 200)
    assert plan == [Round(11, 16), Round(6, 32), Round(3, 64), Round(2, 200)]
    assert num_answers(plan) == 12 * 16 + 7 * 16 + 4 * 32 + 3 * 136
    assert plan_rounds(2, 50) == [Round(2, 50)]
    assert plan_rounds(11, 10) == [Round(11, 10), Round(6, 10), Round(3, 10), Round(2, 10)]
    for budget in (220, 300, 500, 700):
        shorter = plan_rounds(11, 200, budget)
        assert num_answers(shorter) <= budget < num_answers(plan)
        assert [each.questions for each in shorter] == sorted(each.questions for each in shorter)
    with pytest.raises(UserError, match="budget of 100 answers is too small to tell 12 prompts") as caught:
        plan_rounds(11, 200, 100)
    least = int(caught.value.remedy.split()[1])
    assert num_answers(plan_rounds(11, 200, least)) <= least


def test_candidates_are_forms_times_examples_that_train_has() -> None:
    assert candidates(Config(), 2) == [Prompt("cited"), Prompt("quote_first"), Prompt("reason_first")]
    assert len(candidates(Config(), 9)) == 7 and len(candidates(Config(), 10)) == 11
    own = {"answering": {"style": "auto", "template": "{passages} {question}"}}
    found = candidates(Config.model_validate(own), 3)
    assert Prompt("own") in found and Prompt("own", 3) in found and Prompt("plain") not in found


@pytest.mark.parametrize("text", ["0", "-3", "m", "many", "1.5", "nanm", "infm"])
def test_a_budget_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="neither answers nor minutes"):
        Budget.parse(text)


def test_budgets_are_answers_or_minutes() -> None:
    assert (Budget.parse("600"), Budget.parse("1.5m")) == (Budget(answers=600), Budget(minutes=1.5))


def test_without_dev_questions_nothing_is_chosen() -> None:
    with pytest.raises(TooLittleDataError, match="0 dev questions"):
        dev_questions([Question("t", "?", split="train")], 1)


def test_the_choice_is_adopted_until_it_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "prompt"
    values: dict[str, Any] = {"answering": {"style": "auto"}, "evaluation": {"resamples": 500}, "retrieval": {"k": 2}}
    auto = Config.model_validate(values)
    plain = settled(auto, target, lambda: INPUTS).answering
    assert (plain.style, plain.examples) == ("plain", 0) and "none was made" in capsys.readouterr().err
    # chosen while another style was configured: it is adopted all the same
    choose(target, Reads(every=3), style="cited")
    assert settled(auto, target, lambda: INPUTS).answering.style == "quote_first"
    assert capsys.readouterr().err == ""
    assert settled(Config(), target, lambda: pytest.fail("not asked for")) == Config()
    for changed, inputs in (({**values, "retrieval": {"k": 3}}, INPUTS), (values, {**INPUTS, "generator": "other"})):
        assert settled(Config.model_validate(changed), target, lambda inputs=inputs: inputs).answering.style == "plain"
    assert "other dev questions, settings or weights" in capsys.readouterr().err


def test_a_choice_rests_on_dev_and_the_generator() -> None:
    train = Question("t", "?", split="train")
    assert prompt_inputs(DEV, "w") == prompt_inputs([*DEV, train], "w")
    assert prompt_inputs(DEV, "w") != prompt_inputs(DEV[1:], "w") and prompt_inputs(DEV, "v")["generator"] == "v"


def test_few_shot_replaces_the_examples_of_one_evaluation() -> None:
    config = Config.model_validate({"answering": {"examples": 2}, "evaluation": {"few_shot": 5}})
    assert with_shots(config).answering.examples == 5
    assert with_shots(Config.model_validate({"answering": {"examples": 2}})).answering.examples == 2
