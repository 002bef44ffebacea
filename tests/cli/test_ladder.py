"""The ladder from the command line on: with and without a choice of dev, shown again, and not where it is stale."""

import json
import shutil
from pathlib import Path
from typing import Any

from tests.cli.conftest import Place

WIDE = 4000
"""Tokens that hold a question of this corpus with ten examples."""


def names(told: dict[str, Any]) -> list[str]:
    return [row["name"] for row in told["rungs"]]


def test_the_ladder_is_measured_once_and_shown_again(indexed: Place) -> None:
    wide = {"generator__window_tokens": WIDE, "evaluation__max_questions": 6}
    folder = indexed.workspace / "ladder-test"
    first = indexed.run("evaluate", "--ladder", "--json", **wide)
    assert first.code == 0, first.err
    told = first.document()["ladder"]
    assert names(told) == ["plain prompt"] and told["chosen"] is False
    assert "run `hybrid prompt`" in told["left_out"]["worked examples"]

    assert indexed.run("prompt", "--json", **wide).code == 0
    # dev has chosen since: what was measured is not the ladder any more
    assert "ladder" not in indexed.run("evaluate", "--json", **wide).document()
    second = indexed.run("evaluate", "--ladder", **wide)
    assert second.code == 0, second.err
    assert "rung 1 of" in second.err and "The ladder on test, 6 questions" in second.out
    assert "* the best untuned rung by dev" in second.out

    made = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = indexed.run("evaluate", "--ladder", "--json", **wide)
    assert again.code == 0 and "rung 1" not in again.err
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == made
    shown = indexed.run("evaluate", "--json", **wide).document()["ladder"]
    assert shown == again.document()["ladder"]
    assert shown["chosen"] and "worked examples" in names(shown) and shown["best"] in names(shown)
    check_rungs(shown, folder)
    assert "ladder" not in indexed.run("evaluate", "--json", **{**wide, "retrieval__k": 3}).document()

    # as after a kill before the end: what was answered is not asked again
    questions = (folder / "questions.jsonl").read_bytes()
    shutil.rmtree(folder)
    last = indexed.run("evaluate", "--ladder", "--json", **wide)
    assert last.code == 0 and "rung 1 of" in last.err and "answering" not in last.err
    assert (folder / "questions.jsonl").read_bytes() == questions
    assert last.document()["ladder"]["rungs"] == shown["rungs"]


def check_rungs(told: dict[str, Any], folder: Path) -> None:
    rows = [json.loads(line) for line in (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    asked = {name: [row["id"] for row in rows if row["rung"] == name] for name in names(told)}
    assert len({tuple(ids) for ids in asked.values()}) == 1 and len(rows) == 6 * len(asked)
    for rung in told["rungs"]:
        mine = [row for row in rows if row["rung"] == rung["name"]]
        assert rung["served"]["value"] == sum(row["served"] for row in mine) / 6
        assert rung["prompt_tokens"] == round(sum(row["prompt_tokens"] for row in mine) / 6, 1)
        assert all(row["examples"] == rung["examples"] for row in mine)
        assert told["seconds"][rung["name"]]["num"] == 3
        assert (rung["gain"] is None) == (rung["against"] is None)
    plain, worked = (next(r for r in told["rungs"] if r["name"] == n) for n in ("plain prompt", "worked examples"))
    assert worked["prompt_tokens"] > 1.5 * plain["prompt_tokens"]
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!")


def test_dev_questions_look_too_good_and_it_is_said(indexed: Place) -> None:
    narrow = {"generator__window_tokens": 320, "evaluation__split": "dev", "evaluation__max_questions": 4}
    assert indexed.run("prompt", **narrow).code == 0
    told = indexed.run("evaluate", "--ladder", **narrow)
    assert told.code == 0, told.err
    assert "they look too good" in told.out
    assert "did not fit the model's window on dev" in told.out
