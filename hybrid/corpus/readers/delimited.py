"""CSV and TSV: every row a record `key: value | key: value`, the keys from the header row."""

import csv
import io
import re
from typing import Any

from hybrid.corpus.readers.content import Content, UnreadableError
from hybrid.corpus.readers.decoding import decode

_DELIMITERS = ",;\t|"
_MOST_NOTES = 20
_MOST_AGAIN = 20
"""Times that the lines of a file are read once more because of quotes that never end."""
_LONGEST_FIELD = 200
"""Characters of a value from which on it is text to search and no field to filter by."""
_COMMENTS = re.compile(r"(?:[ \t]*(?:#.*)?\n)+")
"""Lines before the header that are empty or begin with `#`."""


def read_delimited(data: bytes, *, delimiter: str = "") -> Content:
    """Without `delimiter` it is the one that the header row has most of. Empty values are left out, rows of another
    length are skipped and listed; short values are metadata of their row too. Raises `UnreadableError` where the first
    row is no header."""
    text, notes = decode(data)
    comments = _COMMENTS.match(text)
    before = text.count("\n", 0, comments.end()) if comments else 0
    text = text[comments.end() :] if comments else text
    first = text.partition("\n")[0]
    delimiter = delimiter or max(_DELIMITERS, key=first.count)
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
    if bad and not records:
        raise UnreadableError(f"no row fits the header of {len(keys)} columns")
    if len(bad) > _MOST_NOTES:
        bad = [*bad[:_MOST_NOTES], (0, f"{len(bad) - _MOST_NOTES} more rows skipped")]
    told = (*notes, *bad)
    return Content("\n\n".join(records), marks=tuple(marks), records=True, notes=told, record_metadata=tuple(fields))


def _header(values: list[str], line: int) -> list[str]:
    if not all(values) or len(set(values)) < len(values) or any(_is_number(value) for value in values):
        raise UnreadableError(f"line {line} is no header row: give every column a name of its own")
    return values


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True
