"""Where an answer stands: statements traced to the passages that were shown."""

from collections.abc import Sequence

import pytest

from hybrid.answering.sources import (
    begins_with_label,
    content_words,
    is_label,
    sentences,
    statements,
    supporting_sentence,
    tokens,
    trace,
)
from hybrid.types import Passage

LEAVE = "Leave › Annual leave\nYou may carry over at most 240 hours. Ask your supervisor 20 days before."
TALKS = "Talks\nAllow at least 20 days for clearance of a talk. Slides are public."
PUMP = "Pump H20\nThe pump moves 1,200 litres an hour at 6.50 bar. Its seal kit is SB-401."
SHOWN = (LEAVE, TALKS, PUMP)


def place_of(plain: str, question: str, shown: Sequence[str] = SHOWN, claimed: Sequence[int] = ()) -> tuple[int, str]:
    (statement,) = trace(plain, question, shown, claimed)
    assert statement.place is not None
    return statement.place.marker, statement.place.span


@pytest.mark.parametrize(
    ("plain", "question", "marker", "span"),
    [
        ("240 hours", "How much leave is carried over?", 1, "You may carry over at most 240 hours."),
        # the same words stand in two passages: the question tells which are meant
        ("20 days", "How long does clearance of a talk take?", 2, "Allow at least 20 days for clearance of a talk."),
        ("20 days", "How early must I ask my supervisor for leave?", 1, "Ask your supervisor 20 days before."),
        ("1200 litres", "How much does it move?", 3, "The pump moves 1,200 litres an hour at 6.50 bar."),
        ("6.5 bar", "At which pressure?", 3, "The pump moves 1,200 litres an hour at 6.50 bar."),
        ("The SB-401.", "Which kit?", 3, "Its seal kit is SB-401."),
        ("sb 401", "Which kit?", 3, "Its seal kit is SB-401."),
        ("slides of talks are public", "Who may see the slides?", 2, "Slides are public."),
    ],
)  # fmt: skip
def test_a_statement_is_found_where_the_question_is_treated(plain: str, question: str, marker: int, span: str) -> None:
    assert place_of(plain, question) == (marker, span)


@pytest.mark.parametrize("plain", ["30 days", "241 hours", "12.00 litres", "65 bar", "SB-402", "a blue door"])
def test_what_stands_nowhere_has_no_place(plain: str) -> None:
    (statement,) = trace(plain, "How long?", SHOWN)
    assert statement.place is None


def test_support_and_fit_are_shares() -> None:
    (verbatim,) = trace("240 hours", "How many hours may I carry over?", SHOWN)
    assert verbatim.place is not None and verbatim.place.support == 1.0 and verbatim.place.fit == 1.0
    (elsewhere,) = trace("240 hours", "What is the parking fee?", SHOWN)
    assert elsewhere.place is not None and elsewhere.place.fit == 0.0


def test_what_the_model_claims_decides_between_places_that_are_as_good() -> None:
    twice = ("Seal\nIt is red.", "Hose\nIt is red.")
    assert place_of("red", "Which colour?", twice)[0] == 1
    assert place_of("red", "Which colour?", twice, claimed=[2])[0] == 2
    # it does not make a source of what is none
    assert place_of("240 hours", "How much?", claimed=[2])[0] == 1


def test_a_heading_is_read_and_never_quoted() -> None:
    body = "It weighs 20 kg. It is red."
    (statement,) = trace("Pump H20", "What is red?", [body], headings=["Pump H20 › Mass"])
    assert statement.place is not None and statement.place.span == "It weighs 20 kg."
    (near,) = trace("20 kg", "What is the mass of the pump?", [body], headings=["Pump H20 › Mass"])
    assert near.place is not None and near.place.fit == pytest.approx(0.8)


def test_every_sentence_has_its_own_source() -> None:
    found = trace("Carry over 240 hours. Slides are public. Bring cake.", "What are the rules?", SHOWN)
    assert [(s.text, s.place and s.place.marker) for s in found] == [
        ("Carry over 240 hours.", 1),
        ("Slides are public.", 2),
        ("Bring cake.", None),
    ]


def test_yes_and_no_rest_on_the_sentence_that_the_question_is_about() -> None:
    assert place_of("Yes.", "Are slides of talks public?")[0] == 2
    assert place_of("No", "May I carry over 300 hours of leave?")[0] == 1

    def similar(question: str, texts: Sequence[str]) -> list[float]:
        return [float("seal" in text) for text in texts]

    (statement,) = trace("No", "Is the gasket blue?", SHOWN, similar=similar)
    assert statement.place is not None and statement.place.marker == 3 and statement.place.fit == 1.0


def test_other_words_for_the_same_are_found_by_the_embedder() -> None:
    asked: list[str] = []

    def similar(question: str, texts: Sequence[str]) -> list[float]:
        asked.append(question)
        return [0.7 if "seal kit" in text else 0.1 for text in texts]

    (statement,) = trace("a gasket set", "What comes with it?", SHOWN, similar=similar)
    assert statement.place is not None and (statement.place.marker, statement.place.support) == (3, 0.7)
    assert asked == ["a gasket set"]
    (unlike,) = trace("a gasket set", "What?", SHOWN, similar=lambda question, texts: [0.5] * len(texts))
    assert unlike.place is None


@pytest.mark.parametrize(
    ("plain", "question", "shown", "span"),
    [
        ("20 Tage", "Wie lange dauert es?", "Die Freigabe dauert 20 Tage. Und mehr.", "Die Freigabe dauert 20 Tage."),
        ("三十天", "通知期是多少天？", "合同期为一年。通知期为三十天。", "通知期为三十天。"),
        ("東京", "本社はどこですか", "本社は東京にあります。工場は大阪です。", "本社は東京にあります。"),
    ],
)  # fmt: skip
def test_other_languages_and_scripts_without_blanks(plain: str, question: str, shown: str, span: str) -> None:
    assert place_of(plain, question, [shown]) == (1, span)


def test_tokens_have_one_form() -> None:
    assert tokens("The H20 weighs 1,200.50 kg, ＡＢＣ 12,5") == [
        "the",
        "h",
        "20",
        "weighs",
        "1200.5",
        "kg",
        "abc",
        "12.5",
    ]
    assert tokens("10:30 at 4.5:1") == ["10:30", "at", "4.5:1"]


def test_labels_and_content() -> None:
    assert is_label("Yes.") and not is_label("Yes, it is") and begins_with_label("no, never") and not is_label("")
    assert content_words("the pump is red") == {"pump", "red"} and content_words("it is") == {"it", "is"}


def test_pieces_of_texts() -> None:
    assert sentences("One. Two\nThree? 四。五") == ["One.", "Two", "Three?", "四。", "五"]
    assert statements("A is 4.5. B; C") == ["A is 4.5.", "B;", "C"]


MASS = Passage("mass", "The pump is red. It weighs 20 kg dry. Use kit SB-401 for it.", title="Pump H20")


@pytest.mark.parametrize(
    ("plain", "span"),
    [
        ("20 kg dry", "It weighs 20 kg dry."),
        ("SB-401.", "Use kit SB-401 for it."),
        ("the pump's colour is red", "The pump is red."),
        ("nothing shared", "The pump is red."),
    ],
)
def test_the_span_is_the_sentence_that_shares_most(plain: str, span: str) -> None:
    assert supporting_sentence(plain, MASS) == span
    assert span in MASS.text


def test_a_span_is_verbatim_over_line_breaks() -> None:
    passage = Passage("p", "Mass\n20 kg\nFlow | 5 m3/h\n")
    assert supporting_sentence("5 m3/h", passage) == "Flow | 5 m3/h"
    assert supporting_sentence("x", Passage("e", " \n")) == ""


def test_a_wrapped_paragraph_is_read_in_sentences_and_other_lines_are_lines() -> None:
    text = (
        "The pump is greased by hand where the temperature of the hall is below\n"
        "five degrees, and else by itself. Its valve, which is of brass, is closed,\n"
        "Sundays included, at night.\n"
        "* one item of a list that is longer than a sentence of most people is\n"
        "* two items, of which each has a line\n"
        "Contact\nthe keeper of the hall"
    )
    assert sentences(text) == [
        "The pump is greased by hand where the temperature of the hall is below\nfive degrees, and else by itself.",
        "Its valve, which is of brass, is closed,\nSundays included, at night.",
        "* one item of a list that is longer than a sentence of most people is",
        "* two items, of which each has a line",
        "Contact",
        "the keeper of the hall",
    ]
    found = trace("five degrees", "When is the pump greased by hand?", [text], ())
    assert found[0].place is not None and found[0].place.span == sentences(text)[0]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Er ist seit dem 8. Oktober im Amt. Er folgt Herrn R. Pachauri.", 2),
        ("It is for U.S. citizens, e.g. those of Dr. Smith. Then stop.", 2),
        ("It has 8. Then stop.", 2),
        # as people type who help others
        ("the pump leaks. it needs a seal.", 2),
        ("No. The pump is closed; ask first. Is it? yes", 4),
    ],
)
def test_a_stop_of_a_short_form_ends_no_sentence(text: str, parts: int) -> None:
    assert len(sentences(text)) == parts and " ".join(sentences(text)) == text
    assert len(statements(text)) == parts + text.count(";")
