"""What was made of a document before: a later build pays only for those that changed."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from hybrid.artifacts import sha256_json

T = TypeVar("T")
_BATCH = 256
"""Values stored together; a kill loses at most so many."""


class Memo:
    """JSON values by the SHA-256 of what they are made from, in an SQLite file, or in memory without one.

    A kill leaves what was stored before it; a damaged file is begun anew, which costs time, not data. `forget_unused`
    deletes what this build did not ask for, so that the text of a removed document is gone too.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._db = sqlite3.connect(path or ":memory:", timeout=60)
        self._tried(self._prepare)
        # a first build need not look for what cannot be there
        self._began_empty = self._tried(self._is_empty)
        self._used: set[bytes] = set()
        self._pending: dict[bytes, str] = {}

    def get(self, parts: object, make: Callable[[], Any]) -> Any:
        """The value that was made from `parts` before, or `make()`, stored. Values are plain JSON."""
        key = bytes.fromhex(sha256_json(parts))[:16]
        known = not self._began_empty or key in self._used
        self._used.add(key)
        if (waiting := self._pending.get(key)) is not None:
            return json.loads(waiting)
        row = self._tried(partial(self._value, key)) if known else None
        if row is not None:
            # damage that SQLite does not see leaves no JSON
            with suppress(ValueError):
                return json.loads(row[0])
        text = json.dumps(make(), ensure_ascii=False)
        self._pending[key] = text
        if len(self._pending) >= _BATCH:
            self._store()
        # as it will be read: tuples are lists from the first time on
        return json.loads(text)

    def forget_unused(self) -> None:
        """Delete what was not asked for since the memo was opened."""
        self._store()
        self._tried(self._forget)

    def close(self) -> None:
        """Store what is waiting and let go of the file."""
        self._store()
        self._db.close()

    def _store(self) -> None:
        self._tried(self._write)
        self._pending.clear()

    def _is_empty(self) -> bool:
        return self._db.execute("SELECT 1 FROM memo LIMIT 1").fetchone() is None

    def _value(self, key: bytes) -> Any:
        return self._db.execute("SELECT value FROM memo WHERE key = ?", (key,)).fetchone()

    def _write(self) -> None:
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO memo VALUES (?, ?)", self._pending.items())

    def _forget(self) -> None:
        with self._db:
            self._db.execute("CREATE TEMP TABLE used (key BLOB PRIMARY KEY)")
            self._db.executemany("INSERT INTO used VALUES (?)", ((key,) for key in self._used))
            self._db.execute("DELETE FROM memo WHERE key NOT IN (SELECT key FROM used)")
            self._db.execute("DROP TABLE used")

    def _tried(self, work: Callable[[], T]) -> T:
        """`work()`; where the file turns out to be damaged, once more on an empty one."""
        try:
            return work()
        except sqlite3.DatabaseError as error:
            # its subclasses say locked, no room or our mistake: nothing is damaged
            if type(error) is not sqlite3.DatabaseError or self._path is None:
                raise
        self._db.close()
        for file in self._path.parent.glob(f"{self._path.name}*"):
            file.unlink()
        self._db = sqlite3.connect(self._path, timeout=60)
        self._prepare()
        return work()

    def _prepare(self) -> None:
        # bytes, for a damaged value may be no UTF-8
        self._db.text_factory = bytes
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA secure_delete=ON")
        self._db.execute("CREATE TABLE IF NOT EXISTS memo (key BLOB PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
