"""Public formats become a corpus folder that the next stage reads, or nothing at all."""

import json
from pathlib import Path
from typing import Any

import pytest

from hybrid.corpus.importers import Format, import_corpus
from hybrid.corpus.passages import read_passages
from hybrid.corpus.questions import read_questions, resolve
from hybrid.errors import InputError, UserError
from hybrid.types import Question


def lines(path: Path, *records: dict[str, Any] | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records))


def beir(folder: Path) -> Path:
    lines(
        folder / "corpus.jsonl",
        {"_id": "d1", "title": "Pumps", "text": "It weighs 20 kg."},
        {"_id": "d2", "text": "It is red."},
        {"_id": "d3", "title": "", "text": "Nobody asks."},
    )
    queries = [{"_id": f"q{n}", "text": f"Question {n}?"} for n in range(1, 5)]
    lines(folder / "queries.jsonl", *queries)
    lines(folder / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore", "q1\td1\t1", "q1\td2\t2", "q2\td3\t0")
    lines(folder / "qrels" / "train.tsv", "query-id\tcorpus-id\tscore", "q3\td2\t1")
    lines(folder / "qrels" / "extra.tsv", "q4\td1\t1")
    return folder


def squad(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    qas = [
        {
            "id": "a",
            "question": " How heavy? ",
            "answers": [{"text": "20 kg", "answer_start": 10}, {"text": "20 kg", "answer_start": 10}],
        },
        {"id": "b", "question": "How old?", "answers": [], "is_impossible": True},
    ]
    data = [{"title": "The_Pump", "paragraphs": [{"context": "It weighs 20 kg.", "qas": qas}]}]
    (folder / "squad.json").write_text(json.dumps({"version": "v2.0", "data": data}))
    return folder / "squad.json"


def ready(folder: Path) -> Path:
    lines(folder / "passages.jsonl", {"id": "p1", "text": "It weighs 20 kg.", "title": "T", "extra": 1})
    lines(
        folder / "questions.jsonl",
        {"id": "q1", "question": "How heavy?", "answers": ["20 kg"], "positives": ["p1"]},
        {"id": "q2", "question": "How much?", "positives": ["p1"], "split": "train"},
    )
    return folder


def read_back(target: Path) -> dict[str, Question]:
    """Questions as the next stage resolves them."""
    passages = read_passages(target / "passages.jsonl")
    resolved = resolve(read_questions([target / "questions.jsonl"]), passages, {})
    return {question.id: question for question in resolved.questions}


def test_beir(tmp_path: Path) -> None:
    target = tmp_path / "out" / "corpus"
    counts = import_corpus(beir(tmp_path / "beir"), "beir", target, split="dev")
    assert counts == {"passages": 3, "questions": 3}
    passages = read_passages(target / "passages.jsonl")
    assert [(p.id, p.title, p.text) for p in passages][:2] == [
        ("d1", "Pumps", "It weighs 20 kg."), ("d2", "", "It is red."),
    ]  # fmt: skip
    questions = read_back(target)
    assert {i: (q.split, q.positives) for i, q in questions.items()} == {
        "q1": ("test", ("d1", "d2")), "q3": ("train", ("d2",)), "q4": ("dev", ("d1",)),
    }  # fmt: skip


def test_squad(tmp_path: Path) -> None:
    target = tmp_path / "corpus"
    assert import_corpus(squad(tmp_path), "squad", target, split="dev") == {"passages": 1, "questions": 2}
    (passage,) = read_passages(target / "passages.jsonl")
    assert (passage.title, passage.text) == ("The Pump", "It weighs 20 kg.")
    questions = read_back(target)
    a, b = questions["a"], questions["b"]
    assert (a.question, a.answers, a.positives, a.answerable) == ("How heavy?", ("20 kg",), (passage.id,), True)
    assert (b.answers, b.positives, b.answerable, b.split) == ((), (), False, "dev")


def test_passages(tmp_path: Path) -> None:
    target = tmp_path / "corpus"
    assert import_corpus(ready(tmp_path / "in"), "passages", target) == {"passages": 1, "questions": 2}
    assert {i: q.split for i, q in read_back(target).items()} == {"q1": "test", "q2": "train"}
    (tmp_path / "in" / "questions.jsonl").unlink()
    assert import_corpus(tmp_path / "in", "passages", tmp_path / "other") == {"passages": 1, "questions": 0}


def test_an_existing_target_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "corpus"
    target.mkdir()
    (target / "mine.txt").write_text("keep")
    with pytest.raises(UserError, match="exists"):
        import_corpus(squad(tmp_path), "squad", target)
    assert [p.name for p in target.iterdir()] == ["mine.txt"]


DUPLICATE = b'{"_id": "d1", "text": "a"}\n{"_id": "d1", "text": "b"}\n'
BAD = [
    ("beir", "corpus.jsonl", b'{"_id": "d1"}\n', "corpus.jsonl:1: no field 'text'"),
    ("beir", "corpus.jsonl", b"", "corpus.jsonl"),
    ("beir", "corpus.jsonl", DUPLICATE, "corpus.jsonl:2: duplicate id 'd1'"),
    ("beir", "queries.jsonl", b'{"_id": "q1", "text": "?"}\n{"_id"\n', "queries.jsonl:2: malformed JSON"),
    ("beir", "qrels/test.tsv", b"query-id\tcorpus-id\tscore\nq1 d1 1\n", "test.tsv:2: expected query-id"),
    ("beir", "qrels/test.tsv", b"q1\td1\thigh\n", "test.tsv:1: expected query-id"),
    ("beir", "qrels/test.tsv", b"q1\td\xff1\t1\n", "test.tsv: not UTF-8"),
    ("beir", "qrels/test.tsv", b"q1\tnowhere\t1\n", "'nowhere'"),
    ("squad", "squad.json", b'{"data":\n [}', "squad.json:2: malformed JSON"),
    ("squad", "squad.json", b'{"rows": []}', "squad.json: not SQuAD"),
    ("squad", "squad.json", b"\xff", "squad.json: not UTF-8"),
    ("squad", "squad.json", b'{"data": [{"paragraphs": [{"qas": []}]}]}', "squad.json: an article"),
    ("passages", "passages.jsonl", b'{"id": "p1", "text": 3}\n', "passages.jsonl:1: field 'text' is int"),
    ("passages", "passages.jsonl", b"\n", "passages.jsonl: no passages"),
    ("passages", "questions.jsonl", b'{"id": "q", "question": "?", "split": "x"}\n', "questions.jsonl:1: split 'x'"),
]


@pytest.mark.parametrize(("kind", "file", "content", "problem"), BAD, ids=lambda value: str(value)[:24])
def test_bad_input_names_the_place_in_the_source_and_leaves_no_target(
    tmp_path: Path, kind: Format, file: str, content: bytes, problem: str
) -> None:
    source = {"beir": beir, "squad": squad, "passages": ready}[kind](tmp_path / "in")
    (tmp_path / "in" / file).write_bytes(content)
    with pytest.raises(InputError) as caught:
        import_corpus(source, kind, tmp_path / "corpus")
    assert problem in str(caught.value)
    assert str(tmp_path / "in") in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]


@pytest.mark.parametrize(("kind", "missing"), [("beir", "qrels"), ("squad", "nothing.json"), ("passages", "nothing")])
def test_missing_input_is_named(tmp_path: Path, kind: Format, missing: str) -> None:
    source = beir(tmp_path / "in")
    if kind == "beir":
        for file in (source / "qrels").iterdir():
            file.unlink()
    with pytest.raises(InputError, match=missing):
        import_corpus(source if kind == "beir" else tmp_path / missing, kind, tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()


@pytest.mark.parametrize("kind", ["beir", "squad", "passages"])
def test_a_file_for_a_folder_and_a_folder_for_a_file(tmp_path: Path, kind: Format) -> None:
    file = squad(tmp_path / "in")
    wrong = tmp_path / "empty" if kind == "squad" else file
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no such file|not a file"):
        import_corpus(wrong, kind, tmp_path / "corpus")
