"""A few passages of a large file, without reading the rest."""

import json
import mmap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hybrid.types import Passage

_FEW = 100
"""Passages found one by one before all are read: looking for one goes through the bytes of the file."""


class PassageLookup(Mapping[str, Passage]):
    """Passages by id. One that is asked for is found by the bytes that its line begins with.

    JSON writes a line end inside a text as two characters, so that those bytes stand nowhere else. As soon as many are
    asked for, or which ids there are, `read_all` is called.
    """

    def __init__(
        self, file: Path, parse: Callable[[dict[str, Any]], Passage], read_all: Callable[[], dict[str, Passage]]
    ):
        self._file = file
        self._parse = parse
        self._read_all = read_all
        self._found: dict[str, Passage] = {}
        self._all: dict[str, Passage] | None = None

    def __getitem__(self, identity: str) -> Passage:
        if self._all is None and identity not in self._found and len(self._found) < _FEW:
            self._found[identity] = self._find(identity)
        if self._all is None and identity in self._found:
            return self._found[identity]
        return self._whole()[identity]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def _whole(self) -> dict[str, Passage]:
        if self._all is None:
            self._all = self._read_all()
        return self._all

    def _find(self, identity: str) -> Passage:
        start = f'{{"_id": {json.dumps(identity, ensure_ascii=False)}, '.encode()
        with self._file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            is_first = content[: len(start)] == start
            place = 0 if is_first else content.find(b"\n" + start) + 1
            if not (is_first or place):
                raise KeyError(identity)
            content.seek(place)
            return self._parse(json.loads(content.readline()))
