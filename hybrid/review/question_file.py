"""A question file as reviewers see it: each record as it stands, and a digest of what is judged in it."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hybrid.artifacts import sha256_json
from hybrid.corpus.questions import read_questions
from hybrid.errors import InputError
from hybrid.jsonl import read_jsonl
from hybrid.types import Question

JUDGED = ("question", "answers", "positives", "evidence", "answerable")
"""What a decision speaks of: a record that is given another split or topic keeps its labels."""


@dataclass(frozen=True)
class Item:
    """A question, its record with every field of the file, and the SHA-256 of its `JUDGED` fields."""

    question: Question
    record: Mapping[str, Any]
    digest: str


def read_items(path: Path) -> list[Item]:
    """All records of a file, in its order. Raises `InputError` for a missing, empty or malformed file."""
    if not path.is_file():
        raise InputError(path, "no such file", "give a JSONL file of questions, such as `hybrid synth` writes")
    records = dict(read_jsonl(path))
    items = [Item(one.question, records[one.line], digest(one.question)) for one in read_questions([path])]
    if not items:
        raise InputError(path, "no questions in it", "give a JSONL file with a question a line")
    return items


def digest(question: Question) -> str:
    """SHA-256 of what a reviewer judges."""
    fields = asdict(question)
    return sha256_json({name: fields[name] for name in JUDGED})


def cluster_of(question: Question) -> str:
    """What questions share that are not independent: the document of the evidence, else a gold passage, else none."""
    if question.evidence:
        return question.evidence[0].source
    return question.positives[0] if question.positives else question.id


def sample(items: Sequence[Item], num: int, *, seed: int) -> list[Item]:
    """At most `num` of the items in their order, the same for every reviewer of the same items."""
    return [items[place] for place in sorted(random.Random(seed).sample(range(len(items)), min(num, len(items))))]
