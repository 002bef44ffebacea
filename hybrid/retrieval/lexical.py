"""The lexical index: BM25 over the words of a passage set, by bm25s (Lù 2024, arXiv:2407.03618).

The variant is Lucene's (Kamphuis et al. 2020): every word that question and passage share adds to the score, so a
passage is in the ranking exactly if it shares one.
"""

import logging
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hybrid.artifacts import Manifest, current, publish, require
from hybrid.errors import IntegrityError, StaleError
from hybrid.jsonl import read_jsonl, write_jsonl
from hybrid.progress import track
from hybrid.retrieval.allowed_rows import AllowedRows
from hybrid.retrieval.counted_words import CountedWords, save_counted
from hybrid.retrieval.passage_vectors import digest_of
from hybrid.retrieval.word_tokenizer import WordTokenizer
from hybrid.types import Hit, Passage, ranked

VERSION = 3
K1 = 1.5
B = 0.75
IDS = "ids.jsonl"
_REMEDY = "run `hybrid index`"


class LexicalIndex:
    """Passages ranked by BM25. The arrays stay on disk and are mapped into memory."""

    def __init__(self, folder: Path, tokenizer: WordTokenizer) -> None:
        self._tokenizer = tokenizer
        self._allowed = AllowedRows()
        self._index: Any = _bm25s().BM25.load(folder, mmap=True, show_progress=False)
        self._ids = [record["id"] for _, record in read_jsonl(folder / IDS)]
        if len(self._ids) != self._index.scores["num_docs"]:
            num = self._index.scores["num_docs"]
            raise IntegrityError(f"{folder}: {num} passages but {len(self._ids)} ids", f"{_REMEDY} again")

    def rank(self, questions: Sequence[str], depth: int, among: AbstractSet[str] | None = None) -> list[list[Hit]]:
        """The best `depth` passages of each question, ties broken by id; fewer where fewer share a word with it, or
        are `among` the ids that are asked for. Words weigh as they do among all passages.
        """
        return [self._rank(question, depth, among) for question in questions]

    def _rank(self, question: str, depth: int, among: AbstractSet[str] | None) -> list[Hit]:
        words = self._index.get_tokens_ids(self._tokenizer.tokenize(question))
        if not words:
            return []
        scores: npt.NDArray[np.float32] = self._index.get_scores_from_ids(words)
        if among is not None:
            scores = scores * self._allowed.of(among, lambda: self._ids).mask
        rows = np.flatnonzero(scores)
        if len(rows) > depth:
            # all that tie with the last one are kept, so that the id decides there too
            rows = rows[scores[rows] >= np.partition(scores[rows], -depth)[-depth]]
        # rows stand in the order of ids
        best = rows[np.argsort(-scores[rows], kind="stable")][:depth]
        return ranked([self._ids[row] for row in best], scores[best].tolist())

    def __len__(self) -> int:
        return len(self._ids)


def build_lexical(
    passages: Sequence[Passage], tokenizer: WordTokenizer, *, target: Path, inputs: Mapping[str, str]
) -> Manifest:
    """Count the words of all passages into `target`, headings included; nothing changed, nothing done. Of texts that
    the index there holds already the words are taken over.
    """
    settings = {**tokenizer.settings, "k1": K1, "b": B}
    if done := current(target, "lexical", VERSION, settings, inputs):
        return done
    with publish(target, "lexical", VERSION, settings, inputs) as build:
        ordered = sorted(passages, key=lambda passage: passage.id)
        digests, known = list(map(digest_of, ordered)), CountedWords.of(target, VERSION, settings)
        vocabulary: dict[str, int] = {}
        counted: list[list[int]] = []
        for passage, digest in track(
            zip(ordered, digests, strict=True), total=len(ordered), description="indexing words"
        ):
            words = known.get(digest)
            words = tokenizer.tokenize(passage.full_text) if words is None else words
            counted.append([vocabulary.setdefault(word, len(vocabulary)) for word in words])
        # ids of words are given in the order of their first use: bm25s itself would take a set's order, which varies
        index = _bm25s().BM25(k1=K1, b=B, method="lucene")
        # passages without any word have a mean length of 0
        with np.errstate(invalid="ignore"):
            index.index((counted, vocabulary or {"": 0}), create_empty_token=False, show_progress=False)
        index.save(build.path, show_progress=False)
        save_counted(build.path, digests, counted)
        write_jsonl(build.path / IDS, ({"id": passage.id} for passage in ordered))
        build.counts.update(passages=len(ordered), words=len(vocabulary))
    return require(target, "hybrid index")


def open_lexical(path: Path, tokenizer: WordTokenizer, *, inputs: Mapping[str, str]) -> LexicalIndex:
    """The index at `path`. Raises `StaleError` where other passages or another way to read words made it."""
    manifest = require(path, "hybrid index")
    if manifest.inputs != dict(inputs):
        raise StaleError(f"{path} is older than the passages", _REMEDY)
    if manifest.config != {**tokenizer.settings, "k1": K1, "b": B}:
        raise StaleError(f"{path} was made with other stop words or another stemmer", _REMEDY)
    return LexicalIndex(path, tokenizer)


def _bm25s() -> Any:
    import bm25s

    # it sets its own level when it is imported, and tells of every step
    logging.getLogger("bm25s").setLevel(logging.WARNING)
    return bm25s
