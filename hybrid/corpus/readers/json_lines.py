"""JSONL: every line a document with an id; a line that is too long or nested too deeply is skipped."""

from collections.abc import Iterator

from hybrid.controls import has_controls
from hybrid.corpus.metadata import read_metadata, told_dropped, within_bounds
from hybrid.corpus.readers.content import short_title
from hybrid.corpus.readers.decoding import storable
from hybrid.corpus.walk import SourceFile
from hybrid.jsonl import field as json_field
from hybrid.jsonl import read_jsonl
from hybrid.types import Document


def read_records(file: SourceFile, max_line_bytes: int, notes: list[str]) -> Iterator[Document]:
    """Documents in order; what is skipped joins `notes`. Raises `InputError` for a malformed line."""

    def skip(line: int, reason: str) -> None:
        notes.append(f"{file.source}:{line}: skipped, {reason}")

    for line, record in read_jsonl(file.path, max_line_bytes=max_line_bytes, skip=skip, mended=True):
        identity = json_field(file.path, line, record, "id", str)
        text = json_field(file.path, line, record, "text", str)
        title = json_field(file.path, line, record, "title", str, "")
        if has_controls(identity):
            skip(line, "its id holds characters that are no text")
            continue
        metadata, dropped = within_bounds(read_metadata(file.path, line, record))
        notes += [f"{file.source}:{line}: {told}" for told in told_dropped(dropped)]
        source = f"{file.source}:{line}"
        yield Document(identity, storable(text), source, short_title(storable(title)), file.format, metadata=metadata)
