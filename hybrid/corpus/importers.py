"""Public formats to a corpus folder with `passages.jsonl` and `questions.jsonl`: BEIR, SQuAD, and that layout."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from hybrid.corpus.passages import read_passages
from hybrid.corpus.questions import read_questions
from hybrid.errors import InputError, UserError
from hybrid.jsonl import field, read_jsonl, write_jsonl

Format = Literal["beir", "squad", "passages"]


def import_corpus(source: Path, kind: Format, target: Path, *, split: str = "test") -> dict[str, int]:
    """Write `target` whole or not at all; returns counts. `split` is given to questions whose format names none.

    Raises `InputError` with file and line for what cannot be read, `UserError` where `target` exists.
    """
    if target.exists():
        raise UserError(f"{target} exists", "name a folder that does not, or delete it first")
    if not source.exists():
        raise InputError(source, "no such file or folder")
    passages, questions = {"beir": _beir, "squad": _squad, "passages": _passages}[kind](source, split)
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        counts = {
            "passages": write_jsonl(partial / "passages.jsonl", passages),
            "questions": write_jsonl(partial / "questions.jsonl", questions),
        }
        read_passages(partial / "passages.jsonl")
        read_questions([partial / "questions.jsonl"])
    except InputError as error:
        shutil.rmtree(partial)
        raise InputError(source, f"not a usable corpus: {error.problem}") from None
    partial.rename(target)
    return counts


Records = tuple[Iterable[dict[str, Any]], Iterable[dict[str, Any]]]


def _beir(folder: Path, split: str) -> Records:
    """`corpus.jsonl`, `queries.jsonl` and `qrels/*.tsv` (the file's name is the split; scores above 0 are gold)."""
    corpus = folder / "corpus.jsonl"
    passages: dict[str, dict[str, Any]] = {}
    for number, record in read_jsonl(corpus):
        identity = field(corpus, number, record, "_id", str)
        if identity in passages:
            raise InputError(corpus, f"duplicate id {identity!r}", "ids must be unique", line=number)
        title = field(corpus, number, record, "title", str, "")
        passages[identity] = {"id": identity, "title": title, "text": field(corpus, number, record, "text", str)}
    if not passages:
        raise InputError(corpus, "no passages in it", "the corpus is empty: add documents")
    gold: dict[str, list[str]] = {}
    split_of: dict[str, str] = {}
    files = sorted((folder / "qrels").glob("*.tsv"))
    if not files:
        raise InputError(folder / "qrels", "no .tsv with judgements", "a BEIR folder holds qrels/test.tsv")
    for file in files:
        try:
            rows = file.read_text(encoding="utf-8").splitlines()
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
                split_of[row[0]] = file.stem if file.stem in ("train", "dev", "test") else split
    queries = folder / "queries.jsonl"
    questions = []
    for number, record in read_jsonl(queries):
        identity = field(queries, number, record, "_id", str)
        if identity in gold:
            text = field(queries, number, record, "text", str)
            questions.append(
                {
                    "id": identity,
                    "question": text,
                    "answers": [],
                    "positives": gold[identity],
                    "split": split_of[identity],
                }
            )
    return passages.values(), questions


def _squad(file: Path, split: str) -> Records:
    """SQuAD 1.1 and 2.0: paragraphs are passages, impossible questions are unanswerable."""
    if not file.is_file():
        raise InputError(file, "not a file", "SQuAD is one JSON file")
    try:
        articles = json.loads(file.read_text(encoding="utf-8"))["data"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise InputError(file, "not SQuAD JSON (no readable `data`)", line=line) from None
    passages: list[dict[str, Any]] = []
    questions: list[dict[str, Any]] = []
    try:
        for article in articles:
            title = article.get("title", "").replace("_", " ")
            for paragraph in article["paragraphs"]:
                identity = f"p{len(passages):05d}"
                passages.append({"id": identity, "title": title, "text": paragraph["context"], "document_id": title})
                for qa in paragraph["qas"]:
                    possible = not qa.get("is_impossible", False)
                    questions.append(
                        {
                            "id": str(qa["id"]),
                            "question": qa["question"].strip(),
                            "answers": list(dict.fromkeys(a["text"] for a in qa["answers"])) if possible else [],
                            "positives": [identity] if possible else [],
                            "split": split,
                            "answer_type": "span",
                            "answerable": possible,
                        }
                    )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(file, f"an article is not as SQuAD has it: {error!r}", "check the file's version") from None
    return passages, questions


def _passages(folder: Path, split: str) -> Records:
    """`passages.jsonl` and `questions.jsonl`, copied after a check; questions without a split get `split`."""
    source = folder / "questions.jsonl"
    read_passages(folder / "passages.jsonl")
    if source.is_file():
        read_questions([source])
    questions = [{"split": split, **record} for _, record in read_jsonl(source)] if source.is_file() else []
    return [record for _, record in read_jsonl(folder / "passages.jsonl")], questions
