"""Limits of the machine are told in a sentence with what to do; real errors, each made by the system itself."""

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from hybrid.errors import UserError
from hybrid.machine_errors import machine_limit

pytestmark = pytest.mark.posix


def told(fail: Callable[[], object]) -> UserError | None:
    with pytest.raises(Exception) as caught:
        fail()
    return machine_limit(caught.value)


def fill() -> None:
    with Path("/dev/full").open("w") as stream:
        stream.write("x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux's")
def test_a_full_disk(tmp_path: Path) -> None:
    found = told(fill)
    assert found is not None and found.exit_code == 2
    assert found.problem == "no space left on the disk" and "run the same command again" in found.remedy

    def wrapped() -> None:
        try:
            fill()
        except OSError as error:
            raise RuntimeError("file write failed") from error

    assert told(wrapped) is not None


def test_the_file_and_its_disk_are_named(tmp_path: Path) -> None:
    found = machine_limit(OSError(errno.ENOSPC, "No space", str(tmp_path / "index")))
    assert found is not None and str(tmp_path / "index") in found.problem
    place = found.problem.split("the disk at ")[1].split(" ")[0]
    assert Path(place).is_mount()


def test_a_full_database(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "x.sqlite")
    db.execute("PRAGMA max_page_count=2")
    db.execute("CREATE TABLE t (value TEXT)")
    found = told(lambda: db.execute("INSERT INTO t VALUES (?)", ("x" * 100_000,)))
    assert found is not None and "no space left" in found.problem


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux's")
def test_a_full_disk_as_libraries_in_rust_tell_it() -> None:
    from tokenizers import Tokenizer, models

    found = told(lambda: Tokenizer(models.BPE()).save("/dev/full"))
    assert found is not None and "no space left" in found.problem


def test_a_full_disk_as_streams_tell_it() -> None:
    found = machine_limit(RuntimeError("basic_ios::clear: iostream error"))
    assert found is not None and "no space left" in found.problem and "df" in found.remedy


def test_too_many_open_files() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
    try:
        found = told(lambda: opened.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(100)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for descriptor in opened:
            os.close(descriptor)
    assert found is not None and "too many open files" in found.problem and "ulimit -n" in found.remedy


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EROFS, "read-only"),
        (errno.EACCES, "no permission"),
        (errno.EDQUOT, "quota"),
        (errno.EFBIG, "so large"),
        (errno.EIO, "the disk cannot"),
    ],
)
def test_what_is_refused_is_named(number: int, words: str) -> None:
    found = machine_limit(OSError(number, os.strerror(number), "models/config.json"))
    assert found is not None and words in found.problem and "models/config.json" in found.problem and found.remedy


@pytest.mark.parametrize("error", [ValueError("x"), FileNotFoundError(2, "gone", "x"), OSError("no number")])
def test_other_errors_stay_faults(error: Exception) -> None:
    assert machine_limit(error) is None
