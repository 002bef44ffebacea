"""Labels on the disk: appended, taken back, cut off by a kill, made stale by a change."""

import json
import os
from pathlib import Path

import pytest

from hybrid.errors import InputError, UserError
from hybrid.review.labels import Decision, Label, check_reviewer, open_log, read_labels, read_reviews
from hybrid.review.question_file import read_items, sample
from tests.review.conftest import Desk, row

ACCEPT = Label("q0", "digest", Decision.ACCEPT)
EDIT = Label("q1", "digest", Decision.EDIT, "What?", ("40 kg", "zwölf"), note="unit added")
REJECT = Label("q0", "digest", Decision.REJECT, reason="unclear")


def test_labels_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "reviews" / "anna.jsonl"
    with open_log(path) as log:
        for label in (ACCEPT, EDIT, REJECT):
            log.append(label)
            # on the disk at once, not when the file is closed
            assert read_labels(path)[-1] == label
    assert read_labels(path) == [ACCEPT, EDIT, REJECT]
    assert json.loads(path.read_text().splitlines()[0]) == {"id": "q0", "record": "digest", "decision": "accept"}


def test_undo_brings_the_label_before_it_back(tmp_path: Path) -> None:
    path = tmp_path / "anna.jsonl"
    with open_log(path) as log:
        for label in (ACCEPT, EDIT, REJECT):
            log.append(label)
        assert log.undo() == REJECT
    with open_log(path) as log:
        assert log.labels == [ACCEPT, EDIT]
        assert (log.undo(), log.undo(), log.undo()) == (EDIT, ACCEPT, None)
        log.append(REJECT)
    assert read_labels(path) == [REJECT]
    assert len(path.read_text().splitlines()) == 7, "nothing is ever taken out of the file"


def test_what_a_kill_left_of_a_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "anna.jsonl"
    with open_log(path) as log:
        log.append(ACCEPT)
    whole = path.read_bytes()
    for torn in (b'{"id": "q1", "rec', json.dumps(EDIT.row()).encode(), b"\xff"):
        path.write_bytes(whole + torn)
        assert read_labels(path) == [ACCEPT]
        with open_log(path) as log:
            log.append(REJECT)
        assert read_labels(path) == [ACCEPT, REJECT]


def test_a_label_that_cannot_be_written_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "anna.jsonl"

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with open_log(path) as log:
        log.append(ACCEPT)
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(OSError, match="No space"):
                log.append(EDIT)
        assert log.labels == [ACCEPT]
        log.append(REJECT)
    assert read_labels(path) == [ACCEPT, REJECT]


def test_a_reviewer_sits_at_one_page_only(tmp_path: Path) -> None:
    path = tmp_path / "anna.jsonl"
    with open_log(path):
        with pytest.raises(UserError, match="anna is already reviewing"), open_log(path):
            pass
        with open_log(tmp_path / "ben.jsonl"):
            pass


@pytest.mark.parametrize("name", ["anna", "Anna-2", "a.b_c", "7"])
def test_names_that_a_file_can_have(name: str) -> None:
    assert check_reviewer(name) == name


@pytest.mark.parametrize("name", ["", None, "..", "a/b", ".anna", "-x", "anna b", "änna", "a" * 65, "a\n"])
def test_names_that_are_refused(name: str | None) -> None:
    with pytest.raises(UserError) as refusal:
        check_reviewer(name)
    assert "--reviewer" in str(refusal.value)


@pytest.mark.parametrize("line", ['{"id": "q0"}', '{"id": "q0", "record": "x", "decision": "maybe"}', "{"])
def test_a_line_that_somebody_spoilt_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "anna.jsonl"
    path.write_text(f"{json.dumps(ACCEPT.row())}\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"anna\.jsonl:2"):
        read_labels(path)


def test_labels_of_changed_and_lost_records_do_not_count(desk: Desk) -> None:
    desk.label("anna", *(Label(f"q{n}", "", Decision.ACCEPT) for n in range(4)))
    desk.label("ben")
    items = desk.write(row(0), row(1, answerable=False), row(2, question="How light?"))
    (review,) = read_reviews(desk.path("anna").parent, items)
    assert review.reviewer == "anna"
    assert (list(review.labels), review.stale, review.gone) == (["q0"], ("q1", "q2"), ("q3",))


def test_a_file_without_questions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_items(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(InputError, match="no questions in it"):
        read_items(tmp_path / "empty.jsonl")


def test_a_sample_is_the_same_for_everyone(desk: Desk) -> None:
    items = desk.write(*(row(number) for number in range(50)))
    drawn = [item.question.id for item in sample(items, 10, seed=3)]
    assert drawn == [item.question.id for item in sample(desk.items(), 10, seed=3)]
    assert len({*drawn}) == 10 and drawn == sorted(drawn, key=lambda name: int(name[1:]))
    assert drawn != [item.question.id for item in sample(items, 10, seed=4)]
    assert len(sample(items, 99, seed=3)) == 50
