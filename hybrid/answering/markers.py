"""Citation markers: `[1]`, `[1, 2]`, `[1-3]`, `[Passage 1]`, `【1†source】`, `[^1]`; `(1)` where it is asked for.

What stands in brackets behind a name is text where code is meant: `argv[1]`, `iloc[0]`, `x[1]`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NAMED = (
    r"passages?|sources?|documents?|docs?|contexts?|chunks?|references?|refs?|citations?|nodes?|quelle|quellen|abschnitt"
    r"|passagen?|fuente|fuentes|pasaje|fonte|fonti|passagem|passaggio|источник|段落|文献|来源|资料|出典|文書"
)
_NUMBER = r"\d{1,3}(?!\d)"  # a larger one is no passage's: a year, say
_ONE = rf"(?:(?:{_NAMED})\s*(?:no\.?\s*|id\s*)?[:#]?\s*)?[#^]?{_NUMBER}(?:†[^\]】］]*)?"
_JOIN = r"\s*(?:,\s*and\b|,|;|、|，|&|\+|and\b|und\b|et\b|y\b|e\b|-|–|—|‑|to\b|bis\b)\s*"
_INSIDE = rf"\s*(?P<inside>{_ONE}(?:{_JOIN}{_ONE})*)\s*"
_SQUARE = re.compile(rf"[\[【［]{_INSIDE}[\]】］]", re.IGNORECASE)
_ROUND = re.compile(rf"[(（]{_INSIDE}[)）]", re.IGNORECASE)
_RANGE = re.compile(r"(\d{1,3})\s*(?:-|–|—|‑|to\b|bis\b)\s*(?:[^\W\d_]+\s*)?(\d{1,3})", re.IGNORECASE)
_DIGITS = re.compile(r"\d{1,3}")
_SUFFIX = re.compile(r"†[^\]】］,;]*")
_GLUED = re.compile(r"[A-Za-z_][\w.]*$")
_LONGEST_NAME = 80
_CODE = re.compile(r"[._][A-Za-z_]|^[a-z]$|^(?:args?|argv|argc|iloc|loc|data|arr|array|list|items?|rows?|index|idx)$")
"""What no word of prose holds before a bracket."""
_GOES_ON = re.compile(r"\s*(?:=(?!=)|\.[A-Za-z_]|\[\s*['\":\w]+\s*\]\s*=|\()")


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker and where it stands. `numbers`: of passages, from 1, in its order; a range in full."""

    start: int
    end: int
    numbers: tuple[int, ...]


def find_markers(text: str, *, known: str = "", round_too: bool = False) -> list[Marker]:
    """All markers of a text. What stands in `known`, as the passages or the gold answer, with its brackets is text.

    `round_too`: `(1)` is one as well, as where the prompt asks for it.
    """
    found = [marker for marker in _candidates(text, _SQUARE) if not _is_code(text, marker, known)]
    if round_too:
        found += _candidates(text, _ROUND)
    return sorted(found, key=lambda marker: marker.start)


def without_markers(text: str, *, known: str = "", round_too: bool = False) -> str:
    """The text less its markers; options as of `find_markers`."""
    pieces, end = [], 0
    for marker in find_markers(text, known=known, round_too=round_too):
        pieces.append(text[end : marker.start])
        end = marker.end
    return "".join([*pieces, text[end:]])


def _candidates(text: str, pattern: re.Pattern[str]) -> Iterator[Marker]:
    for match in pattern.finditer(text):
        numbers = _numbers(match["inside"])
        if numbers and 0 not in numbers:
            yield Marker(match.start(), match.end(), numbers)


def _numbers(inside: str) -> tuple[int, ...]:
    inside = _SUFFIX.sub("", inside)
    found: list[int] = []
    end = 0
    for match in _RANGE.finditer(inside):
        found += map(int, _DIGITS.findall(inside[end : match.start()]))
        low, high = int(match[1]), int(match[2])
        # [12-3] is no range
        found += range(low, high + 1) if low < high <= low + 50 else (low, high)
        end = match.end()
    found += map(int, _DIGITS.findall(inside[end:]))
    return tuple(dict.fromkeys(found))


def _is_code(text: str, marker: Marker, known: str) -> bool:
    """Whether the brackets are an index behind a name."""
    begin = max(0, marker.start - _LONGEST_NAME)
    glued = _GLUED.search(text[begin : marker.start])
    if glued is None:
        return False
    whole = text[begin + glued.start() : marker.end]
    if whole in known or _CODE.search(glued[0]) or _GOES_ON.match(text, marker.end):
        return True
    return text.count("`", 0, marker.start) % 2 == 1
