"""Labels: what a reviewer decided of each question, appended to a file of the reviewer's own, never to the data."""

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from hybrid.errors import InputError, UserError
from hybrid.jsonl import field as json_field
from hybrid.jsonl import read_jsonl
from hybrid.locks import alone
from hybrid.review.question_file import Item

UNDO = "undo"
REASONS = {
    "wrong_answer": "the answer is wrong",
    "not_in_passage": "the passage does not say it",
    "unclear": "the question is unclear",
    "not_standalone": "not standalone: it leans on something that is not said",
    "duplicate": "another question asks the same",
    "other": "another reason (a note is asked for)",
}
"""Why a question is rejected, in the order of the number keys."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Decision(StrEnum):
    """What a reviewer can decide."""

    ACCEPT = "accept"
    EDIT = "edit"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Label:
    """A decision on the record whose digest is `record`. `question` and `answers` are those of an edit."""

    id: str
    record: str
    decision: Decision
    question: str = ""
    answers: tuple[str, ...] = ()
    reason: str = ""
    note: str = ""

    def row(self) -> dict[str, Any]:
        """The label as a line of the file; empty fields are left out, but an edit holds both of its own."""
        row: dict[str, Any] = {"id": self.id, "record": self.record, "decision": self.decision.value}
        if self.decision is Decision.EDIT:
            row |= {"question": self.question, "answers": list(self.answers)}
        return row | {name: text for name, text in (("reason", self.reason), ("note", self.note)) if text}


@dataclass(frozen=True)
class Review:
    """What one reviewer says of a file: labels by question id, the latest of each.

    `stale` are ids whose record has changed since, `gone` those that the file no longer holds; neither counts.
    """

    reviewer: str
    labels: Mapping[str, Label]
    stale: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    def count(self, decision: Decision) -> int:
        """How many labels of a kind."""
        return sum(label.decision is decision for label in self.labels.values())


@dataclass
class LabelLog:
    """The open file of a reviewer, unbuffered. A label is on the disk when `append` returns; else `OSError`."""

    stream: BinaryIO
    labels: list[Label] = field(default_factory=list)

    def append(self, label: Label) -> None:
        """Add a label; it replaces an earlier one of the same id."""
        self._write(label.row())
        self.labels.append(label)

    def undo(self) -> Label | None:
        """Take the latest label back, also one of an earlier sitting; None where there is none."""
        if not self.labels:
            return None
        self._write({"id": self.labels[-1].id, "decision": UNDO})
        return self.labels.pop()

    def _write(self, row: Mapping[str, Any]) -> None:
        line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
        size = self.stream.seek(0, os.SEEK_END)
        try:
            if self.stream.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self.stream.fileno())
        except OSError:
            # the next label must not follow half of this one
            self.stream.truncate(size)
            raise


def check_reviewer(name: str | None) -> str:
    """The name, if a file can be called by it. Raises `UserError` otherwise."""
    if not name:
        raise UserError("who reviews?", "pass --reviewer NAME")
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} cannot be a reviewer's name",
            "pass --reviewer NAME of at most 64 letters, digits, - _ . that starts with a letter or digit",
        )
    return name


def labels_folder(workspace: Path, file: Path) -> Path:
    """Where the labels of a question file lie, a file a reviewer."""
    return workspace / "reviews" / file.stem


@contextmanager
def open_log(path: Path) -> Iterator[LabelLog]:
    """The reviewer's file, made where it is missing; what a kill left of a last line is cut off.

    Raises `UserError` where another process holds it.
    """
    problem = f"{path.stem} is already reviewing this file"
    # not the file itself: where a lock keeps others from reading, nobody could count its labels
    with (
        alone(path.with_suffix(".lock"), problem, "use that page, or stop it; or pass another --reviewer"),
        path.open("a+b", buffering=0) as stream,
    ):
        stream.seek(0)
        stream.truncate(stream.read().rfind(b"\n") + 1)
        yield LabelLog(stream, read_labels(path))


def read_labels(path: Path) -> list[Label]:
    """The labels of a file in their order, without those that were taken back. Raises `InputError` at a bad line."""
    labels: list[Label] = []
    for line, row in read_jsonl(path, appended=True):
        if row.get("decision") != UNDO:
            labels.append(_label(path, line, row))
        elif labels:
            labels.pop()
    return labels


def latest(labels: Sequence[Label]) -> dict[str, Label]:
    """The label that counts, by question id."""
    return {label.id: label for label in labels}


def read_reviews(folder: Path, items: Sequence[Item]) -> list[Review]:
    """Everyone's review of the items, by the reviewers' names; those who have labelled nothing are left out."""
    digests = {item.question.id: item.digest for item in items}
    reviews = []
    for path in sorted(folder.glob("*.jsonl")):
        labels = latest(read_labels(path))
        if labels:
            reviews.append(
                Review(
                    path.stem,
                    {name: label for name, label in labels.items() if digests.get(name) == label.record},
                    stale=tuple(n for n, label in labels.items() if n in digests and digests[n] != label.record),
                    gone=tuple(name for name in labels if name not in digests),
                )
            )
    return reviews


def _label(path: Path, line: int, row: Mapping[str, Any]) -> Label:
    decision = json_field(path, line, row, "decision", str)
    if decision not in list(Decision):
        raise InputError(
            path, f"decision {decision!r} is not one of {', '.join((*Decision, UNDO))}", "mend this line", line=line
        )
    return Label(
        id=json_field(path, line, row, "id", str),
        record=json_field(path, line, row, "record", str),
        decision=Decision(decision),
        question=json_field(path, line, row, "question", str, ""),
        answers=tuple(str(answer) for answer in json_field(path, line, row, "answers", list, [])),
        reason=json_field(path, line, row, "reason", str, ""),
        note=json_field(path, line, row, "note", str, ""),
    )
