"""A verdict that hangs on the grader says so first, and right answers with wrong citations are an axis of their own."""

from dataclasses import replace

from hybrid.config import DiagnosisConfig
from hybrid.evaluation.attribution import Diagnosis, attribute
from hybrid.evaluation.records import Record
from hybrid.types import Arm
from tests.evaluation.test_attribution import many


def scored(records: list[Record], score: float, arms: tuple[Arm, ...]) -> list[Record]:
    """Right answers of these arms reach only `score`."""
    return [
        replace(r, outcomes=tuple(replace(o, score=score) if o.arm in arms and o.correct else o for o in r.outcomes))
        for r in records
    ]


def diagnosis(records: list[Record]) -> Diagnosis:
    return attribute(records, config=DiagnosisConfig(), resamples=1_000, seed=1)


def test_whole_scores_agree() -> None:
    found = diagnosis([*many(100, "a", r=(1, 1, 1), in_context=True), *many(60, "b", gold_rank=50)])
    assert found.recommended == "embedder" and found.second_grader.agrees
    assert not found.sentence.startswith("The verdict hangs")


def test_a_verdict_that_a_stricter_grader_does_not_share_says_so_first() -> None:
    """Perfect documents give answers that overlap with the gold by half: right at .5, wrong at .8."""
    weak = scored(many(60, "b", gold_rank=50), 0.6, (Arm.ORACLE_IN_DISTRACTORS, Arm.ORACLE))
    found = diagnosis([*many(100, "a", r=(1, 1, 1), in_context=True), *weak])
    assert found.recommended == "embedder"
    assert not found.second_grader.agrees and found.second_grader.recommended != "embedder"
    assert found.sentence.startswith("The verdict hangs on the grader")


def test_right_but_miscited() -> None:
    def cited(records: list[Record], gold: int) -> list[Record]:
        return [
            replace(r, outcomes=tuple(replace(o, cited=("p",), cited_gold=gold) for o in r.outcomes)) for r in records
        ]

    right = cited(many(30, "a", r=(1, 1, 1), in_context=True), 1)
    astray = cited(many(10, "b", r=(1, 1, 1), in_context=True), 0)
    uncited = many(20, "c", r=(1, 1, 1), in_context=True)
    wrong = cited(many(20, "d", in_context=True), 0)
    found = diagnosis([*right, *astray, *uncited, *wrong])
    assert (found.miscited.value, found.miscited.num) == (0.25, 40)
    assert diagnosis(uncited).to_dict()["miscited"]["value"] is None
