"""How much of a file's text its reader lost: its words beside those of a second, crude reading."""

import re
from collections import Counter
from dataclasses import dataclass

from hybrid.corpus.crude_text import AS_WRITTEN, crude_text, untagged
from hybrid.corpus.readers.content import Content
from hybrid.languages.folding import fold
from hybrid.languages.words import UNSPACED

MOST_LOST = 0.05
"""Share of the words from which a loss is told."""
_FEWEST = 5
"""Words: below them it is a matter of how they are counted."""
_PAGES = frozenset((".html", ".htm", ".xhtml"))
_NOTHING_ADDED = _PAGES | {".epub", ".pdf", ".docx", ".eml"}
"""Formats of which a text as long as the crude one has lost nothing."""
_TOLD = 8
# one letter is a word where blanks part none: to find true ones would take longer than to read the file
_WORD = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+")


@dataclass(frozen=True, slots=True)
class Loss:
    """Words of the crude reading, and those of them that the reader's text lacks, each as often as it lacks it."""

    num: int
    lost: tuple[str, ...]

    @property
    def share(self) -> float:
        return len(self.lost) / self.num if self.num else 0.0


def loss_notes(format_: str, data: bytes, content: Content) -> tuple[tuple[int, str], ...]:
    """A note where more than 5 % of the words are lost."""
    if format_ in AS_WRITTEN and len(content.text) > (1 - MOST_LOST / 2) * len(data):
        return ()
    try:
        if format_ in _PAGES and _is_as_long(content.text, untagged(data)):
            return ()
        crude = crude_text(format_, data)
        if format_ in _NOTHING_ADDED and _is_as_long(content.text, crude):
            return ()
        loss = compare(crude, content)
    except Exception:  # the file was read: what a second library makes of it is no reason to refuse it
        return ()
    if loss.share <= MOST_LOST or len(loss.lost) < _FEWEST:
        return ()
    first = " ".join(dict.fromkeys(loss.lost))[:80].rsplit(" ", 1)[0] if len(loss.lost) > _TOLD else " ".join(loss.lost)
    return ((0, f"{loss.share:.0%} of its words ({len(loss.lost):,} of {loss.num:,}) were not read, first: {first!r}"),)


def _is_as_long(text: str, crude: str) -> bool:
    """Whether a text is so long that it has all of the crude one: to count words would take longer than to read it."""
    return _solid(text) >= (1 - MOST_LOST / 2) * _solid(crude)


def _solid(text: str) -> int:
    """Bytes of a text without blanks and the marks of Markdown."""
    return len(text.encode("utf-8", errors="replace").translate(None, b" \t\r\n|-#*`>"))


def compare(crude: str, content: Content) -> Loss:
    """The words of `crude` that `content` lacks, in their order."""
    words = _words(crude)
    left = Counter(_words(f"{content.title}\n{content.text}\n{content.metadata}"))
    lost = []
    for word in words:
        if left[word]:
            left[word] -= 1
        else:
            lost.append(word)
    return Loss(len(words), tuple(lost))


def _words(text: str) -> list[str]:
    return _WORD.findall((text if text.isascii() else fold.__wrapped__(text)).casefold())
