"""Ids of a saved store: lines of a file, read one by one where they are needed."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hybrid.errors import IntegrityError


class SavedIds:
    """`ids.jsonl` mapped into memory: eight bytes an id, whatever its length."""

    def __init__(self, file: Path) -> None:
        try:
            size = file.stat().st_size
            self._bytes = np.memmap(file, dtype=np.uint8, mode="r") if size else np.zeros(0, dtype=np.uint8)
        except OSError as error:
            raise IntegrityError(f"{file}: missing from the index", "run `hybrid index` again") from error
        self._ends = np.flatnonzero(np.asarray(self._bytes) == ord("\n"))
        self._file = file

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, row: int) -> str:
        start = int(self._ends[row - 1]) + 1 if row else 0
        line = self._bytes[start : self._ends[row]].tobytes()
        try:
            identity: str = json.loads(line)["id"]
        except (ValueError, KeyError, TypeError) as error:
            raise IntegrityError(f"{self._file}:{row + 1}: not an id", "run `hybrid index` again") from error
        return identity

    def __iter__(self) -> Iterator[str]:
        return (self[row] for row in range(len(self)))
