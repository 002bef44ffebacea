"""The text of a file by a second reading that knows nothing of structure: what a reader gives is checked against it.

What readers leave out on purpose is not in it either: markup, comments, scripts, navigation, tracked deletions.
"""

import codecs
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

from hybrid.corpus.readers.archive import parse_xml

_FRONT = re.compile(r"\A---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
# every part ends somewhere: a file made of beginnings would else be searched to its end from each of them
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)|<https?://[^>\s]{0,1000}>|</?[a-zA-Z][^<>]*>"
    r"|\[!\[[^\]\n]{0,200}\]\([^)\n]{0,1000}\)\]\([^)\n]{0,1000}\)|\]\([^)\n]{0,1000}\)|^\[[^\]\n]+\]:.*$",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_RST_MARKUP = re.compile(
    # a comment, a target or a directive that shows nothing, with what is indented below it
    r"^([ \t]*)\.\.(?: +(?:\||_|(?:toctree|index|raw|image|figure|meta|include|highlight|module|currentmodule)::)"
    r"|(?! *[\w:.+-]+::| *\[|\.)).*(?:\n(?:[ \t]*\n)*\1[ \t]+.*)*"
    r"|^[ \t]*\.\. [\w:.+-]+::|^[ \t]+:[\w-]+:.*$|:[\w:.+-]{1,60}:(?=`)|<[^<>\n]*>(?=`)"
    r"|^__ .*$|^:[\w -]+:.*$",
    re.MULTILINE,
)
_ADOC_MARKUP = re.compile(
    # of conditions none is known to hold
    r"^////+\n(?:.*\n)*?(?:////+$|\Z)|^ifdef::.*\n(?:.*\n)*?(?:endif::.*$|\Z)|^//.*$|^:[!\w-]+:.*$|^\[.*\]$"
    r"|^(?:include|image|ifdef|ifndef|ifeval|endif)::?\S{0,500}\[.{0,500}\]$"
    r"|\b(?:link|xref|image|mailto|https?):[^\s\[]{0,500}(?=\[)|<<[^,>]*,?|\{[\w-]+\}|\[\[.{0,200}?\]\]",
    re.MULTILINE,
)
_UNSEEN_TAGS = (
    "script", "style", "noscript", "template", "svg", "canvas", "iframe", "object", "audio", "video", "button",
    "select", "textarea", "head", "nav", "footer", "dialog", "math", "a",
)  # fmt: skip
"""Words of links are not counted: menus are made of them."""
_UNSEEN_ROLES = ("navigation", "banner", "contentinfo", "search", "dialog", "alertdialog", "complementary")
_INLINE = {
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "dfn", "em", "font", "i", "kbd", "mark", "q", "s", "samp",
    "small", "span", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr", "ins",
}  # fmt: skip
_UNSEEN_HTML = re.compile(
    rf"<!--.*?(?:-->|\Z)|<({'|'.join(_UNSEEN_TAGS)})\b[^>]*>.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
_INLINE_TAG = re.compile(rf"</?(?:{'|'.join(sorted(_INLINE))})\b[^<>]*>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^<>]*>")
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_HEAD_SHARE = 0.4
_FEWEST_PAGES = 3


AS_WRITTEN = frozenset((".md", ".markdown", ".txt", ".rst", ".adoc", ".asciidoc"))
"""Formats of which a file is its text, with little added."""


def crude_text(format_: str, data: bytes) -> str:
    """The text of a file, "" for a format that cannot lose any. Raises what its library raises."""
    read = _READINGS.get(format_)
    return read(data) if read else ""


def _plain(data: bytes) -> str:
    return data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")


def _markdown(data: bytes) -> str:
    return _MARKUP.sub(" ", _FRONT.sub("", _plain(data)))


def _restructured(data: bytes) -> str:
    return _RST_MARKUP.sub(" ", _plain(data))


def _asciidoc(data: bytes) -> str:
    return _ADOC_MARKUP.sub(" ", _plain(data))


def _notebook(data: bytes) -> str:
    cells = json.loads(_plain(data)).get("cells", [])
    sources = ("".join(cell.get("source", "")) for cell in cells)
    return _MARKUP.sub(" ", "\n\n".join(sources))


def untagged(data: bytes) -> str:
    """A page without its tags and links, in a third of the time that its tree takes: no less than `crude_text` has."""
    return unescape(
        _ANY_TAG.sub(" ", _INLINE_TAG.sub("", _UNSEEN_HTML.sub(" ", data.decode(_encoding(data), "replace"))))
    )


def _html(data: bytes) -> str:
    from lxml import etree

    root = etree.fromstring(data, etree.HTMLParser(no_network=True, encoding=_encoding(data)))
    if root is None:
        return ""
    for element in list(root.iter(etree.Element)):
        if element.get("role", "") in _UNSEEN_ROLES or "hidden" in element.attrib:
            element.tag = "nav"
    etree.strip_elements(root, etree.Comment, *_UNSEEN_TAGS, with_tail=False)
    for element in root.iter(etree.Element):
        if element.tag not in _INLINE:
            element.text, element.tail = f" {element.text or ''}", f" {element.tail or ''}"
    return str(etree.tostring(root, method="text", encoding="unicode"))


def _encoding(data: bytes) -> str:
    """UTF-8 but where the page is none and declares another one."""
    head = _CHARSET.search(data[:4096])
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        return codecs.lookup(head[1].decode()).name if head else "latin-1"


def _epub(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith((".xhtml", ".html", ".htm"))]
        parts = [archive.read(name) for name in names]
    return "\n".join(_html(part) for part in parts if b'type="toc"' not in part)


def _office(data: bytes, parts: str, paragraph: str, left_out: tuple[str, ...]) -> str:
    """The text of all paragraphs of the parts whose names match."""
    from lxml import etree

    texts = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in sorted(filter(re.compile(parts).fullmatch, archive.namelist())):
            root = parse_xml(archive.read(name))
            etree.strip_elements(root, *left_out, with_tail=False)
            for element in root.iter(paragraph):
                texts.append("".join((part.text or "") if part.tag.endswith("}t") else " " for part in _runs(element)))
    return "\n".join(texts)


def _runs(element: Any) -> Iterator[Any]:
    return element.iter("{*}t", "{*}tab", "{*}br", "{*}cr")  # type: ignore[no-any-return]


def _word(data: bytes) -> str:
    deleted = ("{*}del", "{*}moveFrom", "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback")
    return _office(data, r"word/(?:document|footnotes|endnotes)\d*\.xml", "{*}p", deleted)


def _slides(data: bytes) -> str:
    return _office(data, r"ppt/slides/slide\d+\.xml", "{*}p", ("{*}fld",))


def _workbook(data: bytes) -> str:
    # numbers are shown in other ways than they are stored: only what was typed as text is compared
    return _office(data, r"xl/sharedStrings\.xml", "{*}si", ("{*}rPh",))


def _mail(data: bytes) -> str:
    from email import message_from_bytes, policy

    message = message_from_bytes(data, policy=policy.default)
    body = message.get_body(("plain", "html"))
    if body is None:
        return ""
    content = body.get_content()
    return _html(content.encode()) if body.get_content_subtype() == "html" else str(content)


def _pdf(data: bytes) -> str:
    import pypdfium2

    pages: list[list[str]] = []
    document = pypdfium2.PdfDocument(data)
    try:
        for page in document:
            textpage = page.get_textpage()
            pages.append(textpage.get_text_bounded().replace("\x02", "").splitlines())
            textpage.close()
            page.close()
    finally:
        document.close()
    return without_repeated_lines(pages)


def without_repeated_lines(pages: list[list[str]]) -> str:
    """Lines of pages as one text, but those that, apart from their numbers, stand on many pages."""
    numbers = re.compile(r"\d+")
    keys = [[numbers.sub("#", line.strip()) for line in lines] for lines in pages]
    counts = Counter(key for page in keys for key in set(page))
    least = max(_FEWEST_PAGES, _HEAD_SHARE * len(pages))
    return "\n".join(
        line
        for page, lines in zip(keys, pages, strict=True)
        for key, line in zip(page, lines, strict=True)
        if counts[key] < least
    )


_READINGS: dict[str, Callable[[bytes], str]] = {
    **dict.fromkeys((".md", ".markdown"), _markdown),
    ".txt": _plain,
    ".rst": _restructured,
    **dict.fromkeys((".adoc", ".asciidoc"), _asciidoc),
    ".ipynb": _notebook,
    **dict.fromkeys((".html", ".htm", ".xhtml"), _html),
    ".epub": _epub,
    ".docx": _word,
    **dict.fromkeys((".pptx", ".pptm"), _slides),
    **dict.fromkeys((".xlsx", ".xlsm"), _workbook),
    ".eml": _mail,
    ".pdf": _pdf,
}
