"""The untuned rungs by dev's evidence: what is best is said by questions that both answered, not by scores."""

from typing import Any

from hybrid.prompting.settled import Prompt
from hybrid.prompting.untuned import BEST, EXAMPLES, PLAIN, untuned_rungs


def row(style: str, examples: int, questions: int, gain: float | None, tokens: int = 100) -> dict[str, Any]:
    """A candidate of `hybrid prompt`; the present one gains None."""
    change = None if gain is None else {"value": gain, "low": gain - 0.1, "high": gain + 0.1, "num": questions}
    score = {"value": 0.4 + (gain or 0.0), "low": 0.3, "high": 0.9, "num": questions}
    return {
        "style": style, "examples": examples, "questions": questions, "gain": change, "score": score,
        "tokens": tokens, "low": None,
    }  # fmt: skip


def facts(*rows: dict[str, Any], proven: tuple[str, int] | None = None, unfit: Any = ()) -> dict[str, Any]:
    present = next(each for each in rows if each["gain"] is None)
    style, examples = proven or (present["style"], present["examples"])
    return {"style": style, "examples": examples, "proven": proven is not None, "candidates": rows, "unfit": unfit}


def test_without_a_choice_plain_alone_is_known() -> None:
    found = untuned_rungs(None)
    assert [(rung.name, rung.prompt, rung.below) for rung in found.rungs] == [(PLAIN, Prompt(), None)]
    assert (found.best, found.has_chosen, found.prompt) == (PLAIN, False, Prompt())
    assert set(found.left_out) == {BEST, EXAMPLES} and "hybrid prompt" in found.left_out[BEST]


def test_what_was_proven_with_examples_is_the_third_rung_and_its_form_the_second() -> None:
    found = untuned_rungs(
        facts(
            row("plain", 0, 80, None),
            row("cited", 0, 16, 0.2),
            row("cited", 3, 80, 0.3),
            row("cited", 10, 80, 0.25),
            row("plain", 3, 32, 0.1),
            proven=("cited", 3),
        )
    )
    assert [(rung.name, rung.prompt, rung.below) for rung in found.rungs] == [
        (PLAIN, Prompt(), None),
        (BEST, Prompt("cited"), PLAIN),
        (EXAMPLES, Prompt("cited", 3), BEST),
    ]
    assert (found.best, found.is_proven, found.prompt) == (EXAMPLES, True, Prompt("cited", 3))
    assert found.rungs[1].note == "the form of cited, 3 examples, proven on dev"
    assert found.rungs[2].note == "proven on dev"
    assert found.rungs[0].dev == {"questions": 80, "score": row("plain", 0, 80, None)["score"]}


def test_a_high_score_on_few_questions_is_not_the_best() -> None:
    # quote_first left after 16 questions, for all its score; cited stayed
    rows = [row("plain", 0, 80, None), row("quote_first", 0, 16, 0.5), row("cited", 0, 80, 0.1)]
    found = untuned_rungs(facts(*rows, row("cited", 3, 16, 0.4), row("cited", 10, 32, 0.2)))
    assert (found.best, found.is_proven, found.prompt) == (BEST, False, Prompt("cited"))
    assert found.rungs[1].note == "best on dev, not proven"
    # of the numbers of examples the one that stayed longer; it is held against the better of the two below
    assert (found.rungs[2].prompt, found.rungs[2].below) == (Prompt("cited", 10), BEST)
    assert found.rungs[2].note == "no better than without examples on dev"


def test_a_form_that_lost_to_the_present_prompt_is_not_what_examples_are_held_against() -> None:
    rows = [row("plain", 0, 80, None), row("cited", 0, 32, -0.1), row("cited", 3, 80, 0.1)]
    found = untuned_rungs(facts(*rows))
    assert [(rung.name, rung.below) for rung in found.rungs] == [(PLAIN, None), (BEST, PLAIN), (EXAMPLES, PLAIN)]
    assert found.best == EXAMPLES


def test_of_equals_the_shorter_prompt_and_plain_is_no_second_rung() -> None:
    rows = [row("plain", 0, 80, None, 90), row("cited", 0, 80, 0.0, 120), row("plain", 3, 80, 0.0, 400)]
    found = untuned_rungs(facts(*rows))
    assert [rung.name for rung in found.rungs] == [PLAIN, EXAMPLES]
    assert found.best == PLAIN and "no form better" in found.left_out[BEST]


def test_a_present_prompt_that_is_not_plain_stays_on_the_ladder() -> None:
    rows = [row("cited", 3, 80, None, 300), row("plain", 0, 80, -0.2), row("cited", 0, 32, -0.1)]
    found = untuned_rungs(facts(*rows))
    assert [(rung.name, rung.prompt.name) for rung in found.rungs] == [
        (PLAIN, "plain"),
        (BEST, "cited"),
        (EXAMPLES, "cited, 3 examples"),
    ]
    # plain stayed longer than cited without examples
    assert (found.best, found.rungs[2].below) == (EXAMPLES, PLAIN)


def test_why_there_are_no_examples_is_said() -> None:
    rows = [row("plain", 0, 80, None), row("cited", 0, 80, 0.1)]
    few = untuned_rungs(facts(*rows)).left_out[EXAMPLES]
    wide = untuned_rungs(facts(*rows, unfit=[{"style": "cited", "examples": 3}])).left_out[EXAMPLES]
    assert "train has too few questions" in few
    assert "generator.window_tokens" in wide
