"""One sheet of a workbook, row by row: filled cells, what is merged, and what has no value to show.

Rows are read from the parser's events and none is kept that is empty: a million formatted ones cost time, no memory.
"""

import math
import re
import zipfile
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from hybrid.corpus.readers.archive import refuse_text_above
from hybrid.corpus.readers.content import UnreadableError
from hybrid.corpus.readers.decoding import storable
from hybrid.types import Scalar

Cells = dict[int, Scalar]
_NAMESPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ROW, _CELL, _MERGE, _FORMULA = (f"{_NAMESPACE}{name}" for name in ("row", "c", "mergeCell", "f"))
_PERCENT = re.compile(r'^(?:[^"%]|"[^"]*")*%')
_MOST_ROWS = 1_048_576
_MOST_MERGES = 10_000
_MOST_FILLED = 200_000
"""Cells of a sheet that get the value of the merged one above them."""
_CELL_LENGTH = 10
"""Characters that a filled cell counts as at least, that a sheet of numbers has its limit too."""


@dataclass
class Sheet:
    """`rows`: number and cells by column, both from 1; of merged cells down a column each row has the value. `spans`:
    of merged cells along a row, row, first and last column. `without_value`: formulas that nothing has computed."""

    rows: list[tuple[int, Cells]] = field(default_factory=list)
    spans: list[tuple[int, int, int]] = field(default_factory=list)
    without_value: int = 0
    errors: int = 0


def read_sheet(archive: zipfile.ZipFile, worksheet: Any, max_bytes: int) -> Sheet:
    """All filled rows of openpyxl's read-only `worksheet`. Raises what lxml and openpyxl raise for a broken one, and
    `UnreadableError` where its cells are more than `max_bytes` of text."""
    sheet = Sheet()
    merges: list[tuple[int, int, int, int]] = []
    decoder = _Decoder(worksheet)
    cells: Cells = {}
    length = num_rows = 0
    # openpyxl's own loop keeps every formatted row: 322 MB and twice the time for a million of them
    with archive.open(worksheet._worksheet_path) as stream:
        for element in _elements(stream):
            if element.tag == _CELL:
                length += decoder.add(element, cells, sheet)
                refuse_text_above(length, max_bytes)
            elif element.tag == _MERGE:
                if len(merges) < _MOST_MERGES:
                    merges.append(_bounds(element.get("ref", "")))
            else:
                number = decoder.end_row(element)
                num_rows += 1
                if num_rows > _MOST_ROWS:
                    raise UnreadableError("a sheet of more rows than a spreadsheet program opens")
                if cells:
                    sheet.rows.append((number, cells))
                    cells = {}
    sheet.rows.sort(key=lambda row: row[0])
    _spread(sheet, merges)
    return sheet


def _elements(stream: Any) -> Iterator[Any]:
    """Ends of cells, rows and merged ranges; what was given out is forgotten."""
    from lxml import etree

    wanted = (_CELL, _ROW, _MERGE)
    for _, element in etree.iterparse(stream, tag=wanted, resolve_entities=False, no_network=True):
        yield element
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]


class _Decoder:
    """Cells to texts, numbers and truth values; dates and times are ISO text, percentages text with their sign."""

    def __init__(self, worksheet: Any) -> None:
        from openpyxl.worksheet._reader import WorkSheetParser

        book = worksheet.parent
        self._parser: Any = WorkSheetParser(
            None,
            worksheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        self._percent = _percent_styles(book)

    def add(self, element: Any, cells: Cells, sheet: Sheet) -> int:
        """A cell to those of its row, and the characters that it counts as: many may share one long text."""
        if not len(element):
            # one that has its place changes nothing, one without counts
            self._parser.col_counter += 1
            return 0
        found = self._parser.parse_cell(element)
        value = found["value"]
        if value is None or value == "":
            # of a text that is empty the formula is computed
            sheet.without_value += element.find(_FORMULA) is not None and element.get("t") != "str"
        elif found["data_type"] == "e":
            sheet.errors += 1
        elif (shown := self._shown(value, found["style_id"])) != "":
            cells[found["column"]] = shown
            return max(_CELL_LENGTH, len(shown) if isinstance(shown, str) else 0)
        return 0

    def end_row(self, element: Any) -> int:
        """The number of the row that ends."""
        number = element.get("r")
        self._parser.row_counter = int(number) if number else self._parser.row_counter + 1
        self._parser.col_counter = 0
        return int(self._parser.row_counter)

    def _shown(self, value: Any, style: int) -> Scalar:
        if isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            if not math.isfinite(value):
                return ""
            return f"{value * 100:.15g}%" if style in self._percent else _number(value)
        return _date(value) if isinstance(value, date | time) else " ".join(storable(str(value)).split())


def _number(value: float) -> Scalar:
    """A number with the fifteen digits that spreadsheets show; whole ones are integers."""
    if isinstance(value, int):
        return value if value.bit_length() <= 63 else str(value)
    shown = f"{value:.15g}"
    return int(value) if value.is_integer() and "e" not in shown else float(shown)


def _date(value: Any) -> str:
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, datetime | time):
        value = value.replace(microsecond=0)
        return str(value.isoformat(timespec="auto" if value.second else "minutes"))
    return str(value.isoformat())


def _percent_styles(book: Any) -> set[int]:
    from openpyxl.styles.numbers import BUILTIN_FORMATS, BUILTIN_FORMATS_MAX_SIZE

    found = set()
    for index, style in enumerate(book._cell_styles):
        number = style.numFmtId
        own = number - BUILTIN_FORMATS_MAX_SIZE
        custom = book._number_formats[own] if 0 <= own < len(book._number_formats) else ""
        if _PERCENT.match(BUILTIN_FORMATS.get(number, custom)):
            found.add(index)
    return found


def _bounds(reference: str) -> tuple[int, int, int, int]:
    """First column, first row, last column, last row."""
    from openpyxl.utils import range_boundaries

    left, top, right, bottom = range_boundaries(reference)
    return int(left), int(top), int(right), int(bottom)


def _spread(sheet: Sheet, merges: list[tuple[int, int, int, int]]) -> None:
    """The value of cells that are merged down a column to every filled row that they cover."""
    numbers = [number for number, _ in sheet.rows]
    filled = 0
    for left, top, right, bottom in merges:
        if right > left:
            sheet.spans.append((top, left, right))
        first = bisect_left(numbers, top)
        if bottom <= top or first >= len(numbers) or numbers[first] != top or left not in sheet.rows[first][1]:
            continue
        value = sheet.rows[first][1][left]
        for place in range(first + 1, len(numbers)):
            if numbers[place] > bottom or filled >= _MOST_FILLED:
                break
            sheet.rows[place][1].setdefault(left, value)
            filled += 1
