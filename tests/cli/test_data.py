"""`hybrid data` on a corpus: what each command says, what it refuses, and that nothing is overwritten."""

import json
from pathlib import Path
from typing import Any

import pytest

from hybrid.artifacts import require
from hybrid.config import Config
from hybrid.corpus.passages import PassageSet
from hybrid.data.chat_exports import CHAT_FORMATS
from hybrid.jsonl import read_jsonl, write_jsonl
from hybrid.tuning.raft import build_raft
from hybrid.types import Hit
from tests.cli.commands import Result
from tests.cli.conftest import Place


def rows(file: Path) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(file)]


def change(place: Place, **changes: Any) -> list[dict[str, Any]]:
    """The first question changed; a value of None takes the field out of every question."""
    file = place.corpus / "questions.jsonl"
    gone = {key for key, value in changes.items() if value is None}
    found = [{key: value for key, value in row.items() if key not in gone} for row in rows(file)]
    found[0] |= {key: value for key, value in changes.items() if value is not None}
    write_jsonl(file, found)
    return found


def refused(result: Result, *words: str) -> None:
    assert result.code == 2 and result.out == "" and "Traceback" not in result.err
    assert all(word in result.err for word in (*words, "→")), result.err


def split(place: Place, *files: str, out: str = "split.jsonl") -> Result:
    return place.run("data", "split", *(files or ("corpora/machines/questions.jsonl",)), "--out", out, "--json")


def test_the_split_that_is_written_is_the_one_that_is_trained_with(place: Place) -> None:
    before = change(place, split=None)
    result = split(place)
    assert result.code == 0, result.err
    written = rows(place.folder / "split.jsonl")
    published = rows(place.workspace / "passages" / "queries.jsonl")
    assert {row["id"]: row["split"] for row in written} == {row["_id"]: row["split"] for row in published}
    assert [{key: value for key, value in row.items() if key != "split"} for row in written] == before
    assert rows(place.corpus / "questions.jsonl") == before
    told = result.document()
    assert sum(told["splits"].values()) == 68 and told["named"] == 0
    refused(split(place), "split.jsonl exists")
    shown = place.run("corpus", "show")
    assert "no question names a split" in shown.err
    plan = place.run("diagnose", "--plan", "--json").document()
    assert plan["have"] == sum(row["split"] == "dev" and row["answerable"] for row in published)


def test_named_splits_are_kept_and_several_files_go_into_a_folder(place: Place) -> None:
    all_rows = rows(place.corpus / "questions.jsonl")
    refused(split(place), "no question without a split")
    (place.corpus / "questions").mkdir()
    named, unnamed = place.corpus / "questions" / "a.jsonl", place.corpus / "questions" / "b.jsonl"
    write_jsonl(named, [{**row, "split": "dev"} for row in all_rows[:40]])
    write_jsonl(unnamed, [{key: value for key, value in row.items() if key != "split"} for row in all_rows[40:]])
    (place.corpus / "questions.jsonl").unlink()
    names = [str(path.relative_to(place.folder)) for path in (named, unnamed)]
    result = split(place, *names, out="new")
    assert result.code == 0, result.err
    assert result.document()["named"] == 40
    assert rows(place.folder / "new" / "a.jsonl") == rows(named)
    answerable = [row for row in rows(place.folder / "new" / "b.jsonl") if row.get("answerable", True)]
    assert {row["split"] for row in answerable} == {"dev"}, "every document has a question in dev"
    assert "28 of 68 questions name no split" in place.run("corpus", "show").err


def test_a_duplicate_that_was_left_out_keeps_the_split_of_the_document_that_was_kept(place: Place) -> None:
    before = change(place, split=None)
    copies = []
    for file in sorted((place.corpus / "documents").iterdir()):
        (place.corpus / "documents" / f"z-{file.name}").write_bytes(file.read_bytes())
    for row in before:
        evidence = [{**part, "source": f"z-{part['source']}"} for part in row.get("evidence", [])]
        copies.append({**row, "id": f"z-{row['id']}", "question": f"Now, {row['question']}", "evidence": evidence})
    write_jsonl(place.corpus / "questions.jsonl", [*before, *copies])
    result = split(place)
    assert result.code == 0, result.err
    written = {row["id"]: row["split"] for row in rows(place.folder / "split.jsonl")}
    published = rows(place.workspace / "passages" / "queries.jsonl")
    assert written == {row["_id"]: row["split"] for row in published}
    quoting = [row["id"] for row in before if row.get("evidence")]
    assert quoting and all(written[name] == written[f"z-{name}"] for name in quoting)
    assert {written[name] for name in quoting} > {"train"}


def test_files_of_one_name_are_not_written_over_each_other(place: Place) -> None:
    found = change(place, split=None)
    for folder, part in (("a", found[:9]), ("b", found[9:])):
        (place.folder / folder).mkdir()
        write_jsonl(place.folder / folder / "questions.jsonl", part)
    refused(split(place, "a/questions.jsonl", "b/questions.jsonl", out="new"), "several FILES", "questions.jsonl")
    assert not (place.folder / "new").exists()


def test_versions_from_commit_to_checkout(place: Place) -> None:
    assert "no version yet" in place.run("data", "log").out
    refused(place.run("data", "diff"), "no version is committed", "hybrid data commit")
    first = place.run("data", "commit", "-m", "first", "--json").document()
    assert first["new"] and first["counts"] == {"files": 7, "documents": 6, "questions": 68}
    before = rows(place.corpus / "questions.jsonl")
    change(place, answers=["another"], origin="users")
    (place.corpus / "documents" / "fir.md").rename(place.corpus / "documents" / "yew.md")
    changed = place.run("data", "diff")
    assert changed.code == 0, changed.err
    for line in (
        f"1 questions changed: {before[0]['id']}",
        "1 documents added: yew.md",
        "1 documents removed: fir.md",
        f'{before[0]["id"]} answers: {json.dumps(before[0]["answers"])} → ["another"]',
        f'{before[0]["id"]} origin: nothing → "users"',
    ):
        assert line in changed.out.splitlines()
    (place.corpus / "documents" / "yew.md").rename(place.corpus / "documents" / "fir.md")
    assert place.run("data", "card", "--json").document()["changed_since"] is True
    second = place.run("data", "commit", "-m", "second", "--json").document()
    assert "nothing changed since" in place.run("data", "commit", "-m", "third").out
    assert [version["message"] for version in place.run("data", "log", "--json").document()] == ["second", "first"]
    found = place.run("data", "diff", first["id"][:6], second["id"][:6], "--json").document()
    assert found["questions"]["changed"] == [before[0]["id"]] and found["documents"]["added"] == []
    assert place.run("data", "diff", "last").out == "nothing changed\n"
    result = place.run("data", "checkout", first["id"][:4], "old")
    assert result.code == 0, result.err
    assert rows(place.folder / "old" / "questions.jsonl") == before
    refused(place.run("data", "checkout", first["id"][:4], "old"), "old exists")
    refused(place.run("data", "checkout", "abc", "new"), "'abc' is no version", "hybrid data log")
    assert place.run("data", "card", "--json").document()["changed_since"] is False


@pytest.mark.parametrize(("kind", "file"), [("hf", "README.md"), ("beir", "corpus.jsonl"), ("squad", "test.json")])
def test_export_and_import(place: Place, kind: str, file: str) -> None:
    result = place.run("data", "export", "--to", kind, "out", "--json")
    assert result.code == 0, result.err
    assert (place.folder / "out" / file).is_file()
    told = place.server.run("corpus", "import", "--from", kind, "out", "corpora/back", "--json", cwd=place.folder)
    assert told.code == 0, told.err
    assert (told.document()["passages"], told.document()["questions"]) == (24, 68)
    refused(place.run("data", "export", "--to", kind, "out"), "out exists")


def test_chats_need_the_examples(place: Place) -> None:
    refused(place.run("data", "export", "--to", "trl", "out"), "raft", "hybrid train-raft")
    assert not (place.folder / "out").exists()


def test_chats_from_the_command_line(indexed: Place) -> None:
    manifest = require(indexed.workspace / "passages", "hybrid index")
    passages = PassageSet(indexed.workspace / "passages", manifest)
    build_raft(
        passages.questions,
        passages.by_id,
        {q.id: [Hit(p.id, 1 - n / 100, n) for n, p in enumerate(passages.passages, 1)] for q in passages.questions},
        count_tokens=lambda chat: sum(len(message.content.split()) for message in chat),
        config=Config.model_validate({"raft": {"num_examples": 20, "min_examples": 4, "general_share": 0.0}}),
        target=indexed.workspace / "raft",
        inputs={"passages": manifest.id},
    )
    counts = {split: len(rows(indexed.workspace / "raft" / f"{split}.jsonl")) for split in ("train", "dev")}
    for kind in CHAT_FORMATS:
        told = indexed.run("data", "export", "--to", kind, f"out/{kind}", "--json")
        assert told.code == 0, told.err
        assert told.document() == {**counts, "notes": [], "path": f"out/{kind}"}
        assert len(rows(indexed.folder / "out" / kind / "train.jsonl")) == counts["train"]
    change(indexed, answers=["another"])
    told = indexed.run("data", "export", "--to", "trl", "out/later")
    assert told.code == 0 and "made of other data than the corpus folder holds" in told.err
    (indexed.corpus / "questions.jsonl").write_text("{\n")
    refused(indexed.run("data", "export", "--to", "trl", "out/last"), "questions.jsonl:1")
    assert not (indexed.folder / "out" / "last").exists()


def test_questions_of_another_origin_are_measured_apart(indexed: Place) -> None:
    plain = indexed.run("evaluate", "--json")
    assert plain.code == 0, plain.err
    assert "origins" not in plain.document()
    assert not (indexed.workspace / "evaluation-base-test" / "origins.json").exists()
    file = indexed.corpus / "questions.jsonl"
    found = rows(file)
    asked = [row["id"] for row in found if row["split"] == "test" and row.get("answerable", True)]
    write_jsonl(file, [{**row, "origin": "users"} if row["id"] in asked[:4] else row for row in found])
    told = indexed.run("evaluate", "--json").document()
    assert {name: metrics["ndcg@10"]["num"] for name, metrics in told["origins"].items()} == {"users": 4, "not said": 6}
    assert told["metrics"] == plain.document()["metrics"]
    shown = indexed.run("evaluate").out
    assert "origin of the questions" in shown and "of 4" in shown and "of 6" in shown
