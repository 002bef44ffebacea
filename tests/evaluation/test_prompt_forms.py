"""Other prompt forms from end to end: a bad instruction is found, a healthy system is left alone, at little cost."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hybrid.answering.pipeline import Pipeline
from hybrid.cli.main import cli
from hybrid.config import Config
from hybrid.config_answering import AnsweringConfig
from hybrid.evaluation import prompt_forms
from hybrid.evaluation.arms import run_arms
from hybrid.evaluation.diagnose import diagnose
from hybrid.evaluation.moved import read_records
from hybrid.evaluation.prompt_forms import OtherForm, drawn, form_trial, other_forms, speaks_for
from hybrid.retrieval.flat_store import FlatStore
from hybrid.types import Arm, Chat, Generation, Passage, Question
from tests.words_embedder import DIM, Words

NUM = 60
POLITE = "Reply in a full polite paragraph and state no figures."
STYLES = Config().diagnosis.prompt_forms
QUESTIONS = [
    Question(f"q{i}", f"How heavy is the crate of the mx{i:03}a?", (f"{i} kg",), (f"p{i}",), "dev", "number")
    for i in range(NUM)
] + [
    Question(f"u{i}", f"How heavy is the crate of the mx{900 + i}z?", (), (), "dev", answerable=False)
    for i in range(6)
]  # fmt: skip


class Reader:
    """Reads the weight that is asked for. `deaf`: a form that it cannot read; an instruction to be polite breaks it."""

    name = fingerprint = "reader"

    def __init__(self, deaf: str = "\0") -> None:
        self.deaf = deaf
        self.asked: list[Chat] = []

    def count_tokens(self, chat: Chat) -> int:
        return sum(len(turn.content.split()) for turn in chat)

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        self.asked += chats
        return [Generation(self._read(chat[-1].content), "stop", 1, 1) for chat in chats]

    def _read(self, turn: str) -> str:
        if POLITE in turn or self.deaf in turn:
            return "Thank you for your question, our service desk will be happy to help you."
        asked = re.findall(r"(mx\w+)\?", turn)[-1]
        for number, text in re.findall(r"(?m)^\[(\d+)\] (.*)$", turn):
            found = re.search(r"(mx\w+) weighs (\S+ kg)", text)
            if found and found[1] == asked:
                return f"{found[2]} [{number}]"
        return "I don't know."


def pipeline(reader: Reader, **answering: Any) -> Pipeline:
    passages = {f"p{i}": Passage(f"p{i}", f"The crate of the mx{i:03}a weighs {i} kg.") for i in range(NUM)}
    embedder, store = Words(), FlatStore(DIM)
    store.add(list(passages), embedder.encode_passages([p.full_text for p in passages.values()]))
    config = Config.model_validate(
        {
            "retrieval": {"k": 3, "depth": 20},
            "answering": answering,
            "diagnosis": {"query_prompts": [], "orders": 2},
            "evaluation": {"resamples": 300},
        }
    )
    return Pipeline(store, embedder, reader, passages, config)


def verdict(system: Pipeline, folder: Path) -> dict[str, Any]:
    diagnose(system, QUESTIONS, config=system.config, target=folder, inputs={}, title="forms")
    told: dict[str, Any] = json.loads((folder / "diagnosis.json").read_text(encoding="utf-8"))
    return told


def test_a_bad_instruction_is_found_and_told_with_what_mends_it(tmp_path: Path, capsys: Any) -> None:
    told = verdict(pipeline(Reader(), style="cited", instruction=POLITE), tmp_path / "d")
    assert told["recommended"] == "prompt" and told["with_present_prompt"] == "generator"
    assert told["sentence"].startswith("Change the prompt of the generator, tune nothing yet: without answering.")
    assert told["next_command"].startswith("remove answering.instruction, then hybrid diagnose")
    assert told["prompt_form"]["form"] == {"style": "cited", "drops": "instruction"}
    records = read_records(tmp_path / "d")
    chose = {record.question_id for record in records if record.chose_form}
    assert len(chose) == NUM // 3 and all(name.startswith("q") for name in chose)
    # judged by the others alone, and labelled all the same
    assert told["prompt_form"]["gain"]["num"] == told["prompt_form"]["num_gained"] == NUM - len(chose)
    assert sum(label == "WRONG_PROMPT" for label in told["labels"].values()) == NUM
    assert all(len(record.of(Arm.REWORDED)) == 2 for record in records)
    assert any(
        note.startswith("Asked without answering.instruction, right answers change by +100") for note in told["notes"]
    )
    page = (tmp_path / "d" / "report.html").read_text(encoding="utf-8")
    assert "asked in another prompt form" in page and "found, answered in another prompt form" in page
    failures = [json.loads(line) for line in (tmp_path / "d" / "failures.jsonl").read_text().splitlines()]
    assert next(f for f in failures if f["id"] == "q7")["arms"]["reworded"]["text"].startswith("7 kg")
    said = capsys.readouterr().err
    assert "4 × 20 answers more, and up to 132 where one is clearly better" in said


def test_a_form_that_the_reader_cannot_read_is_named_with_one_that_it_can(tmp_path: Path) -> None:
    told = verdict(pipeline(Reader(deaf="in quotation marks"), style="quote_first"), tmp_path / "d")
    assert told["recommended"] == "prompt" and told["next_command"].startswith("set answering.style to plain, then")
    own = {"style": "own", "template": "{passages}\n\nGreet first. {question}"}
    told = verdict(pipeline(Reader(deaf="Greet first"), **own), tmp_path / "own")
    assert told["next_command"].startswith("set answering.style to plain and remove answering.template, then")


def test_a_healthy_system_answers_the_sample_more_and_nothing_else(tmp_path: Path) -> None:
    reader = Reader()
    told = verdict(pipeline(reader, style="plain"), tmp_path / "d")
    assert told["recommended"] is None and told["prompt_form"] is None and "reworded" not in told["arms"]
    assert not any(record.chose_form for record in read_records(tmp_path / "d"))
    others = [
        chat
        for chat in reader.asked
        if "Reply with the answer alone, in as few words as possible, copied from the passage." not in chat[-1].content
    ]
    assert len(others) == 3 * NUM // 3
    assert told["notes"] == [note for note in told["notes"] if "form" not in note]


def test_switched_off_or_with_few_questions_nothing_is_asked(tmp_path: Path) -> None:
    system = pipeline(Reader(), instruction=POLITE)
    off = system.config.model_copy(
        update={"diagnosis": system.config.diagnosis.model_copy(update={"prompt_forms": ()})}
    )
    assert form_trial(pipeline_with(system, off), QUESTIONS, seed=1) is None
    assert form_trial(system, QUESTIONS[:29], seed=1) is None
    assert form_trial(system, QUESTIONS[:30], seed=1) is not None
    told = verdict(pipeline_with(system, off), tmp_path / "d")
    assert told["recommended"] == "generator"


def pipeline_with(system: Pipeline, config: Config) -> Pipeline:
    return Pipeline(system.store, system.embedder, system.generator, system.passages, config)


def test_a_form_that_does_not_fit_is_left_out(tmp_path: Path) -> None:
    system = pipeline(Reader(deaf="in as few words as possible, copied"), style="plain")
    hits = system.retrieve([q.question for q in QUESTIONS], 20)
    trial = form_trial(system, QUESTIONS, seed=1)
    assert trial is not None
    found = trial.best(system, QUESTIONS, hits)
    assert found is not None and found.form == OtherForm("quote_first")
    # room for the short task of the present form alone
    small = system.config.model_copy(
        update={"generator": system.config.generator.model_copy(update={"context_tokens": 45})}
    )
    assert trial.best(pipeline_with(system, small), QUESTIONS, hits) is None


def test_the_other_form_is_asked_what_was_retrieved() -> None:
    reader = Reader()
    system = pipeline(reader, instruction=POLITE)
    hits = system.retrieve([q.question for q in QUESTIONS], 20)
    trial = form_trial(system, QUESTIONS, seed=1)
    assert trial is not None
    chosen = trial.best(system, QUESTIONS, hits)
    records = run_arms(system, QUESTIONS, hits, orders=2, seed=1, reworded=chosen)
    for record in records:
        assert [o.context for o in record.of(Arm.REWORDED)] == [o.context for o in record.of(Arm.RETRIEVED)]
    assert not any(record.of(Arm.REWORDED) for record in run_arms(system, QUESTIONS, hits, orders=1, seed=1))


def test_which_forms_are_tried() -> None:
    def tried(**answering: Any) -> list[OtherForm]:
        return list(other_forms(AnsweringConfig(**answering), STYLES))

    others = [OtherForm("cited"), OtherForm("quote_first"), OtherForm("reason_first")]
    assert tried() == tried(style="auto") == others
    assert tried(instruction="Short.") == [OtherForm("plain", "instruction"), *others]
    own = tried(style="own", template="{passages} {question}", instruction="It is not in the template.")
    assert own == [OtherForm(style, "template") for style in STYLES]
    named = tried(style="own", template="{passages} {question} {instruction}", instruction="It is.")
    assert named == [OtherForm("own", "instruction"), *own]
    assert other_forms(AnsweringConfig(instruction="Short."), ()) == ()
    config = named[1].of(Config.model_validate({"answering": {"style": "own", "template": "{passages} {question}"}}))
    assert (config.answering.style, config.answering.template) == ("plain", "")


def test_no_question_outside_the_sample_shares_a_passage_with_it() -> None:
    asked = [Question(f"q{i}", "?", ("a",), (f"p{i // 5}",)) for i in range(90)]
    sample = drawn(asked, seed=3)
    assert 10 <= len(sample) <= prompt_forms.SAMPLE and sample == drawn(asked, seed=3) != drawn(asked, seed=4)
    inside = {q.positives for q in sample}
    assert not any(q.positives in inside for q in asked if q not in sample)
    assert drawn([Question(f"q{i}", "?", ("a",), ("p",)) for i in range(90)], seed=3) == (), "one passage has no others"


@pytest.mark.parametrize(
    ("num", "gained", "lost", "speaks"), [(24, 2, 0, True), (24, 1, 0, False), (24, 5, 4, False), (10, 2, 0, True)]
)
def test_the_sample_speaks_for_a_form_that_is_clearly_better(num: int, gained: int, lost: int, speaks: bool) -> None:
    before = [False] * gained + [True] * lost + [True] * (num - gained - lost)
    after = [True] * gained + [False] * lost + [True] * (num - gained - lost)
    assert speaks_for(before, after) is speaks


def test_recorded_outcomes_may_hold_the_arm(tmp_path: Path) -> None:
    rows = []
    for i in range(60):
        right = i < 30
        common = {"question": f"q{i}", "correct": right}
        rows += [{**common, "arm": arm} for arm in ("oracle_in_distractors", "oracle")]
        rows += [{**common, "arm": "retrieved", "gold_ids": [f"p{i}"], "retrieved_ids": [f"p{i}"]}]
        rows += [{"question": f"q{i}", "arm": "reworded", "correct": True}]
    file = tmp_path / "outcomes.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    result = CliRunner().invoke(cli, ["diagnose", "--outcomes", str(file), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["recommended"] == "prompt" and told["next_command"].startswith("ask in the other prompt form")
    assert told["labels"]["q40"] == "WRONG_PROMPT" and told["prompt_form"]["gain"]["num"] == 60
