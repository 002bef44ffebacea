"""An audit of pairs for the embedder: a query, its positive, and negatives where there are any."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid.audit.requirements import AT_LEAST, Method, Requirement
from hybrid.audit.training_rows import Fault, FileAudit, RowFinding, asked_alike, at_least
from hybrid.audit.wording import shared_words
from hybrid.config import Config
from hybrid.errors import InputError
from hybrid.evaluation.graders import normalise
from hybrid.jsonl import read_jsonl
from hybrid.types import Passage, Question

NEAR = 0.4
"""Share of words in common (Jaccard) from which two queries may have the same answer."""
_QUERY = ("anchor", "query", "question")
_POSITIVE = ("positive", "pos", "document", "passage")
_NEGATIVE = re.compile(r"neg(?:ative)?s?(?:_\d+)?")


@dataclass(frozen=True)
class PairRow:
    """One line, from 1."""

    line: int
    query: str
    positive: str
    negatives: tuple[str, ...]


def read_pairs(path: Path) -> list[PairRow]:
    """Lines with anchor (or query, question), positive, and negative, negative_1 …, or negatives as a list.

    Raises `InputError` for a line of another form and for an empty file.
    """
    rows = []
    for line, record in read_jsonl(path):
        negatives = [
            text
            for key, value in record.items()
            if _NEGATIVE.fullmatch(key)
            for text in (value if isinstance(value, list) else [value])
        ]
        query, positive = (_text(path, line, record, names) for names in (_QUERY, _POSITIVE))
        if not all(isinstance(text, str) for text in negatives):
            raise InputError(path, "a negative is not a text", "write texts, or a list of texts", line=line)
        rows.append(PairRow(line, query, positive, tuple(negatives)))
    if not rows:
        raise InputError(path, "holds no pairs", 'write {"anchor": …, "positive": …} a line')
    return rows


def audit_pairs(
    rows: Sequence[PairRow],
    questions: Sequence[Question],
    passages: Mapping[str, Passage],
    *,
    methods: Sequence[Method],
    config: Config,
) -> FileAudit:
    """Counts, duplicates, negatives that are none, and leaks against the dev and test questions of the corpus."""
    held = [question for question in questions if question.split != "train"]
    positives: dict[str, set[int]] = {}
    for row in rows:
        positives.setdefault(_key(row.positive), set()).add(row.line)
    findings: list[RowFinding] = []
    by_line = {row.line: row for row in rows}
    alike: dict[int, set[int]] = {row.line: {row.line} for row in rows}

    def find(fault: Fault, row: PairRow, detail: str) -> None:
        findings.append(RowFinding(fault, row.line, detail, row.query))

    twins: set[tuple[int, int]] = set()
    for line, other in asked_alike({row.line: row.query for row in rows}, held):
        if isinstance(other, Question):
            find(Fault.LEAK, by_line[line], f"{other.id} of {other.split} asks alike")
            continue
        alike[line].add(other)
        alike[other].add(line)
        if _key(by_line[line].positive) == _key(by_line[other].positive):
            twins.add((line, other))
    for line in sorted({line for line, _ in twins}):
        first = min(other for own, other in twins if own == line)
        find(Fault.DUPLICATE, by_line[line], f"line {first} asks alike and has the same positive")
    num_shared = 0
    for row in rows:
        if not all(text.strip() for text in (row.query, row.positive, *row.negatives)):
            find(Fault.EMPTY, row, "the query, the positive or a negative is empty")
        for negative in dict.fromkeys(map(_key, row.negatives)):
            gold_of = positives.get(negative, set())
            num_shared += bool(gold_of - {row.line})
            if negative == _key(row.positive):
                find(Fault.NEGATIVE_IS_POSITIVE, row, "negative and positive are the same text")
            elif same := sorted(gold_of & alike[row.line]):
                find(Fault.FALSE_NEGATIVE, row, f"a negative is the positive of line {same[0]}, which asks alike")
            # mined negatives often are gold of some other query: only of a near one is it worth a look
            elif near := [o for o in sorted(gold_of) if shared_words(by_line[o].query, row.query) >= NEAR]:
                detail = f"a negative is the positive of line {near[0]}: {by_line[near[0]].query}"
                find(Fault.MAYBE_FALSE_NEGATIVE, row, detail)
    gold = {_key(text) for q in held for p in q.positives if p in passages for text in _texts(passages[p])}
    num_negatives = sum(len(row.negatives) for row in rows)
    figures = {
        "queries": len({_key(row.query) for row in rows}),
        "positives": len(positives),
        "negatives": num_negatives,
        "share of negatives that are another line's positive": num_shared / num_negatives if num_negatives else 0.0,
        "share of lines whose positive is gold in dev or test": sum(_key(r.positive) in gold for r in rows) / len(rows),
    }
    notes = [] if num_negatives else ["No line has a negative: other lines' positives alone teach what does not fit."]
    return FileAudit(
        len(rows), tuple(_requirements(len(rows), methods, config)), figures, tuple(findings), tuple(notes)
    )


def _requirements(num: int, methods: Sequence[Method], config: Config) -> list[Requirement]:
    found = []
    for method in methods:
        if method == "embedder":
            advice = "collect or synthesise {} more first: do not tune"
            found.append(at_least("pairs for the embedder", num, config.train_embed.min_pairs, advice))
        elif method == "dpo":
            found.append(at_least("preference pairs (DPO)", num, AT_LEAST["dpo"][0], "{} more are needed"))
    return found


def _text(path: Path, line: int, record: Mapping[str, Any], names: Sequence[str]) -> str:
    value = next((record[name] for name in names if name in record), None)
    if not isinstance(value, str):
        raise InputError(path, f"no text in any of {', '.join(names)}", f"add {names[0]!r} to this line", line=line)
    return value


def _texts(passage: Passage) -> tuple[str, str]:
    return passage.text, passage.full_text


def _key(text: str) -> str:
    return normalise(text)
