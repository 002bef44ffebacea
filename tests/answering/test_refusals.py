"""Whether an answer declines, in many wordings and languages."""

import pytest

from benchmarks.grading import refusal_figures
from hybrid.answering.refusal_phrases import phrases
from hybrid.answering.refusals import declines, may_yet_decline


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


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("I don't know who runs the depot.", "Who runs the depot?"),
        ("I do not know when the canteen closes.", "When does the canteen close?"),
        ("Ich weiß nicht, ob der Tank dicht ist.", "Ist der Tank dicht?"),
        ("Non so chi diriga il reparto.", "Chi dirige il reparto?"),
        ("責任者は分かりません。", "責任者は誰ですか？"),
        ("Too little detail to say which valve it is.", "Which valve is it?"),
        ("Ob der Tank dicht ist, bleibt offen.", "Ist der Tank dicht?"),
        ("Desconozco quién lleva el almacén.", "¿Quién lleva el almacén?"),
        ("Dal testo non si ricava quanto pesi.", "Quanto pesa?"),
        ("重さについては触れられていません。", "重さは？"),
        ("There is no entry for E17 here.", "What does E17 mean?"),
    ],
)
def test_not_telling_what_was_asked_declines(text: str, question: str) -> None:
    assert declines(text, question)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("If no pressure is measured, the pump stops.", "What happens if no pressure is measured?"),
        ("No, smoking is not allowed in the hall.", "Is smoking allowed in the hall?"),
        ("Rauchen ist in der Halle nicht erlaubt.", "Darf man in der Halle rauchen?"),
        ("Les animaux n'y sont pas admis.", "Les animaux sont-ils admis ?"),
        ("Si no se mide presión, la bomba se para.", "¿Qué pasa si no se mide presión?"),
        ("They found no evidence of fraud.", "What did they find?"),
    ],
)
def test_denying_what_was_asked_answers(text: str, question: str) -> None:
    assert not declines(text, question)


def test_words_of_the_question_are_masked_in_phrases() -> None:
    depot = phrases("i don't know who runs the depot", "Who runs the depot?")
    mill = phrases("i don't know who owned these mills", "Who owned these mills?")
    assert "~don't know who" in depot & mill and "~know who Q" in depot & mill
    assert not {"~depot", "~mills"} & (depot | mill)


def test_as_many_are_told_as_were_measured() -> None:
    found = {metric: value.value for _, metric, _, value in refusal_figures()}
    assert found["refusal/recall"] > 0.96 and found["refusal/precision"] > 0.87
    # by authors who were asked for unusual wordings
    assert found["refusal/fresh-recall"] > 0.71 and found["refusal/fresh-precision"] > 0.89


@pytest.mark.parametrize(
    "text", [".", "…", "?", ",", "- ", '""', "1 .", "。", "[1].", "\n\n", "* * *", "so, ", "\u200b", "{}", "while, "]
)
@pytest.mark.parametrize("question", ["", "Why?", "What does the display show?"])
def test_a_text_without_words_is_told_too(text: str, question: str) -> None:
    assert declines(text, question) in (True, False)
    assert may_yet_decline(text) in (True, False)
