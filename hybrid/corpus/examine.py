"""What is noted of every document before it is indexed: duplicates, language, letters, private data."""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hybrid.artifacts import text_digest
from hybrid.config import CorpusConfig
from hybrid.corpus.duplicates import Earlier, Sketch
from hybrid.corpus.load import AHEAD
from hybrid.corpus.prepare import Preparation, prepare
from hybrid.corpus.text_quality import RARE
from hybrid.corpus.workers import Call, WorkerError, Workers, ahead
from hybrid.types import Document

_MOST_PLACES = 1000
"""Places of private data that a manifest lists."""


@dataclass
class Row:
    """A document as it is listed; `duplicate_of` is "" for those that are kept."""

    id: str
    source: str
    format: str
    sha256: str
    language: str
    duplicate_of: str = ""
    passages: int = 0
    tokens: int = 0


@dataclass
class Examination:
    """Rows in corpus order, and what was found. Secrets are counted and placed, never kept."""

    rows: dict[str, Row] = field(default_factory=dict)
    exact: list[tuple[str, str]] = field(default_factory=list)
    near: list[tuple[str, str]] = field(default_factory=list)
    garbled: list[tuple[str, str]] = field(default_factory=list)
    private: Counter[str] = field(default_factory=Counter)
    places: list[tuple[str, str]] = field(default_factory=list)
    """Document and line of its text, and kind."""

    @property
    def foreign(self) -> list[Row]:
        """Documents in a language that few others are in."""
        known = Counter(row.language for row in self.rows.values() if row.language)
        rare = {code for code, num in known.items() if num < RARE * known.total()}
        return [row for row in self.rows.values() if row.language in rare]

    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        languages = Counter(row.language or "unknown" for row in self.rows.values())
        return {
            "languages": dict(languages.most_common()),
            "garbled": [f"{name}: {wrong}" for name, wrong in self.garbled[:_MOST_PLACES]],
            "duplicates": {"exact": len(self.exact), "near": len(self.near)},
            "private": {"counts": dict(self.private.most_common()), "places": self.places[:_MOST_PLACES]},
        }

    def warnings(self) -> list[str]:
        """A line for each kind that was found, secrets first."""
        told = []
        if self.private:
            kinds = ", ".join(f"{num} × {kind}" for kind, num in self.private.most_common())
            told.append(
                f"secrets or personal data are in the documents: {kinds} (first: {self.places[0][0]}, "
                f"{self.places[0][1]}; all places: `facts.private` of the passages' manifest)"
            )
        if self.garbled:
            name, wrong = self.garbled[0]
            told.append(
                f"{len(self.garbled)} documents hold letters that were decoded wrongly (first: {name}, {wrong})"
            )
        if foreign := self.foreign:
            told.append(
                f"{len(foreign)} documents are in a language of few others (first: {foreign[0].id}, "
                f"{foreign[0].language})"
            )
        return told

    def left_out(self) -> list[str]:
        """A line for each duplicate."""
        kinds = ((self.exact, "the same text as"), (self.near, "nearly the same as"))
        return [f"{name}: left out, {how} {kept}" for pairs, how in kinds for name, kept in pairs]

    def repeated(self) -> list[str]:
        """A line for each kind of duplicate where all are kept."""
        kinds = ((self.exact, "the same text as"), (self.near, "nearly the same as"))
        return [
            f"{len(pairs)} passages are {how} others, and are kept (first: {pairs[0][0]}, {pairs[0][1]})"
            for pairs, how in kinds
            if pairs
        ]


class Examiner:
    """Takes documents one by one; equal texts are looked at once, in this build or an earlier one."""

    def __init__(self, preparation: Preparation, config: CorpusConfig) -> None:
        self._preparation = preparation
        self._earlier = Earlier(near=config.near_duplicate if config.duplicates == "near" else None)
        self._compares = config.duplicates != "keep"
        self.found = Examination()

    def take(self, document: Document) -> Row:
        """Note a document; tables of records are never near-duplicates, they differ in little by design."""
        digest = text_digest(document.title, document.text)
        return self._note(document, digest, self._preparation.look(document, digest))

    def take_all(self, documents: Iterable[Document], workers: Workers, few: int) -> None:
        """The same of many documents, in their order; what has to be made of more than a `few` is made in `workers`."""
        preparation = self._preparation
        left = few

        def begin(document: Document) -> tuple[str, Any, Call | None]:
            nonlocal left
            digest = text_digest(document.title, document.text)
            if (known := preparation.looked(digest)) is not None:
                return digest, known, None
            left -= 1
            return digest, None, workers.submit(prepare, document, preparation.cutting) if left < 0 else None

        for document, (digest, found, call) in ahead(documents, begin, AHEAD * workers.num):
            if call is not None:
                # what a worker fails to make is made here: the document was read, so it is not to be left out
                with suppress(WorkerError):
                    preparation.keep(document, digest, call.result())
            self._note(document, digest, preparation.look(document, digest) if found is None else found)

    def _note(self, document: Document, digest: str, found: Any) -> Row:
        code, wrong, places, drawn = found
        row = Row(document.id, document.source, document.format, digest, code)
        self.found.rows[document.id] = row
        same = self._earlier.find(document.id, Sketch(*drawn), exact_only=document.records) if self._compares else None
        if same is not None:
            row.duplicate_of, exactly = same
            (self.found.exact if exactly else self.found.near).append((document.id, row.duplicate_of))
        if wrong:
            self.found.garbled.append((document.id, wrong))
        for kind, line in places:
            self.found.private[kind] += 1
            if len(self.found.places) < _MOST_PLACES:
                self.found.places.append((f"{document.source}:{line}", kind))
        return row

    def keep(self, row: Row) -> None:
        """Take back that a document is a duplicate."""
        pair = (row.id, row.duplicate_of)
        (self.found.near if pair in self.found.near else self.found.exact).remove(pair)
        row.duplicate_of = ""
