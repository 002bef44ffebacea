"""Exports of questions and passages: what goes out comes back the same, and the libraries that are meant read it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybrid.corpus.importers import import_corpus
from hybrid.data.exporters import DataFormat, export_data
from hybrid.data.table_import import read_tables
from hybrid.errors import InputError, UserError
from hybrid.types import MetadataValue, Passage, Question
from tests.data.samples import PASSAGES, QUESTIONS, came_back, question

READERS: dict[str, Any] = {"hf": read_tables, "beir": "beir", "squad": "squad"}


@pytest.mark.parametrize("kind", ["hf", "beir", "squad"])
def test_what_is_exported_is_imported_the_same(tmp_path: Path, kind: DataFormat) -> None:
    counts, notes = export_data(QUESTIONS, PASSAGES, kind, tmp_path / "out")
    assert (counts, notes) == ({"passages": 12, "questions": 14}, [])
    import_corpus(tmp_path / "out", READERS[kind], tmp_path / "corpus", split="train")
    questions, passages = came_back(tmp_path / "corpus")
    # quotes are not needed beside named passages, and stand in documents that ready passages do not have
    assert questions == {q.id: replace(q, evidence=()) for q in QUESTIONS}
    plain = {p.id: (p.text, p.title, p.section, p.document_id) for p in PASSAGES}
    assert {p.id: (p.text, p.title, p.section, p.document_id) for p in passages.values()} == plain
    with pytest.raises(UserError, match="exists"):
        export_data(QUESTIONS, PASSAGES, kind, tmp_path / "out")
    again = tmp_path / "again"
    export_data(QUESTIONS, PASSAGES, kind, again)
    files = [path.relative_to(again) for path in again.rglob("*") if path.is_file()]
    assert all((again / name).read_bytes() == (tmp_path / "out" / name).read_bytes() for name in files)


@pytest.mark.parametrize("kind", ["hf", "beir", "squad"])
def test_metadata_is_exported_and_imported_the_same(tmp_path: Path, kind: DataFormat) -> None:
    fields: list[dict[str, MetadataValue]] = [
        {"year": 2024, "share": 1.0, "draft": False, "kind": "é", "tags": ("a", 1, True), "none": ()},
        {"year": "2024"},
        # names that BEIR's own have, and what they are kept under
        {
            "title": "T",
            "section": 3,
            "document_id": "d",
            "metadata.title": "U",
            "metadata.metadata.x": 1,
            "metadata": 2,
        },
    ]
    told = [replace(p, metadata=fields[n]) if n < len(fields) else p for n, p in enumerate(PASSAGES)]
    export_data(QUESTIONS, told, kind, tmp_path / "out")
    notes = import_corpus(tmp_path / "out", READERS[kind], tmp_path / "corpus", split="train").get("notes", [])
    assert not [note for note in notes if "metadata" in note]
    _, passages = came_back(tmp_path / "corpus")
    found = {p.id: (p.title, p.section, p.document_id, dict(p.metadata)) for p in passages.values()}
    expected = {p.id: (p.title, p.section, p.document_id, dict(p.metadata)) for p in told}
    # true, 1 and 1.0 are equal to Python: their names tell them apart
    assert {name: repr(value) for name, value in found.items()} == {n: repr(value) for n, value in expected.items()}


def test_exports_without_metadata_have_no_place_for_it(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    for kind in ("hf", "beir", "squad"):
        export_data(QUESTIONS, PASSAGES, kind, tmp_path / kind)
    columns = pq.ParquetFile(tmp_path / "hf" / "passages" / "corpus.parquet").schema.names
    assert columns == ["id", "text", "title", "section", "document_id", "source"]
    first = json.loads((tmp_path / "beir" / "corpus.jsonl").read_text().splitlines()[0])
    assert first["metadata"] == {"title": 'Pump_0 "é"', "section": "", "document_id": "m0.md"}
    assert all('"metadata"' not in file.read_text() for file in (tmp_path / "squad").iterdir())


def test_metadata_of_tables_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    rows: list[dict[str, Any]] = [
        {"id": "a", "text": "A.", "metadata": {"year": 2024, "url": None, "deep": {"x": 1}}},
        {"id": "b", "text": "B.", "metadata": ""},
        {"id": "c", "text": "C.", "metadata": 7},
    ]
    (tmp_path / "in" / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "in" / "test.jsonl").write_text('{"id": "q", "question": "?", "positives": ["a"]}\n')
    (note,) = import_corpus(tmp_path / "in", read_tables, tmp_path / "corpus")["notes"]
    assert note.startswith("1 values of metadata are left out (first: 'deep')")
    _, passages = came_back(tmp_path / "corpus")
    assert [p.metadata for p in passages.values()] == [{"year": 2024}, {}, {}]
    (tmp_path / "in" / "corpus.jsonl").write_text('{"id": "a", "text": "A.", "metadata": "{year"}\n')
    with pytest.raises(InputError, match=r"corpus\.jsonl: a `metadata` is not JSON"):
        import_corpus(tmp_path / "in", read_tables, tmp_path / "other")


def test_squad_says_what_it_cannot_hold(tmp_path: Path) -> None:
    yes = question(0, answers=("yes",), answer_type="yes_no")
    two = question(1, positives=(PASSAGES[0].id, PASSAGES[1].id))
    counts, (note,) = export_data([yes, two], PASSAGES, "squad", tmp_path / "out")
    assert counts["questions"] == 1 and note.startswith("1 questions left out: no answer stands word for word")
    data = json.loads((tmp_path / "out" / "train.json").read_text())["data"]
    for article in data:
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                assert paragraph["id"] == PASSAGES[1].id, "the passage that holds the answer"
                for answer in qa["answers"]:
                    start = answer["answer_start"]
                    assert paragraph["context"][start : start + len(answer["text"])] == answer["text"]
    with pytest.raises(UserError, match=r"no question can be written as squad\n.*SQuAD knows only spans"):
        export_data([yes], PASSAGES, "squad", tmp_path / "none")
    with pytest.raises(UserError, match="no questions"):
        export_data([], PASSAGES, "beir", tmp_path / "none")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_squad_answers_are_whole_words_and_lost_ones_are_counted(tmp_path: Path) -> None:
    passage = Passage("p", "In 15 days 5 come, some of 5.5.", "Days", document_id="d.md")
    asked = Question("q", "How many come?", ("5", "five", "15"), ("p",), "train")
    declined = Question("u", "Who?", (), (), "train", answerable=False)
    counts, (note,) = export_data([asked, declined], [passage], "squad", tmp_path / "out")
    assert counts["questions"] == 2 and note.startswith("1 answers left out:")
    (article,) = json.loads((tmp_path / "out" / "train.json").read_text())["data"]
    known, _ = article["paragraphs"][0]["qas"]
    assert known["answers"] == [{"text": "5", "answer_start": 11}, {"text": "15", "answer_start": 3}]


def test_datasets_loads_the_hub_layout(tmp_path: Path) -> None:
    from datasets import load_dataset

    export_data(QUESTIONS, PASSAGES, "hf", tmp_path / "out", card="# Card\n")
    loaded = load_dataset(str(tmp_path / "out"), "questions", cache_dir=str(tmp_path / "cache"))
    assert {name: len(part) for name, part in loaded.items()} == {"train": 6, "validation": 4, "test": 4}
    assert loaded["train"][0]["positives"] == [PASSAGES[0].id]
    passages = load_dataset(str(tmp_path / "out"), "passages", split="corpus", cache_dir=str(tmp_path / "cache"))
    assert passages.column_names[:2] == ["id", "text"] and len(passages) == 12
    assert (tmp_path / "out" / "README.md").read_text().endswith("# Card\n")


def test_a_saved_dataset_with_contexts_is_read(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict

    rows = [
        {"id": 1, "title": "The_Pump", "context": "It weighs 20 kg.", "question": "How heavy?"}
        | {"answers": {"text": ["20 kg"], "answer_start": [10]}},
        {"id": 2, "title": "The_Pump", "context": "It weighs 20 kg.", "question": "How old?"}
        | {"answers": {"text": [], "answer_start": []}},
    ]
    parts = {"train": Dataset.from_list(rows[:1]), "validation": Dataset.from_list(rows[1:])}
    DatasetDict(parts).save_to_disk(str(tmp_path / "saved"))
    import_corpus(tmp_path / "saved", read_tables, tmp_path / "corpus")
    questions, passages = came_back(tmp_path / "corpus")
    (passage,) = passages.values()
    assert (passage.title, passage.document_id) == ("The Pump", "The Pump")
    known, unknown = questions["1"], questions["2"]
    assert (known.answers, known.positives, known.split) == (("20 kg",), (passage.id,), "train")
    assert (unknown.answerable, unknown.positives, unknown.split) == (False, (), "dev")


def test_rows_with_several_contexts_and_no_ids(tmp_path: Path) -> None:
    rows = [
        {"question": "How heavy?", "answer": "20 kg", "contexts": ["It is red.", "It weighs 20 kg."], "split": "dev"},
        {"question": "Why?", "answer": "because", "contexts": ["One half.", "Other half."]},
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = import_corpus(tmp_path / "rows.jsonl", read_tables, tmp_path / "corpus", split="train")
    questions, passages = came_back(tmp_path / "corpus")
    first, second = questions["q00001"], questions["q00002"]
    assert [passages[name].text for name in first.positives] == ["It weighs 20 kg."]
    assert [passages[name].text for name in second.positives] == ["One half.", "Other half."]
    assert (first.split, second.split) == ("dev", "train")
    assert told["passages"] == 4 and "2 questions bring several contexts" in told["notes"][0]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("x.jsonl", b'{"prompt": "?"}\n', "no table with a column `question` \\(columns: prompt\\)"),
        ("x.jsonl", b'{"question": "?", "answer": "a"}\n', "neither a table of passages nor a column `context`"),
        ("x.jsonl", b'{"question": "?", "context": {"a": 1}}\n', "a context is dict"),
        ("x.jsonl", b'{"question": "?", "answers": 3, "context": "c"}\n', "`answers` is int"),
        ("x.jsonl", b'{"question": "?", "context": "c", "json_schema": "{"}\n', "`json_schema` is not JSON"),
        ("x.jsonl", b'{"question": "?", "context": "c"}\n{"context": "c"}\n', "`question` of row 2 is NoneType"),
        ("x.jsonl", b'{"id": "a", "question": 3, "context": "c"}\n', "`question` of a is int"),
        ("x.jsonl", b'{"question": "?", "context": "c", "positives": 1}\n', "`positives` is int"),
        ("x.jsonl", b'{"question": "?", "context": "c", "positives": "p1"}\n', "`positives` is str"),
        ("x.parquet", b"PAR1 no", "not a Parquet file"),
    ],
)
def test_bad_tables_are_named_and_leave_nothing(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=problem):
        import_corpus(tmp_path / name, read_tables, tmp_path / "corpus")
    assert [path.name for path in tmp_path.iterdir()] == [name]
