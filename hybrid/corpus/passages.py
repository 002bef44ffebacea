"""A corpus folder in any accepted layout, and the passage set that was made from it, read."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hybrid.artifacts import Manifest, sha256_file, sha256_json
from hybrid.config import CorpusConfig
from hybrid.controls import without_halves
from hybrid.corpus.load import FORMATS, DocumentFolder, max_bytes
from hybrid.corpus.memo import Memo
from hybrid.corpus.metadata import from_json, read_metadata
from hybrid.corpus.passage_lookup import PassageLookup
from hybrid.corpus.questions import names_no_split
from hybrid.corpus.splits import SplitRule
from hybrid.corpus.walk import Listing, list_files, refuse_link_out
from hybrid.errors import InputError
from hybrid.jsonl import field as json_field
from hybrid.jsonl import identity, read_jsonl
from hybrid.types import Evidence, Passage, Question

_READ_LIMITS = ("max_read_seconds", "max_read_memory_mb")


@dataclass(frozen=True)
class CorpusFolder:
    """Where things lie in a corpus folder: either `documents/` to be chunked, or a ready `passages.jsonl`."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's own, wherever one stands."""
        return self.folder.resolve().name

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

    @property
    def task_file(self) -> Path:
        """What the team wants, in `hybrid preflight`'s form."""
        return self.folder / "task.yaml"

    @property
    def review_files(self) -> list[Path]:
        """What reviewers said of the questions, beside the question files."""
        return sorted({file for path in self.question_files for file in path.parent.glob("*.review.json")})

    @property
    def beside_documents(self) -> set[Path]:
        """Files that are no documents, where the folder itself holds those."""
        return {*self.question_files, *self.review_files, self.task_file}

    def require(self) -> None:
        """Raise `InputError` where the folder is not there."""
        if not self.folder.is_dir():
            remedy = 'pass --corpus FOLDER, or ask any folder of documents: `hybrid ask FOLDER "a question"`'
            raise InputError(self.folder, "no corpus here", remedy)

    def content_id(self, config: CorpusConfig, documents_id: str = "") -> str:
        """SHA-256 over what decides passages and questions; `documents_id` where it is known already."""
        documents_id = documents_id or self.documents_id(config)
        return sha256_json([documents_id, [[path.name, sha256_file(path)] for path in self.question_files]])

    def documents_id(self, config: CorpusConfig) -> str:
        """SHA-256 over what decides passages. Files above the limit of `config` are not opened."""
        self.require()
        if self.ready_passages.is_file():
            return sha256_file(self.ready_passages)
        refuse_link_out(self.folder, self.documents)
        return self.listing().content_id(max_bytes(config))

    def listing(self) -> Listing:
        """The files to chunk, and what is passed over among them."""
        return list_files(self.documents, formats=FORMATS, leave_out=self.beside_documents)

    def read(self, config: CorpusConfig, memo: Memo) -> DocumentFolder:
        """The documents, one at a time."""
        refuse_link_out(self.folder, self.documents)
        return DocumentFolder(self.documents, config, memo, leave_out=self.beside_documents)


@dataclass(frozen=True)
class PassageSet:
    """The published artefact, read."""

    path: Path
    manifest: Manifest

    @cached_property
    def passages(self) -> list[Passage]:
        """All passages in corpus order."""
        return [_passage(record) for _, record in read_jsonl(self.path / "corpus.jsonl")]

    @cached_property
    def by_id(self) -> dict[str, Passage]:
        """Passages by id."""
        return {passage.id: passage for passage in self.passages}

    @property
    def lookup(self) -> Mapping[str, Passage]:
        """Passages by id, for who needs a few: what is not read yet is read as far as that takes."""
        return self.by_id if "passages" in vars(self) else self._few

    @cached_property
    def _few(self) -> PassageLookup:
        return PassageLookup(self.path / "corpus.jsonl", _passage, lambda: self.by_id)

    @cached_property
    def document_of(self) -> dict[str, str]:
        """The document of every passage, by the passage's id; itself where it names none."""
        return {passage.id: passage.document_id or passage.id for passage in self.passages}

    @cached_property
    def questions(self) -> list[Question]:
        """All questions, positives resolved."""
        return [_question(record) for _, record in read_jsonl(self.path / "queries.jsonl")]

    @cached_property
    def documents(self) -> list[dict[str, Any]]:
        """A row a document: id, source, format, language, SHA-256 of its text, passages, tokens, `duplicate_of`."""
        return [record for _, record in read_jsonl(self.path / "documents.jsonl")]

    @cached_property
    def same_as(self) -> dict[str, str]:
        """The document that was kept for each that was left out as a duplicate, by the latter's id."""
        return {row["_id"]: row["duplicate_of"] for row in self.documents if row["duplicate_of"]}

    def split(self, name: str) -> list[Question]:
        """Questions of one split."""
        return [question for question in self.questions if question.split == name]


def passage_settings(corpus: CorpusFolder, config: CorpusConfig) -> dict[str, Any]:
    """What of the configuration decides passages and questions: how to split only where the questions do not say it."""
    unused = set() if names_no_split(corpus.question_files) else {"splits", "split_seed"}
    # another limit may let other documents in, but passages made before there were limits stay what they are
    defaults = CorpusConfig()
    unused |= {key for key in _READ_LIMITS if getattr(config, key) == getattr(defaults, key)}
    return config.model_dump(mode="json", exclude=unused)


def split_rule(config: CorpusConfig) -> SplitRule:
    """The configured rule."""
    return SplitRule(config.splits, config.split_seed)


def read_passages(path: Path) -> list[Passage]:
    """Passages of a ready file. Raises `InputError` for malformed lines, duplicate ids and an empty file."""
    passages: list[Passage] = []
    seen: dict[str, int] = {}
    for line, record in read_jsonl(path, mended=True):
        name = identity(path, line, record)
        if name in seen:
            raise InputError(
                path, f"duplicate id {name!r}, first at line {seen[name]}", "ids must be unique", line=line
            )
        seen[name] = line
        given = {"text": None, "title": "", "section": "", "document_id": name}
        fields = (json_field(path, line, record, key, str, default) for key, default in given.items())
        text, title, section, document = map(without_halves, fields)
        source = f"{path.name}:{line}"
        metadata = read_metadata(path, line, record)
        passages.append(Passage(name, text, title, section, document, source, 0, len(text), metadata))
    if not passages:
        raise InputError(path, "no passages in it", "the corpus is empty: add documents")
    return passages


def _passage(record: Mapping[str, Any]) -> Passage:
    values = {k: v for k, v in record.items() if k not in ("_id", "metadata")}
    return Passage(id=record["_id"], **values, metadata=from_json(record.get("metadata", {})))


def _question(record: Mapping[str, Any]) -> Question:
    values = {k: v for k, v in record.items() if k not in ("_id", "text")}
    values["answers"] = tuple(values["answers"])
    values["positives"] = tuple(values["positives"])
    values["evidence"] = tuple(Evidence(**e) for e in values["evidence"])
    return Question(id=record["_id"], question=record["text"], **values)
