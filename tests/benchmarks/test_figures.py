"""The figures of the benchmark tables, against values worked out by hand or by scikit-learn."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from benchmarks import page, results
from benchmarks.figures import GENERAL, figures, kept_share
from hybrid.evaluation.figure import gain, is_known, measure

OPTIONS = {"resamples": 400, "seed": 3}
KEYS = {
    "machine",
    "set",
    "split",
    "metric",
    "system",
    "value",
    "low",
    "high",
    "n",
    "seed",
    "minutes",
    "command",
    "date",
}


def row(number: int, **values: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": f"q{number}", "cluster": f"c{number}", "answerable": True, "answer_type": "span", "abstained": False,
        "gold_in_context": True, "correct": False, "exact": False, "score": 0.0, "f1": 0.0, "cited": [],
        "cited_gold": 0, "plain": "", "answers": ["x"],
    }  # fmt: skip
    return {**base, **values}


def named(answer_type: str, name: str) -> Any:
    return next(figure for figure in figures(answer_type) if figure.name == name)


def test_macro_f1_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import f1_score

    gold = ["yes", "no", "maybe", "yes", "no", "yes"]
    said = ["yes", "yes", "maybe", "The answer is no.", "no", "I cannot tell"]
    rows = [row(i, answers=[g], plain=s) for i, (g, s) in enumerate(zip(gold, said, strict=True))]
    found = measure(named("yes_no_maybe", "macro-f1/retrieved"), rows, **OPTIONS)
    read = ["yes", "yes", "maybe", "no", "no", "none"]
    wanted = f1_score(gold, read, labels=["yes", "no", "maybe"], average="macro")
    assert found is not None and found.value == pytest.approx(wanted)
    assert found.low <= found.value <= found.high


def test_always_yes_has_a_low_macro_f1() -> None:
    rows = [row(i, answers=["yes" if i < 55 else "no" if i < 89 else "maybe"], plain="yes [1]") for i in range(100)]
    found = measure(named("yes_no_maybe", "macro-f1/retrieved"), rows, **OPTIONS)
    assert found is not None and found.value == pytest.approx(2 * 55 / 155 / 3)


def test_an_api_call_counts_as_correct_others_as_exact() -> None:
    rows = [row(0, correct=True), row(1, correct=True, exact=True)]
    calls, spans = (measure(named(kind, "exact/retrieved"), rows, **OPTIONS) for kind in ("api_call", "span"))
    assert calls is not None and spans is not None
    assert (calls.value, spans.value) == (1.0, 0.5)
    assert calls.low < 1.0


def test_unanswerable_questions_count_for_abstention_alone() -> None:
    never = [row(2, answerable=False, abstained=True), row(3, answerable=False)]
    rows = [row(0, f1=0.4), row(1, f1=0.6), *never]
    found = {figure.name: measure(figure, rows, **OPTIONS) for figure in figures("span")}
    assert found["f1/retrieved"].value == 0.5
    assert found["f1/retrieved"].num == 2
    assert found["abstention/unanswerable"].value == 0.5
    assert found["citation-precision"] is None
    assert found["exact/oracle"] is None


def test_one_question_has_no_spread_and_gets_wilsons_bound_or_nothing() -> None:
    once = measure(named("span", "citation-precision"), [row(0, cited=["a"], cited_gold=1)], **OPTIONS)
    assert once is not None and 0 < once.low < once.high == 1.0
    assert not is_known(measure(named("span", "f1/retrieved"), [row(0, f1=0.4)], **OPTIONS))
    alone = gain(named("span", "f1/retrieved"), [row(0, f1=0.4)], [row(0, f1=0.6)], **OPTIONS)
    assert not is_known(alone)


def test_the_share_of_no_gain_is_not_told() -> None:
    rows = [row(i, score=0.5) for i in range(10)]
    assert not is_known(kept_share(rows, rows, rows, **OPTIONS))


def test_a_gain_is_paired() -> None:
    before = [row(i, f1=0.1 * (i % 10)) for i in range(60)]
    after = [{**item, "f1": item["f1"] + 0.05 + 0.001 * (i % 2)} for i, item in enumerate(before)]
    found = gain(named("span", "f1/retrieved"), before, after, **OPTIONS)
    assert found is not None and found.value == pytest.approx(0.0505)
    assert 0.05 <= found.low < found.high <= 0.051
    with pytest.raises(ValueError, match="different questions"):
        gain(named("span", "f1/retrieved"), before, after[::-1], **OPTIONS)


def test_a_ratio_is_micro_averaged() -> None:
    rows = [
        row(i, cited=list(range(bottom)), cited_gold=top) for i, (top, bottom) in enumerate([(1, 1), (0, 2), (3, 3)])
    ]
    found = measure(named("span", "citation-precision"), rows, **OPTIONS)
    assert found is not None and found.value == pytest.approx(4 / 6)
    assert found.low == 0 and found.high == 1


def test_the_share_of_the_gain_that_is_kept() -> None:
    base = [row(i, score=0.0) for i in range(40)]
    tuned = [{**item, "score": float(i % 2)} for i, item in enumerate(base)]
    merged = [{**item, "score": 0.8 * tuned[i]["score"]} for i, item in enumerate(base)]
    assert kept_share(base, tuned, merged, **OPTIONS).value == pytest.approx(0.8)


def test_general_rows_are_a_mean() -> None:
    found = measure(GENERAL, [{"id": str(i), "right": i % 4 == 0} for i in range(100)], **OPTIONS)
    assert found is not None and (found.value, found.num) == (0.25, 100)


def test_the_page_tells_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp = {"of": "covidqa", "split": "test", "seed": 1, "minutes": 2.0}
    value = measure(GENERAL, [{"id": str(i), "right": i % 4 == 0} for i in range(100)], **OPTIONS)
    assert value is not None
    rows = [
        results._row(stamp, "ndcg@10/384", "base", value),
        results._row(stamp, "ndcg@10/384", "embedder − base", value),
    ]
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(page, "PAGE", tmp_path / "BENCHMARKS.md")
    results.record_rows(results.COMMAND, rows)
    page.write()
    text = (tmp_path / "BENCHMARKS.md").read_text()
    assert "| covidqa | ndcg@10/384 | embedder − base | interval above 0 | .250 [.1" in text
    assert "## covidqa" in text and "COVID-QA" in text
    assert "not measured" in text
    assert set(results.load()[0]) == KEYS


def test_published_rows_have_the_agreed_keys(repository: Path) -> None:
    rows = json.loads((repository / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    # how a fusion was chosen is told in a column of its own
    assert rows and all(set(r) - {"detail"} == KEYS for r in rows)
    assert all(math.isfinite(r[key]) for r in rows for key in ("value", "low", "high"))


@pytest.mark.parametrize(
    ("value", "signed", "wanted"),
    [
        (0.5, False, ".500"),
        (-0.25, True, "−.250"),
        (0.25, True, "+.250"),
        (10.5, False, "10.5"),
        (100.4, False, "100"),
        (1, False, "1.000"),
    ],
)
def test_numbers_as_cells(value: float, signed: bool, wanted: str) -> None:
    from benchmarks.cells import number

    assert number(value, signed=signed) == wanted
