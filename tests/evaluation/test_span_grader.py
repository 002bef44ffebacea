"""Short answers beside gold answers: what both state, in figures exactly and in words mostly."""

import pytest

from benchmarks.grading import agreement_figures
from hybrid.answering.citations import read_answer
from hybrid.evaluation.graders import grade
from hybrid.types import Question


def right(answer: str, gold: str, question: str = "", kind: str = "span") -> bool:
    asked = Question(id="q", question=question, answers=(gold,), positives=("p",), answer_type=kind)
    read = read_answer(answer, (), guard=False, question=question, gold=asked.answers)
    return grade(read.plain, asked, abstained=read.abstained).correct


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("15 bar [1, 2]", "15 bar"),
        ("−5 °C", "-5 °C"),
        ("5.0", "5"),
        ("It is 1 200 mm.", "1,200 mm"),
        ("2021-03-05", "5 March 2021"),
        ("March 19, 2014", "March 2014"),
        ("首都是北京。", "北京"),
        ("서울에서 열립니다.", "서울"),
        ("the maintenance crew on duty", "maintenance crew"),
        ("SB401", "SB-401"),
        ("sys.argv[1] [1]", "sys.argv[1]"),
        ("Unknown device", "Unknown device"),
        ("18 bar, not 20 bar", "18 bar"),
    ],
)
def test_right(answer: str, gold: str) -> None:
    assert right(answer, gold)


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("1.5 bar", "15 bar"),
        ("5 °C", "-5 °C"),
        ("1030", "10:30"),
        ("10001", "10.0.0.1"),
        ("C", "C++"),
        ("15 or 20 bar", "15 bar"),
        ("the left valve", "the right valve"),
        ("before the inspection", "after the inspection"),
        ("without food", "with food"),
        ("It is not 15 bar", "15 bar"),
        ("南京", "北京"),
        ("6 March 2021", "5 March 2021"),
        ("March 2015", "March 2014"),
        ("March 2014", "March 19, 2014"),
        ("version 3.10", "version 3.1"),
        ("sys.argv[2]", "sys.argv[1]"),
    ],
)
def test_wrong(answer: str, gold: str) -> None:
    assert not right(answer, gold)


def test_numbers_are_read_in_the_language_of_the_question() -> None:
    assert right("1.200 Liter", "1200 Liter", "Wie viel Wasser fasst der Tank der Anlage?", "number")
    assert not right("1.200 litres", "1200 litres", "How much water does the tank hold?", "number")
    assert right("fünfundzwanzig Tage", "25 Tage", "Wie viele Tage Urlaub gibt es im Jahr?", "number")


def test_the_grader_agrees_with_the_labels_of_eight_languages() -> None:
    overall = agreement_figures()[0][3]
    assert overall.num > 600 and overall.value >= 0.97
