"""Quotes found in a text, however either was copied: forms of Unicode, white space, table rules and emphasis aside.

A quote copied from a source file has marks that the text as read has not, and one copied from a page has other dashes
and quotation marks than the file.
"""

import re
from functools import lru_cache

from hybrid.languages.folding import fold_with_places

_GAP = re.compile(r"[\s|*`]+")
_MARKS = frozenset("|*`")


def squeeze(text: str) -> str:
    """One space between words; table rules and emphasis marks count as space."""
    return _GAP.sub(" ", text).strip()


def find_quote(quote: str, text: str) -> tuple[int, int] | None:
    """Where the quote first stands in the text, by the offsets of the text; None where it does not."""
    wanted = bare(quote)[0]
    held, places = bare(text)
    start = held.find(wanted) if wanted else -1
    return (places[start], places[start + len(wanted) - 1] + 1) if start >= 0 else None


@lru_cache(maxsize=1024)
def bare(text: str) -> tuple[str, tuple[int, ...]]:
    """The text in one form without white space and marks, and where in the text each of its characters stands."""
    folded, places = fold_with_places(text)
    kept = [
        (char, place) for char, place in zip(folded, places, strict=True) if not char.isspace() and char not in _MARKS
    ]
    return "".join(char for char, _ in kept), tuple(place for _, place in kept)
