"""Paragraphs that repeat over the web pages of a folder: menus, notices and footers that no tag gives away."""

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

_MOST_PAGES = 0.5
"""Share of the pages of a folder from which a paragraph is boilerplate."""
_FEWEST_PAGES = 5
"""Pages that a folder needs before anything counts as repeated."""


@dataclass
class Boilerplate:
    """Counts paragraphs page by page, for every folder and for all of them; then takes pages apart from them.

    Headings are never boilerplate: that all data sheets have a section "Weight" does not make its heading a menu.
    """

    _pages: dict[str, int] = field(default_factory=dict)
    _seen: "dict[str, array[int]]" = field(default_factory=dict)
    _repeated: dict[str, frozenset[int]] = field(default_factory=dict)
    removed: dict[int, str] = field(default_factory=dict)
    """Texts of the paragraphs that were left out."""

    def count(self, source: str, text: str) -> None:
        """Note the paragraphs of a page."""
        own = {_digest(block) for block in _blocks(text)}
        for folder in _folders(source):
            self._pages[folder] = self._pages.get(folder, 0) + 1
            self._seen.setdefault(folder, array("Q")).extend(own)

    def without(self, source: str, text: str) -> str:
        """The page without what repeats; the page itself where nothing else is on it."""
        repeated = frozenset().union(*(self._of(folder) for folder in _folders(source)))
        if not repeated:
            return text
        kept: list[str] = []
        gone: dict[int, str] = {}
        for block in text.split("\n\n"):
            digest = _digest(block)
            if digest in repeated and not block.startswith("#"):
                gone[digest] = block
            else:
                kept.append(block)
        if not any(_blocks("\n\n".join(kept))):
            return text
        self.removed |= gone
        return "\n\n".join(kept)

    def _of(self, folder: str) -> frozenset[int]:
        import numpy as np

        if folder not in self._repeated:
            num = self._pages.get(folder, 0)
            found: frozenset[int] = frozenset()
            if num >= _FEWEST_PAGES:
                digests, counts = np.unique(np.frombuffer(self._seen[folder], dtype=np.uint64), return_counts=True)
                found = frozenset(digests[counts >= _MOST_PAGES * num].tolist())
            self._repeated[folder] = found
        return self._repeated[folder]


def _folders(source: str) -> tuple[str, ...]:
    parent = source.rpartition("/")[0]
    return ("/", parent) if parent else ("/",)


def _blocks(text: str) -> Iterator[str]:
    return (block for block in text.split("\n\n") if block.strip() and not block.startswith("#"))


def _digest(block: str) -> int:
    return int.from_bytes(hashlib.blake2b(block.encode(), digest_size=8).digest(), "big")
