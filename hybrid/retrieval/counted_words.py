"""The words of texts as the lexical index before has them: a text that stays is not read again."""

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.artifacts import read_manifest, verify
from hybrid.errors import IntegrityError
from hybrid.retrieval.passage_vectors import read_digests, write_digests

_WORDS, _ENDS = "words.npy", "ends.npy"
_VOCABULARY = "vocab.index.json"
"""As bm25s saves it: words in the order of their numbers."""


class CountedWords:
    """Words of each text, by the SHA-256 of the text."""

    def __init__(self) -> None:
        self._row_of: dict[str, int] = {}
        self._ends = np.zeros(0, dtype=np.int64)
        self._numbers = np.zeros(0, dtype=np.uint32)
        self._words: list[str] = []

    @classmethod
    def of(cls, target: Path, version: int, settings: Mapping[str, Any]) -> "CountedWords":
        """Those of the index at `target`; none of one that is damaged, or was made by another version or in another
        way.
        """
        found = cls()
        manifest = read_manifest(target)
        if manifest is None or (manifest.version, manifest.config) != (version, dict(settings)):
            return found
        try:
            verify(target, manifest)
        except IntegrityError:
            return found
        found._row_of = {digest: row for row, digest in enumerate(read_digests(target))}
        found._ends = np.load(target / _ENDS, allow_pickle=False)
        found._numbers = np.load(target / _WORDS, mmap_mode="r", allow_pickle=False)
        found._words = list(json.loads((target / _VOCABULARY).read_text(encoding="utf-8")))
        return found

    def get(self, digest: str) -> list[str] | None:
        """In the order of the text; None where it is not known."""
        if (row := self._row_of.get(digest)) is None:
            return None
        start = int(self._ends[row - 1]) if row else 0
        return [self._words[number] for number in self._numbers[start : int(self._ends[row])].tolist()]


def save_counted(folder: Path, digests: Sequence[str], counted: Sequence[Sequence[int]]) -> None:
    """Write the numbers of each text's words, beside the vocabulary that bm25s saves."""
    np.save(folder / _ENDS, np.cumsum([len(numbers) for numbers in counted], dtype=np.int64))
    np.save(folder / _WORDS, np.fromiter(chain.from_iterable(counted), dtype=np.uint32))
    write_digests(folder, digests)
