"""Reading answers: markers, abstentions, and the guard against figures that stand nowhere."""

import pytest

from hybrid.answering.citations import read_answer, unsupported_claims
from hybrid.answering.prompt import ABSTENTION
from hybrid.answering.refusals import declines
from hybrid.types import Passage

MASS = Passage("mass", "The pump is red. It weighs 20 kg dry. Use kit SB-401 for it.", title="Pump H20")
FLOW = Passage("flow", "It moves 1,200 litres an hour at 6.50 bar. Fault E17 stops it.")
CONTEXT = (MASS, FLOW)


def test_markers_become_citations_with_the_sentence_that_supports() -> None:
    answer = read_answer("20 kg [1].", CONTEXT)
    assert (answer.text, answer.plain) == ("20 kg [1].", "20 kg.")
    (citation,) = answer.citations
    assert (citation.marker, citation.passage_id, citation.span) == (1, "mass", "It weighs 20 kg dry.")
    assert not answer.served_abstention and answer.unsupported == ()
    assert answer.context == ("mass", "flow")


def test_several_markers_in_order_each_once() -> None:
    answer = read_answer("20 kg [2][1], and again [2]", CONTEXT)
    assert [c.passage_id for c in answer.citations] == ["flow", "mass"]
    assert answer.plain == "20 kg, and again"


@pytest.mark.parametrize("marker", ["[0]", "[3]", "[99]", "[-1]", "[x]", "[1234]"])
def test_markers_outside_the_context_cite_nothing(marker: str) -> None:
    answer = read_answer(f"It is red {marker}", CONTEXT)
    assert answer.citations == ()


def test_a_figure_without_a_citation_is_withheld() -> None:
    answer = read_answer("20 kg", CONTEXT)
    assert answer.unsupported == ("20",) and answer.withheld and answer.served_abstention and not answer.abstained
    assert not read_answer("red", CONTEXT).withheld


@pytest.mark.parametrize(
    ("text", "unsupported"),
    [
        ("21 kg [1]", ("21",)),
        ("20 kg [2]", ("20",)),
        ("SB-402 [1]", ("SB-402",)),
        ("sb-401 [1]", ()),
        ("H20 weighs 20kg [1]", ()),
        ("401 [1]", ("401",)),
        ("1200 litres [2]", ()),
        ("1,200 litres [2]", ()),
        ("12,00 litres [2]", ("12,00",)),
        ("6.5 bar [2]", ()),
        ("65 bar [2]", ("65",)),
        ("6,5 bar [2]", ()),
        ("65,0 bar [2]", ("65,0",)),
        ("E17 [2]", ()),
        ("E-17 at 7 bar [2]", ("E-17", "7")),
        ("20 kg and 1200 litres [1][2]", ()),
        ("5, 5 and 5 [1]", ("5",)),
        ("It is red [1]", ()),
    ],
)
def test_figures_and_identifiers_must_stand_in_a_cited_passage(text: str, unsupported: tuple[str, ...]) -> None:
    answer = read_answer(text, CONTEXT)
    assert answer.unsupported == unsupported
    assert answer.withheld == bool(unsupported)


@pytest.mark.parametrize(
    ("text", "unsupported"),
    [
        ("Use `-e` with the `-d` option.", ("-d",)),
        ("Run `tool prune --keep-daily 7 --list`.", ()),
        ("Run `tool prune --keep-weekly`.", ("--keep-weekly",)),
        ("Set TOOL_PASSPHRASE or tool_passphrase.", ()),
        ("Set TOOL_PASSWORD.", ("TOOL_PASSWORD",)),
        ("Call read_int16.", ("read_int16",)),
        # hyphens and emphasis of a sentence
        ("Ein- und -auszahlung - _so_ ist es -- immer.", ()),
    ],
)
def test_options_and_names_of_code_must_stand_there_too(text: str, unsupported: tuple[str, ...]) -> None:
    read = "tool create -e cache/ and --keep-daily=7, also –list, with TOOL_PASSPHRASE in the environment"
    assert unsupported_claims(text, [Passage("a", read)], "How is it kept?") == unsupported


def test_without_the_guard_the_answer_is_flagged_only() -> None:
    answer = read_answer("21 kg [1]", CONTEXT, guard=False)
    assert answer.unsupported == ("21",) and not answer.withheld and not answer.served_abstention


def test_the_marker_itself_is_no_figure() -> None:
    assert unsupported_claims("", [MASS]) == ()
    assert read_answer("It is red [2] [1]", CONTEXT).unsupported == ()


@pytest.mark.parametrize(
    "text",
    [
        ABSTENTION,
        "I don’t know.",
        "i do not know",
        "I cannot answer this from the passages.",
        "I can't say [1].",
        "The passages do not mention the colour.",
        "The numbered passages don't contain that.",
        "The passage does not state a weight.",
        "These passages do not say.",
        "None of the passages mention the price.",
        "None of the passages mentions the price.",
        "None of the passages give a price.",
        "None of the passages does state it.",
        "Not stated.",
        "Unknown",
        "",
        "  [1] ",
    ],
)
def test_abstentions(text: str) -> None:
    answer = read_answer(text, CONTEXT)
    assert answer.abstained and answer.citations == () and answer.unsupported == () and not answer.withheld


@pytest.mark.parametrize(
    "text",
    [
        "red [1]",
        "No. [1]",
        "Do not run it dry. [1]",
        "20 kg [1]. I don't know more.",
        "The passages do state that it is red [1].",
        "The passage does give a colour: red [1].",
        "Not before it is red [1].",
    ],
)
def test_answers_are_no_abstentions(text: str) -> None:
    assert not read_answer(text, CONTEXT).abstained
    assert not declines(text)


def test_what_stands_before_the_answer_mark_does_not_count() -> None:
    answer = read_answer('"It moves 99 litres." [2] Answer: 20 kg [1].', CONTEXT)
    assert answer.plain == "20 kg." and [c.passage_id for c in answer.citations] == ["mass"]
    assert answer.unsupported == ()
    assert answer.text.startswith('"It moves')
    assert read_answer(f"Passage [1] is red. Answer: {ABSTENTION}", CONTEXT).abstained


def test_dropped_passages_are_told_but_cannot_be_cited() -> None:
    answer = read_answer("20 kg [2]", [FLOW], [MASS])
    assert (answer.context, answer.dropped, answer.citations) == (("flow",), ("mass",), ())
