"""The figures of served answers on made-up replies, against values worked out by hand; and the sections of the page."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import own, own_page, page, prompts, results
from benchmarks.machine import describe
from benchmarks.served import citation_figures, judge, measured, own_figures, reply_of_answer, reply_of_text
from hybrid.types import Answer, Citation, Evidence, Interval, Passage, Question, Withheld

DRAWS = {"resamples": 300, "seed": 5}
QUOTE = Evidence("leave.md", "leave is **20 days**")
LEAVE = Question("q1", "How long is leave?", ("20 days",), evidence=(QUOTE,), positives=("p2",))
NEVER = Question("q2", "Who is the king?", answerable=False)
CHUNKS = ["Rest takes 20 days.", "Our leave is 20\ndays.", "Nothing of it."]


def reply(identity: str, **values: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": identity, "text": "", "plain": "20 days", "declined": False, "withheld": False, "echo": False,
        "context": CHUNKS, "gold": [False, True, False], "gold_in_context": True, "cited": [1], "seconds": 1.0,
    }  # fmt: skip
    return {**base, **values}


def test_a_text_of_another_tool_is_read_by_its_markers_and_its_words() -> None:
    found = reply_of_text(LEAVE, "It is 20 days [2][3][9].", CHUNKS, "context information", 2.0)
    assert (found["plain"], found["cited"], found["gold"]) == ("It is 20 days.", [1, 2], [False, True, False])
    assert found["gold_in_context"] and not found["declined"] and not found["withheld"]
    declined = reply_of_text(LEAVE, "The passages do not say [1].", CHUNKS[:1], "")
    assert declined["declined"] and declined["cited"] == [] and not declined["gold_in_context"]


def test_an_answer_of_ours_cites_by_the_places_of_its_passages() -> None:
    passages = {name: Passage(name, text) for name, text in zip(("p1", "p2", "p3"), CHUNKS, strict=True)}
    answer = Answer(
        "20 days [2]", "20 days", abstained=False, citations=(Citation(2, "p2", ""),), reason=Withheld.OFF_TOPIC,
        withheld=True, context=tuple(passages), shown=tuple(CHUNKS),
    )  # fmt: skip
    found = reply_of_answer(LEAVE, answer, passages, 3.0)
    assert (found["cited"], found["gold"], found["gold_in_context"]) == ([1], [False, True, False], True)
    row = judge(found, LEAVE)
    assert row["correct"] and not row["right"] and not row["served"] and row["withheld"]


def test_what_is_cited_is_gold_or_bears_the_answer_out_or_neither() -> None:
    row = judge(reply("q1", cited=[0, 1, 2]), LEAVE, "plain")
    assert (row["cited"], row["cited_gold"], row["cited_bearing"]) == (3, 1, 2)
    assert (row["cluster"], row["kind"], row["right"]) == ("leave.md", "plain", True)
    yes = Question("q3", "Is it 20?", ("yes",), answer_type="yes_no", positives=("p2",))
    assert judge(reply("q3", plain="Yes", context=["yes"] * 3, cited=[0, 1]), yes)["cited_bearing"] == 1
    assert judge(reply("q3"), yes)["cluster"] == "p2"


def test_every_figure_of_a_folder() -> None:
    rows = [
        judge(reply("a"), LEAVE, "plain"),
        judge(reply("b", cited=[0, 2]), LEAVE, "plain"),
        judge(reply("c", withheld=True), LEAVE, "hard"),
        judge(reply("d", plain="4 years", cited=[], echo=True, gold_in_context=False), LEAVE, "hard"),
        judge(reply("e", plain="I don't know.", declined=True, cited=[]), NEVER),
        judge(reply("f", cited=[]), NEVER),
    ]
    rows = [{**row, "id": f"q{place}", "cluster": f"c{place}"} for place, row in enumerate(rows)]
    found = {
        metric: value for metric, _, value in measured(own_figures(["plain", "hard"]), {"hybrid, 0.5B": rows}, **DRAWS)
    }
    assert {name: (round(value.value, 4), value.num) for name, value in found.items()} == {
        "own/right-as-served": (0.5, 4),
        "own/right-as-served/plain": (1.0, 2),
        "own/right-as-served/hard": (0.0, 2),
        "own/without-source": (0.5, 4),
        "own/declined": (0.5, 2),
        "own/over-refusal": (0.3333, 3),
        "own/right-withheld": (0.3333, 3),
        "own/echo": (0.1667, 6),
        "own/citation-precision": (0.3333, 2),
        "own/citation-recall": (0.5, 2),
        "own/citation-bears-out": (0.6667, 2),
    }
    assert all(0 <= value.low <= value.value <= value.high <= 1 for value in found.values())


def test_sides_are_compared_question_by_question() -> None:
    ours = [{**judge(reply(f"q{i}"), LEAVE, "plain"), "id": f"q{i}", "cluster": f"c{i}"} for i in range(20)]
    other = [{**row, "right": i % 4 == 0, "cited": 0, "cited_gold": 0} for i, row in enumerate(ours)]
    told = measured(own_figures(["plain"]), {"hybrid, 0.5B": ours, "LlamaIndex, 0.5B": other}, **DRAWS)
    found = {(metric, system): value for metric, system, value in told}
    gain = found["own/right-as-served", "hybrid, 0.5B − LlamaIndex, 0.5B"]
    assert gain.value == pytest.approx(0.75) and 0.4 < gain.low < gain.high <= 1
    assert found["own/without-source", "hybrid, 0.5B − LlamaIndex, 0.5B"].value == -1
    # who cites nothing has no precision, and nothing to compare
    assert ("own/citation-precision", "LlamaIndex, 0.5B") not in found
    assert ("own/citation-precision", "hybrid, 0.5B − LlamaIndex, 0.5B") not in found


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        ("Qwen2.5-Coder-0.5B-Instruct", "0.5B"),
        ("models/SmolLM2-135M-Instruct", "135M"),
        ("models/generator", "generator"),
    ],
)
def test_a_model_is_told_by_its_size(model: str, wanted: str) -> None:
    assert own.label(model) == wanted


def test_models_that_were_not_run_keep_their_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(page, "PAGE", tmp_path / "BENCHMARKS.md")

    def row(metric: str, system: str, value: float) -> dict[str, Any]:
        stamp: dict[str, Any] = {"of": own.SET, "split": "test", "seed": 1, "minutes": 1.0, "command": own.COMMAND}
        return results.make_row(metric, system, Interval(value, value - 0.1, value + 0.1, 51), **stamp)

    small, large = (row("own/right-as-served", f"hybrid, {size}", 0.75) for size in ("0.5B", "1.5B"))
    apart = row("own/right-as-served", "hybrid, 0.5B − LlamaIndex, 0.5B", 0.3)
    elsewhere = {**large, "machine": "another machine"}
    (tmp_path / "results.json").write_text(json.dumps([{**small, "machine": "another machine"}, elsewhere]))
    own.record(own.COMMAND, [{**small, "value": 0.71}, apart], [elsewhere])
    kept = results.load()
    assert [r["machine"] for r in kept] == ["another machine", describe(), describe()]
    assert [(r["system"], r["value"]) for r in kept] == [
        ("hybrid, 1.5B", 0.75), ("hybrid, 0.5B", 0.71), ("hybrid, 0.5B − LlamaIndex, 0.5B", 0.3)
    ]  # fmt: skip
    text = (tmp_path / "BENCHMARKS.md").read_text()
    assert "| another machine | `make bench-own` (" in text
    assert "| figure | n | hybrid | hybrid − LlamaIndex |" in text
    assert "| own/right-as-served | 51 | .710 [.650, .850] | +.300 [+.200, +.400] |" in text
    assert "| tts_handbook | own/right-as-served | hybrid, 1.5B | at least .800 | .750 [.650, .850] | **no** |" in text
    assert "| tts_handbook | own/right-as-served | hybrid, 0.5B | at least .700 | .710 [.650, .850] | yes |" in text
    assert "## The default prompt on public sets\n\nNot measured yet" in text


def test_the_goals_name_figures_that_are_measured() -> None:
    known = {figure.name for figure in [*own_figures([]), *prompts.CITATIONS, prompts.READ, prompts.ECHO]}
    assert {metric for _, metric, *_ in own_page.GOALS} <= known
    assert [figure.name for figure in citation_figures("citation/")] == [f.name for f in prompts.CITATIONS]


def test_a_sample_is_of_answerable_test_questions_and_fixed() -> None:
    questions = [Question(f"q{i}", "?", split="test" if i % 2 else "dev", answerable=i % 3 != 0) for i in range(60)]
    found = prompts.drawn(questions, 5, 13)
    assert found == prompts.drawn(questions, 5, 13) != prompts.drawn(questions, 5, 14)
    assert len(found) == 5 and all(q.answerable and q.split == "test" for q in found)
    assert len(prompts.drawn(questions, 0, 13)) == 20
