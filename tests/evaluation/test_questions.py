"""Which gold makes a perfect context, and whether the generator was shown it."""

from hybrid.evaluation.contexts import irrelevant
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


def test_irrelevant_passages_are_of_other_documents_and_hold_no_answer() -> None:
    passages = {f"p{i}": Passage(f"p{i}", f"text {i % 7}", document_id=f"d{i % 10}") for i in range(100)}
    question = Question("q", "Which?", ("text 3",), ("p4",))
    found = irrelevant(question, passages, sorted(passages), 4, seed=1)
    assert len({p.id for p in found}) == 4
    assert all(p.document_id != "d4" and p.text != "text 3" for p in found)
    assert found == irrelevant(question, passages, sorted(passages), 4, seed=1)
    assert found != irrelevant(question, passages, sorted(passages), 4, seed=2)
    alone = {"p4": passages["p4"]}
    assert irrelevant(question, alone, ["p4"], 4, seed=1) == []
