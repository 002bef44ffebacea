"""What is made of a document alone, whatever else is in its folder: what is noted of it, and its pieces.

Workers make it of many documents, in the call that reads each. It imports little itself: workers begin with it.
"""

import json
import pickle
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from hybrid.corpus.chunk import CHUNK_VERSION, Cutter, Piece, Tokenizer
from hybrid.corpus.read_file import content_of, document_of, title_of_name
from hybrid.types import Document

if TYPE_CHECKING:
    from hybrid.corpus.memo import Memo

_LOOK_VERSION = 1
_LONGEST_NAME = 1000
"""Bytes of a tokenizer that is handed over: more than it takes to say where one is, less than it takes to hold one."""


class Cutting(NamedTuple):
    """How documents are cut, for another process; `tokenizer` is pickled."""

    tokenizer: bytes
    chunk_tokens: int
    overlap_tokens: int


class Preparation:
    """How documents are prepared, here and in workers, and what was made of them before."""

    def __init__(
        self, memo: "Memo", tokenize: Tokenizer, tokenizer_id: str, chunk_tokens: int, overlap_tokens: int
    ) -> None:
        self._memo = memo
        self._tokenizer_id = tokenizer_id
        self._cutter = Cutter(tokenize, chunk_tokens, overlap_tokens)
        name = _name(tokenize)
        self.cutting = None if name is None else Cutting(name, chunk_tokens, overlap_tokens)
        """None where the tokenizer cannot be named to another process: then documents are cut in this one."""

    def looked(self, digest: str) -> Sequence[Any] | None:
        """What `look` found before in a document; `digest` is that of its title and text."""
        found: Sequence[Any] | None = self._memo.find(_look_parts(digest))
        return found

    def look(self, document: Document, digest: str) -> Sequence[Any]:
        """What `look` finds, now or before."""
        found: Sequence[Any] = self._memo.get(_look_parts(digest), lambda: look(document))
        return found

    def cut(self, document: Document, digest: str) -> list[Piece]:
        """The document's pieces, cut now or before."""
        values = self._memo.get(self._cut_parts(document, digest), lambda: self._cutter.cut(document))
        return [Piece(*value) for value in values]

    def keep(self, document: Document, digest: str, made: Sequence[str]) -> None:
        """Store what `prepare` made of the document."""
        self._memo.keep_text(_look_parts(digest), made[0])
        if len(made) > 1:
            self._memo.keep_text(self._cut_parts(document, digest), made[1])

    def _cut_parts(self, document: Document, digest: str) -> list[Any]:
        from hybrid.artifacts import sha256_json

        places = [document.marks, document.record_sections] if document.record_sections else document.marks
        return ["cut", CHUNK_VERSION, self._cutter.settings, self._tokenizer_id, digest, sha256_json(places)]


def read_and_prepare(
    read: Callable[..., dict[str, Any]], arguments: Sequence[Any], source: str, cutting: Cutting | None
) -> dict[str, Any]:
    """What `read`, a `read_file`, gives for its arguments, with `made` of the document that it is. What was read is
    JSON already, for whoever stores it."""
    found = read(*arguments)
    if "read" not in found:
        return found
    text = json.dumps(found["read"], ensure_ascii=False)
    # as it will be for who reads what is stored
    content = content_of(json.loads(text))
    if isinstance(content, str):
        return {"json": text, "made": []}
    return {"json": text, "made": prepare(document_of(source, arguments[1], content, content.text), cutting)}


def make_ready(cutting: Cutting | None) -> None:
    """Import and load what `prepare` needs, which takes a process seconds."""
    text = "It is long enough for its language to be told: a man of 20 wrote it to +44 20 7946 0958, for a fee of 3 €."
    prepare(Document("", text, "", "A title"), cutting)


def prepare(document: Document, cutting: Cutting | None) -> list[str]:
    """As JSON: what `look` finds, and with `cutting` the pieces."""
    made: list[Any] = [look(document)]
    if cutting is not None:
        made.append(_cutter(cutting).cut(document))
    return [json.dumps(value, ensure_ascii=False) for value in made]


def look(document: Document) -> Sequence[Any]:
    """Language, what is wrong with the letters, kinds and lines of private data, and what tells duplicates."""
    from hybrid.corpus.duplicates import sketch
    from hybrid.corpus.private import private_spans
    from hybrid.corpus.text_quality import garbled, language

    text = document.text
    # copies of one file go by several names; a title of its own is part of what a document says
    title = "" if document.title == title_of_name(document.source) else document.title
    places = [(span.kind, span.line) for span in private_spans(text)]
    return [language(text), garbled(text), places, sketch(text, title)]


def _look_parts(digest: str) -> list[Any]:
    return ["examine", _LOOK_VERSION, digest]


@lru_cache(maxsize=1)
def _cutter(cutting: Cutting) -> Cutter:
    return Cutter(pickle.loads(cutting.tokenizer), cutting.chunk_tokens, cutting.overlap_tokens)


def _name(tokenize: Tokenizer) -> bytes | None:
    try:
        pickled = pickle.dumps(tokenize)
    # what is bound to this process raises any of them
    except (pickle.PicklingError, TypeError, AttributeError):
        return None
    return pickled if len(pickled) <= _LONGEST_NAME else None
