"""Recorded outcomes of anyone's system, so that a diagnosis needs neither our index nor our generator.

One JSON object a line, one line for each question, arm and passage order (docs/OUTCOMES.md has an example):

- `question` (required): an id or the text; lines with the same one belong together.
- `arm` (required): retrieved, oracle_in_distractors, oracle, closed_book, irrelevant, reprompted or reworded.
- `order`: number of the passage order, from 0.
- `correct`: true or false; or `score` in [0, 1], right from .5; or `answer`, graded against `gold_answers` by the
  grader of `answer_type`.
- `abstained`: whether it declined. With an `answer` the default is whether the answer says so.
- `gold_ids`, `retrieved_ids`, `context_ids`: passage ids; of the ranking, best first; and of what was shown, by default
  the whole ranking for the arms retrieved and reworded and the gold for the oracle arms.
- `dense_ids`, `lexical_ids`: where the ranking is fused of one by vectors and one by words, these two.
- `answerable` (default true), `gold_in_index` (default: there are gold ids; without any of these, nobody knows),
  `topic`, `cited_ids`.
- `pattern` or `json_schema`: the form that an answer must have (see `answer_format`).

What belongs to the question may stand on any of its lines; two lines that disagree are refused, and so is a line that
occurs twice. An arm that was not recorded is never taken for a failure.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hybrid.answer_format import pattern_problem, schema_problem
from hybrid.answering.citations import read_answer
from hybrid.errors import InputError, TooLittleDataError
from hybrid.evaluation.graders import grade
from hybrid.evaluation.halves import HALVES, gold_rank
from hybrid.evaluation.records import Record
from hybrid.jsonl import read_jsonl
from hybrid.types import Arm, Outcome, Question

RIGHT = 0.5
_TEXTS = ("answer", "answer_type", "topic", "text", "pattern")
_AS_IT_STANDS = (Arm.RETRIEVED, Arm.REWORDED)
_SHARED = (
    "gold_ids", "gold_answers", "retrieved_ids", "answerable", "gold_in_index", "topic", "answer_type", "text",
    "pattern", "json_schema", "dense_ids", "lexical_ids",
)  # fmt: skip
_KNOWN = {
    *_SHARED, "question", "arm", "order", "correct", "score", "answer", "abstained", "context_ids", "cited_ids",
    "gold_in_context",
}  # fmt: skip


@dataclass
class Recorded:
    """Records ready for attribution, the questions behind them, and notes on what had to be left out."""

    records: list[Record]
    questions: list[Question]
    notes: list[str] = field(default_factory=list)


@dataclass
class _Group:
    """The lines of one question."""

    shared: dict[str, Any] = field(default_factory=dict)
    lines: list[tuple[int, Arm, int, dict[str, Any]]] = field(default_factory=list)


def read_outcomes(path: Path) -> Recorded:
    """Records of a file of outcomes.

    A question without the arms that attribution needs is left out and counted in `notes`. Raises `InputError` with file
    and line for a malformed, contradictory or repeated line, `TooLittleDataError` where no question has its arms.
    """
    groups = _group(path)
    recorded = Recorded([], [])
    incomplete: dict[str, list[str]] = {}
    for name, group in groups.items():
        question = _question(name, group.shared)
        outcomes = tuple(_outcome(path, line, arm, order, row, question) for line, arm, order, row in group.lines)
        record = _record(question, group.shared, outcomes)
        if lacking := _lacking(record):
            incomplete.setdefault(", ".join(lacking), []).append(name)
            continue
        recorded.records.append(record)
        recorded.questions.append(question)
    for arms, names in incomplete.items():
        some = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
        recorded.notes.append(f"{len(names)} questions lack the arms {arms} and were left out: {some}")
    if not recorded.records:
        raise TooLittleDataError(
            f"{path}: no question can be attributed. " + " ".join(recorded.notes),
            "record the arms retrieved, oracle_in_distractors and oracle for each answerable question",
        )
    return recorded


def _group(path: Path) -> dict[str, _Group]:
    groups: dict[str, _Group] = {}
    seen: dict[tuple[str, str, int], int] = {}
    for line, row in read_jsonl(path):
        if unknown := sorted(set(row) - _KNOWN):
            raise InputError(path, f"unknown field {unknown[0]!r}", f"known are {', '.join(sorted(_KNOWN))}", line=line)
        name, arm, order = row.get("question"), row.get("arm"), row.get("order", 0)
        if not isinstance(name, str) or not name:
            raise InputError(path, "no `question`", "give its id or text", line=line)
        if arm not in set(Arm):
            raise InputError(path, f"unknown arm {arm!r}", f"use one of {', '.join(Arm)}", line=line)
        if not isinstance(order, int) or isinstance(order, bool) or order < 0:
            raise InputError(path, f"`order` is {order!r}", "give a whole number from 0", line=line)
        if (first := seen.setdefault((name, arm, order), line)) != line:
            raise InputError(
                path,
                f"question {name!r}, arm {arm}, order {order} stood on line {first} already",
                "number the orders, or keep one of the two lines",
                line=line,
            )
        group = groups.setdefault(name, _Group())
        for key in _SHARED:
            if key in row and group.shared.setdefault(key, row[key]) != row[key]:
                raise InputError(path, f"`{key}` differs from an earlier line of {name!r}", "keep one", line=line)
        _check_types(path, line, row)
        group.lines.append((line, Arm(arm), order, row))
    if not groups:
        raise InputError(path, "no outcome in the file", "write one JSON object a line")
    return groups


def _check_types(path: Path, line: int, row: Mapping[str, Any]) -> None:
    for key in ("gold_ids", "gold_answers", "retrieved_ids", "context_ids", "cited_ids", "dense_ids", "lexical_ids"):
        value = row.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise InputError(path, f"`{key}` is not a list of texts", 'write ["a", "b"]', line=line)
    for key in _TEXTS:
        if key in row and not isinstance(row[key], str):
            shown = json.dumps(row[key], ensure_ascii=True)[:40]
            advice = "a failed call belongs in no line" if row[key] is None else f'write a text: "{key}": "…"'
            raise InputError(path, f"`{key}` is {shown}", advice, line=line)
    for key in ("correct", "abstained", "answerable", "gold_in_index", "gold_in_context"):
        if not isinstance(row.get(key, False), bool):
            raise InputError(path, f"`{key}` is {row[key]!r}", "write true or false", line=line)

    if problem := pattern_problem(row.get("pattern", "")):
        raise InputError(
            path, f"`pattern` is no regular expression: {problem}", "it must fit the whole answer", line=line
        )
    if "json_schema" in row and (problem := schema_problem(row["json_schema"])):
        raise InputError(path, f"`json_schema` is no JSON Schema: {problem}", 'write {"type": "object", …}', line=line)


def _question(name: str, shared: Mapping[str, Any]) -> Question:
    return Question(
        id=name,
        question=shared.get("text", name),
        answers=tuple(shared.get("gold_answers", ())),
        positives=tuple(shared.get("gold_ids", ())),
        answer_type=shared.get("answer_type", "span"),
        answerable=shared.get("answerable", True),
        topic=shared.get("topic", ""),
        pattern=shared.get("pattern", ""),
        json_schema=json.dumps(shared["json_schema"], sort_keys=True) if "json_schema" in shared else "",
    )


def _outcome(path: Path, line: int, arm: Arm, order: int, row: Mapping[str, Any], question: Question) -> Outcome:
    text = row.get("answer", "")
    read = read_answer(text, (), guard=False, question=question.question, gold=question.answers)
    abstained = row.get("abstained", read.abstained if text else False)
    score, correct = _graded(path, line, arm, row, question, read.plain, abstained)
    gold = set(question.positives)
    context = row.get("context_ids")
    if context is None:
        oracle = arm in (Arm.ORACLE, Arm.ORACLE_IN_DISTRACTORS)
        context = list(question.positives) if oracle else row.get("retrieved_ids") if arm in _AS_IT_STANDS else []
    known = bool(gold) and context is not None
    return Outcome(
        question_id=question.id,
        arm=arm,
        order=order,
        score=score,
        correct=correct,
        abstained=abstained,
        gold_in_context=row.get("gold_in_context", bool(gold & set(context or ())) if known else None),
        text=text,
        cited=tuple(row.get("cited_ids", ())),
        cited_gold=len(gold & set(row.get("cited_ids", ()))),
        context=tuple(context or ()),
    )


def _graded(
    path: Path, line: int, arm: Arm, row: Mapping[str, Any], question: Question, plain: str, abstained: bool
) -> tuple[float, bool]:
    """Score and verdict, as recorded or by the grader."""
    if "score" in row:
        value = row["score"]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise InputError(
                path, f"`score` is {value!r}", "give a number from 0 to 1, or leave the line out", line=line
            )
        return float(value), row.get("correct", value >= RIGHT)
    if "correct" in row:
        return float(row["correct"]), row["correct"]
    if "answer" not in row:
        raise InputError(
            path,
            "neither `correct`, nor `score`, nor `answer`",
            "say whether it was right, or give the answer; a failed call belongs in no line",
            line=line,
        )
    if not question.answerable or arm is Arm.IRRELEVANT:
        return float(abstained), abstained
    if not question.answers:
        raise InputError(path, "an `answer`, but no `gold_answers` to grade it by", "add them, or `correct`", line=line)
    graded = grade(plain, question, abstained=abstained)
    return graded.score, graded.correct


def _record(question: Question, shared: Mapping[str, Any], outcomes: Sequence[Outcome]) -> Record:
    gold = set(question.positives)
    return Record(
        question_id=question.id,
        topic=question.topic,
        cluster=question.positives[0] if question.positives else question.id,
        answerable=question.answerable,
        gold_in_index=shared.get("gold_in_index", True if gold else None),
        gold_rank=gold_rank(shared.get("retrieved_ids", []), gold),
        outcomes=tuple(outcomes),
        half_ranks={half: gold_rank(shared[f"{half}_ids"], gold) for half in HALVES if f"{half}_ids" in shared},
    )


def _lacking(record: Record) -> list[str]:
    """Arms without which the question cannot be attributed."""
    needed = [Arm.RETRIEVED]
    if record.answerable and record.gold_in_index is not False:
        needed += [Arm.ORACLE_IN_DISTRACTORS, Arm.ORACLE]
    return [arm.value for arm in needed if not record.of(arm)]
