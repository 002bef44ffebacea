"""Which gold makes a perfect context, and whether the generator was shown it."""

from hybrid.evaluation.questions import gold_shown, oracles, sample
from hybrid.types import Answer, Passage, Question

PASSAGES = {
    p.id: p
    for p in (
        Passage("a", "The call is load('x')."),
        Passage("b", "Also load('x') here."),
        Passage("c", "Oslo is in Norway."),
        Passage("d", "Norway has a king."),
    )
}


def test_copies_of_one_answer_are_alternatives() -> None:
    question = Question("q", "Which call?", ("load('x')",), ("a", "b"))
    assert [p.id for p in oracles(question, PASSAGES)] == ["a"]


def test_passages_that_answer_only_together_are_all_needed() -> None:
    assert [p.id for p in oracles(Question("q", "?", ("Oslo",), ("c", "d")), PASSAGES)] == ["c", "d"]
    assert [p.id for p in oracles(Question("q", "?", ("yes",), ("c", "d", "gone")), PASSAGES)] == ["c", "d"]


def test_gold_counts_as_shown_only_while_its_answer_is_left() -> None:
    question = Question("q", "Which call?", ("load('x')",), ("a",))
    whole = Answer("", "", False, context=("c", "a"), shown=("Oslo …", "The call is load('x')."))
    cut = Answer("", "", False, context=("c", "a"), shown=("Oslo …", "The call …"))
    other = Answer("", "", False, context=("b",), shown=("Also load('x') here.",))
    assert [gold_shown(question, answer, PASSAGES) for answer in (whole, cut, other)] == [True, False, False]


def test_all_takes_every_split() -> None:
    questions = [Question(f"q{i}", "?", split=split) for i, split in enumerate(("train", "dev", "test"))]
    assert sample(questions, "all", 0, 1) == questions
    assert [q.id for q in sample(questions, "dev", 0, 1)] == ["q1"]
