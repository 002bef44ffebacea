"""Digests of large files are remembered, and never wrong."""

import hashlib
import os
import sqlite3
from pathlib import Path

import pytest

from hybrid import digests
from hybrid.digests import LARGE, sha256_file

HOUR_NS = 3_600_000_000_000


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A large file; whatever was changed counts as settled."""
    monkeypatch.setenv("HYBRID_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "_SETTLED_NS", -1)
    file = tmp_path / "large.bin"
    file.write_bytes(b"a" * LARGE)
    return file


def fresh(file: Path) -> str:
    """The digest as a new process finds it."""
    digests._of_state.cache_clear()
    return sha256_file(file)


def true_digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files that were read."""
    told: list[Path] = []
    read = digests._read

    def noted(path: Path) -> str:
        told.append(path)
        return read(path)

    monkeypatch.setattr(digests, "_read", noted)
    return told


def test_a_large_file_is_read_once(large: Path, reads: list[Path]) -> None:
    assert [fresh(large) for _ in range(3)] == [true_digest(large)] * 3
    assert reads == [large]


def test_a_small_file_is_read_by_every_process(large: Path, reads: list[Path]) -> None:
    small = large.with_name("small")
    small.write_bytes(b"a")
    assert fresh(small) == fresh(small) == true_digest(small)
    assert reads == [small, small]


def test_a_change_of_the_same_size_and_time_is_seen(large: Path) -> None:
    before, status = fresh(large), large.stat()
    large.write_bytes(b"b" * LARGE)
    os.utime(large, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert fresh(large) == true_digest(large) != before


def test_a_file_put_in_the_place_of_another_is_read(large: Path) -> None:
    before = fresh(large)
    other = large.with_name("other")
    other.write_bytes(b"c" * LARGE)
    other.replace(large)
    assert fresh(large) == true_digest(large) != before


def test_what_changed_just_now_is_not_remembered(
    large: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "_SETTLED_NS", HOUR_NS)
    assert fresh(large) == fresh(large)
    assert reads == [large, large]


def test_a_spoilt_record_costs_time_only(large: Path, reads: list[Path]) -> None:
    fresh(large)
    record = digests.cache_folder() / "digests.sqlite"
    record.write_bytes(b"no database" * 1000)
    assert fresh(large) == true_digest(large)
    record.unlink()
    record.mkdir()
    assert fresh(large) == true_digest(large)
    assert len(reads) == 3


def test_a_record_that_another_process_writes_is_not_waited_for(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh(large)
    with sqlite3.connect(digests.cache_folder() / "digests.sqlite") as busy:
        busy.execute("BEGIN EXCLUSIVE")
        assert fresh(large) == true_digest(large)
