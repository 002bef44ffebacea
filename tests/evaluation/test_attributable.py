"""What can be attributed of questions that lack gold passages, answers, or both."""

import pytest

from hybrid.errors import TooLittleDataError
from hybrid.evaluation.attributable import MAX_INFERRED, attributable
from hybrid.types import Hit, Passage, Question

PASSAGES = {f"p{i}": Passage(f"p{i}", f"Pump {i} weighs {100 + i % 7} kg.") for i in range(30)}
HITS = [Hit(f"p{i}", 1 - i / 10, i + 1) for i in range(5)]
COMPLETE = Question("whole", "?", ("100 kg",), ("p9",), answer_type="number")
NEVER = Question("never", "?", answerable=False)


def test_named_gold_stays_and_unanswerable_questions_need_none() -> None:
    found = attributable([COMPLETE, NEVER], [HITS, HITS], PASSAGES)
    assert found.questions == [COMPLETE, NEVER] and not found.inferred and not found.notes


def test_gold_is_inferred_from_the_answer_best_ranked_first() -> None:
    question = Question("q", "?", ("103 KG",), answer_type="number")
    found = attributable([question], [HITS], PASSAGES)
    (inferred,) = found.questions
    assert inferred.positives == ("p3", "p10", "p17") and len(inferred.positives) == MAX_INFERRED
    assert found.inferred == {"q"}
    assert "inferred" in found.notes[0]


def test_what_cannot_be_attributed_is_left_out_and_said() -> None:
    questions = [
        COMPLETE,
        Question("no answer", "?", positives=("p1",)),
        Question("only a question", "?"),
        Question("nowhere", "?", ("999 kg",)),
        Question("a judgement", "?", ("yes",), answer_type="yes_no"),
    ]
    found = attributable(questions, [HITS] * 5, PASSAGES)
    assert found.questions == [COMPLETE]
    answers, gold = found.notes
    assert answers.startswith("2 questions have no answer") and "no answer, only a question" in answers
    assert gold.startswith("2 questions name no gold passage") and "nowhere" in gold


def test_questions_alone_are_no_diagnosis() -> None:
    with pytest.raises(TooLittleDataError, match="no answerable question can be attributed") as caught:
        attributable([Question("q", "?"), NEVER], [HITS, HITS], PASSAGES)
    assert "answers" in caught.value.remedy
