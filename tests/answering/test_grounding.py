"""What of an answer is served, with which sources, and what is withheld."""

from collections.abc import Sequence
from typing import Any

import pytest

from hybrid.answering.citations import read_answer
from hybrid.answering.grounding import Policy, ground
from hybrid.answering.prompt import PromptForm
from hybrid.types import Answer, Passage, Withheld

LEAVE = Passage("leave", "You may carry over at most 240 hours. Ask two weeks before.", title="Leave")
TALKS = Passage("talks", "Allow 20 days for clearance of a talk. Slides are public.", title="Talks")
CONTEXT = (LEAVE, TALKS)
CARRIED = "How many hours may I carry over?"


def served(text: str, question: str = CARRIED, policy: Policy | None = None, **more: Any) -> Answer:
    answer = read_answer(text, CONTEXT, shown=[p.full_text for p in CONTEXT], guard=False)
    return ground(answer, question, CONTEXT, policy or Policy(), **more)


def test_an_answer_without_markers_is_served_with_its_source() -> None:
    answer = served("240 hours")
    assert answer.served == "240 hours [1]" and not answer.served_abstention and answer.reason is None
    (citation,) = answer.citations
    assert (citation.marker, citation.passage_id, citation.span) == (
        1,
        "leave",
        "You may carry over at most 240 hours.",
    )


def test_a_marker_that_is_not_borne_out_gives_way_to_the_source_that_is() -> None:
    answer = served("240 hours [2].")
    assert answer.served == "240 hours. [1]" and [c.passage_id for c in answer.citations] == ["leave"]
    assert answer.text == "240 hours [2]."


def test_every_statement_names_its_source_and_one_without_is_told() -> None:
    answer = served("Carry over 240 hours. Slides are public. Bring cake.", "What are the rules?")
    assert answer.served == "Carry over 240 hours. [1] Slides are public. [2] Bring cake."
    assert answer.unsourced == ("Bring cake.",) and answer.reason is None
    together = served("Carry over 240 hours.\nAsk two weeks before.", "How is leave carried over?")
    assert together.served == "Carry over 240 hours.\nAsk two weeks before. [1]"


@pytest.mark.parametrize(
    ("text", "reason", "unsupported"),
    [
        ("241 hours", Withheld.FIGURE, ("241",)),
        ("SB-401", Withheld.FIGURE, ("SB-401",)),
        ("a blue door", Withheld.NO_SOURCE, ()),
        ("copied from the passage", Withheld.ECHO, ()),
    ],
)
def test_what_nothing_bears_out_is_withheld(text: str, reason: Withheld, unsupported: tuple[str, ...]) -> None:
    answer = served(text, policy=Policy(instruction=PromptForm().words))
    assert (answer.reason, answer.withheld, answer.unsupported) == (reason, True, unsupported)
    assert answer.served_abstention and not answer.abstained
    flagged = served(text, policy=Policy(guard=False, instruction=PromptForm().words))
    assert flagged.reason is reason and not flagged.withheld


def test_an_echo_is_no_echo_where_the_passages_or_the_question_say_it_too() -> None:
    policy = Policy(instruction="Reply with the weight alone, like: 240 hours of cake")
    assert served("cake", policy=policy).echo
    assert not served("240 hours", policy=policy).echo
    assert not served("cake", "Is there cake?", policy=policy).echo
    assert not served("Yes", policy=Policy(instruction="Say yes or no")).echo


@pytest.mark.parametrize(
    ("question", "text", "empty"),
    [
        ("Which hash function finds duplicate chunks?", "The hash function finds duplicate chunks.", True),
        ("Welche Pumpe fördert das Kühlwasser?", "Die Pumpe fördert das Kühlwasser.", True),
        ("Which hash function finds duplicate chunks?", "SHA-256 finds duplicate chunks.", False),
        # a part of the question may be the answer
        ("In which country is the Bank of England?", "England", False),
        ("Which pump is the heavier one, the P-7 or the P-8 pump?", "The P-8 pump is the heavier one.", False),
        # it says yes
        ("Can two machines use one repository?", "Two machines can use one repository.", False),
        ("How can two machines use one repository?", "Yes, two machines can use one repository.", False),
    ],
)
def test_the_question_said_again_is_no_answer(question: str, text: str, empty: bool) -> None:
    assert (served(text, question).reason is Withheld.REPEATS) == empty


@pytest.mark.parametrize(
    ("question", "text", "names"),
    [
        ("Who clears a talk?", "A talk is cleared by Mark Lutz.", ("Mark", "Lutz")),
        ("Who clears a talk for Mark?", "A talk of Mark's needs clearance.", ()),
        # the first word of a sentence has a capital anyway
        ("Are slides public?", "Slides are public. Talks are not.", ()),
        # every noun of this language has one
        ("Wer gibt Vorträge frei?", "Das macht die Abteilung von Herrn Lutz.", ()),
    ],
)
def test_a_name_that_stands_nowhere_is_an_invention(question: str, text: str, names: tuple[str, ...]) -> None:
    assert served(text, question).unsupported == names


def test_figures_of_the_question_and_numbers_in_words_are_no_inventions() -> None:
    assert served("2 weeks before", "How early must I ask?").reason is None
    assert served("Yes, ask 2 weeks before for 9 days", "Must I ask before for 9 days?").unsupported == ()


def test_support_is_what_the_place_treats_of_the_question_and_how_sure_the_model_was() -> None:
    def near(question: str, texts: Sequence[str]) -> list[float]:
        return [0.4 if "240" in text else 0.1 for text in texts]

    assert served("240 hours", logprob=-0.1, similar=near).support == pytest.approx(1 + 2 * 0.4 - 0.1 / 2)
    assert served("240 hours", similar=near).support == pytest.approx(1 + 2 * 0.4 - 0.2 / 2)
    assert served("20 days", logprob=-0.1, similar=near).support == pytest.approx(2 * 0.1 - 0.1 / 2)
    # the weakest statement decides; words alone where there is no embedder
    assert served("240 hours. Slides are public.", logprob=0.0, similar=near).support == pytest.approx(2 * 0.1)
    assert served("240 hours", logprob=-0.1).support == pytest.approx(3 - 0.1 / 2)


def test_an_answer_on_something_else_is_withheld_below_the_least_support() -> None:
    question, policy = "What is the parking fee?", Policy(min_support=-0.11)
    assert served("240 hours", question, policy, logprob=-0.3).reason is Withheld.OFF_TOPIC
    assert served("240 hours", question, policy, logprob=-0.2).reason is None
    assert served("240 hours", question, Policy(), logprob=-9.0).reason is None


def test_what_the_model_declined_stays_declined() -> None:
    answer = served("I don't know.")
    assert answer.abstained and answer.citations == () and answer.reason is None and not answer.withheld
    assert served("No, I don't know.").abstained


def test_an_answer_in_json_stays_json() -> None:
    answer = served('{"hours": 240}')
    assert answer.served == '{"hours": 240}' and [c.marker for c in answer.citations] == [1]


def test_the_heading_counts_where_only_an_excerpt_was_shown() -> None:
    cut = read_answer("240 hours", [LEAVE], shown=["… at most 240 hours."], guard=False)
    assert ground(cut, "How much leave?", [LEAVE], Policy()).support == pytest.approx(3 * 0.8 - 0.1)
