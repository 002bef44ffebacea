"""CSV and TSV: every row a record `key: value | key: value`, the keys from the header row."""

import csv
import io
import re
from contextlib import suppress
from typing import Any

from hybrid.corpus.readers.archive import refuse_text_above
from hybrid.corpus.readers.content import Content, UnreadableError
from hybrid.corpus.readers.decoding import Notes, decode

_DELIMITERS = ",;\t|"
_NONE = "\x1f"
"""Delimiter of a file with one column: a control character, which no text has."""
_SAMPLE = 20_000
"""Characters by which the delimiter is told."""
_EXCEL = re.compile(r"\"?sep=([^\n])\"?[ \t]*\n", re.IGNORECASE)
"""A first line that names the delimiter."""
_MOST_NOTES = 20
_MOST_AGAIN = 20
"""Times that the lines of a file are read once more because of quotes that never end."""
_LONGEST_NAME = 100
"""Characters of a column's name, which stands in every row."""
_MOST_TIMES = 4
"""Times the limit of a file that its rows may be long, with the names of their columns."""
_LONGEST_FIELD = 200
"""Characters of a value from which on it is text to search and no field to filter by."""
_COMMENTS = re.compile(r"(?:[ \t]*(?:#.*)?\n)+")
"""Lines before the header that are empty or begin with `#`."""


def read_delimited(data: bytes, max_bytes: int = 50_000_000, *, delimiter: str = "") -> Content:
    """Without `delimiter` it is found by CleverCSV, and told where another one would fit as well. Empty values are left
    out, rows of another length are skipped and listed; short values are metadata of their row too. Raises
    `UnreadableError` where the first row is no header, and where names of columns make the text too long."""
    text, notes = decode(data)
    comments = _COMMENTS.match(text)
    before = text.count("\n", 0, comments.end()) if comments else 0
    text = text[comments.end() :] if comments else text
    if named := _EXCEL.match(text):
        before += 1
        text = text[named.end() :]
        delimiter = named[1]
    elif not delimiter:
        delimiter, told = _delimiter(text)
        notes += told
    lines = list(io.StringIO(text))
    start = again = 0

    def reader() -> Any:
        # Python's own limit of 128 KiB a field stays: an unclosed quote is given up after as much
        return csv.reader((lines[place] for place in range(start, len(lines))), delimiter=delimiter, strict=True)

    rows = reader()
    keys: list[str] = []
    records: list[str] = []
    fields: list[dict[str, str]] = []
    marks: list[tuple[int, str]] = []
    bad: list[tuple[int, str]] = []
    length = 0
    while True:
        place = start + rows.line_num
        line = before + place + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            if not keys:
                raise UnreadableError(f"line {line} is no header row: {error}") from None
            bad.append((line, f"skipped, {error}"))
            # what a quote that never ends has swallowed are rows of their own
            again += start + rows.line_num - place - 1
            if again > _MOST_AGAIN * len(lines):
                raise UnreadableError("too many quotes that never end") from None
            start = place + 1
            rows = reader()
            continue
        if row is None:
            break
        values = [" ".join(value.split()) for value in row]
        if not any(values):
            continue
        if not keys:
            keys = _header(values, line)
        elif len(values) != len(keys):
            bad.append((line, f"skipped, {len(values)} fields under a header of {len(keys)}"))
        else:
            filled = {key: value for key, value in zip(keys, values, strict=True) if value}
            record = " | ".join(f"{key}: {value}" for key, value in filled.items())
            marks.append((length, f":{line}"))
            records.append(record)
            fields.append({key: value for key, value in filled.items() if len(value) <= _LONGEST_FIELD})
            length += len(record) + 2
            refuse_text_above(length, _MOST_TIMES * max_bytes)
    if bad and not records:
        raise UnreadableError(f"no row fits the header of {len(keys)} columns")
    if len(bad) > _MOST_NOTES:
        bad = [*bad[:_MOST_NOTES], (0, f"{len(bad) - _MOST_NOTES} more rows skipped")]
    told = (*notes, *bad)
    return Content("\n\n".join(records), marks=tuple(marks), records=True, notes=told, record_metadata=tuple(fields))


def _delimiter(text: str) -> tuple[str, Notes]:
    """The delimiter by the beginning of the text, and a note where another one parts each row alike."""
    from clevercsv.detect import Detector

    sample = text if len(text) <= _SAMPLE else text[: text.rfind("\n", 0, _SAMPLE) + 1 or _SAMPLE]
    widths = {one: _widths(sample, one) for one in _DELIMITERS}
    # what the header row does not have parts no columns
    possible = [one for one in _DELIMITERS if widths[one][:1] > [1]]
    if len(possible) <= 1:
        is_column = not possible and any(widths.values())
        return _NONE if is_column else (possible or [","])[0], ()
    found = Detector().detect(sample, delimiters=possible)
    taken = str(found.delimiter) if found is not None and found.delimiter else possible[0]
    others = [one for one in possible if one != taken and len(set(widths[one])) == 1]
    note = f"its columns are taken to end at {taken!r}, though {' or '.join(map(repr, others))} would fit too"
    return taken, ((0, note),) if others or found is None else ()


def _widths(sample: str, delimiter: str) -> list[int]:
    """Numbers of fields of the rows, up to the first that this delimiter makes no row."""
    widths: list[int] = []
    with suppress(csv.Error):
        widths.extend(len(row) for row in csv.reader(io.StringIO(sample), delimiter=delimiter, strict=True) if row)
    return widths


def _header(values: list[str], line: int) -> list[str]:
    """Names of the columns. The first or the last may have none: programs write the numbers of rows without one, and a
    delimiter at the end of each line."""
    names = list(values)
    if len(names) > 1 and not names[0]:
        names[0] = next(name for name in ("index", "row", "column 1") if name not in names)
    if len(names) > 2 and not names[-1]:
        names[-1] = f"column {len(names)}"
    names = [
        name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}… ({number})"
        for number, name in enumerate(names, start=1)
    ]
    if not all(names) or len(set(names)) < len(names) or any(map(_is_number, names)):
        raise UnreadableError(f"line {line} is no header row: give every column a name of its own")
    return names


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True
