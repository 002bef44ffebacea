"""What people must have said."""

import json
from pathlib import Path

import pytest

from hybrid.artifacts import sha256_file
from hybrid.corpus.history import record_version
from hybrid.errors import InputError
from hybrid.preflight import intent
from hybrid.tuning.raft import most_examples
from hybrid.tuning.raft_example import reached_share
from tests.preflight.situations import Make, told


def test_a_task_is_written_down_or_it_is_named_what_is_not(make: Make) -> None:
    found = intent.task_written(make())
    assert found.status == "no" and "--init" in found.next
    found = intent.task_written(make(task={"task": "a", "input": "b", "output": " "}))
    assert found.status == "no" and "output, owner" in told(found)
    assert intent.task_written(make(task=dict.fromkeys(("task", "input", "output", "owner"), "x"))).status == "yes"


def test_facts_are_judged_by_what_changed_and_else_by_what_is_said(make: Make) -> None:
    situation = make()
    record_version(
        situation.root, situation.corpus, situation.corpus.content_id(situation.config.corpus), situation.config.corpus
    )
    found = intent.facts_last(situation)
    assert found.status == "unknown" and told(found) == "unknown, one version seen"
    assert intent.facts_last(make(task={"change_rate_per_month": 0.02})).status == "yes"
    said = intent.facts_last(make(task={"change_rate_per_month": 0.5}))
    assert said.status == "no" and "retrieval" in said.next
    (situation.corpus.documents / "alder.md").write_text("# Alder\n\nNothing.\n", encoding="utf-8")
    record_version(
        situation.root, situation.corpus, situation.corpus.content_id(situation.config.corpus), situation.config.corpus
    )
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
    situation = make("raft", task=plans, **settings)
    found = intent.plan(situation)
    assert found.status == "yes"
    share = reached_share(most_examples(situation.train, situation.config.raft), 0.15, 1)
    assert share < 0.145
    assert f"{100 * share:.0f} % of the examples are general" in told(found), "one instruction, at most three times"
    assert "asks for 15 %, for which its 1 instructions are too few" in told(found)
    files["instructions"].write_text("{}\n" * 60, encoding="utf-8")
    assert "15 % of the examples are general" in told(intent.plan(situation))
    assert "too few" not in told(intent.plan(situation))


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
