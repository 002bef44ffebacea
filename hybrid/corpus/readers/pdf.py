"""PDF: the text of all pages with wrapped lines joined; numbered short lines become headings; pages are known."""

import io
import re
from itertools import accumulate

from hybrid.corpus.readers.content import Content, UnreadableError
from hybrid.corpus.readers.decoding import storable

_NUMBERED_HEADING = re.compile(r"^\d+(?:\.\d+)*\.?\s+[A-Z][^.!?:;]{2,70}$")
_LONGEST_TITLE = 120
_PAGE = "\f"
"""Stands at the first text of a page until the text is whole and its offset is known."""


def read_pdf(data: bytes) -> Content:
    """Raises `UnreadableError` for an encrypted file and one without text."""
    from pypdf import PdfReader
    from pypdf.errors import DependencyError

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted:
        try:
            opened = reader.decrypt("")
        except (DependencyError, NotImplementedError):
            opened = None
        if not opened:
            raise UnreadableError("encrypted: save it without a password")
    blocks: list[list[str]] = []
    pages: list[int] = []
    seen: set[int] = set()
    for number, page in enumerate(reader.pages, start=1):
        place = page.indirect_reference
        if place is not None and place.idnum in seen:
            # a broken file may name one page a million times
            continue
        seen.add(place.idnum if place is not None else -number)
        mark = _PAGE
        for line in (raw.strip() for raw in storable(page.extract_text()).splitlines()):
            if line:
                _add(blocks, line.replace(_PAGE, " "), mark)
                if mark:
                    pages.append(number)
                mark = ""
            else:
                blocks.append([])
    if not pages:
        raise UnreadableError("no text in it: a scan needs character recognition first")
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(map(" ".join, blocks))).strip("\n ")
    parts = text.split(_PAGE)
    offsets = accumulate(len(part) for part in parts[:-1])
    marks = tuple((offset, f"#page={number}") for offset, number in zip(offsets, pages, strict=True))
    return Content("".join(parts), marks=marks)


def _add(blocks: list[list[str]], line: str, mark: str) -> None:
    """A line to its block: a paragraph's lines are joined when all are there."""
    last = blocks[-1] if blocks else []
    if _NUMBERED_HEADING.match(line):
        blocks.extend([[], [f"{mark}## {line}"], []])
    elif last and not last[0].lstrip(_PAGE).startswith("#"):
        last.append(f"{mark}{line}")
    elif not any(blocks) and len(line) <= _LONGEST_TITLE:
        blocks.extend([[f"{mark}# {line}"], []])
    else:
        blocks.append([f"{mark}{line}"])
