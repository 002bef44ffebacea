"""Quotes found in a text, however either was copied: forms of Unicode, white space, table rules and emphasis aside.

A quote copied from a source file has marks that the text as read has not, one copied from a page lacks some that the
text has, and has other dashes and quotation marks than the file.
"""

import html
import re
from functools import lru_cache

from hybrid.languages.folding import fold_with_places, letter_end

_GAP = re.compile(r"[\s|*`]+")
_MARKS = frozenset("|*`")
_MORE_MARKS = frozenset("|*`_~\\[]<>")
_MARKUP = re.compile(
    r"(?P<entity>&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-zA-Z]\w{1,30});)"
    r"|</?[a-zA-Z](?![\w+.-]{0,20}:)[^<>\n]{0,1000}>"  # a tag, and no address
    r"|!(?=\[)|\]\([^()\s]{0,1000}\)"  # the address of a link or an image
    r"|:[\w:.+-]{1,60}:(?=`)|\s<[^<>`\n]{1,1000}>(?=`_)"  # a role; the address of a link of reStructuredText
    r"|^[ \t]{0,20}(?:\.\. [\w:.-]{1,60}::|[-*+#>]{1,6}(?=\s)|\d{1,3}[.)](?=\s))",  # what begins a line
    re.MULTILINE,
)
"""Of Markdown, HTML and reStructuredText."""


def squeeze(text: str) -> str:
    """One space between words; table rules and emphasis marks count as space."""
    return _GAP.sub(" ", text).strip()


def find_quote(quote: str, text: str) -> tuple[int, int] | None:
    """Where the quote first stands in the text, by the offsets of the text; None where it does not.

    Where it does not as it is, marks of every kind are left out of both.
    """
    for form in (bare, _without_markup):
        wanted = form(quote)[0]
        held, places = form(text)
        start = held.find(wanted) if wanted else -1
        if start >= 0:
            return places[start], letter_end(text, places[start + len(wanted) - 1])
    return None


@lru_cache(maxsize=1024)
def bare(text: str) -> tuple[str, tuple[int, ...]]:
    """The text in one form without white space and marks, and where in the text each of its characters stands."""
    return _kept(*fold_with_places(text), _MARKS)


@lru_cache(maxsize=1024)
def _without_markup(text: str) -> tuple[str, tuple[int, ...]]:
    """The same without what is no text in Markdown, HTML and reStructuredText."""
    shown: list[str] = []
    places: list[int] = []
    end = 0
    for found in _MARKUP.finditer(text):
        shown.append(text[end : found.start()])
        places += range(end, found.start())
        if found["entity"]:
            shown.append(letter := html.unescape(found[0]))
            places += [found.start()] * len(letter)
        end = found.end()
    shown.append(text[end:])
    places += range(end, len(text))
    folded, own = fold_with_places("".join(shown))
    return _kept(folded, [places[place] for place in own], _MORE_MARKS)


def _kept(folded: str, places: list[int], marks: frozenset[str]) -> tuple[str, tuple[int, ...]]:
    kept = [
        (char, place) for char, place in zip(folded, places, strict=True) if not char.isspace() and char not in marks
    ]
    return "".join(char for char, _ in kept), tuple(place for _, place in kept)
