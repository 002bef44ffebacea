"""The questions of the preflight, each answered from files that say yes, no, or nothing."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hybrid.artifacts import publish, sha256_file
from hybrid.config import Config
from hybrid.corpus.history import record_version
from hybrid.corpus.ingest import build_passages
from hybrid.corpus.passages import CorpusFolder, PassageSet
from hybrid.errors import InputError
from hybrid.preflight import data, intent, machine, measured, permission, pipeline_state
from hybrid.preflight.answers import Found, Method, Situation
from hybrid.preflight.preflight import ITEMS, ask, missing, summary
from hybrid.tuning.step_clock import StepClock
from tests.tiny_corpus import tiny_corpus

Make = Callable[..., Situation]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A situation over the tiny corpus; `task` goes into task.yaml, `questions` are added, settings by section."""

    def build(
        *methods: Method,
        task: dict[str, Any] | None = None,
        questions: tuple[dict[str, Any], ...] = (),
        **settings: Any,
    ) -> Situation:
        folder = tmp_path / "machines"
        if not folder.exists():
            tiny_corpus(folder)
        if task is not None:
            (folder / "task.yaml").write_text(json.dumps(task), encoding="utf-8")
        with (folder / "questions.jsonl").open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps({"id": f"more{i}", **row}) + "\n" for i, row in enumerate(questions))
        corpus, root = CorpusFolder(folder), tmp_path / "workspace"
        root.mkdir(exist_ok=True)
        settings = {"train_embed": {"min_pairs": 20, "min_dev_questions": 8}, **settings}
        config = Config.model_validate(settings)
        manifest = build_passages(
            corpus, config.corpus, tokenize=str.split, max_tokens=64, target=root / "passages",
            inputs={"corpus": corpus.content_id()},
        )  # fmt: skip
        return Situation(root, corpus, config, PassageSet(root / "passages", manifest), methods or ("embed", "raft"))

    return build


def told(found: Found | None) -> str:
    assert found is not None
    return " | ".join(part.text for part in found.evidence)


def artefact(situation: Situation, name: str, file: str, content: dict[str, Any], passages: str = "") -> None:
    inputs = {"passages": passages or situation.passages.manifest.id}
    with publish(situation.root / name, "x", 1, {}, inputs) as build:
        (build.path / file).write_text(json.dumps(content), encoding="utf-8")


def model(folder: Path, shape: tuple[int, ...] = (10, 20), **files: str) -> str:
    folder.mkdir()
    header = json.dumps({"__metadata__": {}, "w": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return str(folder)


# -- what people say -------------------------------------------------------------------------------------------------


def test_a_task_is_written_down_or_it_is_named_what_is_not(make: Make) -> None:
    found = intent.task_written(make())
    assert found.status == "no" and "--init" in found.next
    found = intent.task_written(make(task={"task": "a", "input": "b", "output": " "}))
    assert found.status == "no" and "output, owner" in told(found)
    assert intent.task_written(make(task=dict.fromkeys(("task", "input", "output", "owner"), "x"))).status == "yes"


def test_facts_are_judged_by_what_changed_and_else_by_what_is_said(make: Make) -> None:
    situation = make()
    record_version(situation.root, situation.corpus, situation.corpus.content_id())
    found = intent.facts_last(situation)
    assert found.status == "unknown" and told(found) == "unknown, one version seen"
    assert intent.facts_last(make(task={"change_rate_per_month": 0.02})).status == "yes"
    said = intent.facts_last(make(task={"change_rate_per_month": 0.5}))
    assert said.status == "no" and "retrieval" in said.next
    (situation.corpus.documents / "alder.md").write_text("# Alder\n\nNothing.\n", encoding="utf-8")
    record_version(situation.root, situation.corpus, situation.corpus.content_id())
    found = intent.facts_last(situation)
    assert found.status == "no" and "16.7 % of the documents" in told(found), "1 of 6 documents, whatever is said"


def test_a_review_is_recorded_by_name_and_date_or_in_a_file_of_its_own(make: Make) -> None:
    assert intent.reviewed(make(task={})).status == "no"
    undated = intent.reviewed(make(task={"reviewed_by": ["Ada"]}))
    assert undated.status == "no" and undated.next == "fill in reviewed_on"
    assert intent.reviewed(make(task={"reviewed_by": ["Ada"], "reviewed_on": "2026-11-20"})).status == "yes"
    situation = make(task={})
    file = situation.corpus.folder / "questions.review.json"
    review = {"reviewers": ["Ada", "Grace"], "counts": {"accepted": 50, "rejected": 3}, "agreement": 0.91}
    file.write_text(json.dumps(review), encoding="utf-8")
    found = intent.reviewed(situation)
    assert found.status == "yes" and told(found) == "read by Ada, Grace; 50 accepted, 3 rejected; agreement 0.91"


def test_a_plan_needs_general_items_and_words(make: Make, tmp_path: Path) -> None:
    found = intent.plan(make(task={}, evaluation={"general_files": [str(tmp_path / "none")]}))
    assert found.status == "no" and "general_files" in found.next and "rollback_plan" in found.next
    plans = {"forgetting_plan": "x", "rollback_plan": "y"}
    assert intent.plan(make("embed", task=plans)).status == "yes", "an embedder forgets no general ability"
    files = {name: tmp_path / f"{name}.jsonl" for name in ("items", "instructions")}
    for path in files.values():
        path.write_text("{}\n", encoding="utf-8")
    settings = {
        "evaluation": {"general_files": [str(files["items"])]},
        "raft": {"general_file": str(files["instructions"])},
    }
    assert intent.plan(make("raft", task=plans, **settings)).status == "yes"


def test_a_review_counts_for_the_file_that_was_reviewed_and_by_those_who_are_named(make: Make) -> None:
    situation = make(task={})
    questions = situation.corpus.single_question_file
    file = situation.corpus.folder / "questions.jsonl.review.json"
    review = {
        "file": questions.name, "sha256": sha256_file(questions), "counts": {"accepted": 60, "edited": 0},
        "reviewers": [{"name": "Ada", "reviewed": 60}, {"name": "Grace", "reviewed": 60}],
        "agreement": [{"reviewers": ["Ada", "Grace"], "same": {"value": 0.95}, "kappa": {"value": 0.8}}],
    }  # fmt: skip
    file.write_text(json.dumps(review), encoding="utf-8")
    found = intent.reviewed(situation)
    assert found.status == "yes" and told(found) == "read by Ada, Grace; 60 accepted; agreement 0.80"
    file.write_text(json.dumps({**review, "sha256": "0" * 64}), encoding="utf-8")
    found = intent.reviewed(situation)
    assert found.status == "no" and "questions.jsonl has changed since" in told(found)
    file.write_text(json.dumps({**review, "reviewers": []}), encoding="utf-8")
    assert intent.reviewed(situation).status == "no"
    file.write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="not a JSON object"):
        intent.reviewed(situation)


# -- data ------------------------------------------------------------------------------------------------------------


def test_counts_are_those_that_training_refuses(make: Make) -> None:
    found = data.enough(make("embed"))
    assert found.status == "yes" and "40 answerable training questions" in told(found)
    short = data.enough(make("embed", train_embed={"min_pairs": 41}))
    assert short.status == "no" and "1 more" in short.next
    sampled = data.enough(make("embed", train_embed={"min_pairs": 40, "max_questions": 39}))
    assert sampled.status == "no", "what is sampled away does not count"
    # 40 answerable and, at a share of a tenth, 4 that nothing answers
    assert data.enough(make("raft", raft={"min_examples": 44})).status == "yes"
    assert data.enough(make("raft", raft={"min_examples": 45})).status == "no"
    assert "40 of 2000" in told(data.enough(make("dpo"))) and data.enough(make("dpo")).status == "no"
    assert "40 of 1000" in told(data.enough(make("grpo")))


def test_an_evaluation_set_has_enough_dev_questions(make: Make) -> None:
    assert data.evaluation_set(make()).status == "yes"
    assert data.evaluation_set(make(train_embed={})).status == "no", "10 of 30"


def test_coverage_names_what_is_not_asked_and_trusts_a_current_audit(make: Make) -> None:
    situation = make()
    assert data.coverage(situation).status == "yes"
    topics = [{"name": "invoices, discounts", "passages": 40, "questions": 0}, {"name": "x", "questions": 3}]
    artefact(situation, "audit", "audit.json", {"coverage": {"documents": 0.9, "topics": topics}})
    found = data.coverage(situation)
    assert found.status == "no" and "invoices, discounts" in found.next and found.evidence[0].file == "audit/audit.json"
    artefact(situation, "audit", "audit.json", {"coverage": {"documents": 0.9, "topics": topics}}, passages="older")
    assert data.coverage(situation).status == "yes"


PRIVATE = {"question": "Who is called under +49 30 1234567?", "answers": ["jane.doe@example.org"]}


@pytest.mark.parametrize(
    ("split", "allowed", "training", "documents"),
    [
        ("train", False, "no", "yes"),
        ("train", True, "yes", "yes"),
        ("train", ["e-mail address"], "no", "yes"),
        ("train", ["e-mail address", "telephone number"], "yes", "yes"),
        ("test", False, "yes", "no"),
    ],
)
def test_private_data_must_be_allowed_by_kind(
    make: Make, split: str, allowed: object, training: str, documents: str
) -> None:
    evidence = [{"source": "alder.md", "quote": "Its crate weighs"}]
    asked = ({**PRIVATE, "split": split, "evidence": evidence, "answerable": False},)
    situation = make(task={"personal_data": allowed}, questions=asked)
    found = data.private_training(situation)
    assert (found.status, data.private_documents(situation).status) == (training, documents)
    assert "jane.doe" not in told(found) + told(data.private_documents(situation)), "what it warns of it does not show"


# -- permission ------------------------------------------------------------------------------------------------------


def test_the_licence_of_a_model_is_found_where_its_folder_says_it(make: Make, tmp_path: Path) -> None:
    card = model(tmp_path / "card", README_md="---\nlicense: other\nlicense_name: llama3.1\n---\n# A model\n")
    text = model(tmp_path / "text", LICENSE="      Apache License\n   Version 2.0, January 2004\n")
    config = model(tmp_path / "config", config_json='{"license": "MIT"}')
    silent = model(tmp_path / "silent", README_md="# no header")
    wanted = {card: "llama3.1", text: "apache-2.0", config: "mit", silent: ""}
    for folder, name in wanted.items():
        situation = make("embed", task={}, embedder={"model": folder})
        assert permission.model_licence(situation, "embedder", situation.task or pytest.fail())[0] == name
    data_licences = {"documents_licence": "own", "questions_licence": "own"}
    assert permission.licences(make("embed", task=data_licences, embedder={"model": card})).status == "yes"
    unsaid = permission.licences(make("embed", task=data_licences, embedder={"model": silent}))
    assert unsaid.status == "unknown" and "model_licences" in unsaid.next
    named = {**data_licences, "model_licences": {silent: "mit"}}
    assert permission.licences(make("embed", task=named, embedder={"model": silent})).status == "yes"


def test_one_forbidden_licence_is_enough_until_its_terms_are_accepted(make: Make, tmp_path: Path) -> None:
    settings = {"embedder": {"model": model(tmp_path / "m", README_md="---\nlicense: cc-by-nc-4.0\n---\n")}}
    task = {"documents_licence": "own", "questions_licence": "own"}
    assert permission.licences(make("embed", task=task, **settings)).status == "yes"
    assert permission.licences(make("embed", task={**task, "use": "commercial"}, **settings)).status == "no"
    accepted = {**task, "use": "commercial", "accepted_terms": ["CC-BY-NC-4.0"]}
    assert permission.licences(make("embed", task=accepted, **settings)).status == "yes"
    forbidden = permission.licences(make("embed", task={**task, "documents_licence": "no-training"}, **settings))
    assert forbidden.status == "no" and "documents" in forbidden.next


def test_a_teacher_is_named_by_the_questions_or_by_the_task(make: Make, tmp_path: Path) -> None:
    settings = {"embedder": {"model": model(tmp_path / "m", README_md="---\nlicense: mit\n---\n")}}
    task = {"documents_licence": "own", "questions_licence": "own"}
    said = permission.licences(make("embed", task={**task, "teacher": "big", "teacher_licence": "openai"}, **settings))
    assert said.status == "no" and "teacher big" in said.next
    asked = ({"question": "?", "answerable": False, "split": "train", "teacher": "small", "teacher_licence": "mit"},)
    found = permission.licences(make("embed", task=task, questions=asked, **settings))
    assert found.status == "yes" and "teacher small: mit" in told(found)


# -- measured --------------------------------------------------------------------------------------------------------


def metrics(score: float) -> dict[str, Any]:
    return {"ndcg@10": {"value": 0.5, "num": 10}, "answer_score": {"value": score, "num": 10}}


def test_a_baseline_must_be_of_these_questions(make: Make) -> None:
    situation = make()
    assert measured.baseline(situation).status == "no"
    artefact(situation, "evaluation-base-test", "metrics.json", metrics(0.2), passages="older")
    assert "other documents or questions" in told(measured.baseline(situation))
    artefact(situation, "evaluation-base-test", "metrics.json", metrics(0.2))
    found = measured.baseline(situation)
    assert found.status == "yes" and told(found) == "ndcg@10 0.500, answer_score 0.200 on 10 questions"


@pytest.mark.parametrize(
    ("layer", "methods", "status"),
    [
        ("generator", ("raft",), "yes"),
        ("generator", ("embed", "raft"), "yes"),
        ("generator", ("embed",), "no"),
        ("ranking", ("embed", "raft"), "no"),
        (None, ("embed", "raft"), "no"),
    ],
)
def test_the_diagnosis_must_name_the_layer(make: Make, layer: str | None, methods: Any, status: str) -> None:
    situation = make(*methods)
    assert measured.diagnosed(situation).status == "no"
    content = {"recommended": layer, "sentence": "So it is.", "next_command": "do that"}
    artefact(situation, "diagnosis-base-dev", "diagnosis.json", content)
    found = measured.diagnosed(situation)
    assert found.status == status and told(found) == "So it is."
    assert found.next == "do that" if status == "no" else "do that" not in found.next


def test_where_both_layers_must_be_mended_both_may_be_tuned(make: Make) -> None:
    content = {"recommended": None, "sentence": "Both.", "next_command": "hybrid train-embed, then hybrid train-raft"}
    for methods, status in ((("embed", "raft"), "yes"), (("embed",), "no")):
        situation = make(*methods)
        artefact(situation, "diagnosis-base-dev", "diagnosis.json", content)
        assert measured.diagnosed(situation).status == status


def test_a_prompt_that_does_it_is_reason_not_to_tune(make: Make) -> None:
    assert measured.prompting(make("embed")) is None
    found = measured.prompting(make("raft", task={}))
    assert found is not None and found.status == "no" and "few_shot" in found.next
    situation = make("raft", task={})
    artefact(situation, "evaluation-base-2shot-test", "metrics.json", metrics(0.3))
    artefact(situation, "evaluation-base-5shot-test", "metrics.json", metrics(0.2))
    found = measured.prompting(situation)
    assert found is not None and found.status == "unknown" and "with 2 worked examples 30.0" in told(found)
    for target, status in ((0.34, "no"), (0.5, "yes")):
        found = measured.prompting(make("raft", task={"target_score": target}))
        assert found is not None and found.status == status
    for reached, status in ((0.32, "no"), (0.6, "yes")):
        situation = make("raft", task={})
        artefact(situation, "evaluation-tuned-test", "metrics.json", metrics(reached))
        found = measured.prompting(situation)
        assert found is not None and found.status == status


# -- machine and pipeline --------------------------------------------------------------------------------------------


def test_minutes_are_measured_where_they_can_be_and_else_reckoned(make: Make, tmp_path: Path) -> None:
    folder = model(tmp_path / "m", (1000, 1000))
    situation = make("embed", embedder={"model": folder})
    found = machine.hardware(situation)
    assert found.status == "yes" and "embedder of 1 M parameters" in told(found) and "by formula" in told(found)
    StepClock([60.0, 3.0, 60.0]).record(situation.root, Path(folder), 32)
    found = machine.hardware(situation)
    # 40 pairs in steps of 32, three epochs
    assert "about 6 minutes (6 steps of 60 s as measured before)" in told(found)
    assert found.evidence[1].file == "training-speed.jsonl"
    other = make("embed", embedder={"model": folder}, train_embed={"batch_size": 16})
    assert "by formula" in told(machine.hardware(other)), "a step of another size takes another time"


def test_a_model_too_large_for_the_machine_is_told(make: Make, tmp_path: Path) -> None:
    huge = model(tmp_path / "huge", (1_000_000, 10_000_000))
    found = machine.hardware(make("raft", generator={"model": huge}))
    assert found.status == "no" and "smaller model" in found.next
    absent = machine.hardware(make("raft", generator={"model": "nobody/nothing"}))
    assert absent.status == "unknown" and "fetch the model" in absent.next


def test_a_generator_behind_an_api_cannot_be_trained(make: Make, tmp_path: Path) -> None:
    remote = {"kind": "openai", "base_url": "http://localhost:1/v1", "model": "some-model"}
    settings = {"generator": remote, "embedder": {"model": model(tmp_path / "m")}}
    found = machine.hardware(make("embed", "raft", **settings))
    assert found.status == "no" and "behind an API" in told(found) and "--method embed" in found.next
    assert machine.hardware(make("embed", **settings)).status == "yes"


def test_a_lock_and_whole_artefacts_make_it_repeatable(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    situation = make()
    monkeypatch.chdir(tmp_path)
    assert "pip freeze" in pipeline_state.repeatable(situation).next
    lock = tmp_path / "requirements.lock"
    lock.write_text("click==0.0.1\nno-such-package==1\n", encoding="utf-8")
    assert "click" in told(pipeline_state.repeatable(situation))
    lock.write_text("# nothing\n", encoding="utf-8")
    assert pipeline_state.repeatable(situation).status == "yes"
    (situation.root / "passages" / "corpus.jsonl").write_text("", encoding="utf-8")
    found = pipeline_state.repeatable(situation)
    assert found.status == "no" and "truncated or changed" in told(found)


# -- all of it -------------------------------------------------------------------------------------------------------


def test_the_summary_names_what_stops_and_what_is_missing(make: Make) -> None:
    situation = make("embed", task={}, train_embed={"min_pairs": 100})
    answers = ask(situation)
    assert [answer.key for answer in answers] == [item.key for item in ITEMS if item.key != "prompting"]
    assert all(answer.next for answer in missing(answers)), "who is told what is missing is told what to do"
    assert all(answer.evidence for answer in answers)
    story = summary(answers, situation)
    assert story["stops"] == ["data", "evaluation-set"] and not story["ready"]
    assert story["sentence"] == "Do not tune yet: data, evaluation-set would stop it."
    hard = ask(situation, hard_only=True)
    assert hard == [answer for answer in answers if answer.hard]
