"""What an audit tells of a whole set: makeup, label noise, what is known by heart, shared answers, languages."""

from collections.abc import Sequence
from typing import Any

import pytest

from hybrid.audit.audit import look, summary
from hybrid.audit.checks import run_checks
from hybrid.audit.closed_book import ClosedBook, ask_closed_book, from_diagnoses
from hybrid.audit.findings import Finding, Kind
from hybrid.audit.label_noise import Diagnosed, label_noise
from hybrid.audit.makeup import measure_makeup
from hybrid.config import Config
from hybrid.types import Chat, Generation, Interval, Passage, Question

SHELF = {
    "p1": Passage("p1", "The report was signed by Ingrid Solvang-Petersen. The crate weighs 20 kg."),
    "p2": Passage("p2", "Ask the station master of Ottermouth Harbour."),
}


def question(name: str, text: str = "Who signed the report?", answer: str = "20 kg", **changes: Any) -> Question:
    values = {"answer_type": "span", "positives": ("p1",), "split": "train", **changes}
    return Question(name, text, (answer,) if answer else (), **values)


def of_kind(kind: Kind, *questions: Question) -> list[str]:
    return [finding.question for finding in run_checks(questions, SHELF) if finding.kind is kind]


# -- makeup ----------------------------------------------------------------------------------------------------------


def test_cases_and_unanswerable_questions_that_are_absent_are_told() -> None:
    plain = measure_makeup([question("a"), question("b", split="test")])
    assert plain.cases == {"not tagged": 2} and plain.unanswerable == {"test": 0.0, "train": 0.0}
    assert "No question is tagged: add" in plain.notes[0] and plain.notes[1].startswith("In test every question")
    tagged = measure_makeup([question("a", case="golden"), question("b", case="edge", answerable=False, split="test")])
    assert tagged.notes == ["No question is tagged failure: nobody sees what happens there."]


def test_small_groups_are_told_by_share_and_by_number() -> None:
    sizes = {"north": 180, "south": 40, "east": 9, "west": 11}
    made = measure_makeup([question(f"{name}{i}", group=name) for name, size in sizes.items() for i in range(size)])
    assert [(group.name, group.small) for group in made.groups] == [
        ("north", False), ("south", False), ("west", True), ("east", True),
    ]  # fmt: skip
    (note,) = [note for note in made.notes if "groups" in note]
    assert "2 of 4 groups" in note and "west 11 (4.6 %); east 9 (3.8 %)" in note


def test_shapes_and_lengths_are_counted() -> None:
    words = [question(f"q{n}", " ".join(["word"] * n)) for n in (1, 5, 6, 31, 99)]
    made = measure_makeup([*words, question("long", "one two", "It was signed by the engineer.", answer_type="long")])
    assert made.shapes == {"long": {"sentence": 1}, "span": {"value": 5}}
    assert [count for _, count in made.words] == [3, 1, 0, 0, 0, 1, 1] and made.words[-1][0] == "over 50"


# -- label noise -----------------------------------------------------------------------------------------------------


def test_noise_counts_a_wrong_gold_and_one_of_each_two_that_contradict() -> None:
    asked = [question(f"q{i}") for i in range(20)] + [question("never", answerable=False, answer="")]
    findings = [
        Finding(Kind.WRONG_GOLD, "q0", ""),
        Finding(Kind.CONTRADICTION, "q0", "", ("q1",)),
        Finding(Kind.CONTRADICTION, "q1", "", ("q0",)),
        Finding(Kind.CONTRADICTION, "q2", "", ("q3",)),
        Finding(Kind.CONTRADICTION, "q3", "", ("q2",)),
        Finding(Kind.CONTRADICTION, "q4", "", ("never",)),
        Finding(Kind.DUPLICATE, "q5", ""),
    ]
    (own,) = label_noise(asked, findings, [])
    assert own.share.value == pytest.approx(2 / 20) and own.share.num == 20
    assert 0.02 < own.share.low < own.share.value < own.share.high < 0.32


def test_each_diagnosis_is_a_source_of_its_own() -> None:
    found = label_noise(
        [question("a")], [], [Diagnosed("diagnosis-base-dev", 50, ("a", "b")), Diagnosed("none", 0, ())]
    )
    assert [item.source for item in found] == [
        "gold passages without the answer, and contradictions", "flags SUSPECT_LABEL of diagnosis-base-dev",
    ]  # fmt: skip
    assert found[1].share.value == 0.04


# -- known by heart --------------------------------------------------------------------------------------------------


class Parrot:
    """Knows one answer."""

    name, fingerprint = "parrot", "1"

    def __init__(self) -> None:
        self.asked: list[Chat] = []

    def count_tokens(self, chat: Chat) -> int:
        return len(chat)

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        self.asked += chats
        return [
            Generation("20 kg" if "report 3?" in chat[-1].content else "I don't know.", "stop", 1, 1) for chat in chats
        ]


def test_what_is_answered_without_passages_is_a_finding() -> None:
    asked = [question(f"q{i}", f"How heavy is report {i}?", answer_type="number") for i in range(10)]
    spare = [question("yes", answer="yes", answer_type="yes_no"), question("never", answerable=False, answer="")]
    parrot = Parrot()
    found = ask_closed_book(parrot, [*asked, *spare], most=0, max_new_tokens=8, seed=1)
    assert found is not None and (found.answered, found.share.num, found.source) == (("q3",), 10, "asked parrot")
    assert [finding.question for finding in found.findings({"q3", "q4"})] == ["q3"]
    assert all("report" in chat[-1].content and "passage" not in chat[0].content for chat in parrot.asked)
    few = ask_closed_book(Parrot(), asked, most=4, max_new_tokens=8, seed=1)
    assert few is not None and few.share.num == 4
    assert ask_closed_book(Parrot(), spare, most=0, max_new_tokens=8, seed=1) is None


def test_a_diagnosis_that_asked_without_passages_is_enough() -> None:
    told = [Diagnosed("diagnosis-a", 9, ()), Diagnosed("diagnosis-b", 9, (), ("q1",), 8)]
    found = from_diagnoses(told)
    assert isinstance(found, ClosedBook) and isinstance(found.share, Interval)
    assert (found.share.value, found.source) == (0.125, "arm closed_book of diagnosis-b")
    assert from_diagnoses(told[:1]) is None


# -- splits and languages --------------------------------------------------------------------------------------------


def test_a_rare_answer_in_train_and_test_is_told_and_a_common_one_is_not() -> None:
    signed = question("a", answer="Ingrid Solvang-Petersen")
    held = question("b", "Whose hand is it?", "ingrid solvang-petersen.", positives=("p2",), split="test")
    assert of_kind(Kind.SAME_ANSWER, signed, held) == ["b"]
    assert of_kind(Kind.SAME_ANSWER, signed, question("c", answer="Ingrid Solvang-Petersen")) == []
    for answer in ("20 kg", "5,200 operating hours", "silver"):
        one, other = question("a", answer=answer), question("b", "Whose?", answer, positives=("p2",), split="dev")
        assert of_kind(Kind.SAME_ANSWER, one, other) == []
    everywhere = {f"p{i}": Passage(f"p{i}", "Ingrid Solvang-Petersen again") for i in range(3)}
    assert not [f for f in run_checks([signed, held], everywhere) if f.kind is Kind.SAME_ANSWER]


def test_documents_and_questions_that_splits_share_are_told() -> None:
    asked = [question("a"), question("b", "Whose crate is it?", split="test")]
    (note,) = [
        note
        for note in summary(asked, [], look(asked, SHELF, [], ("raft",), Config()), {})["notes"]
        if "gold documents" in note
    ]
    assert note == "1 gold documents are in train and in test: gains there overstate what is learned."


def test_a_question_in_another_language_is_told() -> None:
    english = [
        question(f"q{i}", f"After how many hours must the oil of the gearbox be changed on machine number {i}?")
        for i in range(30)
    ]
    german = question("de", "Nach wie vielen Stunden muss das Öl des Getriebes gewechselt werden?")
    assert of_kind(Kind.LANGUAGE, *english, german) == ["de"]
    assert of_kind(Kind.LANGUAGE, *english[:5], german) == [], "of so few none is usual"
