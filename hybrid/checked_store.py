"""Texts by key in an SQLite file that is not trusted: every entry has a checksum, and a damaged file is begun anew."""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from hybrid.progress import tell_once

T = TypeVar("T")
_TABLE = "checked_1"
"""The number goes up with the form of an entry: those of another form are never looked at."""
_SOUND = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_ABORT,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_AUTH,
}
"""Errors that are the machine's or another process's, of a file that may well be sound."""


class CheckedStore:
    """Texts by key (bytes) in the file `path`, or in memory without one; for one thread at a time.

    What is damaged is as good as not there and is told on stderr: an entry whose checksum is wrong, and a file that is
    no database any more, which is deleted and begun anew. Raises `sqlite3.OperationalError` where the file is locked by
    another process for a minute or cannot be written, `OSError` where the folder cannot.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._damaged: set[bytes] = set()
        self._db = self._connect()
        self._tried(self._prepare)

    def find(self, key: bytes) -> str | None:
        """The text of a key; None where there is none, or not the one that was stored."""
        row = self._tried(partial(self._row, key))
        if row is None:
            return None
        value, checksum = row
        # damage to the record's header makes another type of a value
        if isinstance(value, bytes) and checksum == _checksum(key, value):
            return value.decode()
        self._damaged.add(key)
        return None

    def put(self, values: Mapping[bytes, str]) -> None:
        """Store texts, all of them or none."""
        encoded = {key: text.encode() for key, text in values.items()}
        rows: list[tuple[bytes, ...]] = [(key, value, _checksum(key, value)) for key, value in encoded.items()]
        self._tried(partial(self._change, [(f"INSERT OR REPLACE INTO {_TABLE} VALUES (?, ?, ?)", rows)]))

    def keep_only(self, keys: Collection[bytes]) -> None:
        """Delete what has another key; nothing of it is left in the file."""
        self._tried(
            partial(
                self._change,
                [
                    ("CREATE TEMP TABLE kept (key BLOB PRIMARY KEY)", None),
                    ("INSERT INTO kept VALUES (?)", [(key,) for key in keys]),
                    (f"DELETE FROM {_TABLE} WHERE key NOT IN (SELECT key FROM kept)", None),
                    ("DROP TABLE kept", None),
                ],
            )
        )

    def is_empty(self) -> bool:
        """Whether nothing is stored."""
        return self._tried(lambda: self._db.execute(f"SELECT 1 FROM {_TABLE} LIMIT 1").fetchone()) is None

    def take_over(self, table: str, convert: Callable[[object, object], tuple[bytes, str] | None]) -> None:
        """Move what an earlier release kept in `table` (key and value), unless `convert` gives None; else drop it."""
        self._tried(partial(self._take_over, table, convert))

    def tell_damage(self) -> None:
        """Say on stderr, once, how many damaged entries were met."""
        if self._damaged:
            num = len(self._damaged)
            entries = "1 damaged entry in {} is" if num == 1 else f"{num} damaged entries in {{}} are"
            tell_once(f"{entries.format(self._path)} made anew")
            self._damaged.clear()

    def close(self) -> None:
        """Tell of damage and let go of the file."""
        self.tell_damage()
        self._db.close()

    def _row(self, key: bytes) -> tuple[object, object] | None:
        found: tuple[object, object] | None = self._db.execute(
            f"SELECT value, checksum FROM {_TABLE} WHERE key = ?", (key,)
        ).fetchone()
        return found

    def _change(self, statements: list[tuple[str, list[tuple[bytes, ...]] | None]]) -> None:
        with self._db:
            for statement, rows in statements:
                if rows is None:
                    self._db.execute(statement)
                else:
                    self._db.executemany(statement, rows)

    def _take_over(self, table: str, convert: Callable[[object, object], tuple[bytes, str] | None]) -> None:
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
            return
        moved = dict(filter(None, (convert(*row) for row in self._db.execute(f"SELECT key, value FROM {table}"))))
        rows: list[tuple[bytes, ...]] = [(k, v.encode(), _checksum(k, v.encode())) for k, v in moved.items()]
        self._change(
            [(f"INSERT OR IGNORE INTO {_TABLE} VALUES (?, ?, ?)", rows), (f"DROP TABLE IF EXISTS {table}", None)]
        )

    def _tried(self, work: Callable[[], T]) -> T:
        """`work()`; where the file turns out to be damaged, once more on an empty one."""
        try:
            return work()
        # some messages quote what is damaged, which may be no UTF-8
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if self._path is None or not _is_damage(error, self._path):
                raise
        self._db.close()
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        tell_once(f"{self._path}: it is damaged, so it was begun anew; what was kept in it is made again")
        self._damaged.clear()
        self._db = self._connect()
        self._prepare()
        return work()

    def _connect(self) -> sqlite3.Connection:
        # a server answers each question in a thread of its own, one at a time
        return sqlite3.connect(self._path or ":memory:", timeout=60, check_same_thread=False)

    def _prepare(self) -> None:
        # bytes, for a damaged value may be no UTF-8
        self._db.text_factory = bytes
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA secure_delete=ON")
        self._db.execute(
            f"CREATE TABLE IF NOT EXISTS {_TABLE} "
            "(key BLOB PRIMARY KEY, value BLOB NOT NULL, checksum BLOB NOT NULL) WITHOUT ROWID"
        )


def _checksum(key: bytes, value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=8, key=key).digest()


def _is_damage(error: Exception, path: Path) -> bool:
    if isinstance(error, UnicodeDecodeError):
        return True
    # without a code it is a mistake in our call
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_AUTH)
    if code == sqlite3.SQLITE_READONLY:
        # so does SQLite call a file whose header names a later format
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return code == sqlite3.SQLITE_IOERR_SHORT_READ or code & 0xFF not in _SOUND
