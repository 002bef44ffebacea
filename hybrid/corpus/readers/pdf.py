"""PDF: the text of all pages with wrapped lines joined; numbered short lines become headings; pages are known."""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from statistics import median
from typing import Any

from hybrid.corpus.readers.content import Content, UnreadableError
from hybrid.corpus.readers.decoding import storable
from hybrid.corpus.readers.hyphens import join_lines, words_inside
from hybrid.corpus.readers.ocr import INSTALL, installed, recognise
from hybrid.corpus.readers.pdf_layout import notes_first, paragraphs, usual_pitch
from hybrid.corpus.readers.pdf_pieces import HYPHEN, Piece, read_pieces
from hybrid.corpus.readers.running_heads import without_running_heads

_NUMBERED_HEADING = re.compile(r"^\d+(?:\.\d+)*\.?\s+[A-Z][^.!?:;]{2,70}$")
_LONGEST_TITLE = 120
_PAGE = "\f"
"""Stands at the first text of a page until the text is whole and its offset is known."""
_FULL_LINE = 50
"""Letters of a line that ends because the page does."""
_UNFINISHED = re.compile(r"[^.!?:;。！？]$")


def read_pdf(data: bytes) -> Content:
    """Raises `UnreadableError` for an encrypted file and one without text."""
    import pypdfium2
    import pypdfium2.raw

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise UnreadableError("encrypted: save it without a password") from None
        raise
    try:
        return _content(*_read(document))
    finally:
        document.close()


def _read(document: Any) -> tuple[list[list[Piece]], int]:
    """The pieces of every page, and how many pages are pictures: these have pieces where their text is recognised."""
    pages: list[list[Piece]] = []
    pictures = 0
    for number in range(len(document)):
        page = document[number]
        pieces = read_pieces(page)
        if not pieces and _shows_something(page):
            pictures += 1
            if installed():
                pieces = recognise(page)
        pages.append(pieces)
        page.close()
    return pages, pictures


def _shows_something(page: Any) -> bool:
    """Whether a page without text has pictures, or letters whose meaning is lost."""
    import pypdfium2.raw as c

    return any(True for _ in page.get_objects(filter=[c.FPDF_PAGEOBJ_IMAGE, c.FPDF_PAGEOBJ_TEXT]))


def _content(pages: list[list[Piece]], pictures: int) -> Content:
    told = f"{pictures} of {len(pages)} pages are pictures without text"
    if not any(pages):
        way = "" if installed() else f": {INSTALL}, then run the same command again"
        raise UnreadableError(f"no text in it: {told}{way}" if pictures else "no text in it")
    notes: list[tuple[int, str]] = []
    if pictures and installed():
        notes.append((0, f"{told}: it was recognised by OCR, which may misread a word"))
    elif pictures:
        notes.append((0, f"{told}: {INSTALL}, then run the same command again"))
    pages, repeated = without_running_heads(pages)
    if repeated:
        notes.append(
            (0, f"{len(repeated)} lines that repeat at the edges of pages left out, first: {repeated[0][:60]!r}")
        )
    text, numbers = _text(pages)
    parts = text.split(_PAGE)
    offsets = accumulate(len(part) for part in parts[:-1])
    marks = tuple((offset, f"#page={number}") for offset, number in zip(offsets, numbers, strict=True))
    return Content("".join(parts), marks=marks, notes=tuple(notes))


def _text(pages: Sequence[Sequence[Piece]]) -> tuple[str, list[int]]:
    """All text with a mark where a page begins, and the numbers of these pages."""
    words = words_inside(piece.text for page in pages for piece in page)
    pitch = usual_pitch(pages)
    height = median(piece.height for page in pages for piece in page)
    blocks: list[list[str]] = []
    numbers: list[int] = []
    for number, pieces in enumerate(pages, start=1):
        mark = _PAGE
        for paragraph in paragraphs(notes_first(pieces, height), pitch):
            for lines in _parts([storable(line.replace(_PAGE, " ")) for line in paragraph]):
                if mark:
                    numbers.append(number)
                goes_on = bool(blocks) and _goes_on(blocks[-1], lines, new_page=bool(mark))
                lines[0] = mark + lines[0]
                mark = ""
                if goes_on:
                    blocks[-1] += lines
                elif not blocks and len(title := join_lines(lines, words)) <= _LONGEST_TITLE and not _is_set(lines):
                    blocks.append([f"{_PAGE}# {title.lstrip(_PAGE)}"])
                else:
                    blocks.append(lines)
    return "\n\n".join("\n".join(lines) if _is_set(lines) else join_lines(lines, words) for lines in blocks), numbers


def _parts(lines: list[str]) -> Iterator[list[str]]:
    """A paragraph, cut at the headings in it: a number in the midst of a sentence begins none."""
    part: list[str] = []
    for line in lines:
        if _NUMBERED_HEADING.match(line) and (not part or part[-1].endswith((".", "!", "?", ":"))):
            if part:
                yield part
            yield [f"## {line}"]
            part = []
        else:
            part.append(line)
    if part:
        yield part


def _is_set(lines: list[str]) -> bool:
    """Whether lines are a heading or the rows of a table, to which nothing is joined."""
    return lines[0].lstrip(_PAGE).startswith(("#", "| "))


def _goes_on(before: list[str], lines: list[str], *, new_page: bool) -> bool:
    """Whether a paragraph goes on in the next column or page."""
    if _is_set(before) or _is_set(lines) or not _UNFINISHED.search(before[-1]):
        return False
    if before[-1].endswith(HYPHEN) or lines[0][0].islower():
        return True
    # of a list or a table of contents the last line is short
    return new_page and len(before[-1]) >= _FULL_LINE and lines[0][0].isalnum()
