"""The record of corpus versions: what is new in each, and how much changes."""

import json
from pathlib import Path

import pytest

from hybrid.config import CorpusConfig
from hybrid.corpus import history
from hybrid.corpus.history import FILE, Change, changes, num_versions, record_version
from hybrid.corpus.passages import CorpusFolder


def corpus(folder: Path, **documents: str) -> CorpusFolder:
    inner = folder / "mine" / "documents"
    inner.mkdir(parents=True, exist_ok=True)
    for path in inner.iterdir():
        path.unlink()
    for name, text in documents.items():
        (inner / f"{name}.md").write_text(text, encoding="utf-8")
    return CorpusFolder(folder / "mine")


def seen(folder: Path, **documents: str) -> bool:
    found = corpus(folder, **documents)
    return record_version(folder / "workspace", found, found.documents_id(CorpusConfig()), CorpusConfig())


def test_each_version_holds_what_is_new_in_it(tmp_path: Path) -> None:
    assert seen(tmp_path, a="one", b="two", c="three", d="four")
    assert changes(tmp_path / "workspace") == [] and num_versions(tmp_path / "workspace") == 1
    assert not seen(tmp_path, a="one", b="two", c="three", d="four"), "the same again is no version"
    assert seen(tmp_path, a="one", b="TWO", c="three", e="five")
    assert seen(tmp_path, a="one", b="two", c="three", e="five")
    assert changes(tmp_path / "workspace") == [Change(4, 1, 1, 1, 0), Change(4, 0, 1, 0, 0)]
    assert [change.share for change in changes(tmp_path / "workspace")] == [0.5, 0.25]
    rows = [json.loads(line) for line in (tmp_path / "workspace" / FILE).read_text().splitlines()]
    assert [sorted(row["new"]) for row in rows] == [["a.md", "b.md", "c.md", "d.md"], ["b.md", "e.md"], ["b.md"]]


def test_other_questions_are_no_other_version_and_cost_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert seen(tmp_path, a="one")
    found = CorpusFolder(tmp_path / "mine")
    before = found.content_id(CorpusConfig())
    (tmp_path / "mine" / "questions.jsonl").write_text('{"id": "q", "question": "?"}\n', encoding="utf-8")
    assert found.content_id(CorpusConfig()) != before
    monkeypatch.setattr(history, "document_hashes", lambda *_: pytest.fail("the documents are the same"))
    assert not record_version(tmp_path / "workspace", found, found.documents_id(CorpusConfig()), CorpusConfig())


def test_other_files_are_no_documents(tmp_path: Path) -> None:
    assert seen(tmp_path, a="one")
    (tmp_path / "mine" / "documents" / "sound.mp3").write_bytes(b"ID3")
    found = CorpusFolder(tmp_path / "mine")
    assert not record_version(tmp_path / "workspace", found, found.documents_id(CorpusConfig()), CorpusConfig())


def test_a_task_file_beside_loose_documents_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("one", encoding="utf-8")
    found = CorpusFolder(tmp_path)
    before = found.content_id(CorpusConfig())
    (tmp_path / "task.yaml").write_text("task: x\n", encoding="utf-8")
    assert found.content_id(CorpusConfig()) == before
    assert record_version(tmp_path / "w", found, found.documents_id(CorpusConfig()), CorpusConfig())
    assert json.loads((tmp_path / "w" / FILE).read_text())["documents"] == 1


def test_ready_passages_count_by_document(tmp_path: Path) -> None:
    found = CorpusFolder(tmp_path)
    rows = [{"id": f"p{i}", "text": f"t{i}", "document_id": f"d{i // 2}"} for i in range(6)]
    for change in ("t5", "changed"):
        rows[5]["text"] = change
        found.ready_passages.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        assert record_version(tmp_path / "w", found, found.documents_id(CorpusConfig()), CorpusConfig())
    assert changes(tmp_path / "w") == [Change(3, 0, 1, 0, 0)]
