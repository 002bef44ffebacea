"""Exports of hostile ids, titles and texts come back the same; what an import would change silently is told."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybrid.corpus.importers import import_corpus
from hybrid.corpus.passages import read_passages
from hybrid.corpus.walk import list_files
from hybrid.data.chat_import import read_chats
from hybrid.data.exporters import DataFormat, export_data
from hybrid.data.table_import import read_tables
from hybrid.errors import InputError
from hybrid.types import Passage
from tests.data.samples import came_back, question
from tests.data.test_tables import READERS

HOSTILE = 'tab\there, "quoted"; back\\slash\nline \x1b[31m \u2028 \x85 \u202e {{ x }} <b> = |'
PLAIN = HOSTILE.replace("\x1b", "")
"""Metadata never has controls of ASCII: readers take them out."""
IDS = ['a "b", c;d', "=1+1", "a\\b|c", "ä 中 #1", "query-id", " padded "]


@pytest.mark.parametrize("kind", ["hf", "beir", "squad"])
def test_hostile_exports_come_back_the_same(tmp_path: Path, kind: DataFormat) -> None:
    passages = [
        Passage(f"p {name}", f"{HOSTILE} {n} kg\n", f"{HOSTILE} {n}", HOSTILE, f"d {name}", metadata={PLAIN: PLAIN})
        for n, name in enumerate(IDS)
    ]
    # the same text twice, under two ids
    passages.append(replace(passages[0], id="again"))
    questions = [
        question(
            n, id=name, question=f"How {HOSTILE} {n}?", answers=(f"{n} kg",), positives=(f"p {name}",), evidence=()
        )
        for n, name in enumerate(IDS)
    ]
    questions.append(question(9, answers=("0 kg",), positives=("again",), evidence=(), topic=HOSTILE, group=HOSTILE))
    export_data(questions, passages, kind, tmp_path / "out")
    import_corpus(tmp_path / "out", READERS[kind], tmp_path / "corpus", split="train")
    found, texts = came_back(tmp_path / "corpus")
    assert found == {q.id: q for q in questions}
    assert {n: replace(p, source="", start_char=0, end_char=0) for n, p in texts.items()} == {p.id: p for p in passages}


@pytest.mark.parametrize("identity", ["a\tb", "a\nb", "a\rb", "a\x1bb", "a\x85b", "a\u2028b", "a\u202eb", "a\ud800b"])
def test_ids_that_no_table_holds_are_refused(tmp_path: Path, identity: str) -> None:
    (tmp_path / "p.jsonl").write_text(json.dumps({"id": identity, "text": "x"}) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"p\.jsonl:1: the id .* holds a tab, a line end or another control"):
        read_passages(tmp_path / "p.jsonl")


def test_file_names_that_no_line_holds_are_skipped(tmp_path: Path) -> None:
    for name in ("a\tb.md", "a\nb.md", "a\x1b[2J.md", "a\u202edm.md", "fine ä.md"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "fol\tder").mkdir()
    (tmp_path / "fol\tder" / "x.md").write_text("x", encoding="utf-8")
    listing = list_files(tmp_path, formats={".md"})
    assert [file.source for file in listing.files] == ["fine ä.md"]
    why = "its name holds control characters: rename it"
    names = [r"a\nb.md", r"a\tb.md", r"a\u202edm.md", r"a\x1b[2J.md", r"fol\tder"]
    assert sorted(listing.skipped) == [(name, why) for name in names]


def table(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "table.jsonl"
    base = {"question": "How much?", "context": "It is 6.50 kg."}
    path.write_text("".join(json.dumps({**base, **row}) + "\n" for row in rows), encoding="utf-8")
    return path


def test_what_a_table_import_changes_is_told(tmp_path: Path) -> None:
    rows = [{"answers": [6.5, None]}, {"answers": ["6.50"], "topic": 3, "split": "holdout"}]
    records = read_tables(table(tmp_path, *rows), "train")
    assert [(q["answers"], q["split"]) for q in records.questions] == [(["6.5"], "train"), (["6.50"], "train")]
    assert records.notes == [
        "1 answers are numbers, not texts: of 6.50 there is only 6.5 left",
        "1 answers are null and are left out",
        "1 questions name a split that is none of train, dev and test: they count for train",
        "1 values of `topic` are no text and are left out",
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"answers": [True]}, "`answers` holds True"),
        ({"answers": [{"text": "x"}]}, "`answers` holds"),
        ({"answerable": "false"}, "`answerable` is 'false'"),
        ({"is_impossible": 0}, "`is_impossible` is 0"),
    ],
)
def test_what_a_table_import_would_turn_round_is_refused(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_tables(table(tmp_path, row), "train")


def test_passages_of_a_table_that_contradict_each_other(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text('{"question": "?", "positives": ["a"]}\n', encoding="utf-8")
    passages = tmp_path / "corpus.jsonl"
    passages.write_text('{"id": "a", "text": "x"}\n{"id": "a", "text": "x"}\n{"id": "b"}\n', encoding="utf-8")
    assert read_tables(tmp_path, "test").notes == ["1 rows without `text` and an id are no passages and are left out"]
    passages.write_text('{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}\n', encoding="utf-8")
    with pytest.raises(InputError, match="two passages have the id 'a'"):
        read_tables(tmp_path, "test")


def test_a_question_in_two_splits_of_chats_is_told(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "How heavy?"}, {"role": "assistant", "content": "5 kg"}]
    for name in ("train", "test"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"messages": turns}) + "\n", encoding="utf-8")
    notes = read_chats(tmp_path, "train").notes
    assert "1 of them stand in another split, and the question counts for one of the two" in notes
