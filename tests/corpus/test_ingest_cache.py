"""Only what changed is read again: the cache of an ingest, whole, killed and damaged."""

import json
from pathlib import Path
from typing import Any

import pytest

from hybrid.corpus import ingest as ingest_module
from hybrid.corpus.chunk import Cutter
from hybrid.corpus.load import DocumentFolder
from hybrid.corpus.memo import Memo
from hybrid.types import Document
from tests.ingested import build, documents_of, write_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path)


class Counted:
    """Counts what is read and cut."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: list[str] = []
        self.cut: list[str] = []
        start, cut = DocumentFolder._start_reading, Cutter.cut

        def start_reading(folder: DocumentFolder, file: Any, digest: str, limits: Any) -> Any:
            self.read.append(file.source)
            return start(folder, file, digest, limits)

        def cut_now(cutter: Cutter, document: Document) -> Any:
            self.cut.append(document.id)
            return cut(cutter, document)

        monkeypatch.setattr(DocumentFolder, "_start_reading", start_reading)
        monkeypatch.setattr(Cutter, "cut", cut_now)

    def taken(self) -> tuple[list[str], list[str]]:
        found = self.read, self.cut
        self.read, self.cut = [], []
        return found


def test_only_what_changed_is_read_and_cut(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    target, cache = tmp_path / "passages", tmp_path / "cache" / "documents.sqlite"
    build(corpus, target, cache)
    assert counted.taken() == (["a.md", "b.md", "c.md", "d.md", "e.md"], ["a.md", "d.md", "e.md"])
    (corpus / "d.md").write_text("# Start\n\nIt takes 31 minutes.\n")
    (corpus / "new.md").write_text("# New\n\nA new one.\n")
    (corpus / "e.md").rename(corpus / "moved.md")
    (corpus / "a.md").unlink()
    again = build(corpus, target, cache)
    assert counted.taken() == (["d.md", "new.md"], ["b.md", "d.md", "new.md"]), "b.md is no copy of another any more"
    assert documents_of(again) == {"b.md", "d.md", "moved.md", "new.md"}
    build(corpus, tmp_path / "fresh")
    counted.taken()
    for name in ("corpus.jsonl", "documents.jsonl", "queries.jsonl", "manifest.json"):
        assert (target / name).read_bytes() == (tmp_path / "fresh" / name).read_bytes()
    # another budget cuts anew and reads nothing
    build(corpus, target, cache, chunk_tokens=24)
    assert counted.taken() == ([], ["b.md", "d.md", "moved.md", "new.md"])


def test_the_text_of_a_removed_document_leaves_the_cache(corpus: Path, tmp_path: Path) -> None:
    (corpus / "secret.md").write_text("# Secret\n\nThe plan is called Nightjar.\n")
    cache = tmp_path / "documents.sqlite"
    build(corpus, tmp_path / "passages", cache)
    assert b"Nightjar" in cache.read_bytes()
    (corpus / "secret.md").unlink()
    build(corpus, tmp_path / "passages", cache)
    assert all(b"Nightjar" not in path.read_bytes() for path in tmp_path.glob("documents.sqlite*"))


def test_a_killed_build_goes_on_where_it_stopped(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, cache = tmp_path / "passages", tmp_path / "documents.sqlite"
    counted = Counted(monkeypatch)
    names = ingest_module.name_passages

    def killed(document: Document, pieces: Any) -> Any:
        if document.id == "d.md":
            raise KeyboardInterrupt
        return names(document, pieces)

    monkeypatch.setattr(ingest_module, "name_passages", killed)
    with pytest.raises(KeyboardInterrupt):
        build(corpus, target, cache)
    assert not target.exists()
    counted.taken()
    monkeypatch.setattr(ingest_module, "name_passages", names)
    built = build(corpus, target, cache)
    assert counted.taken() == ([], ["e.md"])
    assert documents_of(built) == {"a.md", "d.md", "e.md"}


def test_a_memo_survives_a_kill_and_forgets_what_is_not_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "memo.sqlite"
    memo = Memo(path)
    for number in range(300):
        assert memo.get(["n", number], lambda number=number: {"n": (number,)}) == {"n": [number]}
    # no close: what was stored by then is there
    second = Memo(path)
    made: list[int] = []
    for number in range(300):
        second.get(["n", number], lambda number=number: made.append(number) or number)
    assert made == list(range(256, 300))
    second.close()
    third = Memo(path)
    third.get(["n", 5], lambda: pytest.fail("it was stored"))
    third.forget_unused()
    assert third.get(["n", 6], lambda: "anew") == "anew"


def test_a_damaged_cache_is_made_anew(corpus: Path, tmp_path: Path) -> None:
    cache = tmp_path / "documents.sqlite"
    cache.write_bytes(b"no database" * 1000)
    assert documents_of(build(corpus, tmp_path / "passages", cache)) == {"a.md", "d.md", "e.md"}


@pytest.mark.parametrize("junk", [b"\xff" * 4096, b"x" * 100], ids=["pages", "values"])
def test_a_cache_that_is_damaged_in_the_middle_is_made_anew(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "memo.sqlite"

    def filled() -> list[int]:
        """Those of the values that had to be made."""
        made: list[int] = []
        memo = Memo(path)
        for number in range(400):
            found = memo.get(["n", number], lambda number=number: made.append(number) or f"{number}ü" * 400)
            assert found == f"{number}ü" * 400
        memo.forget_unused()
        memo.close()
        return made

    assert filled() == list(range(400)) and filled() == []
    size = path.stat().st_size
    with path.open("r+b") as stream:
        for place in range(size // 4 // 4096 * 4096 + 2000 * (len(junk) < 4096), size // 2, 4096):
            stream.seek(place)
            stream.write(junk)
    # what was read before the damage showed is made anew by the next build
    assert set(filled()) | set(filled()) == set(range(400))
    assert filled() == []


def test_what_is_damaged_shows_when_a_cache_is_written_too(tmp_path: Path) -> None:
    path = tmp_path / "memo.sqlite"
    memo = Memo(path)
    for number in range(400):
        memo.get(["n", number], lambda number=number: f"{number}" * 400)
    memo.close()
    with path.open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xff" * (path.stat().st_size - 4096))
    for use in (lambda memo: memo.forget_unused(), lambda memo: memo.get("new", lambda: "new")):
        memo = Memo(path)
        use(memo)
        memo.close()
    assert Memo(path).get("new", lambda: pytest.fail("it was stored")) == "new"


def test_tokens_of_ready_passages_that_stay_are_not_counted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    plain = ingest_module._count
    monkeypatch.setattr(ingest_module, "_count", lambda of, text: counted.append(text) or plain(of, text))
    folder, cache = tmp_path / "corpus", tmp_path / "cache" / "documents.sqlite"
    folder.mkdir()

    def built(*texts: str) -> dict[str, int]:
        rows = [json.dumps({"id": f"p{n}", "title": "Pump", "text": text}) for n, text in enumerate(texts)]
        (folder / "passages.jsonl").write_text("".join(f"{row}\n" for row in rows))
        return {row["_id"]: row["tokens"] for row in build(folder, tmp_path / "passages", cache).documents}

    assert built("one two", "three", "one two") == {"p0": 3, "p1": 2, "p2": 3}
    assert counted == ["Pump\none two", "Pump\nthree"]
    assert built("one two", "three four five", "new") == {"p0": 3, "p1": 4, "p2": 2}
    assert counted[2:] == ["Pump\nthree four five", "Pump\nnew"]
