"""Files that are ZIP archives inside: refused where they unpack to too much, or are locked."""

import io
import zipfile
from typing import Any

from hybrid.corpus.readers.content import UnreadableError

_MOST_MEDIA = 4
"""Times the limit that the pictures and the text of a file may take up together when they are unpacked."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Begins what Office writes for a file with a password, and wrote for every file before 2007."""
_LARGE = 10_000_000
_MOST_PACKED = 500
"""Times its packed size that a large part of text may unpack to; of a sheet it is some 20."""
_HEAD = 2_000
"""Bytes of a part in which a document type would be declared."""
_TEXT = (".xml", ".rels", ".opf", ".ncx", ".html", ".htm", ".xhtml")


def open_archive(data: bytes, max_bytes: int, *, streamed: str = "") -> zipfile.ZipFile:
    """The archive. Raises `UnreadableError` where its text unpacks to more than `max_bytes` or all of it to four times
    as much, where a part says one thing over and over, and for a file with a password. Parts whose names begin with
    `streamed` never are in memory whole: they only count as media do.

    zipfile never unpacks more of a part than the part's own header says, so that the sizes there can be trusted.
    """
    if data.startswith(_OLE):
        raise UnreadableError("locked by a password, or of a format before 2007: save it anew without a password")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        raise UnreadableError("unreadable: damaged or cut off, copy it anew") from None
    parts = archive.infolist()
    if any(part.flag_bits & 1 for part in parts):
        raise UnreadableError("encrypted: save it without a password")
    text = sum(
        part.file_size
        for part in parts
        if part.filename.lower().endswith(_TEXT) and not (streamed and part.filename.startswith(streamed))
    )
    total = sum(part.file_size for part in parts)
    if text > max_bytes or total > _MOST_MEDIA * max_bytes:
        raise UnreadableError(f"unpacks to {total / 1e6:.0f} MB: more than corpus.max_file_mb allows")
    if any(_is_bomb(part) for part in parts):
        raise UnreadableError(f"unpacks to {total / 1e6:.0f} MB of one repeated letter or tag: it is no document")
    return archive


def _is_bomb(part: zipfile.ZipInfo) -> bool:
    is_text = part.filename.lower().endswith(_TEXT)
    return is_text and part.file_size > _LARGE and part.file_size > _MOST_PACKED * part.compress_size


def open_office(data: bytes, max_bytes: int, *, streamed: str = "") -> zipfile.ZipFile:
    """The same for files of Office programs, which define no entities: raises `UnreadableError` for one that does."""
    archive = open_archive(data, max_bytes, streamed=streamed)
    for part in archive.infolist():
        if part.filename.endswith((".xml", ".rels")):
            with archive.open(part) as stream:
                # of UTF-16 every other byte is none
                if b"<!DOCTYPE" in stream.read(_HEAD).replace(b"\0", b""):
                    raise UnreadableError("defines entities, which no Office program does")
    return archive


def refuse_text_above(length: int, max_bytes: int) -> None:
    """Raise `UnreadableError` where a reader has more than `max_bytes` characters: few bytes can name much text."""
    if length > max_bytes:
        raise UnreadableError(f"more than {max_bytes / 1e6:g} MB of text: more than corpus.max_file_mb allows")


def parse_xml(data: bytes) -> Any:
    """The root of a part; its entities are not expanded and nothing outside is read. Raises what lxml raises."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    return etree.fromstring(data, parser)
