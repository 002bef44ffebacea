"""Versions: kept once by content, told apart field by field, brought back whole, and never half written."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from hybrid.config import CorpusConfig
from hybrid.corpus.memo import Memo
from hybrid.corpus.passages import CorpusFolder
from hybrid.data.differences import Change, differences
from hybrid.data.versions import Version, VersionStore
from hybrid.errors import InputError, IntegrityError, UserError
from hybrid.jsonl import write_jsonl


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": f"q{number}", "question": f"What is {number}?", "answers": [str(number)], "split": "test", **changes}


@pytest.fixture
def corpus(tmp_path: Path) -> CorpusFolder:
    folder = tmp_path / "corpus"
    (folder / "documents" / "sheets").mkdir(parents=True)
    (folder / "documents" / "a.md").write_text("# A\n\nIt is 1.\n")
    (folder / "documents" / "sheets" / "b.md").write_text("# B\n\nIt is 2.\n")
    (folder / "README.md").write_text("About the corpus.\n")
    (folder / ".hidden").write_text("not data")
    write_jsonl(folder / "questions.jsonl", [row(1), row(2)])
    return CorpusFolder(folder)


@pytest.fixture
def store(tmp_path: Path) -> VersionStore:
    return VersionStore(tmp_path / "workspace" / "data")


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def objects(store: VersionStore) -> list[Path]:
    return [path for path in (store.folder / "objects").rglob("*") if path.is_file()]


def test_a_version_is_checked_out_as_it_was(corpus: CorpusFolder, store: VersionStore, tmp_path: Path) -> None:
    before = bytes_of(corpus.folder)
    first, new = store.commit(corpus, "first")
    assert new and first.counts == {"files": 4, "documents": 2, "questions": 2}
    write_jsonl(corpus.folder / "questions.jsonl", [row(1)])
    (corpus.folder / "documents" / "a.md").unlink()
    store.commit(corpus, "less")
    target = tmp_path / "old"
    assert store.checkout(first, target) == 4
    del before[".hidden"]
    assert bytes_of(target) == before
    with pytest.raises(UserError, match="exists"):
        store.checkout(first, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "old", "workspace"]


def test_what_did_not_change_is_kept_once(corpus: CorpusFolder, store: VersionStore) -> None:
    shutil.copy(corpus.folder / "documents" / "a.md", corpus.folder / "documents" / "copy.md")
    store.commit(corpus, "first")
    assert len(objects(store)) == 4, "five files, two of them alike"
    write_jsonl(corpus.folder / "questions.jsonl", [row(1), row(2), row(3)])
    second, new = store.commit(corpus, "second")
    assert new and len(objects(store)) == 5
    assert store.commit(corpus, "again") == (second, False)
    assert [version.message for version in store.log()] == ["second", "first"]
    assert second.parent == store.log()[1].id


def test_the_id_is_of_content_message_and_parent_and_not_of_date_or_place(
    corpus: CorpusFolder, store: VersionStore, tmp_path: Path
) -> None:
    version, _ = store.commit(corpus, "first")
    other = CorpusFolder(Path(shutil.copytree(corpus.folder, tmp_path / "elsewhere" / "corpus")))
    again, _ = VersionStore(tmp_path / "elsewhere" / "data").commit(other, "first")
    assert again.id == version.id
    values = {key: value for key, value in vars(version).items() if key != "id"}
    assert Version(**{**values, "date": "2001-01-01"}).id == version.id
    assert Version(**{**values, "message": "other"}).id != version.id
    text = next((store.folder / "versions").glob("*.json")).read_text()
    assert str(tmp_path) not in text and version.date in text


def test_differences_field_by_field(corpus: CorpusFolder, store: VersionStore) -> None:
    first, _ = store.commit(corpus, "first")
    write_jsonl(corpus.folder / "questions.jsonl", [row(3), row(2, answers=["two"], topic="t")])
    (corpus.folder / "documents" / "a.md").write_text("# A\n\nIt is 11.\n")
    (corpus.folder / "documents" / "sheets" / "b.md").rename(corpus.folder / "documents" / "c.md")
    (corpus.folder / "README.md").write_text("More.\n")
    found = differences(store.tree(first), store.working_tree(corpus))
    assert (found.questions.added, found.questions.removed, found.questions.changed) == (("q3",), ("q1",), ("q2",))
    assert found.changes == [Change("q2", "answers", ["2"], ["two"]), Change("q2", "topic", None, "t")]
    assert (found.documents.added, found.documents.removed) == (("c.md",), ("sheets/b.md",))
    assert found.documents.changed == ("a.md",) and found.files.changed == ("README.md",)
    second, _ = store.commit(corpus, "second")
    assert differences(store.tree(first), store.tree(second)) == found
    assert not differences(store.tree(second), store.tree(second))


def test_moving_questions_between_files_is_no_change(corpus: CorpusFolder, store: VersionStore) -> None:
    first, _ = store.commit(corpus, "first")
    (corpus.folder / "questions").mkdir()
    (corpus.folder / "questions.jsonl").unlink()
    write_jsonl(corpus.folder / "questions" / "two.jsonl", [row(2)])
    write_jsonl(corpus.folder / "questions" / "one.jsonl", [row(1)])
    assert not differences(store.tree(first), store.working_tree(corpus))


@pytest.mark.parametrize("inner", ["", "documents/"])
def test_documents_are_what_hybrid_index_reads(store: VersionStore, tmp_path: Path, inner: str) -> None:
    corpus = CorpusFolder(tmp_path / "flat")
    (corpus.folder / inner).mkdir(parents=True)
    for name in (f"{inner}a.md", f"{inner}B.HTML", f"{inner}photo.png", f"{inner}.hidden.md", "task.yaml"):
        (corpus.folder / name).write_text("<p>It is 1.</p>")
    write_jsonl(corpus.folder / "questions.jsonl", [row(1)])
    (corpus.folder / "questions.jsonl.review.json").write_text("{}")
    first, _ = store.commit(corpus, "first")
    read = list(corpus.read(CorpusConfig(), Memo()))
    assert first.counts == {"files": 6, "documents": len(read), "questions": 1} and len(read) == 2
    for name in (f"{inner}photo.png", "task.yaml", f"{inner}a.md"):
        (corpus.folder / name).write_text("<p>It is 2.</p>")
    found = differences(store.tree(first), store.working_tree(corpus))
    assert found.documents.changed == ("a.md",) and found.files.changed == (f"{inner}photo.png", "task.yaml")


def test_whether_anything_changed_is_told_by_the_rule_of_commit(corpus: CorpusFolder, store: VersionStore) -> None:
    assert not store.is_current(corpus), "there is no version yet"
    store.commit(corpus, "first")
    assert store.is_current(corpus)
    write_jsonl(corpus.folder / "questions.jsonl", [row(2), row(1)])
    assert not store.is_current(corpus), "another order is another file"
    store.commit(corpus, "second")
    assert store.is_current(corpus)


def test_ready_passages_are_documents_by_their_id(tmp_path: Path, store: VersionStore) -> None:
    corpus = CorpusFolder(tmp_path / "ready")
    corpus.folder.mkdir()
    passages = [{"id": f"p{n}", "text": f"It is {n}.", "document_id": f"d{n // 2}"} for n in range(6)]
    write_jsonl(corpus.ready_passages, passages)
    first, _ = store.commit(corpus, "first")
    assert first.counts == {"files": 1, "documents": 3, "questions": 0}
    write_jsonl(corpus.ready_passages, [{**passages[0], "text": "It is 7."}, *passages[1:4]])
    found = differences(store.tree(first), store.working_tree(corpus))
    assert (found.documents.changed, found.documents.removed, found.documents.added) == (("d0",), ("d2",), ())


def test_ids_by_prefix(corpus: CorpusFolder, store: VersionStore) -> None:
    version, _ = store.commit(corpus, "first")
    assert store.find(version.id[:4]) == store.find(version.id) == version
    other = version.id[:8] + "0" * 56
    (store.folder / "versions" / f"{other}.json").write_text("{}")
    with pytest.raises(UserError, match="2 versions start with"):
        store.find(version.id[:6])
    for bad in (version.id[:3], "HEAD", "../../etc", "*", version.id.upper()[:8] + "Z"):
        with pytest.raises(UserError, match="is no version"):
            store.find(bad)
    with pytest.raises(UserError, match="no version starts with"):
        store.find("0123456789" if version.id[0] != "0" else "fedcba9876")


def test_what_cannot_be_read_is_not_committed(corpus: CorpusFolder, store: VersionStore) -> None:
    (corpus.folder / "questions.jsonl").write_text('{"id": "q1"\n')
    with pytest.raises(InputError, match=r"questions.jsonl:1"):
        store.commit(corpus, "broken")
    with pytest.raises(UserError, match="message"):
        store.commit(corpus, "  ")
    with pytest.raises(InputError, match="no such corpus folder"):
        store.commit(CorpusFolder(corpus.folder / "nowhere"), "nothing")
    assert not store.folder.exists() and store.head() is None and store.log() == []


def test_damage_is_noticed(corpus: CorpusFolder, store: VersionStore, tmp_path: Path) -> None:
    version, _ = store.commit(corpus, "first")
    place = store.folder / "objects" / version.files["README.md"][:2] / version.files["README.md"]
    place.write_text("tampered")
    with pytest.raises(IntegrityError, match=r"changed, it was README.md"):
        store.checkout(version, tmp_path / "old")
    place.unlink()
    with pytest.raises(IntegrityError, match="missing"):
        store.checkout(version, tmp_path / "old")
    assert not (tmp_path / "old").exists()
    file = store.folder / "versions" / f"{version.id}.json"
    file.write_text(file.read_text().replace('"first"', '"last"'))
    with pytest.raises(IntegrityError, match="changed since it was written"):
        store.head()


def test_a_path_that_leads_out_is_refused(corpus: CorpusFolder, store: VersionStore, tmp_path: Path) -> None:
    version, _ = store.commit(corpus, "first")
    digest = version.files["README.md"]
    for name in ("../escaped.md", str(tmp_path / "escaped.md")):
        forged = Version("", "forged", {}, {name: digest})
        with pytest.raises(IntegrityError, match="no path below"):
            store.checkout(forged, tmp_path / "old")
    assert not (tmp_path / "escaped.md").exists()


def test_links_out_of_the_folder_and_the_workspace_are_left_out(corpus: CorpusFolder, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("elsewhere")
    (corpus.folder / "documents" / "link.md").symlink_to(tmp_path / "secret.txt")
    inside = VersionStore(corpus.folder / "indexes" / "data")
    first, _ = inside.commit(corpus, "first")
    assert sorted(first.files) == ["README.md", "documents/a.md", "documents/sheets/b.md", "questions.jsonl"]
    assert inside.commit(corpus, "second") == (first, False)
    around = VersionStore(tmp_path / "data")
    assert around.commit(corpus, "workspace around the corpus")[0].files.keys() >= first.files.keys()


@pytest.mark.parametrize("calls", (1, 3, 4, 5, 6, 7))
def test_a_kill_at_any_write_leaves_the_last_version_whole(
    corpus: CorpusFolder, store: VersionStore, tmp_path: Path, calls: int
) -> None:
    """The process dies by SIGKILL at its n-th rename; the next commit goes on from what is there."""
    first, _ = store.commit(corpus, "first")
    for number in range(4):
        (corpus.folder / "documents" / f"new{number}.md").write_text(f"# New\n\n{number}\n")
    child = os.fork()
    if child == 0:
        left, replace = [calls], Path.replace

        def dying(self: Path, target: Path) -> Path:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            return replace(self, target)

        Path.replace = dying  # type: ignore[method-assign,assignment]
        store.commit(corpus, "second")
        os._exit(0)
    killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert killed == (calls <= 6), "four objects, a version, HEAD"
    assert store.log()[-1] == first and [version.message for version in store.log()] == (
        ["first"] if killed else ["second", "first"]
    )
    store.checkout(first, tmp_path / "old")
    second, _ = store.commit(corpus, "second")
    assert store.log() == [second, first]
    store.checkout(second, tmp_path / "new")
    assert json.loads((store.folder / "versions" / f"{second.id}.json").read_text())["parent"] == first.id
