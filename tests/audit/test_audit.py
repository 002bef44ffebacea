"""The audit: what each check finds and leaves alone, what is proposed, and that nothing of the corpus is touched."""

from typing import Any

import pytest

from hybrid.answer_format import shape
from hybrid.audit.audit import dropped_questions
from hybrid.audit.checks import agree, holds, run_checks
from hybrid.audit.conflicts import conflicts
from hybrid.audit.coverage import measure_coverage
from hybrid.audit.findings import Finding, Kind, counts, scores
from hybrid.audit.requirements import requirements
from hybrid.audit.wording import alike, copied_share
from hybrid.config import Config
from hybrid.types import Passage, Question

PASSAGES = {
    "p1": Passage("p1", "The crate of the C40 weighs 20 kg. Its seal is part TB-1140.", document_id="c40.md"),
    "p2": Passage("p2", "The crate of the C50 weighs 1,200 g.", document_id="c50.md"),
}


def question(name: str, text: str, answer: str = "20 kg", **changes: Any) -> Question:
    values = {"answer_type": "number", "positives": ("p1",), "split": "train", **changes}
    return Question(name, text, (answer,) if answer else (), **values)


def kinds(*questions: Question) -> dict[str, set[Kind]]:
    found: dict[str, set[Kind]] = {}
    for finding in run_checks(questions, PASSAGES):
        found.setdefault(finding.question, set()).add(finding.kind)
    return found


FIRST = question("a", "How heavy is the crate of the C40?")


@pytest.mark.parametrize(
    "text",
    [
        "How heavy is the crate of the C40",
        "Please tell me: how heavy is the C40 crate?",
        "How heavy are the crates of the C40?",
        "How heavvy is the crate of the C40?",
        "HOW HEAVY IS THE CRATE OF THE C40??",
    ],
)
def test_the_same_question_in_other_clothes_is_a_duplicate(text: str) -> None:
    assert kinds(FIRST, question("b", text)) == {"b": {Kind.DUPLICATE}}


@pytest.mark.parametrize(
    "text",
    [
        "How heavy is the crate of the C50?",
        "How unheavy is the crate of the C40?",
        "How wide is the crate of the C40?",
        "How heavy is the motor of the C40?",
    ],
)
def test_another_figure_name_or_word_is_another_question(text: str) -> None:
    assert kinds(FIRST, question("b", text)) == {}


def test_the_same_question_with_another_answer_is_a_contradiction_for_both() -> None:
    other = question("b", "How heavy is the C40 crate?", "30 kg", positives=())
    assert kinds(FIRST, other)["a"] == {Kind.CONTRADICTION}
    assert Kind.CONTRADICTION in kinds(FIRST, other)["b"]
    silent = question("b", "How heavy is the C40 crate?", "", answerable=False, positives=())
    assert kinds(FIRST, silent) == {"a": {Kind.CONTRADICTION}, "b": {Kind.CONTRADICTION}}


def test_the_same_answer_in_another_spelling_agrees() -> None:
    assert agree(FIRST, question("b", "?", "20 kilograms"))
    assert not agree(FIRST, question("b", "?", "21 kg"))
    assert agree(*(question(name, "?", "", answerable=False) for name in "ab"))


def test_what_is_held_out_and_asked_in_train_too_is_a_leak_of_the_held_out_one() -> None:
    held = question("b", "How heavy is the C40 crate?", split="test")
    assert kinds(FIRST, held) == {"b": {Kind.LEAK, Kind.SHARED}}
    assert kinds(held, FIRST) == {"b": {Kind.LEAK, Kind.SHARED}}
    findings = run_checks([FIRST, held], PASSAGES)
    assert list(dropped_questions([FIRST, held], findings)) == ["a"], "the train question goes, what is held out stays"


def test_gold_must_hold_the_answer_in_some_spelling() -> None:
    assert kinds(question("a", "How heavy?", "25 kg")) == {"a": {Kind.WRONG_GOLD}}
    assert kinds(question("a", "How heavy?", "1200 grams", positives=("p2",))) == {}
    assert kinds(question("a", "Which part?", "tb-1140", answer_type="span")) == {}
    assert kinds(question("a", "Is it heavy?", "yes", answer_type="yes_no")) == {}
    assert kinds(question("a", "How heavy?", "", split="test")) == {"a": {Kind.NO_ANSWER}}
    assert kinds(question("a", "How heavy?", "")) == {}, "it trains a retriever"
    assert kinds(question("a", "How heavy?", positives=("gone",))) == {"a": {Kind.NO_ANSWER}}
    assert not holds("It weighs 20 kg.", "20 m")


def test_a_rare_shape_is_out_of_line_and_a_common_one_is_not() -> None:
    usual = [question(f"u{i}", f"How heavy is part {i}?", f"{i} kg", positives=("p1",)) for i in range(30)]
    odd = question("odd", "How heavy is it then?", "It would be 20 kg, says the sheet.")
    found = kinds(*usual, odd)
    assert Kind.FORMAT in found["odd"]
    assert not any(Kind.FORMAT in found.get(item.id, set()) for item in usual)
    assert shape("King Malcolm III of Scotland") == "phrase"


def test_lengths_and_copies() -> None:
    usual = [question(f"u{i}", f"How heavy is part {i}?", f"{i} kg") for i in range(30)]
    long = question("long", "How heavy is " + "the very long and winding name of " * 5 + "it?")
    assert Kind.LENGTH in kinds(*usual, long)["long"]
    copied = question("copy", "The crate of the C40 weighs how much?")
    assert Kind.COPIED in kinds(copied)["copy"]
    assert copied_share("two words", "two words") == 0.0


def test_many_alike_questions_come_in_order_and_empty_texts_do_no_harm() -> None:
    items = [FIRST, question("b", "?"), question("c", FIRST.question), question("d", FIRST.question)]
    assert list(alike(items)) == [(0, 2), (0, 3), (2, 3)]
    assert list(alike([question("a", "?"), question("b", "!")])) in ([], [(0, 1)])
    assert list(alike([])) == []


def test_a_gold_passage_of_train_and_test_is_told() -> None:
    held = question("b", "Which part is the seal?", "TB-1140", answer_type="span", split="dev")
    assert kinds(FIRST, held) == {"b": {Kind.SHARED}}
    assert kinds(FIRST, question("b", "How heavy is it?", "1200 grams", positives=("p2",), split="dev")) == {}


def test_documents_that_say_other_figures_of_the_same_thing() -> None:
    texts = [
        "The crate of the C40 weighs 20 kg when full.",
        "Note: the crate of the C40 weighs 20 kg when full.",
        "The crate of the C40 weighs 25 kg when full. It is blue.",
        "The crate of the C50 weighs 30 kg when full.",
        "The crate weighs 20 kg when full. Twelve screws hold 4 boards of it.",
        "The crate weighs 21 kg when full.",
    ]
    (found,) = conflicts([Passage(f"p{i}", text) for i, text in enumerate(texts)])
    assert found.said == (("p0", texts[0]), ("p2", "The crate of the C40 weighs 25 kg when full."))


def test_scores_take_each_kind_once() -> None:
    findings = [Finding(Kind.DUPLICATE, "a", "x"), Finding(Kind.DUPLICATE, "a", "y"), Finding(Kind.FORMAT, "a", "z")]
    assert scores(["a", "b"], findings) == {"a": pytest.approx(0.5 * 0.6), "b": 1.0}
    assert counts(findings) == {"DUPLICATE": 1, "FORMAT": 1}


def test_requirements_follow_the_method() -> None:
    train = [question(f"t{i}", "?") for i in range(250)]
    found = {item.what: item for item in requirements(train, ("embedder", "raft", "dpo"), Config())}
    assert found["answerable dev questions"].verdict == "short"
    assert found["train questions with a gold passage for the embedder"].verdict == "thin"
    assert found["answerable train questions for RAFT examples"].verdict == "ok"
    assert found["answerable train questions, for a preference pair each (DPO)"].verdict == "short"
    few = requirements(train[:50], ("embedder",), Config())[-1]
    assert few.verdict == "short" and few.advice == "collect or synthesise 150 more first: do not tune"
    lower = Config.model_validate({"train_embed": {"min_pairs": 50}})
    assert requirements(train[:50], ("embedder",), lower)[-1].verdict == "thin", (
        "what training accepts, so does the audit"
    )


def test_coverage_names_what_nobody_asks_about() -> None:
    passages = {
        f"p{i}": Passage(
            f"p{i}",
            f"{'bearing grease nipple' if i < 50 else 'invoice discount payment'} {i}",
            document_id=f"d{i // 10}",
        )
        for i in range(100)
    }
    asked = [question(f"q{i}", "?", positives=(f"p{i}",)) for i in range(20)]
    found = measure_coverage(asked, passages, seed=1)
    assert found.documents == 0.2
    assert [name for name, _ in found.untouched] == [f"d{i}" for i in range(2, 10)]
    assert sum(topic.questions for topic in found.topics) == 20
    assert found.topics[0].questions == 0 and any(w in found.topics[0].name for w in ("invoice", "discount", "payment"))
