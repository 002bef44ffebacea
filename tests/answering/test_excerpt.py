"""What of a passage is shown: fields of a record, sentences near the question, within a budget."""

import pytest

from hybrid.answering.excerpt import GAP, Excerpts, answer_survives, contains_answer, count_words
from hybrid.types import Passage

RECORD = Passage(
    "r",
    "api_name: a/b | domain: Vision | description: one two three four five six seven eight nine ten | "
    "api_call: load('a/b', x=1) | example_code: a | b",
    title="a/b",
)
TEXT = Passage(
    "t",
    "The pump is blue. It was first built in Oslo by two brothers. Its seal is changed every 400 hours. Keep it dry.",
    title="Pump",
)


def test_without_limits_a_passage_is_shown_whole() -> None:
    assert Excerpts().show(RECORD, "q") == RECORD.full_text
    assert Excerpts(max_tokens=100).show(TEXT, "q") == TEXT.full_text


def test_fields_are_kept_in_the_order_asked_for() -> None:
    shown = Excerpts(("api_call", "domain", "unknown")).show(RECORD, "q")
    assert shown == "a/b\napi_call: load('a/b', x=1) | domain: Vision"


def test_a_part_without_a_key_belongs_to_the_value_before_it() -> None:
    assert Excerpts(("example_code",)).show(RECORD, "q") == "a/b\nexample_code: a | b"


def test_the_longest_value_is_shortened_and_the_last_field_never() -> None:
    shown = Excerpts(("domain", "description", "api_call"), 15).show(RECORD, "q")
    assert shown.startswith("a/b\ndomain: Vision | description: one two three")
    assert f"{GAP} | api_call: load('a/b', x=1)" in shown
    assert count_words(shown) <= 15


def test_plain_text_is_no_record() -> None:
    assert Excerpts(("domain",)).show(TEXT, "q") == TEXT.full_text


def test_the_sentences_nearest_the_question_are_kept_in_their_order() -> None:
    shown = Excerpts(max_tokens=14).show(TEXT, "How often is the seal changed on the blue pump?")
    assert shown == f"Pump\nThe pump is blue. {GAP} Its seal is changed every 400 hours."
    assert "Oslo" in Excerpts(max_tokens=12).show(TEXT, "Where did the brothers build it first?")


def test_a_sentence_over_the_budget_is_cut_not_left_out() -> None:
    shown = Excerpts(max_tokens=6).show(TEXT, "brothers in Oslo")
    assert shown == f"Pump\nIt was first built in {GAP}"


@pytest.mark.parametrize("budget", range(4, 30))
def test_an_excerpt_keeps_within_its_budget(budget: int) -> None:
    shown = Excerpts(max_tokens=budget).show(TEXT, "Where was it built?")
    assert count_words(shown.replace(GAP, "")) <= budget


def test_an_answer_is_found_as_whole_words_only() -> None:
    assert contains_answer("It weighs 20\n kg.", "20 KG")
    assert not contains_answer("It weighs 120 kg.", "20 kg")
    assert not contains_answer("anything", "")


def test_an_answer_survives_where_the_excerpt_holds_what_the_passage_holds() -> None:
    assert answer_survives(["400 hours"], TEXT.full_text, "every 400 hours")
    assert not answer_survives(["400 hours"], TEXT.full_text, "The pump is blue.")
    assert answer_survives(["yes"], TEXT.full_text, "The pump is blue.")
