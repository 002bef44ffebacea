"""The faults that are planted for the audit are there, one a question."""

from benchmarks.audit import KINDS, plant
from hybrid.audit.findings import Kind
from hybrid.types import Question

QUESTIONS = [
    Question(
        f"q{i}",
        f"How heavy is the crate of machine M{i}?",
        (f"{i + 10} kg",),
        (f"p{i}",),
        "train" if i % 2 else "dev",
        "number",
    )
    for i in range(200)
]


def test_each_kind_is_planted_in_its_share_and_no_question_twice() -> None:
    made, planted = plant(QUESTIONS, seed=3)
    by_id = {question.id: question for question in made}
    assert len(by_id) == len(made)
    assert {kind: len(names) for kind, names in planted.items()} == dict.fromkeys(KINDS, 10)
    origins = [name.rsplit("-", 1)[0] for names in planted.values() for name in names]
    assert len(set(origins)) == len(origins)
    old = {question.id: question for question in QUESTIONS}
    for name in planted[Kind.CONTRADICTION] | planted[Kind.WRONG_GOLD]:
        assert by_id[name].answers != old[name.removesuffix("-contradiction")].answers
    for name in planted[Kind.LEAK]:
        assert by_id[name].split == "test" and old[name.removesuffix("-leak")].split == "train"
    for name in planted[Kind.DUPLICATE]:
        assert by_id[name].answers == old[name.removesuffix("-duplicate")].answers
    assert plant(QUESTIONS, seed=3) == (made, planted)
    assert plant(QUESTIONS, seed=4)[1] != planted
