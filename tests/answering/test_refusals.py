"""Whether an answer declines, in many wordings and languages."""

import pytest

from benchmarks.grading import refusal_figures
from hybrid.answering.refusals import declines


@pytest.mark.parametrize(
    "text",
    [
        "Sorry, I don't know.",
        "The answer is not in the passages.",
        "Unanswerable",
        "There is no information about the pump in the given context.",
        "I'm sorry, but I was unable to find that in the documents. Please contact support.",
        "Das geht aus den Dokumenten nicht hervor.",
        "Le contexte ne le précise pas.",
        "No se menciona en el texto.",
        "Non lo so.",
        "Não sei.",
        "文中没有提到。",
        "わかりません。",
        "",
    ],
)
def test_refusals(text: str) -> None:
    assert declines(text)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Unknown device", "What does the list show without a driver?"),
        ("15 bar", ""),
        ("None", "Which side effects were seen?"),
        ("The report was published in 1998.", "When was it published?"),
        ("Die Garantie beträgt 24 Monate.", ""),
        ("不是", "是随泵交付的吗？"),
    ],
)
def test_answers(text: str, question: str) -> None:
    assert not declines(text, question)


def test_as_many_are_told_as_were_measured() -> None:
    found = {metric: value.value for _, metric, _, value in refusal_figures()}
    assert found["refusal/recall"] > 0.9 and found["refusal/precision"] > 0.85
