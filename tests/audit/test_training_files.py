"""Audits of training files: pairs for an embedder and chats for a generator, clean and with planted faults."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hybrid.audit.chat_file import audit_chats, read_chats
from hybrid.audit.pair_file import audit_pairs, read_pairs
from hybrid.audit.training_rows import Fault, FileAudit
from hybrid.config import Config
from hybrid.errors import InputError
from hybrid.types import Chat, Passage, Question

HELD = [Question("t1", "How heavy is the crate of the C90?", ("20 kg",), ("p",), "test")]
SHELF = {"p": Passage("p", "The crate of the C90 weighs 20 kg.")}


def written(folder: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def kinds(found: FileAudit) -> dict[int, set[Fault]]:
    by_line: dict[int, set[Fault]] = {}
    for finding in found.findings:
        by_line.setdefault(finding.line, set()).add(finding.fault)
    return by_line


# -- pairs -----------------------------------------------------------------------------------------------------------


def pair(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "anchor": f"How heavy is machine M{number}?",
        "positive": f"Machine M{number} weighs {number} kg.",
        "negative": f"Machine M{number} is painted blue, number {number}.",
    }
    return {**row, **changes}


def pairs(folder: Path, *rows: dict[str, Any]) -> FileAudit:
    config = Config.model_validate({"train_embed": {"min_pairs": 3}})
    return audit_pairs(read_pairs(written(folder, rows)), HELD, SHELF, methods=["embedder", "dpo"], config=config)


def test_clean_pairs_are_clean(tmp_path: Path) -> None:
    found = pairs(tmp_path, *(pair(i) for i in range(30)))
    assert kinds(found) == {} and found.figures["negatives"] == 30
    verdicts = [(item.have, item.need, item.verdict) for item in found.requirements]
    assert verdicts == [(30, 3, "ok"), (30, 2000, "short")]


def test_faults_of_pairs_are_found_each_on_its_line(tmp_path: Path) -> None:
    found = pairs(
        tmp_path,
        *(pair(i) for i in range(4)),
        pair(1, anchor="Please tell me, how heavy is machine M1?"),
        pair(5, negative="machine M5 weighs 5 kg"),
        pair(6, anchor="How heavy is machine M2", positive="M2: two kilograms.", negative=pair(2)["positive"]),
        pair(7, positive=" "),
        pair(8, anchor=HELD[0].question.upper()),
        pair(9, negative=pair(0)["positive"]),
        pair(10, positive="The crate of the C90 weighs 20 kg."),
    )
    assert kinds(found) == {
        5: {Fault.DUPLICATE},
        6: {Fault.NEGATIVE_IS_POSITIVE},
        7: {Fault.FALSE_NEGATIVE},
        8: {Fault.EMPTY},
        9: {Fault.LEAK},
        10: {Fault.MAYBE_FALSE_NEGATIVE},
    }
    assert sorted(found.dropped) == [5, 6, 7, 8, 9], "what is only to be looked at stays in the proposed file"
    assert found.figures["share of lines whose positive is gold in dev or test"] == pytest.approx(1 / 11)
    assert found.told()["worst"][0]["kind"] == "LEAK" and not found.told()["ready"]


def test_other_names_and_several_negatives_are_read(tmp_path: Path) -> None:
    rows = [
        {"query": "a", "pos": "b", "negatives": ["c", "d"]},
        {"question": "e", "document": "f", "negative_1": "g", "negative_2": "h"},
        {"anchor": "i", "positive": "j", "score": 3},
    ]
    assert [row.negatives for row in read_pairs(written(tmp_path, rows))] == [("c", "d"), ("g", "h"), ()]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([pair(0), {"anchor": "x"}], "rows.jsonl:2: no text in any of positive"),
        ([pair(0, negative=[1])], "rows.jsonl:1: a negative is not a text"),
        ([], "holds no pairs"),
    ],
)
def test_pairs_of_another_form_are_refused(tmp_path: Path, rows: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_pairs(written(tmp_path, rows))


# -- chats -----------------------------------------------------------------------------------------------------------


def chat(number: int, completion: str | None = None, question: str | None = None) -> dict[str, Any]:
    text = (
        f"[1] Machine M{number}\nIt weighs {number} kg.\n\n[2] Paint\nIt is blue.\n\n"
        f"Question: {question or f'How heavy is machine M{number}?'}"
    )
    answer = f"{number} kg [1]" if completion is None else completion
    return {
        "kind": "oracle",
        "prompt": [{"role": "system", "content": "Be short."}, {"role": "user", "content": text}],
        "completion": [{"role": "assistant", "content": answer}],
    }


def general(number: int) -> dict[str, Any]:
    turns = [{"role": "user", "content": f"Count to {number}."}, {"role": "assistant", "content": "1, 2, 3"}]
    return {"messages": turns}


def words(turns: Chat) -> int:
    return sum(len(turn.content.split()) for turn in turns)


def chats(folder: Path, *rows: dict[str, Any], longest: int = 100) -> FileAudit:
    config = Config.model_validate({"raft": {"min_examples": 5, "max_example_tokens": longest}})
    return audit_chats(
        read_chats(written(folder, rows)), HELD, methods=["raft", "grpo"], config=config, count_tokens=words
    )


def test_clean_examples_are_clean_and_their_shares_are_told(tmp_path: Path) -> None:
    rows = [*(chat(i) for i in range(14)), *(chat(20 + i, "I don't know.") for i in range(4)), general(1), general(2)]
    found = chats(tmp_path, *rows)
    assert kinds(found) == {} and found.notes == ()
    assert [found.figures[f"share {kind}"] for kind in ("oracle", "abstain", "general")] == [0.7, 0.2, 0.1]
    assert [(item.have, item.verdict) for item in found.requirements] == [(18, "ok"), (20, "short")]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (chat(3, "33 kg [1]"), Fault.UNGROUNDED),
        (chat(3, "3 kg [2]"), Fault.UNGROUNDED),
        (chat(3, "3 kg [7]"), Fault.UNGROUNDED),
        (chat(3, "a giraffe from the savannah [1]"), Fault.UNGROUNDED),
        (chat(3, ""), Fault.EMPTY),
        (chat(0), Fault.DUPLICATE),
        (chat(0, "I don't know."), Fault.CONTRADICTION),
        (chat(3, question=f"Say, {HELD[0].question.lower()}"), Fault.LEAK),
        (chat(3, question="How heavy " + "and tall and wide " * 40 + "is M3?"), Fault.TOO_LONG),
    ],
)
def test_faults_of_examples_are_found(tmp_path: Path, row: dict[str, Any], fault: Fault) -> None:
    found = chats(tmp_path, *(chat(i) for i in range(3)), general(1), row)
    assert kinds(found) == {5: {fault}}
    assert list(found.dropped) == [5]


@pytest.mark.parametrize("completion", ["3 kg [1]", "It weighs 3 kg. [1]", "Yes [2]", "blue [2]", '"It is blue." [2]'])
def test_what_stands_in_its_citation_is_grounded(tmp_path: Path, completion: str) -> None:
    assert kinds(chats(tmp_path, chat(3, completion))) == {}


def test_a_passage_may_hold_questions_of_its_own(tmp_path: Path) -> None:
    text = "[1] FAQ\nQuestion: What is it?\nA pump.\n\n[2] Mass\nIt weighs 3 kg.\n\nQuestion: How heavy?"
    row = {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "3 kg [2]"}]}
    (read,) = read_chats(written(tmp_path, [row]))
    assert [passage.text for passage in read.passages] == [
        "FAQ\nQuestion: What is it?\nA pump.",
        "Mass\nIt weighs 3 kg.",
    ]
    assert read.question == "How heavy?" and kinds(chats(tmp_path, row)) == {}


@pytest.mark.parametrize(
    ("prompt", "question"),
    [
        ("[1] It is blue.\n\n[2] It weighs 3 kg.", "[1] It is blue.\n\n[2] It weighs 3 kg."),
        ("How heavy?\n\n[1] It is blue.\n\n[2] It weighs 3 kg.", "How heavy?"),
        ("Question: How heavy?\n\n[1] It is blue.\n\n[2] It weighs 3 kg.", "How heavy?"),
    ],
)
def test_passages_are_found_without_a_question_below_them(tmp_path: Path, prompt: str, question: str) -> None:
    (row,) = read_chats(written(tmp_path, [{"prompt": prompt, "completion": "3 kg [1]"}]))
    assert [passage.text for passage in row.passages] == ["It is blue.", "It weighs 3 kg."]
    assert (row.kind, row.question) == ("oracle", question)
    assert kinds(chats(tmp_path, {"prompt": prompt, "completion": "3 kg [1]"})) == {1: {Fault.UNGROUNDED}}


def test_without_refusals_or_general_examples_a_note_is_made(tmp_path: Path) -> None:
    found = chats(tmp_path, *(chat(i) for i in range(6)))
    assert len(found.notes) == 2 and "general" in found.notes[0] and "decline" in found.notes[1]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"text": "x"}, "no chat in it"),
        ({"messages": [{"role": "user", "content": "x"}]}, "last message"),
        ({"messages": [{"role": "user"}, {"role": "assistant", "content": "x"}]}, "no role or no text"),
        ({"messages": "x"}, "no chat in it"),
    ],
)
def test_examples_of_another_form_are_refused_with_their_line(tmp_path: Path, row: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=f"rows.jsonl:2: .*{told}"):
        read_chats(written(tmp_path, [chat(0), row]))


def test_prompt_and_completion_may_be_plain_texts(tmp_path: Path) -> None:
    (row,) = read_chats(written(tmp_path, [{"prompt": "Count.", "completion": "1, 2"}]))
    assert [turn.role for turn in row.prompt] == ["user"] and row.completion == "1, 2" and row.kind == "general"
