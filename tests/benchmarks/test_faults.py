"""Faults put into a system whose reader makes no mistakes: what breaks is what was injected, and the label names it."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from benchmarks.trial import generated
from benchmarks.trial.faults import FAULTS, INSTRUCTION, NOISE, PREFIX, Fault, System, other_answer, write_noised
from benchmarks.trial.mixed import flips, mixed, unbroken
from benchmarks.trial.tables import SAID
from hybrid.answering.pipeline import Pipeline
from hybrid.config import Config
from hybrid.evaluation.labels import label
from hybrid.evaluation.prompt_forms import ChosenForm, OtherForm, form_trial
from hybrid.evaluation.records import Record
from hybrid.retrieval.flat_store import FlatStore
from hybrid.types import Arm, Chat, Generation, Passage, Question
from tests.words_embedder import DIM, Words

NUM = 60
BY_NAME = {fault.name: fault for fault in FAULTS}
NEED_NO_ADAPTER = [fault for fault in FAULTS if "adapter" not in fault.name]


class Reader:
    """Reads the weight of the machine that is asked for; declines where no passage tells it and it was told to, and
    is polite instead where it is told that.
    """

    name = fingerprint = "reader"

    def count_tokens(self, chat: Chat) -> int:
        return sum(len(turn.content.split()) for turn in chat)

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        return [Generation(self._read(chat), "stop", 1, 1) for chat in chats]

    def _read(self, chat: Chat) -> str:
        if INSTRUCTION in chat[-1].content:
            return "Thank you for your question about our machines. Our service desk will be happy to help you."
        asked = re.search(r"(?m)^Question: .*(mx\w+)", chat[-1].content)
        for number, text in re.findall(r"(?m)^\[(\d+)\] (.*)$", chat[-1].content):
            found = re.search(r"(mx\w+) weighs (\S+ kg)", text)
            if asked and found and found[1] == asked[1]:
                return f"{found[2]} [{number}]"
        return "I don't know." if "reply: I don't know." in chat[-1].content else "about 7 kg [1]"


@pytest.fixture
def system(tmp_path: Path) -> System:
    """Machines with a passage each, and a question each; some machines have none."""
    passages = {
        f"p{i}": Passage(f"p{i}", f"The crate of the mx{i:03}a weighs {100 + 7 * i} kg when full.", document_id=f"d{i}")
        for i in range(NUM)
    }
    questions = [
        Question(
            f"q{i}", f"How heavy is the crate of the mx{i:03}a?", (f"{100 + 7 * i} kg",), (f"p{i}",), "test", "number"
        )
        for i in range(NUM)
    ]
    embedder, store = Words(), FlatStore(DIM)
    store.add(list(passages), embedder.encode_passages([p.full_text for p in passages.values()]))
    config = Config.model_validate(
        {"retrieval": {"k": 3, "depth": 60}, "generator": {"context_tokens": 2_000}, "answering": {"style": "cited"}}
    )
    pipeline = Pipeline(store, embedder, Reader(), passages, config)
    # the faults of adapters need a workspace, the others do not
    return System(pipeline, tuple(questions), cast(Any, None), tmp_path)


def records_of(system: System) -> list[Any]:
    return generated._ask(system, seed=13)


def form_of(system: System) -> ChosenForm | None:
    trial = form_trial(system.pipeline, system.questions, seed=13)
    assert trial is not None
    return trial.best(system.pipeline, system.questions, generated._ranking(system))


def test_the_healthy_system_is_right(system: System) -> None:
    assert all(outcome.correct for record in records_of(system) for outcome in record.outcomes)


@pytest.mark.parametrize(
    "fault",
    [f for f in NEED_NO_ADAPTER if f.family in ("missing", "documents", "reading", "distraction", "both", "prompt")],
    ids=lambda fault: fault.name,
)
def test_what_breaks_is_what_was_injected(fault: Fault, system: System) -> None:
    faulty = fault.inject(system)
    form = form_of(faulty)
    records = generated._ask(faulty, seed=13, reworded=form)
    assert (form is not None) is (fault.family == "prompt")
    broken = [record for record in records if not record.correct(Arm.RETRIEVED)]
    if fault.name in ("smaller k", "wrong query prefix"):
        # this retriever ranks every gold first, whatever stands before the question: see below for the first one
        assert not broken
        return
    # near-duplicates win where they stand first
    assert len(broken) > {"near-duplicates with other figures": 0.3}.get(fault.name, 0.8) * NUM
    named = [SAID.get(label(record, rank_limit=20, wrong_form=True)) == fault.family for record in broken]
    assert np.mean(named) > 0.8


def test_a_prefix_is_read_before_every_query_and_before_no_passage(system: System) -> None:
    plain, faulty = system.pipeline.embedder, BY_NAME["wrong query prefix"].inject(system).pipeline.embedder
    assert (faulty.encode_queries(["crate"]) == plain.encode_queries([f"{PREFIX}crate"])).all()
    assert (faulty.encode_passages(["crate"]) == plain.encode_passages(["crate"])).all()


def test_a_noised_adapter_is_another_one_of_the_same_shape(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    source, target = tmp_path / "adapter", tmp_path / "noised"
    source.mkdir()
    weights = {"a": np.random.default_rng(1).standard_normal((60, 40)).astype(np.float32)}
    save_file(weights, source / "adapter_model.safetensors")
    (source / "adapter_config.json").write_text("{}")
    write_noised(source, target)
    noised = load_file(target / "adapter_model.safetensors")
    assert noised["a"].shape == (60, 40)
    assert np.std(noised["a"] - weights["a"]) == pytest.approx(NOISE, rel=0.1)
    assert (target / "adapter_config.json").read_text() == "{}"


def test_a_smaller_k_loses_what_stood_second(system: System) -> None:
    second = BY_NAME["reversed reranker"].inject(system)
    assert all(not record.gold_in_context for record in records_of(BY_NAME["smaller k"].inject(second)))


def test_shuffled_citations_leave_answers_right_and_point_elsewhere(system: System) -> None:
    records = records_of(BY_NAME["citations shuffled"].inject(system))
    assert all(record.correct(Arm.RETRIEVED) and record.miscited for record in records)


def test_corrupted_gold_answers_are_wrong_and_their_passages_are_not(system: System) -> None:
    faulty = BY_NAME["gold answers corrupted"].inject(system)
    assert all(q.answers != old.answers for q, old in zip(faulty.questions, system.questions, strict=True))
    flagged = generated._suspects(faulty, records_of(faulty))
    assert len(flagged) == NUM


def test_without_the_instruction_unanswerable_questions_are_answered(system: System) -> None:
    silent = [Question("u", "How heavy is the crate of the mx999z?", answerable=False, answer_type="number")]
    healthy = System(system.pipeline, tuple(silent), system.workspace, system.scratch)
    assert all(record.correct(Arm.RETRIEVED) for record in records_of(healthy))
    assert not any(
        r.correct(Arm.RETRIEVED) for r in records_of(BY_NAME["abstention instruction dropped"].inject(healthy))
    )


def test_another_answer_is_of_the_same_kind_and_wrong() -> None:
    questions = [
        Question(str(i), "?", (name,)) for i, name in enumerate(("Paris", "Rome", "the city of Paris", "417 kg"))
    ]
    assert other_answer(questions[0], questions, 0) == "Rome"
    assert (
        re.fullmatch(r"\d{3} kg", other_answer(questions[3], questions, 0))
        and other_answer(questions[3], questions, 0) != "417 kg"
    )
    for digit in "0123456789":
        asked = Question("d", "?", (digit,))
        assert all(other_answer(asked, [asked], number) != digit for number in range(2))


def test_kept_answers_read_back_and_mix_to_the_dose(system: System, tmp_path: Path) -> None:
    from hybrid.jsonl import write_jsonl

    fault = BY_NAME["noise on the vectors"]
    file = tmp_path / "toy.jsonl"
    runs = {generated.HEALTHY: system, fault.name: fault.inject(system)}
    write_jsonl(file, [row for name, run in runs.items() for row in generated._rows(name, records_of(run))])
    found = generated.read(file)
    for name, run in runs.items():
        for record in records_of(run):
            back = found.records[name][record.question_id]
            assert [(o.arm, o.order, o.correct, o.abstained, o.gold_in_context, o.score) for o in back.outcomes] == [
                (o.arm, o.order, o.correct, o.abstained, o.gold_in_context, o.score) for o in record.outcomes
            ]
            assert (back.gold_rank, back.cluster, back.miscited) == (record.gold_rank, record.cluster, record.miscited)
    truth = flips(found, fault)
    assert set(truth.values()) <= {"documents", ""}
    trials = list(mixed(found, "toy", fault, 0.4, range(12), resamples=100, num=200))
    dose = np.mean([bool(part) for trial in trials for part in trial.broken.values()])
    assert dose == pytest.approx(0.4, abs=0.04)
    assert np.mean([trial.right("hybrid") for trial in trials]) == 1.0
    assert np.mean([cast(float, trial.gain) for trial in trials]) == pytest.approx(
        trials[0].expected["retrieval"], abs=0.04
    )
    assert all(
        trial.right("hybrid") for trial in unbroken(found, "toy", generated.HEALTHY, range(2), resamples=100, num=200)
    )
    assert not list(mixed(found, "toy", BY_NAME["noise on the vectors"], 1.1, range(1), resamples=100, num=200))


def test_a_bad_instruction_is_named_at_every_dose_that_matters(system: System, tmp_path: Path) -> None:
    from hybrid.jsonl import write_jsonl

    fault = BY_NAME["bad instruction"]
    faulty = fault.inject(system)
    form = form_of(faulty)
    assert form is not None and form.form == OtherForm("cited", "instruction")
    assert form_of(system) is None, "no other form is better for this reader"
    sound = ChosenForm(form.form, generated._in_form(system, form), form.sample)
    rows = [
        *generated._rows(generated.HEALTHY, records_of(system)),
        *generated._rows(generated.REWORDED + fault.name, generated._ask(system, 13, {Arm.REWORDED}, reworded=sound)),
        *generated._rows(fault.name, generated._ask(faulty, 13, reworded=form)),
    ]
    write_jsonl(tmp_path / "toy.jsonl", rows)
    found = generated.read(tmp_path / "toy.jsonl")
    assert {q for q, r in found.records[fault.name].items() if r.chose_form} == form.sample
    for dose in (0.2, 0.4):
        trials = list(mixed(found, "toy", fault, dose, range(6), resamples=100, num=150))
        assert [trial.picks["hybrid"] for trial in trials] == ["prompt"] * 6
        assert all(trial.right_side("hybrid") for trial in trials)
    # the same sets without the arm are called the generator's
    bare = {run: {q: _without_form(r) for q, r in rows.items()} for run, rows in found.records.items()}
    trials = list(mixed(generated.Runs(bare, frozenset()), "toy", fault, 0.4, range(6), resamples=100, num=150))
    assert {trial.picks["hybrid"] for trial in trials} == {"generator"}


def test_kept_answers_that_are_older_than_a_fault_are_scored_without_it(system: System) -> None:
    runs = generated.Runs({generated.HEALTHY: {}}, frozenset())
    assert list(mixed(runs, "toy", BY_NAME["bad instruction"], 0.2, range(1), resamples=10, num=10)) == []


def _without_form(record: Record) -> Record:
    return replace(record, outcomes=tuple(o for o in record.outcomes if o.arm is not Arm.REWORDED))
