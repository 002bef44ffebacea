"""XLSX: every sheet a section, every row a record `column: value | column: value`, the columns from its header row.

Formulas are never computed: what a spreadsheet program has stored as their values is read.
"""

import io
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hybrid.corpus.readers.archive import open_office, refuse_text_above
from hybrid.corpus.readers.content import Content, UnreadableError, short_title
from hybrid.corpus.readers.sheet import Cells, Sheet, read_sheet
from hybrid.types import MetadataValue, Scalar

_HEADER_WITHIN = 20
"""Filled rows among which the header is looked for: titles and notes stand above it."""
_LONGEST_NAME = 100
_MOST_COVERED = 100
"""Columns that one name is given to."""
_LONGEST_FIELD = 200
"""Characters of a value from which on it is text to search and no field to filter by."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_YEAR = re.compile(r"(?:19|20)\d\d")
_NUMBER = re.compile(r"[-+]?[\d.,\s]*\d[\d.,\s]*%?")


@dataclass
class _Records:
    texts: list[str] = field(default_factory=list)
    marks: list[tuple[int, str]] = field(default_factory=list)
    fields: list[Mapping[str, MetadataValue]] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)
    length: int = 0

    def add(self, text: str, section: str, row: int, fields: Mapping[str, MetadataValue]) -> None:
        self.marks.append((self.length, f"#sheet={section}:{row}"))
        self.texts.append(text)
        self.fields.append(fields)
        self.sections.append(section)
        self.length += len(text) + 2


def read_workbook(data: bytes, max_bytes: int) -> Content:
    """Sheets that are hidden, formulas without a value and cells with errors are left out and told.

    Raises `UnreadableError` where the file unpacks to more than its limit, has a password or no sheet.
    """
    import openpyxl

    archive = open_office(data, max_bytes, streamed="xl/worksheets/")
    records = _Records()
    notes: list[tuple[int, str]] = []
    hidden: list[str] = []
    with warnings.catch_warnings():
        # of styles and extensions that openpyxl cannot write back
        warnings.simplefilter("ignore")
        try:
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        except (ValueError, KeyError, OSError, SyntaxError) as error:
            kind = type(error.__cause__ or error).__name__
            raise UnreadableError(
                f"no workbook that openpyxl reads ({kind}): open it in a spreadsheet program and save it as .xlsx"
            ) from None
        # a broken file may name one sheet a million times
        sheets = {worksheet._worksheet_path: worksheet for worksheet in reversed(book.worksheets)}
        for worksheet in reversed(sheets.values()):
            name = short_title(" ".join(worksheet.title.split()))
            if worksheet.sheet_state != "visible":
                hidden.append(name)
                continue
            sheet = read_sheet(archive, worksheet, max_bytes)
            notes += [(0, f"sheet {name!r}: {told}") for told in _told(sheet)]
            _add(records, name, sheet, max_bytes)
    if not book.worksheets:
        raise UnreadableError("no sheet in it that openpyxl reads: save it as an ordinary .xlsx")
    if hidden:
        notes.append((0, f"hidden sheets are left out: {', '.join(map(repr, hidden[:5]))}"))
    if hidden and not records.texts:
        raise UnreadableError("no text in it but in hidden sheets")
    return Content(
        "\n\n".join(records.texts),
        marks=tuple(records.marks),
        records=True,
        notes=tuple(notes),
        record_metadata=tuple(records.fields),
        record_sections=tuple(records.sections),
    )


def _told(sheet: Sheet) -> Iterator[str]:
    if sheet.without_value:
        yield (
            f"{sheet.without_value} formulas have no stored value: open the file in a spreadsheet program and save it"
        )
    if sheet.errors:
        yield f"{sheet.errors} cells with errors (as #N/A) are left out"


def _add(records: _Records, section: str, sheet: Sheet, max_bytes: int) -> None:
    place = _header_place(sheet)
    names, has_groups = _names(sheet, place) if place is not None else ({}, False)
    above = sheet.rows[: place - has_groups] if place is not None else []
    if above:
        # a title and what belongs to it is one record
        records.add("\n".join(_row(cells, {}) for _, cells in above), section, above[0][0], {})
    for number, cells in sheet.rows[0 if place is None else place + 1 :]:
        fields = {names[column]: value for column, value in cells.items() if column in names and _is_field(value)}
        records.add(_row(cells, names), section, number, fields)
        refuse_text_above(records.length, max_bytes)


def _row(cells: Cells, names: Mapping[int, str]) -> str:
    filled = sorted(cells.items())
    return " | ".join(
        f"{names[column]}: {_text(value)}" if column in names else _text(value) for column, value in filled
    )


def _header_place(sheet: Sheet) -> int | None:
    """Of the row that names the columns, None where none does.

    It is the first that fills at least half of the columns, where it holds names only and no cell merged over several
    columns; a row of names with such cells counts where no row of names follows.
    """
    first = sheet.rows[:_HEADER_WITHIN]
    width = max((len(cells) for _, cells in first), default=0)
    grouped = None
    for place, (number, cells) in enumerate(first[:-1] if len(first) == len(sheet.rows) else first):
        if len(cells) < 2 or 2 * len(cells) < width:
            continue
        if not _are_names(list(cells.values())):
            return grouped
        if not any(row == number for row, _, _ in sheet.spans):
            return place
        if grouped is not None:
            return grouped
        grouped = place
    return grouped


def _are_names(values: Sequence[Scalar]) -> bool:
    """Texts, and years or dates among them."""
    texts = [value for value in values if isinstance(value, str) and not _NUMBER.fullmatch(value)]
    rest = [str(value) for value in values if value not in texts]
    return (
        any(not _DATE.match(text) for text in texts)
        and all(len(text) <= _LONGEST_NAME for text in texts)
        and all(map(_YEAR.fullmatch, rest))
    )


def _names(sheet: Sheet, place: int) -> tuple[dict[int, str], bool]:
    """Of the columns, and whether the row above is part of them: what is merged over several columns there stands
    before the names of each. Equal names get the letter of their column."""
    from openpyxl.utils import get_column_letter

    number, cells = sheet.rows[place]
    names = {column: _text(value) for column, value in cells.items()}
    names.update(_spread(sheet, number, names))
    has_groups = False
    if place and sheet.rows[place - 1][0] == number - 1:
        above = {column: _text(value) for column, value in sheet.rows[place - 1][1].items()}
        groups = _spread(sheet, number - 1, above)
        # what is merged over all columns is a title
        has_groups = bool(groups) and len(above) > 1
        if has_groups:
            names = {column: f"{groups[column]} {name}" if column in groups else name for column, name in names.items()}
            names = {**above, **names}
    counts = Counter(names.values())
    unique = {
        column: f"{name} ({get_column_letter(column)})" if counts[name] > 1 else name for column, name in names.items()
    }
    return unique, has_groups


def _spread(sheet: Sheet, number: int, names: Mapping[int, str]) -> dict[int, str]:
    """The name of cells that are merged along a row for each column that they cover."""
    return {
        column: names[left]
        for row, left, right in sheet.spans
        if row == number and left in names
        for column in range(left, min(right, left + _MOST_COVERED) + 1)
    }


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_field(value: Scalar) -> bool:
    return not isinstance(value, str) or len(value) <= _LONGEST_FIELD
