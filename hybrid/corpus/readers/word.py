"""DOCX: headings, lists and tables in their order, with all that a reader of the page sees in them.

Headers and footers stand before the body: they tell what the whole document is, and at its end they would belong to
its last section. Comments, hidden text and what change tracking has deleted are left out.
"""

import io
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from hybrid.corpus.markdown_blocks import table
from hybrid.corpus.readers.archive import open_office, parse_xml, refuse_text_above
from hybrid.corpus.readers.content import Content, UnreadableError
from hybrid.corpus.readers.drawing import Drawings
from hybrid.corpus.readers.word_elements import VALUE, M, W, inside, is_on, number
from hybrid.corpus.readers.word_paragraph import ParagraphReader

_LEVEL = re.compile(r"^heading (\d)$", re.IGNORECASE)
_LIST = re.compile(r"^list (bullet|number)(?: (\d))?$", re.IGNORECASE)
_TABLE = f"{W}tbl"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_BLOCKS = (f"{W}p", _TABLE, f"{M}oMathPara", f"{M}oMath")
_DEEPEST = 8
"""The last of Word's nine levels of lists."""
_MOST_COLUMNS = 63
"""Of a table in Word: cells in the file may be more, a cell spans no more."""
_FEWEST_WORDS = 3
"""A line of a header or footer that has fewer beside the number of the page is `Page 3 of 9`."""


def read_word(data: bytes, max_bytes: int) -> Content:
    """Raises `UnreadableError` where the file unpacks to more than `max_bytes`, says more than that by repeating merged
    cells, has a password, is damaged or nested too deeply."""
    from docx import Document
    from lxml.etree import XMLSyntaxError

    open_office(data, max_bytes)
    try:
        document = Document(io.BytesIO(data))
        reader = _WordReader(document, max_bytes)
        blocks = [reader.frame(document), *reader.blocks(document.element.body)]
    except XMLSyntaxError as error:
        reason = "nested too deeply" if "Excessive depth" in str(error) else "damaged"
        raise UnreadableError(f"{reason}: open it in a word processor and save it anew") from None
    embedded = sum(1 for _ in document.element.body.iter(f"{W}altChunk"))
    notes = ((0, f"{embedded} files embedded in it are left out: save it anew in Word"),) if embedded else ()
    return Content("\n\n".join(block for block in blocks if block), notes=notes)


class _WordReader:
    def __init__(self, document: Any, max_bytes: int) -> None:
        styles = document.styles.element.findall(f"{W}style")
        of_paragraphs = [style for style in styles if style.get(f"{W}type") == "paragraph"]
        self._styles = {style.get(f"{W}styleId"): _name(style) for style in reversed(of_paragraphs)}
        self._default = next((_name(style) for style in of_paragraphs if style.get(f"{W}default") in ("1", "true")), "")
        self._hidden = {style.get(f"{W}styleId") for style in styles if is_on(style.find(f"{W}rPr"), "vanish")}
        self._max_bytes = max_bytes
        self._length = 0
        drawings = Drawings(document.part.related_parts.__getitem__, max_bytes)
        self._paragraphs = ParagraphReader(self._hidden, dict(self._notes(document)), drawings)

    def blocks(self, root: Any) -> list[str]:
        """Markdown of what stands in a body, a cell or a text box; some may be empty."""
        blocks: list[str] = []
        items: list[str] = []
        for element in inside(root, _BLOCKS):
            after: list[Any] = []
            made: list[str] = []
            if element.tag == _TABLE:
                made = self._table(element)
            else:
                heading = self._heading_mark(element)
                paragraph = self._paragraphs.read(element, notes_after=bool(heading))
                after = paragraph.after
                item = None if heading else self._list_mark(element)
                if item is not None and paragraph.text:
                    items.append(f"{item}{paragraph.text}")
                    if not after:
                        continue
                elif paragraph.text:
                    made = [f"{heading}{paragraph.text}"]
            blocks += ["\n".join(items), *made]
            items = []
            for thing in after:
                blocks += [thing] if isinstance(thing, str) else self.blocks(thing)
        return [*blocks, "\n".join(items)]

    def frame(self, document: Any) -> str:
        """Every line of the headers and footers once; numbers of pages are left out."""
        reader = ParagraphReader(self._hidden, pages=False)
        lines = (line for part in _frames(document) for line in self._lines(part, reader))
        return "\n".join(dict.fromkeys(line for line in lines if any(map(str.isalnum, line))))

    def _lines(self, root: Any, reader: ParagraphReader) -> Iterator[str]:
        """Plain text of a cell, a note or a header by paragraph; tables in it have their rows between semicolons."""
        for element in inside(root, _BLOCKS):
            if element.tag == _TABLE:
                rows = (
                    ", ".join(filter(None, (self._cell(cell, reader) for cell in cells))) for _, cells in _rows(element)
                )
                yield "; ".join(filter(None, rows))
                continue
            paragraph = reader.read(element)
            if not paragraph.is_paged or len(paragraph.text.split()) >= _FEWEST_WORDS:
                yield paragraph.text
            for thing in paragraph.after:
                yield from [thing] if isinstance(thing, str) else self._lines(thing, reader)

    def _cell(self, cell: Any, reader: ParagraphReader) -> str:
        return " ".join(filter(None, self._lines(cell, reader)))

    def _table(self, element: Any) -> list[str]:
        """A cell that is merged over several columns or rows stands in each. Blocks where the table is but a frame."""
        rows = _rows(element)
        if len(rows) == 1 and len(rows[0][1]) == 1 and next(inside(rows[0][1][0], (_TABLE,)), None) is not None:
            return self.blocks(rows[0][1][0])
        grid = element.find(f"{W}tblGrid")
        widest = max((len(cells) for _, cells in rows), default=0)
        num_columns = min(max(widest, 0 if grid is None else len(grid)), _MOST_COLUMNS)
        above: dict[int, str] = {}
        shown: list[list[str]] = []
        for row, cells in rows:
            offset = number(row.find(f"{W}trPr"), "gridBefore", most=_MOST_COLUMNS)
            texts = [""] * min(offset, num_columns - len(cells))
            here: dict[int, str] = {}
            for place, cell in enumerate(cells):
                properties = cell.find(f"{W}tcPr")
                merge = properties.find(f"{W}vMerge") if properties is not None else None
                goes_on = merge is not None and merge.get(VALUE) != "restart"
                text = above[offset] if goes_on and offset in above else self._cell(cell, self._paragraphs)
                here[offset] = text
                span = number(properties, "gridSpan", most=_MOST_COLUMNS, default=1)
                offset += span
                # the cells that follow have their columns, whatever this one says
                repeated = max(1, min(span, num_columns - len(texts) - (len(cells) - place - 1)))
                self._length += repeated * (len(text) + 3)
                refuse_text_above(self._length, self._max_bytes)
                texts += [text] * repeated
            above = here
            shown.append(texts)
        return [table(shown)]

    def _heading_mark(self, paragraph: Any) -> str:
        name = self._style(paragraph)
        if name.lower() == "title":
            return "# "
        found = _LEVEL.match(name)
        # a title stands above the first level of headings
        return "#" * min(int(found[1]) + 1, 6) + " " if found else ""

    def _list_mark(self, paragraph: Any) -> str | None:
        """Indented `- ` or `1. ` of a list item; None for other paragraphs."""
        found = _LIST.match(self._style(paragraph))
        numbered = paragraph.find(f"{W}pPr/{W}numPr")
        if found is None and numbered is None:
            return None
        level = number(numbered, "ilvl", most=_DEEPEST)
        if found and found[2]:
            level = max(level, int(found[2]) - 1)
        return "  " * level + ("1. " if found and found[1].lower() == "number" else "- ")

    def _style(self, paragraph: Any) -> str:
        named = paragraph.find(f"{W}pPr/{W}pStyle")
        return self._styles.get(named.get(VALUE), self._default) if named is not None else self._default

    def _notes(self, document: Any) -> Iterator[tuple[tuple[str, str], str]]:
        """Footnotes and endnotes by kind and number."""
        # a note in a note is none: one could refer to the next without an end
        reader = ParagraphReader(self._hidden)
        for relation in document.part.rels.values():
            for kind in ("footnote", "endnote"):
                if relation.reltype.endswith(f"/{kind}s") and not relation.is_external:
                    for note in parse_xml(relation.target_part.blob).iterfind(f"{W}{kind}"):
                        yield (kind, note.get(f"{W}id", "")), self._cell(note, reader)


def _name(style: Any) -> str:
    name = style.find(f"{W}name")
    return "" if name is None else str(name.get(VALUE, ""))


def _rows(element: Any) -> list[tuple[Any, list[Any]]]:
    """Rows of a table with their cells; without those that are hidden or that change tracking has deleted."""
    rows = []
    for row in inside(element, (f"{W}tr",)):
        properties = row.find(f"{W}trPr")
        is_deleted = properties is not None and properties.find(f"{W}del") is not None
        cells = [] if is_deleted or is_on(properties, "hidden") else list(inside(row, (f"{W}tc",)))
        if cells:
            rows.append((row, cells))
    return rows


def _frames(document: Any) -> Iterator[Any]:
    """Headers, then footers, that some page shows, each once."""
    wanted = {"default", "first", "even"}
    if not document.settings.odd_and_even_pages_header_footer:
        wanted.remove("even")
    seen: set[str] = set()
    for kind in ("header", "footer"):
        for section in document.element.body.iter(f"{W}sectPr"):
            kinds = wanted if is_on(section, "titlePg") else wanted - {"first"}
            for reference in section.iterfind(f"{W}{kind}Reference"):
                name = str(reference.get(_RELATION, ""))
                if name not in seen and reference.get(f"{W}type", "default") in kinds:
                    seen.add(name)
                    with suppress(KeyError):
                        yield parse_xml(document.part.related_parts[name].blob)
