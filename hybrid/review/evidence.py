"""The passages that stand beside a question, with what its evidence quotes marked in them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hybrid.corpus.quotes import bare, find_quote
from hybrid.types import Passage, Question

Span = tuple[int, int]

_MIN_WORDS = 3
"""Fewer words of a quote at the border of a passage would be found by chance."""


@dataclass(frozen=True)
class Marked:
    """A passage and its marked spans: half-open, in order, apart from each other."""

    passage: Passage
    spans: tuple[Span, ...]

    def pieces(self) -> list[tuple[str, bool]]:
        """The text in pieces, and whether each is marked."""
        pieces, cursor = [], 0
        for start, end in self.spans:
            pieces += [(self.passage.text[cursor:start], False), (self.passage.text[start:end], True)]
            cursor = end
        pieces.append((self.passage.text[cursor:], False))
        return [(text, marked) for text, marked in pieces if text]


@dataclass
class Shelf:
    """All passages, found by id and by document. `same_as` names the document that was kept for a duplicate."""

    passages: Sequence[Passage]
    same_as: Mapping[str, str] = field(default_factory=dict)
    _by_id: dict[str, Passage] = field(init=False)
    _by_document: dict[str, list[Passage]] = field(init=False)

    def __post_init__(self) -> None:
        self._by_id = {passage.id: passage for passage in self.passages}
        self._by_document = {}
        for passage in self.passages:
            self._by_document.setdefault(passage.document_id, []).append(passage)

    def beside(self, question: Question) -> tuple[list[Marked], list[str]]:
        """Gold passages with their quotes marked, and what could not be found, for the reviewer to judge.

        A quote that a border between passages cuts is marked on both sides. A passage that is named without a quote,
        or stands below a quoted heading, has the answers marked.
        """
        spans: dict[str, list[Span]] = {}
        notes = []
        for identity in question.positives:
            if identity in self._by_id:
                spans.setdefault(identity, [])
            else:
                notes.append(f"There is no passage {identity} in the workspace.")
        for evidence in question.evidence:
            candidates = self._by_document.get(self.same_as.get(evidence.source, evidence.source), [])
            found = _whole(evidence.quote, candidates) or _cut(evidence.quote, candidates)
            below = [] if found else _below(evidence.quote, candidates)
            for identity in below:
                spans.setdefault(identity, [])
            for identity, span in found:
                spans.setdefault(identity, []).append(span)
            if not candidates:
                notes.append(f"There is no document {evidence.source} in the workspace. Quoted: {evidence.quote}")
            elif not (found or below):
                notes.append(f"{evidence.source} does not hold the quote: {evidence.quote}")
        shown = []
        for identity, marks in spans.items():
            passage = self._by_id[identity]
            shown.append(Marked(passage, _joined(marks or _answers(question.answers, passage))))
        return shown, notes


def _whole(quote: str, candidates: Sequence[Passage]) -> list[tuple[str, Span]]:
    return [(passage.id, place) for passage in candidates if (place := find_quote(quote, passage.text))]


def _cut(quote: str, candidates: Sequence[Passage]) -> list[tuple[str, Span]]:
    """The longest beginning of the quote that ends a passage, and the longest end of it that begins one."""
    words = quote.split()
    parts = [
        (bare(" ".join(words[:num]))[0], bare(" ".join(words[-num:]))[0])
        for num in range(len(words) - 1, _MIN_WORDS - 1, -1)
    ]
    found = []
    for passage in candidates:
        text, places = bare(passage.text)
        for first, last in parts:
            if text.endswith(first):
                found.append((passage.id, (places[-len(first)], places[-1] + 1)))
                break
            if text.startswith(last):
                found.append((passage.id, (places[0], places[len(last) - 1] + 1)))
                break
    return found


def _below(quote: str, candidates: Sequence[Passage]) -> list[str]:
    """The passages below a quoted heading, as the index resolves it."""
    return [passage.id for passage in candidates if find_quote(quote, passage.heading)]


def _answers(answers: Sequence[str], passage: Passage) -> list[Span]:
    words = sorted({answer.strip() for answer in answers if answer.strip()}, key=len, reverse=True)
    if not words:
        return []
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in words), re.IGNORECASE)
    return [match.span() for match in pattern.finditer(passage.text)]


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
