"""SHA-256 of large files, remembered between runs: a model of a gigabyte is not read whole to answer one question.

A digest counts as long as size, both times and inode of the file are the same. What changed within the last seconds is
not remembered: a second change within one tick of the clock would not be seen. Without the record nothing is lost but
time, so one that cannot be read or written is passed over.
"""

import hashlib
import os
import sqlite3
import time
from contextlib import closing
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

LARGE = 1 << 20
"""Bytes from which on looking up is quicker than reading."""
_SETTLED_NS = 2_000_000_000
_SCHEMA = "CREATE TABLE IF NOT EXISTS digests (path TEXT PRIMARY KEY, state TEXT NOT NULL, sha256 TEXT NOT NULL)"


def cache_folder() -> Path:
    """`$HYBRID_CACHE`, else the user's cache folder as the system has it; `~/.cache/hybrid` on Linux."""
    if configured := os.environ.get("HYBRID_CACHE"):
        return Path(configured)
    return user_cache_path("hybrid", appauthor=False)


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes. A file is read again only when it changed; a small one once a process."""
    status = path.stat()
    state = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino} {status.st_dev}"
    return _of_state(path.absolute(), state, status.st_size, max(status.st_mtime_ns, status.st_ctime_ns))


# one for each state of a file: with a limit, more files than that asked for in turn would each be read every time
@cache
def _of_state(path: Path, state: str, size: int, changed_ns: int) -> str:
    if size < LARGE:
        return _read(path)
    if known := _recall(path, state):
        return known
    settled = time.time_ns() - changed_ns > _SETTLED_NS
    digest = _read(path)
    if settled:
        _remember(path, state, digest)
    return digest


def _read(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _record() -> sqlite3.Connection:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return sqlite3.connect(folder / "digests.sqlite", timeout=1)


def _recall(path: Path, state: str) -> str:
    try:
        with closing(_record()) as record:
            row = record.execute("SELECT sha256 FROM digests WHERE path = ? AND state = ?", (str(path), state))
            found = row.fetchone()
    except (sqlite3.Error, OSError):
        return ""
    return str(found[0]) if found else ""


def _remember(path: Path, state: str, digest: str) -> None:
    try:
        with closing(_record()) as record, record:
            record.execute(_SCHEMA)
            record.execute("INSERT OR REPLACE INTO digests VALUES (?, ?, ?)", (str(path), state, digest))
    except (sqlite3.Error, OSError):
        return
