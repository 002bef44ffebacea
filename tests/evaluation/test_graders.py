"""What counts as right, answer type by answer type."""

import json

import pytest

from hybrid.errors import UserError
from hybrid.evaluation.graders import Grade, grade, normalise
from hybrid.languages.quantities import Quantity, quantities
from hybrid.types import Question


def verdict(text: str, answer_type: str, *answers: str) -> Grade:
    question = Question("q", "?", answers=answers, answer_type=answer_type)
    return grade(text, question, abstained=False)


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("35 Nm", "35 Nm"),
        ("Its four anchors are tightened to 35 newton metres.", "35 Nm"),
        ("35 N·m", "35 Nm"),
        ("35.0 Nm (26 lbf ft)", "35 Nm"),
        ("Nitrile stands 80 degrees Celsius.", "80 °C"),
        ("80 C", "80 °C"),
        ("80°", "80 °C"),
        ("minus 5 °C", "-5 °C"),
        ("−5 °C", "-5 °C"),
        ("12 litres per minute", "12 l/min"),
        ("12 L/min", "12 l/min"),
        ("2.8 m³/h at 400 rpm", "2.8 m3/h"),
        ("2.8 cubic metres per hour", "2.8 m3/h"),
        ("every 4000 hours", "4,000 h"),
        ("4 000 h".replace(" ", "\u202f", 1), "4000 h"),
        ("0,5 bar", "0.5 bar"),
        ("12.5 mm", "12,5 mm"),
        ("1.234,5 kW", "1234.5 kW"),
        ("a twelve-month warranty", "12 months"),
        ("twenty-four months", "24 months"),
        ("10 percent", "10 %"),
        ("2.2 kilowatts", "2.2 kW"),
        ("SB-401 asks for 2000 hours, also on the S110 with fault C42 or E17.", "2000 hours"),
        ("DN 65 flange, 35 Nm", "35 Nm"),
        ("15", "15 starts per hour"),
        ("At most 15 starts in 1 hour.", "15 starts per hour"),
        ("400 rpm", "400"),
        ("between 20 and 25 °C", "20–25 °C"),
        ("35 ± 2 Nm", "35 Nm"),
        ("1½ inches", "1.5 inch"),
        ("3", "three"),
        ("$2.5 million", "2,500,000 dollars"),
    ],
)
def test_right_numbers(text: str, gold: str) -> None:
    assert verdict(text, "number", gold).correct


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("36 Nm", "35 Nm"),
        ("35 bar", "35 Nm"),
        ("35", "35 Nm"),
        ("30 Nm or 35 Nm", "35 Nm"),
        ("35 Nm, formerly 30 Nm", "35 Nm"),
        ("20–25 °C", "25 °C"),
        ("5 °C", "-5 °C"),
        ("80 °F", "80 °C"),
        ("SB-401", "401"),
        ("S110", "110"),
        ("401-B", "401"),
        ("1,5 mm", "15 mm"),
        ("40 h", "4000 h"),
        ("3 days", "3 working days"),
        ("5 MW", "5 mW"),
        ("12 l/min", "12 l/h"),
        ("in the 1990s", "1990 s"),
        ("no figure is given", "35 Nm"),
        ("35.001 Nm", "35 Nm"),
    ],
)
def test_wrong_numbers(text: str, gold: str) -> None:
    assert verdict(text, "number", gold) == Grade(0.0, False, False)


def test_identifiers_and_versions_are_no_quantities() -> None:
    assert quantities("TB-3307, C42, E17, SB-401, R-14, 2B, 4th, 3.2.1 and P9") == []
    assert quantities("Step 3: wait 45 min") == [Quantity(45.0, "min")]
    assert quantities("10mm-20mm") == [Quantity(10.0, "mm"), Quantity(20.0, "mm")]


def test_a_number_question_with_a_gold_without_figures_is_graded_as_a_span() -> None:
    assert verdict("hand tight", "number", "hand tight").exact


@pytest.mark.parametrize(
    ("text", "gold", "correct", "exact"),
    [
        ("The Beatles", "Beatles", True, True),
        ("the mechanical seal", "mechanical shaft seal", True, False),
        ("It was Washington, in the end.", "Washington", True, False),
        ("Oregon", "Washington", False, False),
        ("Washingtonian", "Washington", False, False),
        ("18 months", "12 months", False, False),
        ("twelve months", "12 months", True, True),
        ("7200", "7,200", True, True),
        ("one of Oregon, Nevada, Utah, Idaho, Ohio, Texas, or perhaps Washington", "Washington", False, False),
        ("", "Washington", False, False),
        ("The The", "The The", True, True),
        ("...", "Washington", False, False),
    ],
)
def test_spans(text: str, gold: str, correct: bool, exact: bool) -> None:
    given = verdict(text, "span", gold)
    assert (given.correct, given.exact) == (correct, exact)


def test_span_score_is_the_squad_f1() -> None:
    assert verdict("red and white wine", "span", "white wine").score == pytest.approx(2 * 2 / 6)


@pytest.mark.parametrize(
    ("text", "answer_type", "gold", "correct"),
    [
        ("Yes, it may.", "yes_no", "yes", True),
        ("The answer is no.", "yes_no", "no", True),
        ("Not known, yes", "yes_no", "no", False),
        ("Nobody knows", "yes_no", "no", False),
        ("maybe", "yes_no_maybe", "maybe", True),
        ("B) the large pump", "choice", "B", True),
        ("Answer: (A)", "choice", "A", True),
        ("A pump of any size", "choice", "A", False),
        ("C", "choice", "B", False),
        ("Siskin S110 it is", "choice", "Siskin S110", True),
    ],
)
def test_labels(text: str, answer_type: str, gold: str, correct: bool) -> None:
    assert verdict(text, answer_type, gold).correct is correct


@pytest.mark.parametrize(
    ("text", "correct", "exact"),
    [
        ("pipeline('fill-mask', model='albert-base-v2')", True, True),
        ('`pipeline("fill-mask",model="albert-base-v2")`', True, True),
        ("Use transformers.pipeline( 'fill-mask', model = 'albert-base-v2' ) here.", True, False),
        ("pipeline('fill-mask', model='albert-base-v2-large')", False, False),
        ("mypipeline('fill-mask', model='albert-base-v2')", False, False),
        ("Pipeline('fill-mask', model='albert-base-v2')", False, False),
    ],
)
def test_api_calls(text: str, correct: bool, exact: bool) -> None:
    given = verdict(text, "api_call", "pipeline('fill-mask', model='albert-base-v2')")
    assert (given.correct, given.exact) == (correct, exact)


def test_long_answers_at_their_threshold() -> None:
    gold = "eumelanin and pheomelanin determine hair colour"
    assert verdict("hair colour is determined by eumelanin and pheomelanin", "long", gold).correct
    assert not verdict("hair grows from the skin at night and falls out", "long", gold).correct


def test_the_best_gold_answer_counts() -> None:
    assert verdict("Kissinger", "span", "Nixon", "Henry Kissinger").correct
    assert verdict("Kissinger", "span") == Grade(0.0, False, False)


def test_abstention() -> None:
    answerable = Question("q", "?", answers=("35 Nm",), answer_type="number")
    unanswerable = Question("q", "?", answer_type="unanswerable", answerable=False)
    assert grade("35 Nm", answerable, abstained=True).score == 0
    assert grade("The documents do not say.", unanswerable, abstained=True) == Grade(1.0, True, True)
    assert grade("35 Nm", unanswerable, abstained=False) == Grade(0.0, False, False)


def test_an_unknown_answer_type_names_the_known_ones() -> None:
    with pytest.raises(UserError, match="use one of api_call, choice"):
        verdict("x", "essay", "x")


def test_normal_form() -> None:
    assert normalise("  The  “Quick”, brown-fox’s a m³! ") == "quick brownfoxs m3"


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ('{"weight": "20 kg", "part": "the oak crate"}', True),
        ('```json\n{"part": "oak crate", "weight": "20 kilograms", "more": 1}\n```', True),
        ('{"weight": "21 kg", "part": "the oak crate"}', False),
        ('{"part": "20 kg", "weight": "the oak crate"}', False),
        ('{"weight": "20 kg"}', False),
        ("20 kg", False),
        ("{}", False),
        ("", False),
    ],
)
def test_gold_that_is_json_is_right_by_all_of_its_values(text: str, right: bool) -> None:
    gold = '{"weight": "20 kg", "part": "the oak crate"}'
    asked = Question("q", "?", (gold,), answer_type="long", json_schema='{"type": "object"}')
    found = grade(text, asked, abstained=False)
    assert found.correct == right
    assert found.score == (1.0 if right else found.score) and (right or found.score < 1)
    assert grade(gold, asked, abstained=False) == Grade(1.0, True, True)


def test_values_of_json_are_graded_by_their_length_and_kind() -> None:
    told = "The seal is changed every four thousand hours of running, or once a year, whichever of the two comes first."
    gold = json.dumps({"why": told, "due": True, "cost": None, "steps": ["open", "close"]})
    asked = Question("q", "?", (gold,), answer_type="long", json_schema="{}")
    other = "It is changed once a year, or every four thousand hours of running, whichever comes first."

    def right(**changes: object) -> bool:
        given = {"why": other, "due": True, "cost": None, "steps": ["open", "close"], **changes}
        return grade(json.dumps(given), asked, abstained=False).correct

    assert right()
    assert not right(why="Never.") and not right(due=False) and not right(cost=3) and not right(steps=["close", "open"])


def test_a_plain_answer_to_a_schema_of_one_value_is_right_in_the_wrong_form() -> None:
    asked = Question("q", "?", ('{"weight": "20 kg"}',), answer_type="long", json_schema='{"type": "object"}')
    assert grade("20 kg", asked, abstained=False).correct and not grade("30 kg", asked, abstained=False).correct
