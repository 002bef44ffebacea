"""Lines that stand at the top or bottom of most pages: titles of a book or chapter, page numbers."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from hybrid.corpus.readers.pdf_pieces import Piece

_REPEATED = 0.4
"""Share of the pages from which a line is a running head: those of left and right pages may differ."""
_FEWEST_PAGES = 3
_APART = 1.8
"""Heights of a line between the second line of a page and the third from which the second may be a running head."""
_NUMBER = re.compile(r"\d{1,4}")
_ROMAN = re.compile(r"[ivxlc]+")
_RASTER = 4.0
"""Points: lines of two pages stand at one height within it."""


def without_running_heads(pages: Sequence[list[Piece]]) -> tuple[list[list[Piece]], list[str]]:
    """Pages without these lines, and one of each of the lines."""
    edges = [[(piece, set(_keys(piece, number))) for piece in _edge(pieces)] for number, pieces in enumerate(pages)]
    counts = Counter(key for edge in edges for key in {key for _, keys in edge for key in keys})
    least = max(_FEWEST_PAGES, _REPEATED * len(pages))
    repeated = {key for key, count in counts.items() if count >= least}
    told: dict[str, str] = {}
    kept: list[list[Piece]] = []
    for pieces, edge in zip(pages, edges, strict=True):
        gone = {id(piece): keys & repeated for piece, keys in edge if keys & repeated}
        told |= {min(gone[id(piece)]): piece.text for piece in pieces if id(piece) in gone}
        kept.append([piece for piece in pieces if id(piece) not in gone])
    # pages that say the same throughout, as forms do, are text
    return (kept, list(told.values())) if any(kept) else (list(pages), [])


def _edge(pieces: list[Piece]) -> list[Piece]:
    """The outermost lines, and those next to them where they are apart from the text."""
    lines = sorted({round(piece.bottom): piece.height for piece in pieces}.items())
    outermost = {bottom for bottom, _ in (*lines[:1], *lines[-1:])}
    for _, (second, height), (third, _) in (lines[:3], lines[:-4:-1]) if len(lines) > 2 else ():
        if abs(third - second) > _APART * height:
            outermost.add(second)
    return [piece for piece in pieces if round(piece.bottom) in outermost]


def _keys(piece: Piece, number: int) -> Iterator[str]:
    """What a line has in common with its likes: its height, and its text, in which one number may count pages.

    Other numbers tell apart: "Data sheet 4711" and "Data sheet 4712" are headings.
    """
    height = round(piece.bottom / _RASTER)
    yield f"{height} {piece.text}"
    if _ROMAN.fullmatch(piece.text):
        yield f"{height} roman"
    for found in _NUMBER.finditer(piece.text):
        yield f"{height} {piece.text[: found.start()]}{int(found[0]) - number:+}{piece.text[found.end() :]}"
