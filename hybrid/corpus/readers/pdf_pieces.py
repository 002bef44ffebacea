"""Where the text of a PDF page stands: lines, cut where a gap is wide, in the order in which the page draws them."""

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

HYPHEN = "\u00ad"
"""Ends a line whose last word may go on in the next: written as a hyphen, or as one that only shows at a line's end."""
_GAP = 1.0
"""Heights of a line between two words from which they stand in different cells or columns."""
_SAMPLE = 20
"""Of so many letters the angle of one is asked for."""
_MARKS = "-\u2010"


@dataclass(slots=True)
class Piece:
    """A line, or what of it stands between wide gaps; the page is turned so that its text is upright, y grows upward.

    `first`: it begins a line.
    """

    text: str
    left: float
    bottom: float
    right: float
    top: float
    first: bool

    @property
    def height(self) -> float:
        return self.top - self.bottom


def read_pieces(page: Any) -> list[Piece]:
    """All pieces of a page of pypdfium2; none where its letters have no meaning (a font without names for them)."""
    textpage = page.get_textpage()
    upright = _turn(textpage)
    if upright != page.get_rotation():
        # the library finds lines as the page is shown
        textpage.close()
        page.set_rotation(upright)
        textpage = page.get_textpage()
    try:
        lines = list(_lines(textpage, _turned(upright)))
    finally:
        textpage.close()
    letters = "".join(piece.text for line in lines for piece in line)
    meaningless = sum(char == "\ufffd" or "\ue000" <= char <= "\uf8ff" for char in letters)
    if meaningless > 0.3 * len(letters):
        return []
    return [piece for line in _justified(lines) for piece in line]


def _turn(textpage: Any) -> int:
    """By how many degrees the page has to be turned so that most of its text is upright."""
    import math

    import pypdfium2.raw as c

    counts = [0, 0, 0, 0]
    for index in range(0, textpage.count_chars(), _SAMPLE):
        angle = c.FPDFText_GetCharAngle(textpage, index)
        if angle >= 0:
            counts[round(angle / (math.pi / 2)) % 4] += 1
    return 90 * max(range(4), key=counts.__getitem__)


def _turned(degrees: int) -> Callable[[float, float], tuple[float, float]]:
    return {
        0: lambda x, y: (x, y),
        90: lambda x, y: (y, -x),
        180: lambda x, y: (-x, -y),
        270: lambda x, y: (-y, x),
    }[degrees]


def _lines(textpage: Any, turn: Callable[[float, float], tuple[float, float]]) -> Iterator[list[Piece]]:
    line: list[Piece] = []
    for text, left, bottom, right, top, ends in _words(textpage, turn):
        last = line[-1] if line else None
        if text:
            if last and -_GAP * last.height < left - last.right < _GAP * last.height:
                last.text += f" {text}"
                last.right = max(last.right, right)
                last.bottom, last.top = min(last.bottom, bottom), max(last.top, top)
            else:
                line.append(Piece(text, left, bottom, right, top, not line))
        if ends and line:
            yield line
            line = []
    if line:
        yield line


def _words(
    textpage: Any, turn: Callable[[float, float], tuple[float, float]]
) -> Iterator[tuple[str, float, float, float, float, bool]]:
    """Words with their boxes, and whether the line ends behind it."""
    import pypdfium2.raw as c

    chars: list[str] = []
    start = 0
    box = c.FS_RECTF()

    def word(stop: int, ends: bool) -> tuple[str, float, float, float, float, bool]:
        xs: list[float] = []
        ys: list[float] = []
        for index in (start, stop - 1) if chars else ():
            c.FPDFText_GetLooseCharBox(textpage, index, ctypes.byref(box))
            for x, y in (turn(box.left, box.bottom), turn(box.right, box.top)):
                xs.append(x)
                ys.append(y)
        text = "".join(chars)
        divided = text.endswith(HYPHEN) or (ends and len(text) > 1 and text[-1] in _MARKS)
        text = text[:-1].replace(HYPHEN, "") + HYPHEN if divided else text.replace(HYPHEN, "")
        found = (text, min(xs, default=0.0), min(ys, default=0.0))
        return (*found, max(xs, default=0.0), max(ys, default=0.0), ends)

    count = textpage.count_chars()
    for index in range(count):
        code = c.FPDFText_GetUnicode(textpage, index)
        char = chr(code) if code < 0x110000 else "\ufffd"
        if c.FPDFText_IsHyphen(textpage, index) == 1:
            chars.append(HYPHEN)
            yield word(index, True)
            chars, start = [], index + 1
        elif char.isspace():
            ends = char in "\r\n\u2028\u2029"
            if chars or ends:
                yield word(index, ends)
            chars, start = [], index + 1
        else:
            if not chars:
                start = index
            chars.append("\ufffd" if code < 32 or 0xD800 <= code < 0xE000 else char)
    if chars:
        yield word(count, True)


def _justified(lines: list[list[Piece]]) -> Iterator[list[Piece]]:
    """Lines with gaps that only fill the width of a paragraph made whole again."""
    for number, line in enumerate(lines):
        around = [
            near[0] for near in (*lines[max(0, number - 1) : number], *lines[number + 1 : number + 2]) if len(near) == 1
        ]
        first, last = line[0], line[-1]
        widest = max((b.left - a.right for a, b in pairwise(line)), default=0.0)
        if widest < 2 * _GAP * first.height and any(
            abs(near.right - last.right) < first.height and abs(near.left - first.left) < first.height
            for near in around
        ):
            text = " ".join(piece.text for piece in line)
            yield [Piece(text, first.left, min(p.bottom for p in line), last.right, max(p.top for p in line), True)]
        else:
            yield line
