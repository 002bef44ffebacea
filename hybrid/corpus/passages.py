"""The first artefact: passages, questions and judgements, BEIR-shaped, from a corpus folder in any accepted layout."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hybrid.artifacts import Manifest, current, publish, require, sha256_file, sha256_json, sha256_tree, write_text
from hybrid.config import CorpusConfig
from hybrid.corpus.chunk import Tokenizer, chunk
from hybrid.corpus.load import Reading, load_documents
from hybrid.corpus.questions import read_questions, resolve
from hybrid.errors import InputError
from hybrid.jsonl import field as json_field
from hybrid.jsonl import read_jsonl, write_jsonl
from hybrid.types import Evidence, Passage, Question

VERSION = 1


@dataclass(frozen=True)
class CorpusFolder:
    """Where things lie in a corpus folder: either `documents/` to be chunked, or a ready `passages.jsonl`."""

    folder: Path

    @property
    def ready_passages(self) -> Path:
        """Passages that are taken as they are."""
        return self.folder / "passages.jsonl"

    @property
    def documents(self) -> Path:
        """Files to chunk: `documents/` where it exists, else the folder itself."""
        inner = self.folder / "documents"
        return inner if inner.is_dir() else self.folder

    @property
    def single_question_file(self) -> Path:
        """Where it is there, no other is read."""
        return self.folder / "questions.jsonl"

    @property
    def question_files(self) -> list[Path]:
        """`questions.jsonl`, or every file of `questions/`."""
        single = self.single_question_file
        return [single] if single.is_file() else sorted((self.folder / "questions").glob("*.jsonl"))

    def content_id(self) -> str:
        """SHA-256 over what decides passages and questions."""
        if not self.folder.is_dir():
            raise InputError(
                self.folder, "no such corpus folder", "give CORPUS=… a folder that holds documents/ or passages.jsonl"
            )
        if self.ready_passages.is_file():
            content = sha256_file(self.ready_passages)
        else:
            content = sha256_tree(self.documents, skip_suffix="")
        return sha256_json([content, [[path.name, sha256_file(path)] for path in self.question_files]])


@dataclass(frozen=True)
class PassageSet:
    """The published artefact, read."""

    path: Path
    manifest: Manifest

    @cached_property
    def passages(self) -> list[Passage]:
        """All passages in corpus order."""
        return [Passage(**_known(record)) for _, record in read_jsonl(self.path / "corpus.jsonl")]

    @cached_property
    def by_id(self) -> dict[str, Passage]:
        """Passages by id."""
        return {passage.id: passage for passage in self.passages}

    @cached_property
    def questions(self) -> list[Question]:
        """All questions, positives resolved."""
        return [_question(record) for _, record in read_jsonl(self.path / "queries.jsonl")]

    def split(self, name: str) -> list[Question]:
        """Questions of one split."""
        return [question for question in self.questions if question.split == name]


def build_passages(
    corpus: CorpusFolder,
    config: CorpusConfig,
    *,
    tokenize: Tokenizer,
    max_tokens: int,
    target: Path,
    inputs: Mapping[str, str],
) -> Manifest:
    """Read, chunk and resolve a corpus folder into `target` (corpus.jsonl, queries.jsonl, qrels/<split>.tsv).

    `max_tokens` is what the embedder reads: passages are never cut longer, and ready ones that are longer are counted.
    """
    settings = config.model_dump(mode="json")
    if done := current(target, "passages", VERSION, settings, inputs):
        return done
    with publish(target, "passages", VERSION, settings, inputs) as build:
        if corpus.ready_passages.is_file():
            passages, documents, reading = read_passages(corpus.ready_passages), {}, Reading()
        else:
            reading = load_documents(corpus.documents, config, leave_out=corpus.question_files)
            documents = {document.id: document for document in reading.documents}
            limit = min(config.chunk_tokens, max_tokens)
            passages = chunk(
                reading.documents, tokenize=tokenize, chunk_tokens=limit, overlap_tokens=config.overlap_tokens
            )
        if not passages:
            raise InputError(corpus.documents, "the corpus has headings but no text", "add documents with text")
        resolved = resolve(read_questions(corpus.question_files), passages, documents)
        too_long = sum(len(tokenize(passage.full_text)) > max_tokens for passage in passages)
        warnings = [f"{source}: skipped, {reason}" for source, reason in reading.skipped] + resolved.warnings
        if too_long:
            warnings.append(
                f"{too_long} of {len(passages)} passages are longer than the {max_tokens} tokens "
                "that the embedder reads: their ends are not searched"
            )
        _write(build.path, passages, resolved.questions)
        build.counts.update(
            documents=len(documents) or len(passages),
            passages=len(passages),
            questions=len(resolved.questions),
            skipped_files=len(reading.skipped),
        )
        build.facts["warnings"] = warnings
    return require(target, "hybrid index")


def read_passages(path: Path) -> list[Passage]:
    """Passages of a ready file. Raises `InputError` for malformed lines, duplicate ids and an empty file."""
    passages: list[Passage] = []
    seen: dict[str, int] = {}
    for line, record in read_jsonl(path):
        identity = json_field(path, line, record, "id", str)
        if identity in seen:
            raise InputError(
                path, f"duplicate id {identity!r}, first at line {seen[identity]}", "ids must be unique", line=line
            )
        seen[identity] = line
        text = json_field(path, line, record, "text", str)
        title = json_field(path, line, record, "title", str, "")
        document = json_field(path, line, record, "document_id", str, identity)
        passages.append(Passage(identity, text, title, "", document, f"{path.name}:{line}", 0, len(text)))
    if not passages:
        raise InputError(path, "no passages in it", "the corpus is empty: add documents")
    return passages


def _write(folder: Path, passages: Sequence[Passage], questions: Sequence[Question]) -> None:
    write_jsonl(
        folder / "corpus.jsonl", ({"_id": p.id, **{k: v for k, v in asdict(p).items() if k != "id"}} for p in passages)
    )
    write_jsonl(
        folder / "queries.jsonl",
        (
            {"_id": q.id, "text": q.question, **{k: v for k, v in asdict(q).items() if k not in ("id", "question")}}
            for q in questions
        ),
    )
    (folder / "qrels").mkdir(exist_ok=True)
    for split in sorted({q.split for q in questions}):
        rows = [f"{q.id}\t{p}\t1\n" for q in questions if q.split == split for p in q.positives]
        write_text(folder / "qrels" / f"{split}.tsv", "query-id\tcorpus-id\tscore\n" + "".join(rows))


def _known(record: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": record["_id"], **{k: v for k, v in record.items() if k != "_id"}}


def _question(record: Mapping[str, Any]) -> Question:
    values = {k: v for k, v in record.items() if k not in ("_id", "text")}
    values["answers"] = tuple(values["answers"])
    values["positives"] = tuple(values["positives"])
    values["evidence"] = tuple(Evidence(**e) for e in values["evidence"])
    return Question(id=record["_id"], question=record["text"], **values)
