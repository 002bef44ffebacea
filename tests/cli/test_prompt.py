"""Worked examples and the choice of a prompt, from the command line on."""

import json
from pathlib import Path

from tests.cli.conftest import Place


def manifest(place: Place, name: str) -> dict[str, object]:
    read: dict[str, object] = json.loads((place.workspace / name / "manifest.json").read_text(encoding="utf-8"))
    return read


def test_examples_are_served_measured_and_trained_on(place: Place) -> None:
    wide = {"answering__examples": 3, "generator__window_tokens": 4000, "evaluation__split": "dev"}
    assert place.run("index", **wide).code == 0
    assert manifest(place, "examples-base")["counts"] == {"answering": 40, "declining": 4}
    told = place.run("query", "How heavy is the bare Alder?", "--json", "--no-daemon", **wide).document()
    assert told["examples"] == {"shown": 3, "left_out": 0}  # type: ignore[call-overload,index]
    assert place.run("evaluate", "--system", "base", **wide).code == 0
    counts = manifest(place, "evaluation-base-dev")["counts"]
    assert isinstance(counts, dict)
    assert counts["examples_shown"] == 3 * 12 and counts["examples_left_out"] == 0


WINDOW = 320
"""Tokens that hold a question with a passage of this corpus, and no example beside them."""


def test_a_prompt_is_chosen_told_and_adopted(place: Place) -> None:
    assert place.run("index").code == 0
    before = place.run("query", "How heavy?", "--no-daemon", answering__style="auto")
    assert before.code == 0 and "run `hybrid prompt`" in before.err
    chosen = place.run("prompt", "--json", generator__window_tokens=WINDOW)
    assert chosen.code == 0, chosen.err
    facts = chosen.document()
    assert isinstance(facts, dict)
    # this window holds no example of this corpus
    assert facts["style"] == "plain" and not facts["proven"] and len(facts["candidates"]) == 4
    assert "is left out" in chosen.err and "minutes" in chosen.err
    made = (place.workspace / "prompt" / "manifest.json").stat().st_mtime_ns
    again = place.run("prompt", generator__window_tokens=WINDOW)
    assert "the present prompt stays" in again.out and "quote_first" in again.out
    assert (place.workspace / "prompt" / "manifest.json").stat().st_mtime_ns == made
    after = place.run("query", "How heavy?", "--no-daemon", answering__style="auto", generator__window_tokens=WINDOW)
    assert after.code == 0 and "hybrid prompt" not in after.err


def test_mistakes_are_told_with_what_to_do(place: Place) -> None:
    refused = place.run("prompt", "--budget", "much")
    assert refused.code == 2 and "write 600 for answers or 20m for minutes" in refused.err
    both = place.run("query", "How?", "--no-daemon", answering__style="auto", answering__examples=3)
    assert both.code == 2 and "leave answering.examples at 0" in both.err
    questions = place.corpus / "questions.jsonl"
    questions.write_text(questions.read_text(encoding="utf-8").replace('"split": "dev"', '"split": "test"'))
    without = place.run("prompt")
    assert without.code == 2 and "0 dev questions" in without.err and "Traceback" not in without.err
    tight = place.run(
        "evaluate",
        "--system",
        "base",
        answering__examples=3,
        evaluation__max_questions=2,
        generator__window_tokens=WINDOW,
    )
    assert tight.code == 2 and "answering.examples=0" in tight.err
    assert Path(place.workspace / "passages").is_dir()
