"""EPUB: the chapters in the order of reading, each by the reader of HTML; title and authors of the book."""

import posixpath
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from hybrid.corpus.readers.archive import open_archive, parse_xml, refuse_text_above
from hybrid.corpus.readers.content import Content, UnreadableError, with_marks
from hybrid.corpus.readers.decoding import storable
from hybrid.corpus.readers.html import Layout, read_html
from hybrid.types import MetadataValue

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_FONTS_ONLY = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Ways to scramble fonts, which books without protection use too."""
_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


def read_epub(data: bytes, max_bytes: int, layout: Layout = "markdown") -> Content:
    """`layout` is that of the chapters. The table of contents is left out.

    Raises `UnreadableError` where it unpacks to more than its limit, is protected (DRM) or is no EPUB.
    """
    archive = open_archive(data, max_bytes)
    names = set(archive.namelist())
    if _CONTAINER not in names:
        raise UnreadableError(f"no EPUB: {_CONTAINER} is not in it")
    place = _attribute(parse_xml(archive.read(_CONTAINER)), "rootfile", "full-path")
    if place not in names:
        raise UnreadableError("no EPUB: its package file is not in it")
    package = parse_xml(archive.read(place))
    locked = _locked(archive, names)
    parts: list[tuple[str, str]] = []
    notes: list[tuple[int, str]] = []
    length = 0
    for number, name in _chapters(package, posixpath.dirname(place)):
        if name in locked:
            raise UnreadableError("protected (DRM): add a copy without protection")
        if name not in names:
            notes.append((0, f"chapter {number} is not in the file"))
            continue
        content = read_html(archive.read(name), layout)
        notes += [(0, f"chapter {number}: {told}") for _, told in content.notes]
        parts.append((f"#chapter={number}", content.text))
        length += len(content.text)
        refuse_text_above(length, max_bytes)
    text, marks = with_marks(parts)
    title = next(_told(package, "title"), "")
    return Content(text, title, marks, notes=tuple(notes), metadata=_metadata(package))


def _chapters(package: Any, folder: str) -> Iterator[tuple[int, str]]:
    """Place in the spine and name in the archive; every file once."""
    items = {item.get("id"): item for item in _found(package, "item")}
    seen: set[str] = set()
    for number, reference in enumerate(_found(package, "itemref"), start=1):
        item = items.get(reference.get("idref"))
        if item is None or item.get("media-type") not in _PAGES or "nav" in item.get("properties", "").split():
            continue
        path = unquote(urlsplit(item.get("href", "")).path)
        name = posixpath.normpath(posixpath.join(folder, path))
        if name not in seen:
            seen.add(name)
            yield number, name


def _locked(archive: zipfile.ZipFile, names: set[str]) -> set[str]:
    """Files that only the program of a shop opens."""
    if _ENCRYPTION not in names:
        return set()
    locked = set()
    for entry in _found(parse_xml(archive.read(_ENCRYPTION)), "EncryptedData"):
        if _attribute(entry, "EncryptionMethod", "Algorithm") not in _FONTS_ONLY:
            locked.add(posixpath.normpath(unquote(_attribute(entry, "CipherReference", "URI"))))
    return locked


def _metadata(package: Any) -> Mapping[str, MetadataValue]:
    authors = tuple(_told(package, "creator"))
    language = next(_told(package, "language"), "")
    found: dict[str, MetadataValue] = {}
    if authors:
        found["author"] = authors if len(authors) > 1 else authors[0]
    if language:
        found["language"] = language
    return found


def _told(package: Any, name: str) -> Iterator[str]:
    """Texts of the elements of that name in the package's metadata."""
    for element in _found(package, name):
        if text := " ".join(storable("".join(element.itertext())).split()):
            yield text


def _found(root: Any, name: str) -> Iterator[Any]:
    """Elements of that name in whatever namespace: three versions of the format have three."""
    yield from root.iter(f"{{*}}{name}")


def _attribute(root: Any, element: str, name: str) -> str:
    found = next(_found(root, element), None)
    return str(found.get(name, "")) if found is not None else ""
