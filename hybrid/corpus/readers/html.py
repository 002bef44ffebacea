"""HTML: text with headings, tables and lists, without scripts, navigation, footers and cookie banners.

The parser's events are read one by one and no tree is built: nesting of any depth costs no more than its length.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hybrid.corpus.markdown_blocks import table
from hybrid.corpus.readers.content import Content
from hybrid.corpus.readers.decoding import decode, without_encoded_data

Layout = Literal["markdown", "plain"]

_NEVER = {
    "script", "style", "noscript", "template", "svg", "canvas", "iframe", "object", "audio", "video", "button",
    "select", "textarea", "head",
}  # fmt: skip
_ASIDE = {"nav", "footer", "dialog"}
_ASIDE_ROLES = {"navigation", "banner", "contentinfo", "search", "dialog", "alertdialog", "complementary"}
_ASIDE_NAMES = re.compile(
    r"(?:^|\s)(?:nav|navbar|menu|sidebar|breadcrumbs?|footer|site-footer|skip-link|toolbar|sphinxsidebar|headerlink)(?=\s|$)"
    r"|(?:cookie|consent|gdpr|ccpa)s?[\w-]{0,60}(?:banner|bar|notice|pop|dialog|modal|overlay|sdk|law|message|wrap|settings)"
    r"|(?:banner|bar|notice|popup|modal)[\w-]{0,60}(?:cookie|consent|gdpr)|cookiebot|onetrust|cookieconsent",
    re.IGNORECASE,
)
_UNSEEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "form", "hr", "html", "main", "p", "section", "summary", "tbody", "tfoot",
    "thead",
}  # fmt: skip
_LEVEL = {f"h{level}": level for level in range(1, 7)}
_DEEPEST = 40
"""Lists, tables and headers nested deeper are read as plain blocks: no page for people has them."""


@dataclass
class _Table:
    rows: list[list[list[str]]] = field(default_factory=list)
    header: list[bool] = field(default_factory=list)
    """For each cell of the first row, whether it is a heading."""
    is_layout: bool = False


@dataclass
class _List:
    ordered: bool
    lines: list[str] = field(default_factory=list)
    mark: str = ""
    """Of the item that was opened and has no text yet."""
    num: int = 0


def read_html(data: bytes, layout: Layout = "markdown") -> Content:
    """`plain` writes lists and table rows as paragraphs without marks."""
    text, notes = decode(data, html=True)
    blocks = _parse(text, layout, leave_out=True)
    if not blocks:
        # a page whose whole body is named like its navigation
        blocks = _parse(text, layout, leave_out=False)
    shown, cleaned = without_encoded_data("\n\n".join(blocks))
    return Content(shown, notes=notes + cleaned)


def _parse(text: str, layout: Layout, *, leave_out: bool) -> list[str]:
    from lxml import etree

    page = _Page(layout, leave_out)
    parser = etree.HTMLParser(target=page, encoding="utf-8", huge_tree=True)
    parser.feed(text.encode("utf-8", errors="ignore"))
    parser.close()
    return page.blocks


class _Page:
    """Takes the parser's events; `blocks` is the page when they end."""

    def __init__(self, layout: Layout, leave_out: bool) -> None:
        self._layout = layout
        self._leave_out = leave_out
        self._sinks: list[list[str]] = [[]]
        """Where finished blocks go: the page, and the cells and headers that are open."""
        self._tables: list[_Table] = []
        self._lists: list[_List] = []
        self._list_floor: list[int] = []
        """Of each open cell, how many lists were open outside it."""
        self._words: list[str] = []
        self._heading = 0
        self._skipped = self._pre = self._deep = self._articles = self._headers = 0
        self._title: list[str] | None = None
        self._page_title = ""

    @property
    def blocks(self) -> list[str]:
        while len(self._sinks) > 1:
            self._sinks[-2].extend(self._sinks.pop())
        blocks = self._sinks[0]
        if self._page_title and blocks and not any(block.startswith("# ") for block in blocks):
            return [f"# {self._page_title}", *blocks]
        return blocks

    # -- events --------------------------------------------------------------------------------------------------

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "title" and not self._page_title:
            self._title = []
        if self._skipped or self._is_skipped(tag, attributes):
            self._skipped += 1
            return
        if tag == "br":
            self._words.append("\n" if self._pre else " ")
        elif tag in _LEVEL:
            self._flush()
            self._heading = _LEVEL[tag]
            if self._tables:
                self._tables[-1].is_layout = True
        elif tag == "pre":
            self._flush()
            self._pre += 1
        elif tag in ("ul", "ol"):
            self._open_list(tag == "ol")
        elif tag == "li":
            self._flush()
            if self._lists:
                current = self._lists[-1]
                current.num += 1
                current.mark = f"{current.num}. " if current.ordered else "- "
        elif tag == "table":
            self._open_table(attributes)
        elif tag in ("tr", "td", "th"):
            self._open_cell(tag)
        elif tag == "header":
            self._flush()
            self._headers += 1
            if self._headers <= _DEEPEST:
                self._sinks.append([])
        elif tag in _BLOCKS:
            self._flush()
            self._articles += tag in ("article", "main")

    def end(self, tag: str) -> None:
        if tag == "title" and self._title is not None:
            self._page_title, self._title = " ".join("".join(self._title).split()), None
        if self._skipped:
            self._skipped -= 1
        elif tag in _LEVEL:
            self._flush()
            self._heading = 0
        elif tag == "pre":
            self._flush()
            self._pre -= 1
        elif tag in ("ul", "ol"):
            self._close_list()
        elif tag == "table":
            self._close_table()
        elif tag in ("td", "th"):
            self._close_cell()
        elif tag == "header":
            self._close_header()
        elif tag in _BLOCKS or tag == "li":
            self._flush()
            self._articles -= tag in ("article", "main")

    def data(self, text: str) -> None:
        if self._title is not None:
            self._title.append(text)
        if not self._skipped:
            self._words.append(text)

    def comment(self, text: str) -> None:
        """Left out."""

    def close(self) -> None:
        self._flush()

    # -- parts ---------------------------------------------------------------------------------------------------

    def _is_skipped(self, tag: str, attributes: Mapping[str, str]) -> bool:
        if tag in _NEVER:
            return True
        if not self._leave_out or tag in ("html", "body", "main", "article"):
            return False
        if tag in _ASIDE or attributes.get("role", "") in _ASIDE_ROLES or "hidden" in attributes:
            return True
        names = f"{attributes.get('class', '')} {attributes.get('id', '')}"
        if names != " " and _ASIDE_NAMES.search(names):
            return True
        return bool(_UNSEEN.search(attributes.get("style", "")))

    def _flush(self) -> None:
        """What was read since the last border becomes a block."""
        raw, self._words = "".join(self._words), []
        text = raw.strip("\n") if self._pre and self._layout == "markdown" else " ".join(raw.split())
        if not text.strip():
            return
        if self._heading:
            self._sinks[-1].append(f"{'#' * self._heading} {' '.join(text.split())}")
        elif self._in_list:
            current = self._lists[-1]
            indent = "  " * (len(self._lists) - 1 - (self._list_floor[-1] if self._list_floor else 0))
            lead, current.mark = current.mark or "  ", ""
            current.lines += [f"{indent}{lead if not i else '  '}{line}" for i, line in enumerate(text.split("\n"))]
        elif self._pre and self._layout == "markdown":
            fence = "````" if "```" in text else "```"
            self._sinks[-1].append(f"{fence}\n{text}\n{fence}")
        else:
            self._sinks[-1].append(text)

    @property
    def _in_list(self) -> bool:
        floor = self._list_floor[-1] if self._list_floor else 0
        return self._layout == "markdown" and len(self._lists) > floor

    def _open_list(self, ordered: bool) -> None:
        self._flush()
        if len(self._lists) >= _DEEPEST:
            self._deep += 1
            return
        # the lines of a list inside another one belong to the outer one
        outer = self._lists[-1].lines if self._in_list else []
        self._lists.append(_List(ordered, outer))

    def _close_list(self) -> None:
        self._flush()
        if self._deep:
            self._deep -= 1
        elif self._lists and len(self._lists) > (self._list_floor[-1] if self._list_floor else 0):
            lines = self._lists.pop().lines
            if lines and not self._in_list:
                self._sinks[-1].append("\n".join(lines))

    def _open_table(self, attributes: Mapping[str, str]) -> None:
        self._flush()
        if self._tables:
            self._tables[-1].is_layout = True
        self._tables.append(_Table(is_layout=attributes.get("role") == "presentation"))

    def _open_cell(self, tag: str) -> None:
        self._flush()
        if not self._tables or len(self._tables) > _DEEPEST:
            return
        current = self._tables[-1]
        if tag == "tr" or not current.rows:
            current.rows.append([])
        if tag != "tr":
            if len(current.rows) == 1:
                current.header.append(tag == "th")
            current.rows[-1].append([])
            self._sinks.append(current.rows[-1][-1])
            self._list_floor.append(len(self._lists))

    def _close_cell(self) -> None:
        self._flush()
        if self._tables and len(self._tables) <= _DEEPEST and self._list_floor:
            del self._lists[self._list_floor.pop() :]
            self._sinks.pop()

    def _close_table(self) -> None:
        self._flush()
        if not self._tables:
            return
        done = self._tables.pop()
        rows = [row for row in done.rows if any(row)]
        sink = self._sinks[-1]
        if done.is_layout or (len(rows) < 2 and max(map(len, rows), default=0) < 2):
            sink.extend(block for row in rows for cell in row for block in cell)
            return
        cells = [[" ".join(cell) for cell in row] for row in rows]
        if self._layout == "plain":
            sink.extend(" | ".join(row) for row in cells)
        elif cells:
            sink.append(table(cells, header=all(done.header) and len(cells) > 1))

    def _close_header(self) -> None:
        """The head of a page is navigation, unless a heading stands in it or an article is around it."""
        self._flush()
        self._headers -= 1
        if self._headers >= _DEEPEST:
            return
        blocks = self._sinks.pop()
        if not self._leave_out or self._articles > 0 or any(block.startswith("#") for block in blocks):
            self._sinks[-1].extend(blocks)
