"""A document that cannot be read within its limits is skipped with the reason, and is tried again by a later run."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from hybrid.config import CorpusConfig
from hybrid.corpus import ingest as ingest_module
from hybrid.corpus import load as load_module
from hybrid.corpus.load import load_documents
from hybrid.corpus.workers import Workers
from tests.hostile_readers import read_hostile
from tests.ingested import build, documents_of

TEXTS = {
    "a.md": "# A\n\nThe first text.\n",
    "b.md": "crash\n",
    "c.md": "eat much\n",
    "d.md": "# D\n\nThe second text.\n",
    "e.md": "hang\n",
    "f.md": "killed\n",
    "g.txt": "Pump G\n\nThe last text of them all, which is no heading.\n",
}
REASONS = {
    "b.md": "the process that read it did not end well: it crashed (SIGSEGV)",
    "c.md": "needs more than 300 MB to read: raise corpus.max_read_memory_mb or split it",
    "e.md": "took longer than 1 s to read: raise corpus.max_read_seconds or split it",
    "f.md": "the process that read it did not end well: it was killed, as systems do that run out of memory",
}
LIMITS = {"max_read_seconds": 1, "max_read_memory_mb": 300}


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    monkeypatch.setattr(load_module, "read_file", read_hostile)
    return folder


def read_since(corpus: Path) -> list[str]:
    """Names of the files that workers have begun to read since this was asked, sorted."""
    log = corpus.parent / "log"
    names = [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []
    log.write_text("")
    return sorted(names)


def test_a_document_above_a_limit_is_skipped_with_the_reason_and_the_others_stay(corpus: Path) -> None:
    reading = load_documents(corpus, CorpusConfig(**LIMITS))
    assert [document.id for document in reading.documents] == ["a.md", "d.md", "g.txt"]
    assert dict(reading.skipped) == REASONS


def test_a_limit_is_not_remembered_and_everything_else_is(corpus: Path, tmp_path: Path) -> None:
    cache, target = tmp_path / "documents.sqlite", tmp_path / "passages"
    built = build(corpus, target, cache, **LIMITS)
    assert documents_of(built) == {"a.md", "d.md", "g.txt"}
    assert {f"{name}: skipped, {reason}" for name, reason in REASONS.items()} <= set(built.manifest.facts["warnings"])
    assert read_since(corpus) == sorted(TEXTS), "each once, though the documents are gone through twice"
    # what was too slow for one limit is quick enough for the next
    (corpus / "e.md").write_text("wait 8\n")
    for name in ("b.md", "c.md", "f.md"):
        (corpus / name).unlink()
    build(corpus, target, cache, **LIMITS)
    assert read_since(corpus) == ["e.md"]
    higher = build(corpus, target, cache, **{**LIMITS, "max_read_seconds": 60})
    assert read_since(corpus) == ["e.md"]
    assert documents_of(higher) == {"a.md", "d.md", "e.md", "g.txt"} and higher.manifest.id != built.manifest.id
    build(corpus, target, cache, **{**LIMITS, "max_read_seconds": 70})
    assert read_since(corpus) == [], "no worker is started for what is known"


def test_a_run_that_is_killed_is_gone_on_with(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b.md", "c.md", "f.md"):
        (corpus / name).unlink()
    for number in range(300):
        (corpus / f"a{number:03}.md").write_text(f"# A {number}\n\nText number {number}.\n")
    code = (
        "import sys\nfrom pathlib import Path\nfrom hybrid.corpus import load\nfrom tests.ingested import build\n"
        "from tests.hostile_readers import read_hostile\nload.read_file = read_hostile\n"
        "build(*map(Path, sys.argv[1:]), max_read_seconds=600)\n"
    )
    paths = [str(corpus), str(tmp_path / "passages"), str(tmp_path / "documents.sqlite")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    run = subprocess.Popen([sys.executable, "-c", code, *paths], env=environment, stderr=subprocess.DEVNULL)
    log = tmp_path / "log"
    while not log.exists() or "g.txt" not in log.read_text():
        assert run.poll() is None
        time.sleep(0.1)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert not (tmp_path / "passages").exists()
    read_since(corpus)
    (corpus / "e.md").write_text("# E\n\nIt does not hang any more.\n")
    built = build(*map(Path, paths))
    assert documents_of(built) == {path.name for path in corpus.iterdir()}
    again = read_since(corpus)
    assert "e.md" in again and len(again) < 150, "at most what was not stored yet"


def test_the_bytes_are_the_same_however_many_workers_read_and_look(corpus: Path, tmp_path: Path) -> None:
    for name in ("b.md", "c.md", "e.md", "f.md"):
        (corpus / name).unlink()
    for number in range(60):
        (corpus / f"x{number:03}.md").write_text(f"wait 0.0{number % 3}")
        (corpus / f"y{number:03}.md").write_text(
            f"# Pump {number}\n\nIt weighs {number} kg, mail a{number}@pump.example."
        )
    written = []
    for num, many in ((1, 1000), (3, 1)):
        target = tmp_path / f"passages-{num}"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(load_module, "Workers", partial(Workers, num))
            patch.setattr(ingest_module, "_MANY", many)
            build(corpus, target)
        written.append({path.name: path.read_bytes() for path in target.rglob("*") if path.is_file()})
    assert written[0] == written[1] and len(written[0]["documents.jsonl"].splitlines()) > 120
