"""PPTX: every slide below its title, its text from the top left on, tables, the speaker's notes. No macro is run."""

import io
from collections.abc import Iterable, Iterator
from typing import Any

from hybrid.corpus.markdown_blocks import table
from hybrid.corpus.readers.archive import open_office, refuse_text_above
from hybrid.corpus.readers.content import Content, with_marks
from hybrid.corpus.readers.decoding import storable
from hybrid.corpus.readers.drawing import DRAWN, Drawings

_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_DEEPEST = 40
"""Groups inside groups; what is deeper is left out."""


def read_slides(data: bytes, max_bytes: int) -> Content:
    """The first slide's title is that of the document. Hidden slides are left out and told.

    Raises `UnreadableError` where the file unpacks to more than its limit or has a password.
    """
    from pptx import Presentation

    open_office(data, max_bytes)
    parts: list[tuple[str, str]] = []
    hidden: list[str] = []
    seen: set[str] = set()
    length = 0
    for number, slide in enumerate(Presentation(io.BytesIO(data)).slides, start=1):
        name = str(slide.part.partname)
        if slide.element.get("show") in ("0", "false"):
            hidden.append(str(number))
        elif name not in seen:
            # a broken file may name one slide a million times
            seen.add(name)
            blocks: list[str] = []
            for block in filter(None, _blocks(slide, number, max_bytes, is_first=not parts)):
                blocks.append(block)
                length += len(block)
                refuse_text_above(length, max_bytes)
            parts.append((f"#slide={number}", "\n\n".join(blocks)))
    text, marks = with_marks(parts)
    notes = ((0, f"hidden slides are left out: {', '.join(hidden[:10])}"),) if hidden else ()
    return Content(text, marks=marks, notes=notes)


def _blocks(slide: Any, number: int, max_bytes: int, *, is_first: bool) -> Iterator[str]:
    title = slide.shapes.title
    named = _line(title.text_frame.text) if title is not None else ""
    if named:
        yield f"# {named}" if is_first else f"## {named}"
    elif not is_first:
        # what has no title does not belong to the slide before
        yield f"## Slide {number}"
    shapes = (shape for shape in slide.shapes if title is None or shape.element is not title.element)
    yield from _texts(shapes, Drawings(slide.part.related_part, max_bytes), 0)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        spoken = [_line(part.text) for part in slide.notes_slide.notes_text_frame.paragraphs]
        if told := "\n".join(filter(None, spoken)):
            yield f"Notes: {told}"


def _texts(shapes: Iterable[Any], drawings: Drawings, depth: int) -> Iterator[str]:
    for shape in _in_reading_order(list(shapes)):
        if getattr(shape, "has_table", False) and shape.has_table:
            yield _table(shape.table)
        elif hasattr(shape, "shapes"):
            if depth < _DEEPEST:
                yield from _texts(shape.shapes, drawings, depth + 1)
        elif shape.has_text_frame:
            if not _is_frame(shape):
                yield from _paragraphs(shape)
        else:
            for named in shape.element.iter(*DRAWN):
                yield from drawings.read(named)


def _in_reading_order(shapes: list[Any]) -> list[Any]:
    """From the top, and from the left where they stand side by side: the file has them in the order of drawing."""
    ordered: list[Any] = []
    row: list[Any] = []
    for shape in sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0)):
        if row and (shape.top or 0) > (row[0].top or 0) + (row[0].height or 0) // 2:
            ordered += sorted(row, key=lambda shape: shape.left or 0)
            row = []
        row.append(shape)
    return ordered + sorted(row, key=lambda shape: shape.left or 0)


def _is_frame(shape: Any) -> bool:
    """Whether it holds what every slide repeats: date, footer, number."""
    from pptx.enum.shapes import PP_PLACEHOLDER

    frame = (PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.HEADER, PP_PLACEHOLDER.SLIDE_NUMBER)
    return bool(shape.is_placeholder) and shape.placeholder_format.type in frame


def _paragraphs(shape: Any) -> Iterator[str]:
    """Paragraphs; what is bulleted, of itself or in a slide's body of several, is a list."""
    from pptx.enum.shapes import PP_PLACEHOLDER

    found = [(part, line) for part in shape.text_frame.paragraphs if (line := _line(part.text))]
    body = shape.is_placeholder and shape.placeholder_format.type in (PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT)
    items: list[str] = []
    for paragraph, line in found:
        mark = _mark(paragraph, in_body=body and len(found) > 1)
        if mark:
            items.append(f"{'  ' * paragraph.level}{mark}{line}")
            continue
        if items:
            yield "\n".join(items)
        items = []
        yield line
    if items:
        yield "\n".join(items)


def _mark(paragraph: Any, *, in_body: bool) -> str:
    properties = paragraph._p.pPr
    kinds = {child.tag.removeprefix(_DRAWING) for child in properties} if properties is not None else set()
    if "buAutoNum" in kinds:
        return "1. "
    return "- " if "buNone" not in kinds and (in_body or kinds & {"buChar", "buBlip"}) else ""


def _table(rows: Any) -> str:
    """A cell that is merged with the one before it is empty."""
    from pptx.table import _Row

    # python-pptx looks for every row from the first on
    found = (_Row(element, rows) for element in rows._tbl.tr_lst)
    cells = [["" if cell.is_spanned else _line(cell.text) for cell in row.cells] for row in found]
    return table(cells, header=len(cells) > 1)


def _line(text: str) -> str:
    # a break inside a paragraph is a control character
    return " ".join(storable(text.replace("\v", " ")).split())
