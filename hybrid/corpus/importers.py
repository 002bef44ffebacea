"""Public formats to a corpus folder with `passages.jsonl` and `questions.jsonl`: BEIR, SQuAD, and that layout."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hybrid.artifacts import new_folder
from hybrid.corpus.metadata import entry, left_out
from hybrid.corpus.passages import read_passages
from hybrid.corpus.questions import read_questions
from hybrid.corpus.splits import SPLITS
from hybrid.errors import InputError
from hybrid.jsonl import field as json_field
from hybrid.jsonl import read_json, read_jsonl, write_jsonl

Format = Literal["beir", "squad", "passages"]


@dataclass(frozen=True)
class Records:
    """Lines of `passages.jsonl` and `questions.jsonl`, and what a person should know. Passages are None where the
    source holds none and the corpus is to get its documents elsewhere.
    """

    passages: Iterable[Mapping[str, Any]] | None
    questions: Iterable[Mapping[str, Any]]
    notes: list[str] = field(default_factory=list)


Reader = Callable[[Path, str], Records]
"""From a source, and the split of questions whose format names none."""

_KEPT = ("answers", "answer_type", "answerable", "topic", "pattern", "json_schema", "case", "group", "origin")
"""What exports of hybrid add to a format that has no place for it."""
BEIR_PLACES = ("title", "section", "document_id")
"""Names in the `metadata` of a BEIR passage that are no metadata of ours."""
BEIR_ESCAPE = "metadata."
"""Before a field that goes by one of those names, or begins so itself, in exports of hybrid."""


def import_corpus(source: Path, kind: Format | Reader, target: Path, *, split: str = "test") -> dict[str, Any]:
    """Write `target` whole or not at all; returns counts and, where there are any, notes. `split` is given to questions
    whose format names none.

    Raises `InputError` with file and line for what cannot be read, `UserError` where `target` exists.
    """
    with new_folder(target) as folder:
        if not source.exists():
            raise InputError(source, "no such file or folder")
        records = (kind if callable(kind) else _READERS[kind])(source, split)
        counts: dict[str, Any] = {"passages": 0}
        try:
            if records.passages is not None:
                counts["passages"] = write_jsonl(folder / "passages.jsonl", records.passages)
                read_passages(folder / "passages.jsonl")
            counts["questions"] = write_jsonl(folder / "questions.jsonl", records.questions)
            read_questions([folder / "questions.jsonl"])
        except InputError as error:
            raise InputError(source, f"not a usable corpus: {error.problem}") from None
    return {**counts, "notes": records.notes} if records.notes else counts


def _beir(folder: Path, split: str) -> Records:
    """`corpus.jsonl`, `queries.jsonl` and `qrels/*.tsv` (the file's name is the split; scores above 0 are gold)."""
    corpus = folder / "corpus.jsonl"
    passages: dict[str, dict[str, Any]] = {}
    refused: list[str] = []
    for number, record in read_jsonl(corpus):
        identity = json_field(corpus, number, record, "_id", str)
        if identity in passages:
            raise InputError(corpus, f"duplicate id {identity!r}", "ids must be unique", line=number)
        title = json_field(corpus, number, record, "title", str, "")
        passages[identity] = {"id": identity, "title": title, "text": json_field(corpus, number, record, "text", str)}
        given = record.get("metadata")
        more = given if isinstance(given, dict) else {}
        is_own = "document_id" in more
        if is_own:
            passages[identity] |= {key: more[key] for key in BEIR_PLACES if key in more}
        fields = {k.removeprefix(BEIR_ESCAPE) if is_own else k: v for k, v in more.items() if k not in BEIR_PLACES}
        passages[identity] |= entry(fields, refused)
    if not passages:
        raise InputError(corpus, "no passages in it", "the corpus is empty: add documents")
    gold: dict[str, list[str]] = {}
    split_of: dict[str, str] = {}
    judged_in: dict[str, set[str]] = {}
    files = sorted((folder / "qrels").glob("*.tsv"))
    if not files:
        raise InputError(folder / "qrels", "no .tsv with judgements", "a BEIR folder holds qrels/test.tsv")
    for file in files:
        try:
            # at line ends only: `splitlines` also cuts at separators that an id may hold
            rows = file.read_text(encoding="utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise InputError(file, f"not UTF-8 ({error.reason})", "save the file as UTF-8") from None
        for line, row in enumerate((row.split("\t") for row in rows), start=1):
            if (line == 1 and row[0] == "query-id") or row == [""]:
                continue
            if len(row) != 3 or not row[2].lstrip("-").isdigit():
                raise InputError(file, "expected query-id, corpus-id, score", "separate them by tabs", line=line)
            if int(row[2]) > 0:
                if row[1] not in passages:
                    raise InputError(file, f"unknown passage {row[1]!r}", f"it is not in {corpus.name}", line=line)
                gold.setdefault(row[0], []).append(row[1])
                judged_in.setdefault(row[0], set()).add(file.stem)
                split_of[row[0]] = file.stem if file.stem in SPLITS else split
    queries = folder / "queries.jsonl"
    questions = []
    asked: set[str] = set()
    for number, record in read_jsonl(queries):
        identity = json_field(queries, number, record, "_id", str)
        asked.add(identity)
        text = json_field(queries, number, record, "text", str)
        metadata = record.get("metadata")
        more = metadata if isinstance(metadata, dict) else {}
        # a query without judgement is nobody's question, unless it says that nothing answers it
        if identity in gold or more.get("answerable") is False:
            questions.append(
                {
                    "id": identity,
                    "question": text,
                    "answers": [],
                    "positives": gold.get(identity, []),
                    "split": split_of.get(identity, more.get("split", split)),
                    **{key: more[key] for key in _KEPT if key in more},
                }
            )
    notes = left_out(refused)
    if ghosts := [identity for identity in gold if identity not in asked]:
        some = ", ".join(ghosts[:3]) + (" …" if len(ghosts) > 3 else "")
        notes = [*notes, f"{len(ghosts)} judged queries are not in {queries.name} and were left out: {some}"]
    if twice := [identity for identity, files in judged_in.items() if len(files) > 1]:
        some = ", ".join(twice[:3]) + (" …" if len(twice) > 3 else "")
        notes = [*notes, f"{len(twice)} queries are judged in two splits and count for the last: {some}"]
    return Records(passages.values(), questions, notes)


def _squad(source: Path, split: str) -> Records:
    """SQuAD 1.1 and 2.0: paragraphs are passages, impossible questions are unanswerable.

    Of a folder every .json is read, its name (train, dev, test) the split. Equal paragraphs are one passage.
    """
    files = sorted(source.glob("*.json")) if source.is_dir() else [source]
    if not files:
        raise InputError(source, "no SQuAD file in it, and not a file itself", "SQuAD is one JSON file, or one a split")
    passages: dict[tuple[str, str, str], dict[str, Any]] = {}
    questions: list[dict[str, Any]] = []
    refused: list[str] = []
    for file in files:
        name = file.stem if source.is_dir() and file.stem in SPLITS else split
        for title, paragraph in _paragraphs(file):
            try:
                # exports of hybrid name each
                key = (title, paragraph["context"], paragraph.get("id", ""))
                fresh = {
                    "id": paragraph.get("id", f"p{len(passages):05d}"),
                    "title": paragraph.get("title", title),
                    "text": paragraph["context"],
                    "document_id": paragraph.get("document_id", title),
                    **({"section": paragraph["section"]} if "section" in paragraph else {}),
                    **entry(paragraph.get("metadata"), refused),
                }
                passage = passages.setdefault(key, fresh)
                questions += [_squad_question(qa, passage["id"], name) for qa in paragraph["qas"]]
            except (KeyError, TypeError, AttributeError) as error:
                raise InputError(
                    file, f"an article is not as SQuAD has it: {error!r}", "check the file's version"
                ) from None
    return Records(passages.values(), questions, left_out(refused))


def _paragraphs(file: Path) -> Iterable[tuple[str, Any]]:
    try:
        articles = read_json(file)["data"]
        return [(a.get("title", "").replace("_", " "), paragraph) for a in articles for paragraph in a["paragraphs"]]
    except (KeyError, TypeError, AttributeError):
        raise InputError(file, "not SQuAD JSON (no readable `data` with paragraphs)") from None


def _squad_question(qa: Mapping[str, Any], passage: str, split: str) -> dict[str, Any]:
    impossible = qa.get("is_impossible", False)
    if not isinstance(impossible, bool):
        raise TypeError(f"`is_impossible` is {impossible!r}, not true or false")
    possible = not impossible
    return {
        "id": str(qa["id"]),
        "question": qa["question"].strip(),
        "answers": list(dict.fromkeys(a["text"] for a in qa["answers"])) if possible else [],
        "positives": [passage] if possible else [],
        "split": split,
        "answer_type": "span",
        "answerable": possible,
        **{key: qa[key] for key in _KEPT if key in qa and key not in ("answers", "answerable")},
    }


def _passages(folder: Path, split: str) -> Records:
    """`passages.jsonl` and `questions.jsonl`, copied after a check; questions without a split get `split`."""
    source = folder / "questions.jsonl"
    read_passages(folder / "passages.jsonl")
    if source.is_file():
        read_questions([source])
    questions = [{"split": split, **record} for _, record in read_jsonl(source)] if source.is_file() else []
    return Records([record for _, record in read_jsonl(folder / "passages.jsonl")], questions)


_READERS: dict[Format, Reader] = {"beir": _beir, "squad": _squad, "passages": _passages}
