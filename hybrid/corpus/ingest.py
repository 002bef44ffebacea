"""The first artefact: passages, questions and judgements, BEIR-shaped, from a corpus folder.

Documents are read one at a time and their passages written at once, so that memory hardly grows with the corpus; what
was made of a document before is taken from a memo.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import TextIO

from hybrid.artifacts import Build, Manifest, current, publish, require, write_text
from hybrid.config import CorpusConfig
from hybrid.corpus.chunk import CHUNK_VERSION, Tokenizer, name_passages
from hybrid.corpus.examine import Examiner, Row
from hybrid.corpus.load import READERS_VERSION, DocumentFolder
from hybrid.corpus.memo import Memo
from hybrid.corpus.passages import CorpusFolder, passage_settings, read_passages, split_rule
from hybrid.corpus.prepare import Preparation
from hybrid.corpus.questions import Located, read_questions, resolve
from hybrid.corpus.quotes import find_quote
from hybrid.errors import InputError
from hybrid.jsonl import write_jsonl
from hybrid.types import Document, Passage, Question

VERSION = 2 + READERS_VERSION + CHUNK_VERSION
"""Goes up with those of its parts: passages of an earlier release are made anew."""
_MANY = 300
"""New documents from which it pays that every worker imports what looks at them, which takes it most of two seconds."""
_MOST_FIELDS = 50
"""Fields of metadata that a manifest lists: those of most passages."""


def build_passages(
    corpus: CorpusFolder,
    config: CorpusConfig,
    *,
    tokenize: Tokenizer,
    max_tokens: int,
    target: Path,
    inputs: Mapping[str, str],
    cache: Path | None = None,
) -> Manifest:
    """Read, examine, chunk and resolve a corpus folder into `target`: corpus.jsonl, documents.jsonl, queries.jsonl,
    qrels/<split>.tsv.

    `max_tokens` is what the embedder reads: passages are never cut longer, and ready ones that are longer are counted.
    With `cache`, an SQLite file, only documents that changed since the last build are read and cut.
    """
    settings = passage_settings(corpus, config)
    if done := current(target, "passages", VERSION, settings, inputs):
        return done
    with publish(target, "passages", VERSION, settings, inputs) as build, closing(Memo(cache)) as memo:
        ready = read_passages(corpus.ready_passages) if corpus.ready_passages.is_file() else None
        located = read_questions(corpus.question_files)
        tokenizer_id = inputs.get("tokenizer", "")
        budget = min(config.chunk_tokens, max_tokens)
        preparation = Preparation(memo, tokenize, tokenizer_id, budget, config.overlap_tokens)
        examiner = Examiner(preparation, config)
        with (build.path / "corpus.jsonl").open("w", encoding="utf-8") as stream:
            shelf = _Shelf(stream, located)
            if ready is not None:
                warnings = _take_ready(ready, examiner, shelf, tokenize, max_tokens, memo, tokenizer_id)
            else:
                with closing(corpus.read(config, memo)) as folder:
                    warnings = _take_documents(folder, examiner, shelf, preparation, is_first=memo.began_empty)
                build.counts["skipped_files"] = len(folder.skipped)
        if not shelf.document_of:
            raise InputError(corpus.documents, "the corpus has headings but no text", "add documents with text")
        same_as = {row.id: row.duplicate_of for row in examiner.found.rows.values() if row.duplicate_of}
        resolved = resolve(
            located,
            shelf.passages,
            shelf.documents,
            split_rule(config),
            same_as=same_as,
            document_of=shelf.document_of,
        )
        _write_questions(build.path, resolved.questions)
        rows = list(examiner.found.rows.values())
        write_text(build.path / "documents.jsonl", "".join(map(_line, rows)))
        _describe(build, rows, len(resolved.questions))
        build.facts.update(examiner.found.facts(), warnings=examiner.found.warnings() + resolved.warnings + warnings)
        if shelf.fields:
            build.facts["metadata"] = dict(shelf.fields.most_common(_MOST_FIELDS))
        memo.forget_unused()
    return require(target, "hybrid index")


class _Shelf:
    """Writes passages as they come. Only those of documents that evidence names stay in memory."""

    def __init__(self, stream: TextIO, located: Sequence[Located]) -> None:
        self._stream = stream
        self.quotes: dict[str, list[str]] = {}
        for evidence in (evidence for item in located for evidence in item.question.evidence):
            self.quotes.setdefault(evidence.source, []).append(evidence.quote)
        self.wanted = set(self.quotes)
        self.documents: dict[str, Document] = {}
        self.passages: list[Passage] = []
        self.document_of: dict[str, str] = {}
        self.fields: Counter[str] = Counter()
        """On how many passages each field of metadata is."""

    def put(self, passages: Iterable[Passage]) -> None:
        """Write passages in corpus order."""
        for passage in passages:
            self._stream.write(_line(passage))
            self.document_of[passage.id] = passage.document_id or passage.id
            self.fields.update(passage.metadata.keys())
            if passage.document_id in self.wanted:
                self.passages.append(passage)


def _take_documents(
    folder: DocumentFolder, examiner: Examiner, shelf: _Shelf, preparation: Preparation, *, is_first: bool
) -> list[str]:
    """Two passes: which documents are duplicates must be known before the first passage is written."""
    reading = folder.under_bar("reading documents")
    if folder.workers.num == 1:
        for document in reading:
            examiner.take(document)
    else:
        # of a first build all is new; of a later one few documents may be, which is known when they come
        few = 0 if is_first and folder.num_files >= _MANY else _MANY
        folder.prepare(preparation, after=few)
        examiner.take_all(reading, folder.workers, few)
    # the second pass has everything from the memo
    folder.close()
    rows = examiner.found.rows
    shelf.wanted |= {rows[name].duplicate_of for name in shelf.wanted & rows.keys()}
    kept_for_evidence = []
    for document in folder.under_bar("cutting documents"):
        row = rows[document.id]
        if row.duplicate_of and not _holds(shelf, row):
            kept_for_evidence.append(
                f"{row.id}: kept, though nearly the same as {row.duplicate_of}: evidence quotes it"
            )
            examiner.keep(row)
        if document.id in shelf.wanted:
            shelf.documents[document.id] = document
        if row.duplicate_of:
            continue
        pieces = preparation.cut(document, row.sha256)
        row.passages, row.tokens = len(pieces), sum(piece.num_tokens for piece in pieces)
        shelf.put(name_passages(document, pieces))
    skipped = [f"{source}: skipped, {reason}" for source, reason in folder.skipped]
    return skipped + folder.notes + kept_for_evidence + examiner.found.left_out()


def _holds(shelf: _Shelf, row: Row) -> bool:
    """Whether all quotes from a duplicate are in the document that was kept for it."""
    if row.id not in shelf.quotes:
        return True
    kept = shelf.documents[row.duplicate_of].text
    return all(find_quote(quote, kept) for quote in shelf.quotes[row.id])


def _take_ready(
    passages: Sequence[Passage],
    examiner: Examiner,
    shelf: _Shelf,
    tokenize: Tokenizer,
    max_tokens: int,
    memo: Memo,
    tokenizer_id: str,
) -> list[str]:
    """Ready passages are taken as they are; what is wrong with them is told."""
    too_long = 0
    for passage in passages:
        row = examiner.take(Document(passage.id, passage.text, passage.source, passage.title, ".jsonl"))
        text = passage.full_text
        row.tokens = memo.get(["tokens", tokenizer_id, text], partial(_count, tokenize, text))
        row.passages, row.duplicate_of = 1, ""
        too_long += row.tokens > max_tokens
    shelf.put(passages)
    warnings = examiner.found.repeated()
    if too_long:
        warnings.append(
            f"{too_long} of {len(passages)} passages are longer than the {max_tokens} tokens "
            "that the embedder reads: their ends are not searched"
        )
    return warnings


def _count(tokenize: Tokenizer, text: str) -> int:
    return len(tokenize(text))


def _describe(build: Build, rows: Sequence[Row], num_questions: int) -> None:
    formats: dict[str, dict[str, int]] = {}
    for row in rows:
        counts = formats.setdefault(row.format, {"documents": 0, "duplicates": 0, "passages": 0, "tokens": 0})
        counts["duplicates" if row.duplicate_of else "documents"] += 1
        counts["passages"] += row.passages
        counts["tokens"] += row.tokens
    totals = {name: sum(counts[name] for counts in formats.values()) for name in ("documents", "passages", "tokens")}
    build.counts.update(totals, questions=num_questions)
    build.counts.setdefault("skipped_files", 0)
    build.facts["formats"] = formats


def _write_questions(folder: Path, questions: Sequence[Question]) -> None:
    write_jsonl(
        folder / "queries.jsonl",
        (
            # `origin` came later: files without it stay the same bytes
            {
                "_id": q.id,
                "text": q.question,
                **{k: v for k, v in asdict(q).items() if k not in ("id", "question") and (k != "origin" or v)},
            }
            for q in questions
        ),
    )
    (folder / "qrels").mkdir(exist_ok=True)
    for split in sorted({q.split for q in questions}):
        rows = [f"{q.id}\t{p}\t1\n" for q in questions if q.split == split for p in q.positives]
        write_text(folder / "qrels" / f"{split}.tsv", "query-id\tcorpus-id\tscore\n" + "".join(rows))


def _line(record: Passage | Row) -> str:
    """A JSON line with `_id` first; `asdict` would copy every value."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    # it came later: passages without it stay the same bytes
    if not values.get("metadata", True):
        del values["metadata"]
    return json.dumps({"_id": values.pop("id"), **values}, ensure_ascii=False) + "\n"
