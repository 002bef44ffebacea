"""A file to its content as plain JSON, by the reader of its format. It imports little: workers begin with it."""

import hashlib
import os
import re
import stat
from collections.abc import Callable
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from hybrid.corpus.metadata import from_json, told_dropped, within_bounds
from hybrid.corpus.readers.content import Content, UnreadableError, short_title
from hybrid.types import Document

if TYPE_CHECKING:
    from hybrid.corpus.readers.html import Layout

HTML = (".html", ".htm", ".xhtml")
_HEADING = re.compile(r"^(#{1,6})[^\S\n]+(\S.*)$", re.MULTILINE)


class Limits(NamedTuple):
    """What readers are told beside the bytes: `max_bytes` of what a file unpacks to, and how web pages are written."""

    max_bytes: int
    html_layout: "Layout"


def _reader(name: str) -> Callable[..., Content]:
    """`read_NAME` of the module of that name, imported when a file wants it."""
    found: Callable[..., Content] = getattr(import_module(f"hybrid.corpus.readers.{name}"), f"read_{name}")
    return found


READERS: dict[str, Callable[[bytes, Limits], Content]] = {
    ".md": lambda data, _: _reader("markdown")(data),
    ".markdown": lambda data, _: _reader("markdown")(data),
    ".mdx": lambda data, _: _reader("mdx")(data),
    ".txt": lambda data, _: _reader("plain")(data),
    ".rst": lambda data, _: _reader("restructured")(data),
    **dict.fromkeys((".adoc", ".asciidoc"), lambda data, _: _reader("asciidoc")(data)),
    ".ipynb": lambda data, _: _reader("notebook")(data),
    **dict.fromkeys(HTML, lambda data, limits: _reader("html")(data, limits.html_layout)),
    ".pdf": lambda data, _: _reader("pdf")(data),
    ".docx": lambda data, limits: _reader("word")(data, limits.max_bytes),
    **dict.fromkeys((".xlsx", ".xlsm"), lambda data, limits: _reader("workbook")(data, limits.max_bytes)),
    **dict.fromkeys((".pptx", ".pptm"), lambda data, limits: _reader("slides")(data, limits.max_bytes)),
    ".epub": lambda data, limits: _reader("epub")(data, limits.max_bytes, limits.html_layout),
    ".eml": lambda data, limits: _reader("mail")(data, limits.html_layout),
    ".csv": lambda data, limits: _reader("delimited")(data, limits.max_bytes),
    ".tsv": lambda data, limits: _reader("delimited")(data, limits.max_bytes, delimiter="\t"),
}


def read_file(path: str, suffix: str, digest: str, limits: Limits) -> dict[str, Any]:
    """`read`: the fields of the content, or the reason why it has none; or `unopened`: why there are no bytes.

    `digest` is the SHA-256 that the file had when its reading was decided.
    """
    try:
        data = _read_bytes(Path(path), limits.max_bytes)
    except OSError as error:
        return {"unopened": error.strerror or str(error)}
    if hashlib.sha256(data).hexdigest() != digest:
        return {"unopened": "it changes while it is read"}
    return {"read": _read(data, suffix, limits)}


def content_of(found: Any) -> Content | str:
    """What `read_file` found, from JSON: the content, or the reason why there is none."""
    if isinstance(found, str):
        return found
    # sections came later: what an earlier release stored has none
    text, title, marks, records, notes, metadata, record_metadata, *sections = found
    return Content(
        text,
        title,
        tuple((o, m) for o, m in marks),
        records,
        tuple((n, t) for n, t in notes),
        from_json(metadata),
        tuple(map(from_json, record_metadata)),
        tuple(sections[0]) if sections else (),
    )


def document_of(source: str, suffix: str, content: Content, text: str) -> Document:
    """The document of a file: `text` is that of its content, or what is kept of it."""
    return Document(
        source, text, source, content.title or title_of_name(source), suffix, content.marks, content.records,
        content.metadata, content.record_metadata, content.record_sections,
    )  # fmt: skip


def title_of_name(source: str) -> str:
    """The title of a file that has none of its own."""
    name = PurePosixPath(PurePosixPath(source).stem)
    # of page.rst.inc
    stem = name.stem if name.suffix.lower() in READERS else name.name
    return stem.replace("-", " ").replace("_", " ")


def _read(data: bytes, suffix: str, limits: Limits) -> Any:
    from hybrid.corpus.lost_text import loss_notes

    try:
        content = READERS[suffix](data, limits)
    except UnreadableError as error:
        return str(error)
    except MemoryError:
        raise
    except Exception as error:  # whatever a broken PDF or DOCX makes its library raise
        return f"unreadable: {type(error).__name__}: {str(error)[:80]}"
    if not content.text.strip():
        return "no text in it"
    # of a sheet "#" is the name of a column
    title = short_title(content.title or ("" if content.record_sections else _title(content.text)))
    metadata, dropped = within_bounds(content.metadata)
    of_records = [within_bounds(fields) for fields in content.record_metadata]
    told = told_dropped(dropped + max((num for _, num in of_records), default=0))
    notes = (*content.notes, *((0, note) for note in told), *loss_notes(suffix, data, content))
    sections = [content.record_sections] if content.record_sections else []
    return [
        content.text, title, content.marks, content.records, notes, metadata, [fields for fields, _ in of_records],
        *sections,
    ]  # fmt: skip


def _read_bytes(path: Path, limit: int) -> bytes:
    """A regular file of at most `limit` bytes. Raises `OSError` for a link, and for anything that is none by now."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(f"{path}: no regular file")
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise OSError(f"{path}: grew while it was read")
    return data


def _title(text: str) -> str:
    """The first heading of the first level outside code; without one, the first heading where it is above all others;
    "" elsewhere.
    """
    from hybrid.corpus.readers.markdown import CODE

    # a comment in code looks like a heading
    outside = CODE.sub(lambda code: "" if code["fence"] else code[0], text)
    headings: list[tuple[int, str]] = [(len(marks), name.strip()) for marks, name in _HEADING.findall(outside)]
    first = next((name for level, name in headings if level == 1), "")
    if not first and headings and all(level > headings[0][0] for level, _ in headings[1:]):
        return headings[0][1]
    return first
