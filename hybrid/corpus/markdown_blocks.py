"""Tables in Markdown, written from rows; tables, code and lists, found in text."""

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

Kind = Literal["prose", "table", "code", "list"]
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+\S")
FENCE = re.compile(r"^\s*(```+|~~~+)")
"""Begins a block of code, which a line that starts with the same ends."""
_TICKS = re.compile(r"^[^\S\n]*(`{3,})", re.MULTILINE)
_ROW = re.compile(r"^\s*\|.*\|\s*$")
_RULE = re.compile(r"^\s*\|(?:\s*:?-+:?\s*\|)+\s*$")

_MOST_FILLED = 8
"""Times the rows and cells that there are that a table may be filled up to."""


def table(rows: Sequence[Sequence[str]], *, header: bool = True) -> str:
    """Rows as a Markdown table; without `header` the header cells are empty. Short rows are filled up, but for those of
    a table that is mostly empty cells then."""
    width = max((len(row) for row in rows), default=0)
    if not width:
        return ""
    cells = [[_cell(text) for text in row] for row in rows]
    head, body = (cells[0], cells[1:]) if header else ([], cells)
    head = head + [""] * (width - len(head))
    # one long row among many short ones would make gigabytes of a small file
    if width * len(rows) <= _MOST_FILLED * (len(rows) + sum(map(len, rows))):
        body = [row + [""] * (width - len(row)) for row in body]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * width, *body))


def fenced(text: str, language: str = "") -> str:
    """A block of code, in a fence that is longer than any in it."""
    longest = max(map(len, _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def closed(text: str) -> str:
    """The text, and the end of a block of code that nothing ends: it would swallow what comes after the text."""
    fence = ""
    for line in text.split("\n"):
        if fence:
            fence = "" if line.strip().startswith(fence) else fence
        elif found := FENCE.match(line):
            fence = found[1]
    return f"{text}\n{fence}" if fence else text


def split_blocks(text: str) -> list[tuple[Kind, int, int]]:
    """The text in parts by their offsets: whole tables, blocks of fenced code and lists, and what stands between."""
    parts: list[tuple[Kind, int, int]] = []
    lines = text.split("\n")
    offsets = [0, *accumulate(len(line) + 1 for line in lines)]
    start = place = 0

    def add(kind: Kind, first: int, last: int) -> None:
        if any(line.strip() for line in lines[first:last]):
            parts.append((kind, offsets[first], offsets[last] - 1))

    while place < len(lines):
        kind, end = _block(lines, place)
        if kind == "prose":
            place += 1
            continue
        add("prose", start, place)
        add(kind, place, end)
        start = place = end
    add("prose", start, len(lines))
    return parts


def _block(lines: Sequence[str], place: int) -> tuple[Kind, int]:
    """What begins at a line, and the line after it."""
    end = place + 1
    if fence := FENCE.match(lines[place]):
        while end < len(lines) and not lines[end].strip().startswith(fence[1]):
            end += 1
        return "code", min(end + 1, len(lines))
    if _ROW.match(lines[place]) and end < len(lines) and _RULE.match(lines[end]):
        while end < len(lines) and _ROW.match(lines[end]):
            end += 1
        return "table", end
    if _ITEM.match(lines[place]):
        while end < len(lines) and (_ITEM.match(lines[end]) or lines[end].startswith("  ")):
            end += 1
        return "list", end
    return "prose", end


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
