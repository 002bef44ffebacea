"""Tables in Markdown: written from rows, found in text, cut between rows."""

import re
from collections.abc import Sequence
from itertools import accumulate

_ROW = re.compile(r"^\s*\|.*\|\s*$")
_RULE = re.compile(r"^\s*\|(?:\s*:?-+:?\s*\|)+\s*$")


def table(rows: Sequence[Sequence[str]], *, header: bool = True) -> str:
    """Rows as a Markdown table; without `header` the header cells are empty. Short rows are filled up."""
    width = max((len(row) for row in rows), default=0)
    if not width:
        return ""
    filled = [[_cell(text) for text in row] + [""] * (width - len(row)) for row in rows]
    head, body = (filled[0], filled[1:]) if header else ([""] * width, filled)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * width, *body))


def split_tables(text: str) -> list[tuple[bool, int, int]]:
    """The text in parts by their offsets, each a whole Markdown table (True) or what stands between tables."""
    parts: list[tuple[bool, int, int]] = []
    lines = text.split("\n")
    offsets = [0, *accumulate(len(line) + 1 for line in lines)]
    start = place = 0

    def add(is_table: bool, first: int, last: int) -> None:
        if any(line.strip() for line in lines[first:last]):
            parts.append((is_table, offsets[first], offsets[last] - 1))

    while place < len(lines):
        if _ROW.match(lines[place]) and place + 1 < len(lines) and _RULE.match(lines[place + 1]):
            end = place + 2
            while end < len(lines) and _ROW.match(lines[end]):
                end += 1
            add(False, start, place)
            add(True, place, end)
            start = place = end
        else:
            place += 1
    add(False, start, len(lines))
    return parts


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
