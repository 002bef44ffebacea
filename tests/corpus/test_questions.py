"""Questions: read with file and line in every error, tied to the passages that hold their evidence."""

import json
from pathlib import Path
from typing import Any

import pytest

from hybrid.corpus.chunk import chunk
from hybrid.corpus.questions import Resolved, names_no_split, read_questions, resolve
from hybrid.errors import InputError
from hybrid.types import Document, Passage

TEXT = (
    "# Harrier\n\n## Mass\n\nIt weighs **20 kg** dry.\n\n| flow | 5 m3/h |\n\n## Care\n\n"
    "Oil it weekly. Wipe the glass. Drain the sump in May. Check the belt in June.\n"
)
DOCUMENT = Document("h.md", TEXT, "h.md", "Harrier")


def line(identity: str = "q1", **changes: Any) -> dict[str, Any]:
    return {"id": identity, "question": f"What about {identity}?", "answers": ["20 kg"], **changes}


def write(folder: Path, *records: dict[str, Any] | str) -> Path:
    path = folder / "questions.jsonl"
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records))
    return path


def evidence(quote: str, source: str = "h.md") -> list[dict[str, str]]:
    return [{"source": source, "quote": quote}]


def passages(chunk_tokens: int = 64) -> list[Passage]:
    return chunk([DOCUMENT], tokenize=str.split, chunk_tokens=chunk_tokens)


def resolved(folder: Path, *records: dict[str, Any] | str, chunk_tokens: int = 64) -> Resolved:
    located = read_questions([write(folder, *records)])
    return resolve(located, passages(chunk_tokens), {"h.md": DOCUMENT})


def test_the_first_split_that_is_named_settles_it(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    for lines, unnamed in (("", False), ('{"id": "a"}\n', True), ('{"id": "a"}\n{"split": "dev"}\nnot read', False)):
        path.write_text(lines)
        assert names_no_split([path]) is unnamed


def test_all_fields_are_read(tmp_path: Path) -> None:
    record = line(positives=["p"], split="dev", answer_type="number", answerable=False, domain="seals", persona="x")
    (item,) = read_questions([write(tmp_path, record)])
    question = item.question
    assert (question.split, question.answer_type, question.answerable) == ("dev", "number", False)
    assert (question.positives, question.answers, question.topic) == (("p",), ("20 kg",), "seals")
    assert (item.path.name, item.line) == ("questions.jsonl", 1)


def test_evidence_is_resolved_to_the_passage_that_holds_it(tmp_path: Path) -> None:
    found = resolved(
        tmp_path,
        line("plain", evidence=evidence("Wipe the glass.")),
        line("emphasis", evidence=evidence("It weighs **20 kg** dry.")),
        line("without-marks", evidence=evidence("It weighs 20 kg dry.")),
        line("cell", evidence=evidence("flow 5 m3/h")),
        line("both", evidence=[*evidence("Wipe the glass."), *evidence("20 kg"), *evidence("Oil it")]),
    )
    mass, care = (p.id for p in passages())
    assert {q.id: q.positives for q in found.questions} == {
        "plain": (care,), "emphasis": (mass,), "without-marks": (mass,), "cell": (mass,), "both": (care, mass),
    }  # fmt: skip
    assert found.warnings == []


def test_a_cut_quote_is_gold_in_every_passage_it_touches_and_warned_of(tmp_path: Path) -> None:
    quote = "Wipe the glass. Drain the sump in May."
    found = resolved(tmp_path, line("a"), line("b", evidence=evidence(quote)), chunk_tokens=16)
    pieces = {p.id: p.text for p in passages(16)}
    texts = [pieces[i] for i in found.questions[1].positives]
    assert len(texts) == 2 and "Wipe" in texts[0] and "Drain" in texts[1]
    (warning,) = found.warnings
    assert "questions.jsonl:2" in warning and "cut by a chunk border (2 passages)" in warning


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (line("bad", evidence=evidence("It weighs 21 kg dry.")), "the quote is not in h.md"),
        (line("bad", evidence=evidence("  ")), "the quote of h.md is empty"),
        (line("bad", evidence=evidence("Oil it", "other.md")), "unknown document 'other.md'"),
        (line("bad", positives=["h.md#0"]), "unknown passage 'h.md#0'"),
    ],
)
def test_what_cannot_be_resolved_names_file_line_and_question(
    tmp_path: Path, record: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InputError) as caught:
        resolved(tmp_path, line("good"), "", record)
    assert "questions.jsonl:3: question 'bad'" in str(caught.value) and problem in str(caught.value)
    assert caught.value.line == 3


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ('{"id": "q2"', "malformed JSON"),
        ("3", "not a JSON object"),
        ({"id": "q2"}, "no field 'question'"),
        ({"question": "x?"}, "no field 'id'"),
        (line("q2", split="validation"), "split 'validation' is not one of train, dev, test"),
        (line("q2", answer_type="essay"), "answer_type 'essay'"),
        (line("q2", answerable="yes"), "field 'answerable' is str, not bool"),
        (line("q2", answers="20 kg"), "field 'answers' is str, not list"),
        (line("q2", evidence=[{"source": "h.md"}]), "no field 'quote'"),
        (line("q2", evidence=["h.md"]), "evidence"),
        (line("q2", evidence=[5]), "evidence"),
        (line("q1"), "duplicate id 'q1', first at"),
    ],
)
def test_malformed_lines_name_file_and_line(tmp_path: Path, record: dict[str, Any] | str, problem: str) -> None:
    path = write(tmp_path, line("q1"), record)
    with pytest.raises(InputError) as caught:
        read_questions([path])
    assert f"{path}:2: " in str(caught.value) and problem in str(caught.value)


def test_duplicate_ids_in_two_files_name_both_places(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    first, second = write(tmp_path, line("q0"), line("q1")), write(tmp_path / "a", line("q1"))
    with pytest.raises(InputError) as caught:
        read_questions([first, second])
    assert f"{second}:1" in str(caught.value) and f"{first}:2" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.jsonl: no such file"):
        read_questions([tmp_path / "absent.jsonl"])


def test_what_train_shares_with_dev_and_test_is_told(tmp_path: Path) -> None:
    mass = evidence("It weighs 20 kg dry.")
    found = resolved(
        tmp_path,
        line("a", split="train", question="How  heavy?", evidence=mass),
        line("b", split="test", question="how heavy?", evidence=evidence("Wipe the glass.")),
        line("c", split="dev", question="Other?"),
    )
    assert [w.split(":")[0] for w in found.warnings] == [
        "1 gold documents are in train and in test", "1 questions are in train and in test",
    ]  # fmt: skip


def test_splits_that_share_nothing_are_not_warned_of(tmp_path: Path) -> None:
    found = resolved(
        tmp_path,
        line("a", split="train", evidence=evidence("It weighs 20 kg dry.")),
        line("b", split="test", answerable=False, answers=[]),
        line("c", split="dev", answerable=False, answers=[]),
    )
    assert found.warnings == []


def test_an_unanswerable_question_may_say_so_in_its_type_too(tmp_path: Path) -> None:
    (item,) = read_questions([write(tmp_path, line(answers=[], answer_type="unanswerable", answerable=False))])
    assert (item.question.answer_type, item.question.answerable) == ("span", False)
    with pytest.raises(InputError, match="'unanswerable' is not one of"):
        read_questions([write(tmp_path, line(answer_type="unanswerable"))])
