"""Ids of a saved store: lines of a file, read one by one where they are needed."""

import json
import mmap
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hybrid.errors import IntegrityError

_BEFORE, _AFTER = b'{"id": "', b'"}'


class SavedIds:
    """`ids.jsonl` mapped into memory: eight bytes an id, whatever its length."""

    def __init__(self, file: Path) -> None:
        try:
            with file.open("rb") as stream:
                empty = not file.stat().st_size
                self._bytes = b"" if empty else mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise IntegrityError(f"{file}: missing from the index", "run `hybrid index` again") from error
        self._ends = np.flatnonzero(np.frombuffer(self._bytes, dtype=np.uint8) == ord("\n"))
        self._file = file

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, row: int) -> str:
        start = int(self._ends[row - 1]) + 1 if row else 0
        line = self._bytes[start : int(self._ends[row])]
        if line.startswith(_BEFORE) and line.endswith(_AFTER) and b"\\" not in line:
            # a parser takes longer than all the rest of a search for ten
            return line[len(_BEFORE) : -len(_AFTER)].decode("utf-8", errors="replace")
        try:
            identity: str = json.loads(line)["id"]
        except (ValueError, KeyError, TypeError) as error:
            raise IntegrityError(f"{self._file}:{row + 1}: not an id", "run `hybrid index` again") from error
        return identity

    def __iter__(self) -> Iterator[str]:
        return (self[row] for row in range(len(self)))
