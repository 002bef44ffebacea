"""Tables of AsciiDoc: cells with their spans, in rows, as a Markdown table."""

import csv
import re
from collections.abc import Callable, Mapping, Sequence

from hybrid.corpus.markdown_blocks import table

_CELL = re.compile(
    r"(?:(?<=\s)|^)(?:(?P<across>\d{1,4})?(?:\.(?P<down>\d{1,4}))?(?P<kind>[+*]))?[<^>]?(?:\.[<^>])?[aehlmsdv]?\|"
    r"|(?<!\\)\|",
    re.MULTILINE,
)
_COLUMN = re.compile(r"^\s*(?:(\d{1,3})\*)?")
_MOST_COLUMNS = 200
_LONGEST_SPREAD = 200
"""Characters of a cell that is repeated in each row that it spans."""


def markdown_table(
    lines: Sequence[str], attributes: Mapping[str, str], delimiter: str, inline: Callable[[str], str]
) -> str:
    """`delimiter` is the first letter of the line that opens the table. A cell that spans rows has its text in each of
    them, one that spans columns in the first."""
    shape = attributes.get("format", {",": "csv", ":": "dsv"}.get(delimiter, "psv"))
    if shape in ("csv", "tsv", "dsv"):
        separator = attributes.get("separator", {"csv": ",", "tsv": "\t", "dsv": ":"}[shape])
        rows = [row for row in csv.reader([line for line in lines if line.strip()], delimiter=separator[:1]) if row]
    else:
        rows = _rows(lines, _columns(attributes.get("cols", "")))
    shown = [[inline(" ".join(cell.split())) for cell in row] for row in rows]
    return table(shown, header=len(shown) > 1 and _has_header(lines, attributes))


def _columns(cols: str) -> int:
    """How many columns `cols` names; 0 where it names none."""
    parts = [part for part in re.split(r"[,;]", cols) if part.strip()]
    found = (_COLUMN.match(part) for part in parts)
    return min(sum(int(one[1]) if one and one[1] else 1 for one in found), _MOST_COLUMNS)


def _has_header(lines: Sequence[str], attributes: Mapping[str, str]) -> bool:
    options = f"{attributes.get('options', '')},{attributes.get('opts', '')}"
    if "noheader" in options:
        return False
    # a first line that an empty one follows is a header of itself
    return "header" in options or (len(lines) > 2 and bool(lines[0].strip()) and not lines[1].strip())


def _rows(lines: Sequence[str], width: int) -> list[list[str]]:
    text = "\n".join(lines)
    found = list(_CELL.finditer(text))
    if not found:
        return []
    if not width:
        first = next(line for line in lines if line.strip())
        width = min(sum(_times(cell) * _across(cell) for cell in _CELL.finditer(first)), _MOST_COLUMNS) or 1
    rows: list[list[str]] = []
    row: dict[int, str] = {}
    below: dict[int, tuple[int, str]] = {}
    column = 0

    def end_row() -> None:
        nonlocal row, column
        # one that ends early is filled up with the table
        rows.append([row.get(place, "") for place in range(max(row, default=-1) + 1)])
        row, column = {}, 0
        if len(rows) > len(found):
            # few cells may claim to span any number of rows
            below.clear()

    def fill_from_above() -> None:
        nonlocal column
        while column in below:
            left, above = below.pop(column)
            row[column] = above
            if left > 1:
                below[column] = (left - 1, above)
            column += 1

    for cell, following in zip(found, [*found[1:], None], strict=True):
        content = text[cell.end() : following.start() if following else len(text)].replace("\\|", "|").strip()
        for _ in range(min(_times(cell), width)):
            fill_from_above()
            while column >= width:
                end_row()
                fill_from_above()
            row[column] = content
            last = min(column + _across(cell), width)
            if _down(cell) > 1:
                spread = content if len(content) <= _LONGEST_SPREAD else ""
                below.update(
                    {place: (_down(cell) - 1, spread if place == column else "") for place in range(column, last)}
                )
            column = last
    if row:
        end_row()
    return rows


def _times(cell: re.Match[str]) -> int:
    return int(cell["across"] or 1) if cell["kind"] == "*" else 1


def _across(cell: re.Match[str]) -> int:
    return max(int(cell["across"] or 1), 1) if cell["kind"] == "+" else 1


def _down(cell: re.Match[str]) -> int:
    return int(cell["down"] or 1) if cell["kind"] == "+" else 1
