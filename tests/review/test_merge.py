"""Labels merged with their data: what stays, what goes, what is disputed, and what is told beside it."""

import json
from pathlib import Path
from typing import Any

import pytest

from hybrid.artifacts import sha256_file
from hybrid.errors import UserError
from hybrid.review.labels import Decision, Label
from hybrid.review.merge import merge_reviews, read_reviewed
from tests.review.conftest import Desk, row


def accept(number: int) -> Label:
    return Label(f"q{number}", "", Decision.ACCEPT)


def reject(number: int, reason: str = "unclear") -> Label:
    return Label(f"q{number}", "", Decision.REJECT, reason=reason)


def edit(number: int, question: str) -> Label:
    return Label(f"q{number}", "", Decision.EDIT, question, ("41 kg",))


def merged(desk: Desk, *, majority: bool = False, keep: bool = False) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows that are written, and what is told beside them."""
    out = desk.file.parent / "merged" / "out.jsonl"
    for old in out.parent.glob("*"):
        old.unlink()
    before = desk.file.read_bytes()
    reviewed = read_reviewed(desk.file, desk.workspace, majority=majority, resamples=100, seed=1)
    told = merge_reviews(reviewed, out, majority=majority, keep_unreviewed=keep)
    assert json.loads((out.parent / "out.jsonl.review.json").read_text()) == told
    assert told["sha256"] == sha256_file(out) and told["source"]["sha256"] == sha256_file(desk.file)
    assert desk.file.read_bytes() == before
    return [json.loads(line) for line in out.read_text().splitlines()], told


def test_records_keep_their_fields_and_their_order(desk: Desk) -> None:
    desk.label("anna", accept(2), reject(1, "duplicate"), edit(0, "What does it weigh?"), accept(1), reject(1))
    rows, told = merged(desk)
    assert rows == [row(0, question="What does it weigh?", answers=["41 kg"]), row(2)]
    assert told["counts"] == {
        "accepted": 1, "edited": 1, "rejected": 1, "disputed": 0, "stale": 0, "unreviewed": 1
    }  # fmt: skip
    assert told["reasons"] == {"unclear": 1}
    assert told["reviewers"] == [
        {"name": "anna", "reviewed": 3, "accept": 1, "edit": 1, "reject": 1, "stale": 0, "gone": 0}
    ]
    assert told["written"] == 2 and told["agreement"] == []
    kept, _ = merged(desk, keep=True)
    assert [one["id"] for one in kept] == ["q0", "q2", "q3"]


def test_disputed_questions_stay_out_unless_most_agree(desk: Desk) -> None:
    desk.label("anna", accept(0), accept(1), edit(2, "This?"), reject(3, "unclear"))
    desk.label("ben", accept(0), reject(1), edit(2, "That?"), reject(3, "duplicate"))
    rows, told = merged(desk)
    assert [one["id"] for one in rows] == ["q0"]
    # two edits that differ are a dispute, two rejections for other reasons are none
    assert told["counts"]["disputed"] == 2 and told["counts"]["rejected"] == 1
    assert [pair["reviewers"] for pair in told["agreement"]] == [["anna", "ben"]]
    assert merged(desk, majority=True)[0] == rows, "one against one is no majority"
    desk.label("cleo", accept(1), edit(2, "That?"))
    rows, told = merged(desk, majority=True)
    assert [(one["id"], one["question"][:5]) for one in rows] == [("q0", "How h"), ("q1", "How h"), ("q2", "That?")]
    assert told["decided_by"] == "majority" and told["counts"]["disputed"] == 0


def test_a_label_of_an_older_record_is_not_merged(desk: Desk) -> None:
    desk.label("anna", accept(0), accept(1))
    desk.write(row(0, answers=["41 kg"]), row(1, split="test"), row(2))
    rows, told = merged(desk)
    assert rows == [row(1, split="test")]
    assert told["counts"]["stale"] == 1 and told["reviewers"][0]["stale"] == 1
    assert [one["id"] for one in merged(desk, keep=True)[0]] == ["q0", "q1", "q2"]


def test_undefined_agreement_is_null_in_what_is_told(desk: Desk) -> None:
    for reviewer in ("anna", "ben"):
        desk.label(reviewer, accept(0), accept(1))
    _, told = merged(desk)
    (pair,) = told["agreement"]
    assert pair["same"]["value"] == 1 and pair["kappa"]["value"] is None


def test_what_is_refused(desk: Desk, tmp_path: Path) -> None:
    def attempt(out: Path) -> None:
        reviewed = read_reviewed(desk.file, desk.workspace, resamples=100, seed=1)
        merge_reviews(reviewed, out, majority=False, keep_unreviewed=False)

    out = tmp_path / "out.jsonl"
    with pytest.raises(UserError, match=r"nothing of .* is reviewed"):
        attempt(out)
    desk.label("anna", reject(0), reject(1))
    with pytest.raises(UserError, match=r"no question .* would be left: 2 rejected, 2 unreviewed"):
        attempt(out)
    desk.label("anna", accept(0))
    with pytest.raises(UserError, match="is there already"):
        attempt(desk.file)
    (tmp_path / "out.jsonl.review.json").write_text("mine")
    with pytest.raises(UserError, match=r"review\.json is there already"):
        attempt(out)
    assert not out.exists() and (tmp_path / "out.jsonl.review.json").read_text() == "mine"
    desk.write(row(0, answers=["9 kg"]))
    with pytest.raises(UserError, match="1 labels are of older records"):
        attempt(tmp_path / "other.jsonl")
