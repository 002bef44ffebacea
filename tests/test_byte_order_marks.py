"""Every text file of a user's may begin with a byte order mark, as some editors write it."""

import codecs
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hybrid.audit.chat_file import read_chats as read_chat_rows
from hybrid.audit.pair_file import read_pairs
from hybrid.config_file import load_config
from hybrid.corpus.importers import import_corpus
from hybrid.corpus.load import load_documents
from hybrid.corpus.passages import read_passages
from hybrid.corpus.questions import read_questions
from hybrid.corpus.review_file import read_review
from hybrid.corpus.task import read_task
from hybrid.data.chat_import import read_chats
from hybrid.data.table_import import read_tables
from hybrid.evaluation.glossary import read_glossary
from hybrid.evaluation.outcomes_file import read_outcomes

_CHAT = {"messages": [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "So."}]}
_SQUAD = {"data": [{"title": "T", "paragraphs": [{"context": "C", "qas": []}]}]}


def first_text(path: Path) -> tuple[str, str]:
    document = load_documents(path.parent).documents[0]
    return document.title, document.text


READERS: list[tuple[str, str, Callable[[Path], Any], Any]] = [
    ("c.yaml", "seed: 7\n", lambda p: load_config(p).seed, 7),
    ("task.yaml", "task: t\n", lambda p: getattr(read_task(p), "task", None), "t"),
    ("g.yaml", "seal: [gland]\n", lambda p: dict(read_glossary(p).terms), {"seal": ("gland",)}),
    ("q.jsonl", '{"id": "q", "question": "?"}\n', lambda p: read_questions([p])[0].question.id, "q"),
    ("p.jsonl", '{"id": "p", "text": "x"}\n', lambda p: read_passages(p)[0].id, "p"),
    ("pairs.jsonl", '{"anchor": "a", "positive": "b"}\n', lambda p: read_pairs(p)[0].query, "a"),
    ("raft.jsonl", json.dumps(_CHAT) + "\n", lambda p: len(read_chat_rows(p)), 1),
    ("o.jsonl", '{"question": "q", "arm": "retrieved", "answerable": false, "correct": true}\n',
     lambda p: read_outcomes(p).questions[0].id, "q"),
    ("chats.json", json.dumps([_CHAT]), lambda p: len(list(read_chats(p, "train").questions)), 1),
    ("t.jsonl", '{"question": "?", "context": "c"}\n', lambda p: len(list(read_tables(p, "test").questions)), 1),
    ("s.json", json.dumps(_SQUAD), lambda p: import_corpus(p, "squad", p.parent / "out")["passages"], 1),
    ("q.review.json", '{"reviewers": ["Ada"]}', lambda p: read_review(p).text, "read by Ada"),
    ("d.md", "# Title\n\nText.\n", first_text, ("Title", "# Title\n\nText.\n")),
    ("d.txt", "Text.\n", lambda p: first_text(p)[1], "# Text."),
    ("d.csv", "name,kg\nYew,5\n", lambda p: "name" in first_text(p)[1] and "\ufeff" not in first_text(p)[1], True),
    ("d.jsonl", '{"id": "d", "text": "x"}\n', lambda p: first_text(p)[1], "x"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "read", "value"), READERS, ids=[name for name, *_ in READERS])
def test_a_mark_is_no_part_of_the_text(
    tmp_path: Path, name: str, content: str, read: Callable[[Path], Any], value: Any
) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / name
    path.write_bytes(codecs.BOM_UTF8 + content.encode())
    assert read(path) == value
