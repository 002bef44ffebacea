"""What was made of a document before: a later build pays only for those that changed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hybrid.artifacts import sha256_json
from hybrid.checked_store import CheckedStore

_BATCH = 256
"""Values stored together; a kill loses at most so many."""
_OLD_TABLE = "memo"
"""Of releases whose values had no checksum. They are dropped: to read the documents again takes minutes at most."""


class Memo:
    """JSON values by the SHA-256 of what they are made from, in an SQLite file, or in memory without one.

    A kill leaves what was stored before it; a damaged value or file is told and made anew, which costs time, not data.
    `forget_unused` deletes what this build did not ask for, so that the text of a removed document is gone too.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._store = CheckedStore(path)
        self._store.take_over(_OLD_TABLE, lambda key, value: None)
        self.began_empty = self._store.is_empty()
        """Whether this is a first build, which need not look for what cannot be there."""
        self._used: set[bytes] = set()
        self._pending: dict[bytes, str] = {}

    def find(self, parts: object) -> Any:
        """The value that was made from `parts` before; None where there is none."""
        key = _key(parts)
        known = not self.began_empty or key in self._used
        self._used.add(key)
        text = self._pending.get(key) or (self._store.find(key) if known else None)
        return None if text is None else json.loads(text)

    def keep(self, parts: object, value: Any) -> Any:
        """Store what was made from `parts`, plain JSON, and give it back as it will be read: tuples become lists."""
        text = json.dumps(value, ensure_ascii=False)
        self.keep_text(parts, text)
        return json.loads(text)

    def keep_text(self, parts: object, text: str) -> None:
        """Store what was made from `parts` and is JSON already."""
        key = _key(parts)
        self._used.add(key)
        self._pending[key] = text
        if len(self._pending) >= _BATCH:
            self._flush()

    def get(self, parts: object, make: Callable[[], Any]) -> Any:
        """The value that was made from `parts` before, or `make()`, stored. Values are plain JSON, never null."""
        found = self.find(parts)
        return self.keep(parts, make()) if found is None else found

    def forget_unused(self) -> None:
        """Delete what was not asked for since the memo was opened."""
        self._flush()
        self._store.keep_only(self._used)

    def close(self) -> None:
        """Store what is waiting and let go of the file."""
        self._flush()
        self._store.close()

    def _flush(self) -> None:
        self._store.put(self._pending)
        self._pending.clear()


def _key(parts: object) -> bytes:
    return bytes.fromhex(sha256_json(parts))[:16]
