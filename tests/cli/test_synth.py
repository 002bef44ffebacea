"""Questions out of documents from the command line: written, put into the corpus, read with the others."""

import json
from pathlib import Path

from tests.cli.conftest import Place


def test_the_file_is_read_with_the_other_questions_and_audited_without_complaint(place: Place) -> None:
    result = place.run("synth", "--json", "--per-passage", "3")
    assert result.code == 0, result.err
    told = json.loads(result.out)
    made = place.folder / told["path"]
    assert told["questions"] == len(made.read_text().splitlines()) > 10
    assert "move" in place.run("synth", "--out", str(place.folder / "other.jsonl")).out, "the single file hides it"
    folder = place.corpus / "questions"
    folder.mkdir()
    written = (place.corpus / "questions.jsonl").rename(folder / "written.jsonl")
    made.rename(folder / "free.jsonl")
    audited = json.loads(place.run("audit", "--json").out)
    assert audited["num_questions"] == len(written.read_text().splitlines()) + told["questions"]
    assert "NO_ANSWER" not in audited["kinds"] and "WRONG_GOLD" not in audited["kinds"]


def test_an_unknown_design_is_the_users_mistake(place: Place) -> None:
    result = place.run("synth", "--design", "guesswork")
    assert result.code == 2 and "guesswork" in result.err and "keywords" in result.err
    assert not Path(place.workspace / "synth").exists()


def test_a_teachers_drafts_are_kept_with_their_decisions_and_asked_once(place: Place) -> None:
    changed = {"synth__num_drafts": 6, "synth__draft_tokens": 20}
    told = place.run("synth", "--teacher", "--estimate", "--json", **changed)
    assert told.code == 0, told.err
    num = json.loads(told.out)["drafts"]
    assert 2 < num <= 6, "the short sentences of this corpus allow few kinds"
    assert not (place.workspace / "synth").exists()
    result = place.run("synth", "--teacher", "--json", **changed)
    assert result.code == 0, result.err
    assert f"{num} drafts" in result.err and " min " not in result.err, "what is cached tells no time"
    found = json.loads(result.out)
    drafts = [json.loads(line) for line in Path(place.folder / found["drafts_file"]).read_text().splitlines()]
    assert len(drafts) == found["drafts"] == num
    assert found["filters"][0] == {"filter": "schema", "reached": num, "passed": 0}, "a random model writes no question"
    assert all(row["decisions"]["schema"] != "passed" and not row["kept"] for row in drafts)
    again = place.run("synth", "--teacher", **changed)
    assert again.code == 0 and "answering" not in again.err and "too weak" in again.out
    assert "nothing is left to pay" in again.err and "drafts, at most" not in again.err
    left = place.run("synth", "--teacher", "--estimate", "--json", **changed)
    assert left.code == 0 and left.document()["drafts"] == 0


def test_an_estimate_without_a_teacher_is_the_users_mistake(place: Place) -> None:
    result = place.run("synth", "--estimate")
    assert result.code == 2 and "--teacher" in result.err


def test_a_teacher_whose_licence_forbids_it_is_refused_until_its_terms_are_accepted(place: Place) -> None:
    changed = {"synth__num_drafts": 3, "synth__draft_tokens": 20}
    (place.corpus / "task.yaml").write_text("teacher_licence: openai\n", encoding="utf-8")
    refused = place.run("synth", "--teacher", **changed)
    assert refused.code == 2 and "--accept-teacher-terms" in refused.err and "openai" in refused.err
    assert not (place.workspace / "synth").exists() and not (place.workspace / "cache").exists()
    accepted = place.run("synth", "--teacher", "--accept-teacher-terms", "--json", **changed)
    assert accepted.code == 0, accepted.err
    assert "accepted" in json.loads(accepted.out)["terms"]


def test_the_task_file_says_which_form_the_answers_have(place: Place) -> None:
    changed = {"synth__num_drafts": 3, "synth__draft_tokens": 20}
    task = place.corpus / "task.yaml"
    task.write_text("answer_words: 40\nanswer_style: the figure first\n", encoding="utf-8")
    told = place.run("synth", "--teacher", "--estimate", "--json", **changed)
    assert told.code == 0, told.err
    estimate = json.loads(told.out)
    assert "at most 40 words" in estimate["answers"] and "the figure first" in estimate["answers"]
    assert estimate["tokens_out"] > 3 * 180, "there is room for forty words, whatever the settings"
    result = place.run("synth", "--teacher", **changed)
    assert result.code == 0, result.err
    assert "at most 40 words" in result.out and "task.yaml" in result.out and "answering.template" in result.out
    task.write_text("answer_schema: nowhere.json\n", encoding="utf-8")
    refused = place.run("synth", "--teacher", **changed)
    assert refused.code == 2 and "answer_schema cannot be read" in refused.err
    task.write_text("answer_schema: {type: object}\n", encoding="utf-8")
    again = place.run("synth", "--teacher", "--json", **changed)
    assert again.code == 0 and "JSON Schema" in json.loads(again.out)["answers"]["asked"], "another form asks anew"
