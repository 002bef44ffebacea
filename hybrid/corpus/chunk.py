"""Documents to passages: first by heading, then by sentence within the token budget, as llama-index does.

Tables and code stay whole where they fit the budget. What does not fit is cut between lines, lists too, and the header
of a table stands before every part.
"""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from hybrid.corpus.markdown_blocks import FENCE, Kind, split_blocks
from hybrid.corpus.packing import pack
from hybrid.corpus.readers.content import short_title
from hybrid.types import Document, Passage

CHUNK_VERSION = 2
"""Goes up when the same document is cut another way."""
Tokenizer = Callable[[str], list[Any]]
_HEADING = re.compile(r"^(#{1,6})\s+(.*)$")
_SLICE = 20_000
"""Characters that the sentence splitter is given at once."""
_LETTERS_A_TOKEN = 12
"""More than any language has: what is longer has words that the tokenizer takes for one unknown token."""


class Piece(NamedTuple):
    """A passage without the names of its document. `num_tokens` is that of its full text, heading included; where a
    section was cut, its tokens are shared out by length."""

    section: str
    text: str
    start: int
    end: int
    num_tokens: int


class _Span(NamedTuple):
    """A part of a text by its offsets. `text` differs from the text there where a table's header was repeated."""

    text: str
    start: int
    end: int


def chunk(
    documents: Sequence[Document], *, tokenize: Tokenizer, chunk_tokens: int, overlap_tokens: int = 0
) -> list[Passage]:
    """Passages of at most `chunk_tokens`, heading included, with character spans into their document's text."""
    cutter = Cutter(tokenize, chunk_tokens, overlap_tokens)
    return [passage for document in documents for passage in name_passages(document, cutter.cut(document))]


def name_passages(document: Document, pieces: Sequence[Piece]) -> list[Passage]:
    """Pieces as passages of a document.

    Ids are `document#digest of heading and text`: stable when other parts of the document change.
    """
    offsets = [offset for offset, _ in document.marks]
    passages: list[Passage] = []
    taken: dict[str, int] = {}
    for piece in pieces:
        heading = _heading(document.title, piece.section)
        digest = hashlib.sha256(f"{heading}\n{piece.text}".encode()).hexdigest()[:8]
        taken[digest] = taken.get(digest, 0) + 1
        suffix = f"-{taken[digest]}" if taken[digest] > 1 else ""
        mark = bisect_right(offsets, piece.start) - 1
        of_record = document.record_metadata[mark] if document.record_metadata else {}
        passages.append(
            Passage(
                id=f"{document.id}#{digest}{suffix}",
                text=piece.text,
                title=document.title,
                section=piece.section,
                document_id=document.id,
                source=document.source + (document.marks[mark][1] if mark >= 0 else ""),
                start_char=piece.start,
                end_char=piece.end,
                metadata={**document.metadata, **of_record},
            )
        )
    return passages


class Cutter:
    """Cuts documents by the budget of one tokenizer."""

    def __init__(self, tokenize: Tokenizer, chunk_tokens: int, overlap_tokens: int = 0) -> None:
        self._tokenize = tokenize
        self._chunk_tokens = chunk_tokens
        self._overlap_tokens = overlap_tokens
        self._counts: dict[str, int] = {}
        """Tokens of the parts of the document that is being cut: most are asked for twice."""

    @property
    def settings(self) -> tuple[int, int]:
        """What decides beside the tokenizer how a document is cut."""
        return self._chunk_tokens, self._overlap_tokens

    def cut(self, document: Document) -> list[Piece]:
        """Pieces of at most `chunk_tokens` in the order of the text, those of every heading apart."""
        pieces = []
        self._counts.clear()
        for section, body, start in _records(document) if document.records else _sections(document):
            heading = _heading(document.title, section)
            heading_tokens = self._count(heading)
            budget = max(self._chunk_tokens - heading_tokens - 4, self._chunk_tokens // 2)
            spans = self._split(body, budget)
            total = self._counts.get(body)
            for span in spans:
                # counting every part once more would take a third of the time that cutting takes
                part = self._count(span.text) if total is None else round(total * len(span.text) / len(body))
                num_tokens = heading_tokens + part
                pieces.append(Piece(section, span.text, start + span.start, start + span.end, num_tokens))
        return pieces

    def _split(self, body: str, budget: int) -> list[_Span]:
        if self._fits(body, budget):
            return [_Span(body, 0, len(body))]
        parts: list[_Span] = []
        last: Kind = "prose"
        for kind, start, end in self._blocks(body, budget):
            if kind == "prose":
                found = self._sentences(body, start, end, budget)
            else:
                found = self._lines(body, start, end, budget, has_header=kind == "table")
            # what introduces or follows a table, code or list stays with it where both fit
            if parts and found and {kind, last} != {"prose"}:
                joined = body[parts[-1].start : found[0].end]
                is_verbatim = all(body[part.start : part.end] == part.text for part in (parts[-1], found[0]))
                if is_verbatim and self._fits(joined, budget):
                    found[0] = _Span(joined, parts.pop().start, found[0].end)
            parts += found
            last = kind
        return parts

    def _blocks(self, body: str, budget: int) -> list[tuple[Kind, int, int]]:
        """A list that fits is part of the prose around it: sentences lead up to it."""
        blocks: list[tuple[Kind, int, int]] = []
        for kind, start, end in split_blocks(body):
            plain = kind == "list" and self._fits(body[start:end], budget)
            if (plain or kind == "prose") and blocks and blocks[-1][0] == "prose":
                blocks[-1] = ("prose", blocks[-1][1], end)
            else:
                blocks.append(("prose" if plain else kind, start, end))
        return blocks

    def _fits(self, text: str, budget: int) -> bool:
        return len(text) <= _LETTERS_A_TOKEN * budget and self._count(text) <= budget

    def _count(self, text: str) -> int:
        if (num := self._counts.get(text)) is None:
            num = self._counts[text] = len(self._tokenize(text))
        return num

    def _lines(self, body: str, start: int, end: int, budget: int, *, has_header: bool) -> list[_Span]:
        """A table, code or list, whole or in parts of whole lines; a table's header stands before every part."""
        if self._fits(body[start:end], budget):
            return [_Span(body[start:end], start, end)]
        lines = list(_lines(body, start, end))
        head = body[start : lines[1].end] if has_header else ""
        head_tokens = self._count(head) + 1 if head else 0
        if head_tokens > budget // 2:
            head, head_tokens = "", 0
        parts: list[_Span] = []
        together: list[_Span] = []
        used = head_tokens

        def close() -> None:
            text = body[together[0].start : together[-1].end] if together else ""
            if text.strip():
                # the first part holds its header as it is
                first = start if head and not parts else together[0].start
                parts.append(_Span(f"{head}\n{text}" if head else text, first, together[-1].end))
            together.clear()

        for line in lines[2:] if head else lines:
            num = self._count(line.text) + 1
            if together and used + num > budget:
                close()
                used = head_tokens
            if num + head_tokens > budget:
                parts += self._sentences(body, line.start, line.end, budget)
                continue
            together.append(line)
            used += num
        close()
        return parts

    def _sentences(self, body: str, start: int, end: int, budget: int) -> list[_Span]:
        """Prose, whole or by sentence."""
        start += len(body[start:end]) - len(body[start:end].lstrip())
        text = body[start:end].rstrip()
        if not text:
            return []
        if self._fits(text, budget):
            return [_Span(text, start, start + len(text))]
        overlap = min(self._overlap_tokens, budget // 2)
        parts: list[_Span] = []
        cursor = start
        for part in (part for piece in _slices(text, _SLICE) for part in pack(piece, self._count, budget, overlap)):
            for shown in _slices(part, _LETTERS_A_TOKEN * budget):
                found = body.find(shown, cursor, end)
                found = cursor if found < 0 else found
                parts.append(_Span(shown, found, found + len(shown)))
                cursor = found + 1 if self._overlap_tokens else found + len(shown)
        return parts


def _sections(document: Document) -> Iterator[tuple[str, str, int]]:
    """Heading path below the title, text below the heading, and where that stands in the document."""
    text = document.text
    path: list[tuple[int, str]] = []
    fence = ""
    start = begin = 0
    for line in text.splitlines(keepends=True):
        if fence:
            fence = "" if line.strip().startswith(fence) else fence
        elif found := FENCE.match(line):
            fence = found[1]
        elif heading := _HEADING.match(line.rstrip()):
            yield from _body(document.title, path, text, begin, start)
            level = len(heading[1])
            path = [*(part for part in path if part[0] < level), (level, short_title(heading[2].strip()))]
            begin = start + len(line)
        start += len(line)
    yield from _body(document.title, path, text, begin, start)


def _body(
    title: str, path: Sequence[tuple[int, str]], text: str, begin: int, end: int
) -> Iterator[tuple[str, str, int]]:
    if body := text[begin:end].strip():
        section = " › ".join(name for _, name in path if name and name != title)
        yield section, body, text.index(body, begin)


def _records(document: Document) -> Iterator[tuple[str, str, int]]:
    """Every record apart, in the section that its reader names, if any."""
    offsets = [offset for offset, _ in document.marks]
    sections = document.record_sections or [""] * len(offsets)
    for section, start, end in zip(sections, offsets, [*offsets[1:], len(document.text)], strict=True):
        if body := document.text[start:end].rstrip():
            yield section, body, start


def _heading(title: str, section: str) -> str:
    return " › ".join(part for part in (title, section) if part)


def _lines(text: str, start: int, end: int) -> Iterator[_Span]:
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        yield _Span(text[start:stop], start, stop)
        start = stop + 1


def _slices(text: str, longest: int) -> Iterator[str]:
    """The text in parts of at most `longest` characters, cut at a paragraph, a line or a space where there is one."""
    start = 0
    while len(text) - start > longest:
        borders = (text.rfind(border, start + longest // 2, start + longest) for border in ("\n\n", "\n", " "))
        stop = next((place for place in borders if place > 0), start + longest)
        yield text[start:stop]
        start = stop
    yield text[start:]
