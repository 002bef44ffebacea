"""DOCX: headings, lists and tables in their order."""

import io
import re
from typing import Any

from hybrid.corpus.markdown_blocks import table
from hybrid.corpus.readers.archive import open_office
from hybrid.corpus.readers.content import Content

_LEVEL = re.compile(r"^heading (\d)$", re.IGNORECASE)
_LIST = re.compile(r"^list (bullet|number)(?: (\d))?$", re.IGNORECASE)


def read_word(data: bytes, max_bytes: int) -> Content:
    """Raises `UnreadableError` where the file unpacks to more than `max_bytes` of text or has a password."""
    from docx import Document
    from docx.table import Table

    open_office(data, max_bytes)
    blocks: list[str] = []
    items: list[str] = []
    for part in Document(io.BytesIO(data)).iter_inner_content():
        line = "" if isinstance(part, Table) else " ".join(part.text.split())
        item = None if isinstance(part, Table) else _list_mark(part)
        if item is not None and line:
            items.append(f"{item}{line}")
            continue
        blocks.append("\n".join(items))
        items = []
        if isinstance(part, Table):
            blocks.append(table([[cell.text for cell in row.cells] for row in part.rows]))
        else:
            blocks.append(f"{_heading_mark(part)}{line}" if line else "")
    blocks.append("\n".join(items))
    return Content("\n\n".join(block for block in blocks if block))


def _heading_mark(paragraph: Any) -> str:
    name = str(paragraph.style.name) if paragraph.style is not None else ""
    if name.lower() == "title":
        return "# "
    found = _LEVEL.match(name)
    # a title stands above the first level of headings
    return "#" * min(int(found[1]) + 1, 6) + " " if found else ""


def _list_mark(paragraph: Any) -> str | None:
    """Indented `- ` or `1. ` of a list item; None for other paragraphs."""
    name = str(paragraph.style.name) if paragraph.style is not None else ""
    found = _LIST.match(name)
    properties = paragraph._p.pPr
    numbered = properties.numPr if properties is not None else None
    if _heading_mark(paragraph) or (found is None and numbered is None):
        return None
    level = int(numbered.ilvl.val) if numbered is not None and numbered.ilvl is not None else 0
    if found and found[2]:
        level = max(level, int(found[2]) - 1)
    return "  " * level + ("1. " if found and found[1].lower() == "number" else "- ")
