"""The preflight from the command line, and the gate that it puts before a training."""

import json
from pathlib import Path

import pytest
import yaml

from hybrid.artifacts import read_manifest
from hybrid.cli.options import open_workspace
from hybrid.errors import UserError
from hybrid.lifecycle.preflight import PROVEN_PROMPT, pass_gate
from tests.cli.conftest import Place

GOOD = {"train_embed__epochs": 1}


def test_the_template_is_written_once_and_never_again(place: Place) -> None:
    assert place.run("preflight", "--init", "--json").document()["written"] is True
    file = place.corpus / "task.yaml"
    assert "owner" in yaml.safe_load(file.read_text())
    file.write_text("task: mine\n", encoding="utf-8")
    again = place.run("preflight", "--init")
    assert again.code == 0 and "left as it is" in again.out
    assert file.read_text() == "task: mine\n"


def test_missing_answers_exit_with_two_and_are_written_down(indexed: Place) -> None:
    result = indexed.run("preflight", "--json")
    assert result.code == 2, result.err
    told = result.document()
    assert {"task", "baseline", "diagnosis", "prompting", "review", "plan"} <= set(told["missing"])
    assert told["stops"] == [] and "facts" in told["unknown"]
    assert json.loads((indexed.folder / told["path"]).read_text())["answers"] == told["answers"]
    text = indexed.run("preflight", "--method", "embed")
    assert text.code == 2 and "no task.yaml" in text.out and "hybrid diagnose --system base" in text.out
    assert "prompting" not in text.out
    (indexed.corpus / "task.yaml").write_text("tusk: x\n", encoding="utf-8")
    wrong = indexed.run("preflight")
    assert wrong.code == 2 and "task.yaml: tusk: unknown key" in wrong.err and "Traceback" not in wrong.err


def test_a_baseline_is_of_the_configured_models(indexed: Place) -> None:
    assert indexed.run("evaluate", "--system", "base").code == 0

    def baseline(**changed: object) -> str:
        answers = indexed.run("preflight", "--method", "embed", "--json", **changed).document()["answers"]
        return next(str(answer["status"]) for answer in answers if answer["key"] == "baseline")

    assert baseline() == "yes"
    assert baseline(embedder__query_prompt="query") == "no"
    assert baseline(generator__batch_size=3) == "no"


def test_training_stops_on_what_is_hard_alone_and_says_so_where_it_is_forced(indexed: Place) -> None:
    rows = [json.loads(line) for line in (indexed.corpus / "questions.jsonl").read_text().splitlines()]
    rows[0]["question"] = "Is jane.doe@example.org to be asked?"
    (indexed.corpus / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for command in ("train-embed", "train-raft", "loop"):
        stopped = indexed.run(command, **GOOD)
        assert stopped.code == 2, command
        assert "private-training: 1 e-mail address" in stopped.err and "--force" in stopped.err
        assert "jane.doe" not in stopped.err
    assert not (indexed.workspace / "embedder").exists() and not (indexed.workspace / "evaluation-base-test").exists()
    forced = indexed.run("train-embed", "--force", **GOOD)
    assert forced.code == 0, forced.err
    manifest = read_manifest(indexed.workspace / "embedder")
    assert manifest is not None and manifest.facts["overridden"] == ["private-training"]


def test_the_adapter_remembers_too_what_was_forced(indexed: Place) -> None:
    forced = indexed.run("train-raft", "--force", raft__min_examples=100, raft__num_examples=100)
    assert forced.code == 0, forced.err
    assert "forced against the preflight: data" in forced.err
    manifest = read_manifest(indexed.workspace / "adapter")
    assert manifest is not None and manifest.facts["overridden"] == ["data"]


def test_a_newcomer_is_not_stopped_by_a_missing_task(indexed: Place) -> None:
    trained = indexed.run("train-embed", **GOOD)
    assert trained.code == 0, trained.err
    (line,) = [line for line in trained.err.splitlines() if "task.yaml" in line]
    assert line.startswith("note: ") and "hybrid preflight" in line
    manifest = read_manifest(indexed.workspace / "embedder")
    assert manifest is not None and "overridden" not in manifest.facts
    told = indexed.run("preflight", "--method", "embed", "--json").document()
    hardware = next(answer for answer in told["answers"] if answer["key"] == "hardware")
    assert "as measured before" in hardware["evidence"][1]["text"]
    (indexed.corpus / "task.yaml").write_text("documents_licence: no-training\n", encoding="utf-8")
    stopped = indexed.run("train-embed", **GOOD)
    assert stopped.code == 2 and "licences: " in stopped.err and "accepted_terms" in stopped.err


def test_while_another_prompt_form_is_proven_better_the_generator_is_not_trained(
    indexed: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert indexed.run("diagnose", "--system", "base").code == 0
    file = indexed.workspace / "diagnosis-base-dev" / "diagnosis.json"
    told = json.loads(file.read_text(encoding="utf-8"))
    assert told["recommended"] is None and told["with_present_prompt"] is None
    # random weights read in no form: what a diagnosis that proved one would have written
    proven = {"recommended": "prompt", "sentence": "Change it.", "next_command": "set answering.style to cited, then"}
    file.write_text(json.dumps({**told, **proven}), encoding="utf-8")
    stopped = indexed.run("train-raft", **GOOD)
    assert (
        stopped.code == 2 and "proven-prompt: Change it." in stopped.err and "answering.style to cited" in stopped.err
    )
    assert not (indexed.workspace / "adapter").exists()
    assert "proven-prompt" in indexed.run("preflight", "--method", "raft", "--json").document()["stops"]
    assert "proven-prompt" not in indexed.run("preflight", "--method", "embed", "--json").document()["stops"]
    adopted = indexed.run("preflight", "--method", "raft", "--json", answering__style="cited").document()
    assert "proven-prompt" not in adopted["stops"] and "diagnosis" in adopted["missing"]
    # a loop tunes both whatever it diagnosed, the second time as the first
    monkeypatch.chdir(indexed.folder)
    settings = [word for word in indexed.options(**GOOD)[2:] if word != "--set"]
    workspace = open_workspace(Path("corpora") / "machines", None, settings, None)
    with pytest.raises(UserError, match="proven-prompt"):
        pass_gate(workspace, ["raft"], print, force=False)
    assert pass_gate(workspace, ["raft"], print, force=True) == ("proven-prompt",)
    assert pass_gate(workspace, ["embed", "raft"], print, force=False, unasked=[PROVEN_PROMPT]) == ()
