"""What stands beside a question: its passages, the quote marked, and what could not be found."""

import pytest

from hybrid.review.evidence import Shelf
from hybrid.types import Evidence, Passage, Question
from tests.review.conftest import PASSAGES, QUOTE

SHELF = Shelf(PASSAGES)


def marked(question: Question, shelf: Shelf = SHELF) -> dict[str, list[str]]:
    """Marked texts by passage; pieces must give the passage again."""
    shown, notes = shelf.beside(question)
    assert notes == []
    for one in shown:
        assert "".join(text for text, _ in one.pieces()) == one.passage.text
    return {one.passage.id: [text for text, mark in one.pieces() if mark] for one in shown}


def quoting(*quotes: str, source: str = "alder.md") -> Question:
    return Question("q", "?", ("40 kg",), evidence=tuple(Evidence(source, quote) for quote in quotes))


def test_a_quote_is_marked_where_it_stands() -> None:
    assert marked(quoting(QUOTE)) == {"alder#1": [QUOTE]}
    assert marked(quoting(" The  bare\nAlder ", "Alder weighs")) == {"alder#1": ["The bare Alder weighs"]}
    assert marked(quoting("Its crate weighs 6 kg.", "The bare")) == {"alder#1": ["The bare", "Its crate weighs 6 kg."]}


def test_a_quote_out_of_a_table_is_found_between_its_rules() -> None:
    shelf = Shelf([Passage("t", "| **Weight** | 40 kg |\n| Oil | two litres |", document_id="t.md")])
    assert marked(quoting("Weight 40 kg", source="t.md"), shelf) == {"t": ["Weight** | 40 kg"]}


def test_a_quote_that_a_border_cuts_is_marked_on_both_sides() -> None:
    assert marked(quoting("The sump holds two litres of oil.")) == {
        "alder#2": ["The sump holds"],
        "alder#3": ["two litres of oil."],
    }


def test_a_passage_named_without_a_quote_has_the_answers_marked() -> None:
    assert marked(Question("q", "?", ("6 KG", "90"), ("alder#1",))) == {"alder#1": ["6 kg"]}
    assert marked(Question("q", "?", ("4", ""), ("alder#1",))) == {"alder#1": []}
    assert marked(Question("q", "?", (), ("alder#1",), evidence=(Evidence("alder.md", QUOTE),))) == {"alder#1": [QUOTE]}


def test_a_quoted_heading_shows_the_passages_below_it() -> None:
    assert marked(quoting("Alder › Oil")) == {"alder#2": [], "alder#3": []}
    assert marked(quoting("Weight")) == {"alder#1": ["40 kg"]}


def test_a_quote_of_a_duplicate_is_shown_in_the_document_that_was_kept() -> None:
    shelf = Shelf(PASSAGES, {"copy.md": "alder.md"})
    assert marked(quoting(QUOTE, source="copy.md"), shelf) == {"alder#1": [QUOTE]}


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (quoting("The Alder is green."), ["alder.md does not hold the quote", "is green"]),
        (quoting("Alder"), []),
        (quoting(""), ["does not hold the quote"]),
        (quoting("| ** |"), ["does not hold the quote"]),
        (quoting(QUOTE, source="yew.md"), ["no document yew.md", QUOTE]),
        (Question("q", "?", positives=("yew#1",)), ["no passage yew#1"]),
        # two words at a border are chance
        (quoting("sump holds nothing at all"), ["does not hold"]),
    ],
)
def test_what_cannot_be_found_is_said(question: Question, words: list[str]) -> None:
    shown, notes = SHELF.beside(question)
    assert bool(notes) is bool(words) is not bool(shown)
    for word in words:
        assert word in notes[0]
