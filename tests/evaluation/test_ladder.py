"""The ladder from measured answers: scores, paired gains against what dev chose, tokens, and the page."""

import json
from dataclasses import replace
from typing import Any

import pytest

from hybrid.evaluation.ladder import Rung, answer_rows, build_ladder, verdict_line
from hybrid.evaluation.ladder_page import ladder_html, ladder_part
from hybrid.evaluation.report import comparison_html
from hybrid.types import Answer, Question
from tests.evaluation.test_report import structure

NUM = 40
QUESTIONS = [Question(f"q{n}", f"How many on {n}?", (f"{n} kg",), (f"p{n // 2}",), "test") for n in range(NUM - 4)]
QUESTIONS += [Question(f"u{n}", "Who?", (), (), "test", answerable=False) for n in range(4)]
RUNGS = [
    Rung("plain prompt", "base", "plain", 0),
    Rung("best prompt", "base", "cited", 0, "plain prompt", note="proven on dev"),
    Rung("worked examples", "base", "cited", 3, "best prompt", note="<i>no better</i>"),
    Rung("tuned", "tuned", "cited", 0, "best prompt", is_tuned=True),
]


def answers(right: int, *, withheld: int = 0, declines: bool = False) -> list[Answer]:
    """So many of the answerable ones right, the first of these withheld."""
    texts = [f"{n} kg" if n < right else "7777 kg" for n in range(NUM - 4)]
    found = [Answer(text, text, abstained=False, withheld=n < withheld) for n, text in enumerate(texts)]
    return [*found, *(Answer("unknown", "unknown", abstained=declines) for _ in range(4))]


def ladder() -> dict[str, Any]:
    given = {
        "plain prompt": answers(10),
        "best prompt": answers(20, withheld=2),
        "worked examples": answers(20, withheld=2),
        "tuned": answers(30, declines=True),
    }
    rows = {
        name: answer_rows(
            name, QUESTIONS, [replace(a, prompt_tokens=100 + n, new_tokens=5) for n, a in enumerate(found)]
        )
        for name, found in given.items()
    }
    rungs = build_ladder(RUNGS, rows, resamples=400, seed=1)
    return {
        "split": "test", "rungs": rungs, "best": "best prompt", "chosen": True, "proven": True,
        "left_out": {"tuned, not merged": "it is stale"}, "notes": ["A note."],
    }  # fmt: skip


def test_each_rung_has_scores_with_intervals_and_tokens() -> None:
    rungs = {row["name"]: row for row in ladder()["rungs"]}
    assert rungs["plain prompt"]["served"]["value"] == pytest.approx(10 / NUM)
    # two right answers were withheld: they count before the guard alone
    assert rungs["best prompt"]["right"]["value"] == pytest.approx(20 / NUM)
    assert rungs["best prompt"]["served"]["value"] == pytest.approx(18 / NUM)
    # rightly declined is served right
    assert rungs["tuned"]["served"]["value"] == pytest.approx(34 / NUM)
    for row in rungs.values():
        assert row["served"]["low"] < row["served"]["value"] < row["served"]["high"] and row["questions"] == NUM
        assert (row["prompt_tokens"], row["new_tokens"]) == (119.5, 5.0)


def test_gains_are_paired_and_against_the_rung_that_is_given() -> None:
    plain, best, worked, tuned = ladder()["rungs"]
    assert plain["gain"] is None and plain["verdict"] == "unclear"
    assert best["gain"]["value"] == pytest.approx(8 / NUM)
    assert tuned["gain"]["value"] == pytest.approx(16 / NUM) and tuned["verdict"] == "better"
    # equal answers prove nothing, and are not certain to stay equal
    assert worked["gain"]["value"] == 0 and worked["gain"]["low"] < 0 < worked["gain"]["high"]
    assert worked["verdict"] == "unclear"
    # far narrower than the two intervals beside each other: the same questions were asked
    assert best["gain"]["high"] - best["gain"]["low"] < best["served"]["high"] - plain["served"]["low"]


def test_the_verdict_names_the_best_untuned_rung() -> None:
    told = ladder()
    line = verdict_line(told, "tuned")
    assert line is not None
    assert line.startswith("tuned is proven better than best prompt (cited; the best untuned rung by dev): +0.400 [")
    assert verdict_line(told, "adapter") == line and verdict_line(told, "embedder") is None
    unknown = verdict_line({**told, "chosen": False}, "tuned")
    assert unknown is not None and "dev has not chosen" in unknown


def test_the_page_shows_all_rungs_and_escapes_what_it_shows() -> None:
    page = ladder_html(ladder(), "pumps & valves")
    structure(page)
    assert page == ladder_html(json.loads(json.dumps(ladder())), "pumps & valves")
    for word in ("plain prompt", "worked examples", "cited, 3 examples", "(best untuned)", "+40.0", "120", "A note."):
        assert word in page
    assert "<i>no better</i>" not in page and "it is stale" in page and "pumps &amp; valves" in page


def test_the_comparison_shows_the_ladder_where_there_is_one() -> None:
    without = comparison_html([], {"title": "t"}, [], [])
    page = comparison_html([], {"title": "t"}, [], [], ladder_part(ladder()))
    structure(page)
    assert "worked examples" in page and "worked examples" not in without
