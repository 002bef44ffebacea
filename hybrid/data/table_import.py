"""Tables of questions as the Hugging Face hub has them: saved datasets, Parquet and JSONL files.

A table with a column `question` holds questions, one with `text` and an id passages. Questions name their passages in
`positives`, or bring their text in `context`.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hybrid.answering.excerpt import contains_answer
from hybrid.corpus.importers import Records
from hybrid.corpus.metadata import entry, left_out
from hybrid.corpus.splits import SPLITS
from hybrid.errors import InputError
from hybrid.jsonl import read_jsonl

Row = Mapping[str, Any]

_SPLIT = re.compile(r"(train|dev|validation|valid|val|test)(?![a-z])", re.IGNORECASE)
_IDS = ("id", "_id", "question_id", "qid")
_CONTEXTS = ("context", "contexts", "passage", "passages")
_QUOTES = "questions have quotes, which are left out: ready passages are named, not quoted"
_SEVERAL = "questions bring several contexts: gold are those that hold an answer, else all of them"
_FLOATS = "answers are numbers, not texts: of 6.50 there is only 6.5 left"
_SPLITS = "questions name a split that is none of train, dev and test: they count for {split}"
_TEXTS = ("answer_type", "topic", "pattern", "case", "group", "origin")


@dataclass(frozen=True)
class Table:
    """Rows of one file or split. `split` is train, dev, test or "" where nothing says."""

    path: Path
    split: str
    rows: Sequence[Row]


def read_tables(source: Path, split: str) -> Records:
    """Passages and questions of all tables below `source`; `split` where neither a name nor a column says.

    Of several contexts of a question those are gold that hold an answer, or all where none does. Raises `InputError`
    where no table has questions.
    """
    tables = list(_tables(source, ""))
    asked = [table for table in tables if table.rows and "question" in table.rows[0]]
    if not asked:
        columns = sorted({name for table in tables for row in table.rows[:1] for name in row})
        raise InputError(
            source,
            f"no table with a column `question` (columns: {', '.join(columns) or 'none'})",
            "rename the column that holds the questions, and answers and context likewise",
        )
    refused: list[str] = []
    passages: dict[str, dict[str, Any]] = {}
    num_rows = 0
    for table in (table for table in tables if table not in asked):
        num_rows += len(table.rows)
        for row in _passage_rows(table, refused):
            if passages.setdefault(row["id"], row) != row:
                raise InputError(table.path, f"two passages have the id {row['id']!r}", "ids must be unique")
            num_rows -= 1
    maker = _QuestionMaker(passages)
    maker.found["rows without `text` and an id are no passages and are left out"] += num_rows
    questions = [maker.question(table, row, table.split or split) for table in asked for row in table.rows]
    if not passages:
        remedy = f"name the column one of {', '.join(_CONTEXTS)}"
        raise InputError(source, "neither a table of passages nor a column `context`", remedy)
    return Records(passages.values(), questions, maker.notes() + left_out(refused))


def split_of(name: str) -> str:
    """train, dev or test by the beginning of a file's or folder's name; "" where it says nothing."""
    match = _SPLIT.match(name)
    found = match[1].lower() if match else ""
    return "dev" if found.startswith("val") else found


def _tables(path: Path, split: str) -> Iterator[Table]:
    if path.is_dir():
        if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
            yield from _saved(path, split)
            return
        for inner in sorted(path.iterdir()):
            if inner.is_dir() or inner.suffix in (".parquet", ".jsonl"):
                yield from _tables(inner, split_of(inner.name) or split)
    elif path.suffix == ".parquet":
        yield Table(path, split or split_of(path.name), _parquet(path))
    else:
        yield Table(path, split or split_of(path.name), [row for _, row in read_jsonl(path)])


def _saved(path: Path, split: str) -> Iterator[Table]:
    """What `datasets` wrote with `save_to_disk`."""
    from datasets import DatasetDict, load_from_disk

    try:
        loaded = load_from_disk(str(path))
    except Exception as error:  # whatever a broken folder makes the library raise
        raise InputError(path, f"not a saved dataset: {type(error).__name__}: {str(error)[:80]}") from None
    parts = loaded if isinstance(loaded, DatasetDict) else {"": loaded}
    for name, part in parts.items():
        yield Table(path, split_of(name) or split, part.to_list())


def _parquet(path: Path) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # the file alone: a folder's name that holds "=" would become a column
        rows: list[dict[str, Any]] = pq.ParquetFile(path).read().to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputError(path, f"not a Parquet file: {str(error)[:80]}") from None
    return rows


def _passage_rows(table: Table, refused: list[str]) -> Iterator[dict[str, Any]]:
    """Lines of `passages.jsonl`; `metadata` may be an object or, as exports of hybrid have it, JSON text."""
    for row in table.rows:
        identity = _first(row, ("id", "_id"))
        if identity is None or not isinstance(row.get("text"), str):
            continue
        more = {name: row[name] for name in ("title", "section", "document_id") if isinstance(row.get(name), str)}
        given = row.get("metadata")
        fields = _json(table.path, given, "metadata") if isinstance(given, str) and given else given
        named = {name: value for name, value in more.items() if value}
        yield {"id": str(identity), "text": row["text"], **named, **entry(fields, refused)}


@dataclass
class _QuestionMaker:
    """Turns rows into lines of a question file; contexts become passages on the way."""

    passages: dict[str, dict[str, Any]]
    made: int = 0
    found: Counter[str] = field(default_factory=Counter)
    """What is told beside the questions, and how often there was cause."""

    def question(self, table: Table, row: Row, split: str) -> dict[str, Any]:
        self.made += 1
        answers, declared = self._answers(table.path, row)
        answerable = _flag(table.path, row, "answerable")
        if answerable is None:
            answerable = not _flag(table.path, row, "is_impossible") and bool(answers or not declared)
        self.found[_QUOTES] += bool(row.get("evidence"))
        # an unanswerable question's context is a passage, too
        gold = self._gold(table.path, row, answers)
        identity = _first(row, _IDS)
        asked = row.get("question")
        if not isinstance(asked, str):
            name = f"`question` of row {self.made}" if identity is None else f"`question` of {identity}"
            raise InputError(table.path, f"{name} is {type(asked).__name__}", "write text, or drop the row")
        own = row.get("split")
        named = own if own in SPLITS else split_of(own) if isinstance(own, str) else ""
        self.found[_SPLITS.format(split=split)] += own is not None and not named
        for name in _TEXTS:
            self.found[f"values of `{name}` are no text and are left out"] += not isinstance(
                row.get(name, ""), str | None
            )
        record = {
            "id": f"q{self.made:05d}" if identity is None else str(identity),
            "question": asked,
            "answers": answers if answerable else [],
            "positives": gold if answerable else [],
            "split": named or split,
            "answerable": answerable,
            **{name: row[name] for name in _TEXTS if isinstance(row.get(name), str) and row[name]},
        }
        if schema := row.get("json_schema"):
            record["json_schema"] = _json(table.path, schema, "json_schema") if isinstance(schema, str) else schema
        return record

    def notes(self) -> list[str]:
        return [f"{num} {told}" for told, num in self.found.items() if num]

    def _answers(self, path: Path, row: Row) -> tuple[list[str], bool]:
        """The answers, and whether the row has a column for them."""
        for name in ("answers", "answer"):
            if name in row:
                value = row[name]
                if isinstance(value, dict):
                    # SQuAD's form on the hub: {"text": [...], "answer_start": [...]}
                    value = value.get("text", [])
                values = [value] if isinstance(value, str) else [] if value is None else value
                if not isinstance(values, list):
                    raise InputError(path, f"`{name}` is {type(value).__name__}", "write text, or a list of texts")
                for one in values:
                    if isinstance(one, bool) or not isinstance(one, str | int | float | None):
                        raise InputError(path, f"`{name}` holds {one!r}", "write texts")
                self.found[_FLOATS] += sum(isinstance(one, float) for one in values)
                self.found["answers are null and are left out"] += values.count(None)
                return list(dict.fromkeys(str(one) for one in values if one is not None)), True
        return [], False

    def _gold(self, path: Path, row: Row, answers: Sequence[str]) -> list[str]:
        if row.get("positives") is not None:
            if not isinstance(row["positives"], list):
                raise InputError(path, f"`positives` is {type(row['positives']).__name__}", "write a list of ids")
            return [str(positive) for positive in row["positives"]]
        value = _first(row, _CONTEXTS)
        texts = [value] if isinstance(value, str) else value or []
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise InputError(
                path, f"a context is {type(value).__name__}, not text or a list of texts", "flatten the column first"
            )
        self.found[_SEVERAL] += len(texts) > 1
        held = [text for text in texts if any(contains_answer(text, answer) for answer in answers)]
        names = {text: self._passage(text, row) for text in texts}
        return [names[text] for text in dict.fromkeys(held or texts)]

    def _passage(self, text: str, row: Row) -> str:
        identity = passage_id(text)
        title = row.get("title")
        named = {"title": title.replace("_", " ")} if isinstance(title, str) and title else {}
        document = {"document_id": named["title"]} if named else {}
        self.passages.setdefault(identity, {"id": identity, "text": text, **named, **document})
        return identity


def passage_id(text: str) -> str:
    """A name for a passage that came without one: the same for the same text."""
    return f"p-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _flag(path: Path, row: Row, name: str) -> bool | None:
    """A column of true and false; of a text "false" would count as true."""
    value = row.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise InputError(path, f"`{name}` is {value!r}", "write true or false, or leave it out")


def _json(path: Path, text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        told = getattr(error, "msg", type(error).__name__)
        raise InputError(path, f"a `{name}` is not JSON: {told}", "mend it or drop the column") from None


def _first(row: Row, names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)
