"""The pieces of a PDF page to its paragraphs and tables, in the order of reading."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from hybrid.corpus.readers.pdf_pieces import Piece

_BREAK = 1.25
"""Times the usual distance of two lines from which a new paragraph begins."""
_PROSE_WORDS = 5
_PROSE_LINES = 4
"""Words a line and lines from which two texts beside each other are columns, not cells."""
_SMALL = 0.9
"""Times the usual height: footnotes are smaller."""

Block = list[Piece]
"""Lines below one another."""


def usual_pitch(pages: Sequence[Sequence[Piece]]) -> float:
    """Distance of two lines that follow each other, in heights of a line: the median over a document."""
    found = [
        (a.bottom - b.bottom) / a.height
        for pieces in pages
        for a, b in pairwise(pieces)
        if a.height > 0 and 0.5 * a.height < a.bottom - b.bottom < 3 * a.height
    ]
    return median(found) if found else 1.2


def paragraphs(pieces: Sequence[Piece], pitch: float) -> Iterator[list[str]]:
    """The lines of every paragraph; a table is one whose lines are the rows of a Markdown table."""
    rows: list[list[Block]] = []
    for group in _beside(_blocks(pieces, pitch)):
        if len(group) > 1 and (not rows or _near(rows[-1], group)):
            rows.append(group)
            continue
        yield from _told(rows)
        rows = [group] if len(group) > 1 else []
        if not rows:
            yield _texts(group[0])
    yield from _told(rows)


def notes_first(pieces: Sequence[Piece], usual_height: float) -> list[Piece]:
    """A page whose last sentence goes on in the next one, with its footnotes before that paragraph's last lines."""
    num = len(pieces)
    while num and pieces[num - 1].height < _SMALL * usual_height:
        num -= 1
    text, notes = list(pieces[:num]), list(pieces[num:])
    if not text or not notes or text[-1].text.rstrip("\"')”").endswith((".", "!", "?", ":")):
        return list(pieces)
    start = num - 1
    while start and _continues(text[start - 1], text[start], _BREAK * 1.2):
        start -= 1
    return text[:start] + notes + text[start:]


def _blocks(pieces: Sequence[Piece], pitch: float) -> list[Block]:
    blocks: list[Block] = []
    for number, piece in enumerate(pieces):
        # a cell under running text has another one beside it
        beside = [near for near in pieces[number + 1 : number + 2] if not near.first]
        if blocks and not beside and _continues(blocks[-1][-1], piece, _BREAK * pitch):
            blocks[-1].append(piece)
        else:
            blocks.append([piece])
    return blocks


def _continues(above: Piece, below: Piece, most: float) -> bool:
    """Whether a line follows another in one paragraph: `most` heights below it at most, and of its size."""
    distance = above.bottom - below.bottom
    alike = 0.8 < below.height / above.height < 1.25 if above.height > 0 else True
    over = min(above.right, below.right) > max(above.left, below.left)
    return alike and over and 0.5 * above.height < distance < most * above.height


def _beside(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Blocks that stand in one row, from left to right as they are drawn."""
    group: list[Block] = []
    for block in blocks:
        if group and all(_disjoint(block, other) for other in group) and _level(block, group[-1]):
            group.append(block)
            continue
        if group:
            yield group
        group = [block]
    if group:
        yield group


def _span(block: Block) -> tuple[float, float]:
    return min(p.left for p in block), max(p.right for p in block)


def _disjoint(one: Block, other: Block) -> bool:
    (a, b), (c, d) = _span(one), _span(other)
    return b <= c or d <= a


def _level(one: Block, other: Block) -> bool:
    shared = min(one[0].top, other[0].top) - max(one[-1].bottom, other[-1].bottom)
    return shared > 0.5 * min(one[0].top - one[-1].bottom, other[0].top - other[-1].bottom)


def _near(row: list[Block], following: list[Block]) -> bool:
    """Whether a row is the next one of a table: below the other, no further off than a blank line."""
    bottom = min(block[-1].bottom for block in row)
    top = max(block[0].top for block in following)
    return -0.5 * row[0][0].height < bottom - top < 2.5 * row[0][0].height


def _told(rows: list[list[Block]]) -> Iterator[list[str]]:
    """Rows as a table; as columns where they hold running text; as lines where there is one only."""
    if not rows:
        return
    columns = _columns(rows)
    if len(rows) == 1 or len(columns) < 2:
        for row in rows:
            if all(len(block) == 1 for block in row):
                yield [" ".join(text for block in sorted(row, key=_span) for text in _texts(block))]
            else:
                yield from map(_texts, row)
        return
    if _are_prose(rows, columns):
        for left, right in columns:
            inside = [block for row in rows for block in row if left <= _span(block)[0] <= right]
            yield [text for block in inside for text in _texts(block)]
        return
    table = []
    for row in rows:
        cells = [[block for block in row if left <= _span(block)[0] <= right] for left, right in columns]
        texts = (" ".join(text for block in cell for text in _texts(block)) for cell in cells)
        table.append(f"| {' | '.join(text.replace('|', '&#124;') for text in texts)} |")
    yield [table[0], "|" + " --- |" * len(columns), *table[1:]]


def _columns(rows: list[list[Block]]) -> list[tuple[float, float]]:
    """Left and right ends of what stands below one another, from left to right."""
    columns: list[tuple[float, float]] = []
    for left, right in sorted(_span(block) for row in rows for block in row):
        if columns and left < columns[-1][1]:
            columns[-1] = (columns[-1][0], max(right, columns[-1][1]))
        else:
            columns.append((left, right))
    return columns


def _are_prose(rows: list[list[Block]], columns: list[tuple[float, float]]) -> bool:
    if len(rows) < _PROSE_LINES and max(len(block) for row in rows for block in row) < _PROSE_LINES:
        return False
    for left, right in columns:
        lines = [piece for row in rows for block in row for piece in block if left <= piece.left <= right]
        if sum(piece.text.count(" ") + 1 for piece in lines) < _PROSE_WORDS * len(lines):
            return False
    return True


def _texts(block: Block) -> list[str]:
    return [piece.text for piece in block]
