"""Figures of an evaluation and the paired gain between two."""

from typing import Any

import pytest

from hybrid.errors import UserError
from hybrid.evaluation.metrics import compare, summarise


def row(identity: int, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": f"q{identity}", "cluster": f"p{identity}", "answerable": True, "ndcg@10": 0.5, "recall@5": 1.0,
        "mrr@10": 0.5, "score": 0.0, "correct": False, "abstained": False, "withheld": False, "cited": [],
        "cited_gold": 0, "gold_in_context": True, **changes,
    }  # fmt: skip
    return values


def right(identity: int, **changes: Any) -> dict[str, Any]:
    return row(identity, **{"score": 1.0, "correct": True, "cited": ["p"], "cited_gold": 1, **changes})


def unanswerable(identity: int, *, abstained: bool) -> dict[str, Any]:
    return row(identity, answerable=False, gold_in_context=False, abstained=abstained, score=float(abstained))


def test_each_metric_counts_its_own_denominator() -> None:
    rows = [
        right(0),
        right(1, withheld=True),
        row(2, cited=["x"]),
        row(3, abstained=True),
        unanswerable(4, abstained=True),
    ]
    found = summarise(rows, [{"id": "g", "right": True}, {"id": "h", "right": False}], resamples=200, seed=1)
    assert found["answer_score"].value == pytest.approx(2 / 4)
    assert found["served_correct"].value == pytest.approx(1 / 4)
    assert found["citation_precision"].value == pytest.approx(2 / 3)
    assert found["citation_recall"].value == pytest.approx(2 / 3)
    assert found["over_refusal"].value == pytest.approx(1 / 4)
    assert found["withheld"].value == pytest.approx(1 / 3)
    assert found["abstention"].value == 1.0
    assert found["abstention"].num == 1
    assert found["general"].value == 0.5


def test_a_share_of_nothing_or_all_is_not_certain() -> None:
    found = summarise([row(i) for i in range(20)], [], resamples=200, seed=1)["answer_correct"]
    assert found.value == 0.0
    assert found.high == pytest.approx(0.161, abs=0.002)


def test_a_metric_without_denominator_is_left_out() -> None:
    assert "citation_precision" not in summarise([row(0), row(1)], [], resamples=200, seed=1)


def test_the_gain_is_paired() -> None:
    before = [right(i) if i % 2 else row(i) for i in range(40)]
    after = [right(i) for i in range(40)]
    table = {item["name"]: item for item in compare((before, []), (after, []), resamples=2000, seed=1)}
    gain = table["answer_correct"]["gain"]
    assert gain.value == pytest.approx(0.5)
    assert 0.3 < gain.low < 0.5 < gain.high < 0.7
    # every question moves alike: resampling shows no spread, the interval must not claim certainty
    still = table["over_refusal"]["gain"]
    assert still.value == 0.0 and still.low < 0.0 < still.high


def test_other_questions_are_refused() -> None:
    with pytest.raises(UserError, match="different questions"):
        compare(([row(0)], []), ([row(1)], []), resamples=200, seed=1)
