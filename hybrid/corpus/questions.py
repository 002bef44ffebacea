"""Question files, and the passages in which their evidence stands."""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hybrid.answer_format import pattern_problem, schema_problem
from hybrid.corpus.quotes import bare, find_quote, squeeze
from hybrid.corpus.splits import SPLITS, SplitRule, assign_splits, group_questions, notes_on
from hybrid.errors import InputError
from hybrid.jsonl import field as json_field
from hybrid.jsonl import identity, read_jsonl
from hybrid.types import Document, Evidence, Passage, Question

ANSWER_TYPES = ("span", "number", "yes_no", "yes_no_maybe", "choice", "api_call", "long")


@dataclass
class Resolved:
    """Questions whose positives are known, and notes for a person to read."""

    questions: list[Question] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Located:
    """A question with the file and line that it came from, and whether it names its split."""

    question: Question
    path: Path
    line: int
    names_split: bool = True


def read_questions(paths: Sequence[Path]) -> list[Located]:
    """All questions of the files. Raises `InputError` for malformed lines and duplicate ids."""
    located: list[Located] = []
    seen: dict[str, str] = {}
    for path in paths:
        for line, record in read_jsonl(path):
            question = _question(path, line, record)
            if question.id in seen:
                raise InputError(
                    path, f"duplicate id {question.id!r}, first at {seen[question.id]}", "ids must be unique", line=line
                )
            seen[question.id] = f"{path}:{line}"
            located.append(Located(question, path, line, "split" in record))
    return located


def question_record(question: Question) -> dict[str, Any]:
    """The question as a line of a question file; fields that say nothing are left out, `positives` are not."""
    schema = {"json_schema": json.loads(question.json_schema)} if question.json_schema else {}
    given = {
        "evidence": [{"source": part.source, "quote": part.quote} for part in question.evidence],
        **{name: getattr(question, name) for name in ("topic", "pattern", "case", "group", "origin")},
    }
    return {
        "id": question.id,
        "question": question.question,
        "answers": list(question.answers),
        "positives": list(question.positives),
        "split": question.split,
        "answer_type": question.answer_type,
        "answerable": question.answerable,
        **{name: value for name, value in given.items() if value},
        **schema,
    }


def names_no_split(paths: Sequence[Path]) -> bool:
    """Whether there are questions and none of them names a split."""
    num = 0
    for record in (record for path in paths for _, record in read_jsonl(path)):
        if "split" in record:
            return False
        num += 1
    return num > 0


def resolve(
    located: Sequence[Located],
    passages: Sequence[Passage],
    documents: Mapping[str, Document],
    rule: SplitRule | None = None,
    *,
    same_as: Mapping[str, str] | None = None,
    document_of: Mapping[str, str] | None = None,
) -> Resolved:
    """Fill `positives` from evidence, check that named passages exist, and look for leaks between splits.

    Where no question at all names a split, `rule` gives each group of questions one; where some do, the others are test
    questions, with a warning.

    A quote that a chunk border cuts is gold in every passage that it touches, with a warning. Evidence in a document
    that was left out as a duplicate is looked for in the one that was kept, by `same_as`. Where `passages` and
    `documents` are only those that evidence names, `document_of` has all passages. Raises `InputError` for an unknown
    passage or document and for a quote that its document does not hold.
    """
    known = document_of if document_of is not None else {p.id: p.document_id or p.id for p in passages}
    by_document: dict[str, list[Passage]] = {}
    for passage in passages:
        by_document.setdefault(passage.document_id, []).append(passage)
    resolved = Resolved()
    for item in located:
        question = item.question
        for positive in question.positives:
            if positive not in known:
                raise InputError(
                    item.path,
                    f"question {question.id!r} names an unknown passage {positive!r}",
                    "use an id of the corpus, or give `evidence` with source and quote",
                    line=item.line,
                )
        positives = list(question.positives)
        for evidence in question.evidence:
            source = (same_as or {}).get(evidence.source, evidence.source)
            kept = Evidence(source, evidence.quote)
            positives.extend(_find(item, kept, by_document, documents, resolved.warnings))
        resolved.questions.append(replace(question, positives=tuple(dict.fromkeys(positives))))
    _split(resolved, located, known, rule)
    resolved.warnings.extend(leaks(resolved.questions, known))
    return resolved


def leaks(questions: Sequence[Question], document_of: Mapping[str, str]) -> list[str]:
    """What train shares with dev or test: gold documents, or the wording of a question."""
    notes = []
    for split in ("dev", "test"):
        for what in ("gold documents", "questions"):
            sides: dict[str, set[str]] = {"train": set(), split: set()}
            for question in questions:
                if question.split in sides:
                    wording = {squeeze(question.question).lower()}
                    gold = {document_of[positive] for positive in question.positives}
                    sides[question.split] |= wording if what == "questions" else gold
            if shared := sides["train"] & sides[split]:
                notes.append(f"{len(shared)} {what} are in train and in {split}: gains there overstate what is learned")
    return notes


def _split(
    resolved: Resolved, located: Sequence[Located], document_of: Mapping[str, str], rule: SplitRule | None
) -> None:
    unnamed = sum(not item.names_split for item in located)
    if unnamed < len(located):
        if unnamed:
            resolved.warnings.append(
                f"{unnamed} of {len(located)} questions name no split and count as test: `hybrid data split` gives "
                "each the split of its document"
            )
    elif rule and located:
        splits = assign_splits(resolved.questions, document_of, rule)
        groups = group_questions(resolved.questions, document_of)
        resolved.questions = [replace(question, split=splits[question.id]) for question in resolved.questions]
        resolved.warnings.extend(notes_on(splits, groups, rule))


def _find(
    item: Located,
    evidence: Evidence,
    by_document: Mapping[str, list[Passage]],
    documents: Mapping[str, Document],
    warnings: list[str],
) -> list[str]:
    if evidence.source not in documents:
        raise InputError(
            item.path,
            f"question {item.question.id!r}: evidence names an unknown document {evidence.source!r}",
            "use the path below documents/",
            line=item.line,
        )
    quote = evidence.quote
    if not bare(quote)[0]:
        raise InputError(
            item.path,
            f"question {item.question.id!r}: the quote of {evidence.source} is empty",
            "copy it verbatim from the document",
            line=item.line,
        )
    candidates = by_document.get(evidence.source, [])
    if whole := [p.id for p in candidates if find_quote(quote, p.text)]:
        return whole
    place = find_quote(quote, documents[evidence.source].text)
    if place is None:
        raise InputError(
            item.path,
            f"question {item.question.id!r}: the quote is not in {evidence.source}: {quote[:60]!r}",
            "copy it verbatim from the document",
            line=item.line,
        )
    touched = [p.id for p in candidates if p.start_char < place[1] and place[0] < p.end_char]
    if not touched:
        # a heading is in no passage's text, but in the full text of all that stand below it
        touched = [p.id for p in candidates if find_quote(quote, p.heading)]
        if touched:
            return touched
        raise InputError(
            item.path,
            f"question {item.question.id!r}: the quote is in {evidence.source}, but in no passage: {quote[:60]!r}",
            "quote the text below the heading",
            line=item.line,
        )
    warnings.append(
        f"{item.path}:{item.line}: the quote of {item.question.id} is cut by a chunk border ({len(touched)} passages)"
    )
    return touched


def _question(path: Path, line: int, record: Mapping[str, Any]) -> Question:
    split = json_field(path, line, record, "split", str, "test")
    if split not in SPLITS:
        raise InputError(path, f"split {split!r} is not one of {', '.join(SPLITS)}", line=line)
    answer_type = json_field(path, line, record, "answer_type", str, "span")
    answerable = json_field(path, line, record, "answerable", bool, True)
    if answer_type == "unanswerable" and not answerable:
        # public sets say it twice; what type an answer would have had does not matter
        answer_type = "span"
    if answer_type not in ANSWER_TYPES:
        raise InputError(path, f"answer_type {answer_type!r} is not one of {', '.join(ANSWER_TYPES)}", line=line)
    parts = json_field(path, line, record, "evidence", list, [])
    if not all(isinstance(part, dict) for part in parts):
        raise InputError(path, "evidence must be objects", 'write [{"source": …, "quote": …}]', line=line)
    evidence = tuple(
        Evidence(_composed(json_field(path, line, part, "source", str)), json_field(path, line, part, "quote", str))
        for part in parts
    )
    return Question(
        id=identity(path, line, record),
        question=json_field(path, line, record, "question", str),
        answers=_texts(path, line, record, "answers"),
        positives=_texts(path, line, record, "positives"),
        split=split,
        answer_type=answer_type,
        answerable=answerable,
        topic=json_field(path, line, record, "topic", str, json_field(path, line, record, "domain", str, "")),
        evidence=evidence,
        pattern=_pattern(path, line, record),
        json_schema=_json_schema(path, line, record),
        case=json_field(path, line, record, "case", str, ""),
        group=json_field(path, line, record, "group", str, ""),
        origin=json_field(path, line, record, "origin", str, ""),
    )


def _composed(source: str) -> str:
    """As the names of files are told."""
    return unicodedata.normalize("NFC", source)


def _texts(path: Path, line: int, record: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts; whole numbers are read as they stand. Of 6.50 JSON keeps 6.5, and `true` is no text."""
    values = json_field(path, line, record, name, list, [])
    for value in values:
        if not isinstance(value, str) and (isinstance(value, bool) or not isinstance(value, int)):
            shown = json.dumps(value)[:40]
            raise InputError(
                path, f"`{name}` holds {shown}", f'write it as a text, as it is to be read: "{shown}"', line=line
            )
    return tuple(map(str, values))


def _pattern(path: Path, line: int, record: Mapping[str, Any]) -> str:
    pattern: str = json_field(path, line, record, "pattern", str, "")
    if problem := pattern_problem(pattern):
        raise InputError(
            path, f"`pattern` is no regular expression: {problem}", "write one that fits the whole answer", line=line
        )
    return pattern


def _json_schema(path: Path, line: int, record: Mapping[str, Any]) -> str:
    schema = record.get("json_schema")
    if schema is None:
        return ""
    if problem := schema_problem(schema):
        raise InputError(path, f"`json_schema` is no JSON Schema: {problem}", 'write {"type": "object", …}', line=line)
    return json.dumps(schema, sort_keys=True)
