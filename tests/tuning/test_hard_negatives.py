"""Mining by a ranking whose every score is known: questions and passages are vectors in the plane."""

from collections import Counter

import numpy as np
import pytest

from hybrid.protocols import Vectors
from hybrid.tuning.hard_negatives import fill_negatives, mine_hard_negatives
from hybrid.types import Passage, Question


def _at(*cosines: float) -> Vectors:
    """Unit vectors with these inner products with (1, 0)."""
    return np.array([[c, (1 - c * c) ** 0.5] for c in cosines], dtype=np.float32)


def _mine(
    question: Question, passages: list[Passage], cosines: list[float], num: int = 9, margin: float = 0.05
) -> tuple[list[str], Counter[str]]:
    dropped: Counter[str] = Counter()
    mined = mine_hard_negatives(
        [question], passages, _at(1), _at(*cosines), num_negatives=num, relative_margin=margin, dropped=dropped
    )
    return mined[0], dropped


def _passage(id_: str, text: str, document: str = "") -> Passage:
    return Passage(id=id_, text=text, document_id=document or id_)


GOLD = _passage("gold", "The pump weighs 20 kg.", "manual")
QUESTION = Question("q", "How heavy is the pump?", answers=("20 kg",), positives=("gold",), split="train")


def test_hardest_first_and_below_the_margin() -> None:
    passages = [GOLD, *(_passage(f"p{i}", f"text {'x' * i}") for i in range(5))]
    # at most 0.95 * 0.8 = 0.76
    found, dropped = _mine(QUESTION, passages, [0.8, 0.9, 0.77, 0.75, 0.2, 0.5])
    assert found == ["p2", "p4", "p3"]
    assert not dropped
    assert _mine(QUESTION, passages, [0.8, 0.9, 0.77, 0.75, 0.2, 0.5], num=1)[0] == ["p2"]
    assert _mine(QUESTION, passages, [0.8, 0.9, 0.77, 0.75, 0.2, 0.5], margin=0)[0] == ["p1", "p2", "p4", "p3"]


def test_a_negative_positive_score_keeps_its_margin() -> None:
    passages = [GOLD, _passage("above", "a"), _passage("near", "b"), _passage("far", "c")]
    assert _mine(QUESTION, passages, [-0.5, 0.1, -0.51, -0.6])[0] == ["far"]


def test_equal_scores_are_ordered_by_id() -> None:
    passages = [_passage("z", "last"), GOLD, _passage("a", "first")]
    assert _mine(QUESTION, passages, [0.5, 0.9, 0.5])[0] == ["a", "z"]


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        ("It weighs 20kg when empty.", False),
        ("It weighs 20 KG when empty.", False),
        ("It weighs 120 kg.", True),
        ("It weighs 20 kgf.", True),
        ("It weighs 2.20 kg.", True),
        ("Twenty kilograms.", True),
    ],
)
def test_a_passage_with_the_answer_as_whole_words_is_no_negative(text: str, fit: bool) -> None:
    found, dropped = _mine(QUESTION, [GOLD, _passage("p", text)], [0.8, 0.5])
    assert found == (["p"] if fit else [])
    assert dropped["answer"] == (0 if fit else 1)


def test_units_and_thousands_are_brought_to_one_spelling() -> None:
    question = Question("q", "How tight?", answers=("1,250 Nm",), positives=("gold",))
    assert _mine(question, [GOLD, _passage("p", "Tighten to 1250 N·m.")], [0.8, 0.5])[0] == []


def test_the_same_text_elsewhere_is_no_negative() -> None:
    copy = Passage(id="copy", text="the pump weighs 20 kg", title="Another manual", document_id="other")
    question = Question("q", "How heavy?", answers=("not said",), positives=("gold",))
    found, dropped = _mine(question, [GOLD, copy, _passage("p", "p")], [0.8, 0.6, 0.5])
    assert found == ["p"]
    assert dropped == {"text": 1}


def test_two_negatives_never_have_the_same_text() -> None:
    passages = [GOLD, _passage("a", "boilerplate"), _passage("b", "Boilerplate."), _passage("c", "c")]
    assert _mine(QUESTION, passages, [0.8, 0.6, 0.5, 0.4])[0] == ["a", "c"]


def test_the_gold_document_is_left_out_only_where_the_answer_cannot_be_looked_for() -> None:
    passages = [GOLD, _passage("sister", "The valve is red.", "manual"), _passage("other", "The valve is blue.")]
    assert _mine(QUESTION, passages, [0.8, 0.6, 0.5])[0] == ["sister", "other"]
    for question in (
        Question("q", "Is it heavy?", answers=("yes",), positives=("gold",), answer_type="yes_no"),
        Question("q", "How heavy?", answers=(), positives=("gold",)),
    ):
        found, dropped = _mine(question, passages, [0.8, 0.6, 0.5])
        assert found == ["other"]
        assert dropped == {"document": 1}


def test_no_positive_is_ever_a_negative_and_the_best_one_sets_the_margin() -> None:
    second = _passage("second", "Weight of the pump: see plate.", "manual")
    question = Question("q", "How heavy?", answers=("20 kg",), positives=("gold", "second"))
    passages = [GOLD, second, _passage("p", "p")]
    assert _mine(question, passages, [0.8, 0.3, 0.5])[0] == ["p"]
    unknown = Question("q", "How heavy?", positives=("nowhere",))
    assert _mine(unknown, passages, [0.8, 0.3, 0.5])[0] == []


def test_rows_are_filled_to_equal_length_without_false_negatives() -> None:
    passages = [GOLD, _passage("answer", "20 kg too"), _passage("a", "a"), _passage("b", "b")]
    fill = lambda mined, num: fill_negatives([QUESTION], passages, [mined], num_negatives=num, seed=1)[0]  # noqa: E731
    assert fill(["a"], 1) == ["a"]
    assert fill(["a"], 2) == ["a", "b"]
    assert sorted(fill([], 2)) == ["a", "b"]
    assert fill([], 2) == fill([], 2)
    assert fill(["b", "a"], 5) == ["b", "a", "b", "a", "b"]
    assert fill_negatives([QUESTION], passages[:2], [[]], num_negatives=2, seed=1) == [[]]
