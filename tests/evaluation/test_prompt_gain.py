"""Another query prompt by the answers: when it is told first, when beside the pick, and when it says nothing."""

from collections.abc import Sequence
from dataclasses import replace

from hybrid.config import DiagnosisConfig
from hybrid.evaluation.attribution import Diagnosis, attribute
from hybrid.evaluation.moved import what_moved
from hybrid.evaluation.prompt_gain import SET_PROMPT, prompt_gain
from hybrid.evaluation.records import Record
from hybrid.types import Arm, Layer, Outcome

ALL = (1, 1, 1)
NONE = (0, 0, 0)


def outcomes(name: str, arm: Arm, right: Sequence[int], gold: bool) -> list[Outcome]:
    return [Outcome(name, arm, i, float(ok), bool(ok), False, gold, "") for i, ok in enumerate(right)]


def record(name: str, r: Sequence[int], d: Sequence[int], p: Sequence[int] | None, *, gold: bool = True) -> Record:
    made = outcomes(name, Arm.RETRIEVED, r, gold) + outcomes(name, Arm.ORACLE_IN_DISTRACTORS, d, True)
    made += outcomes(name, Arm.ORACLE, (1,), True)
    made += outcomes(name, Arm.REPROMPTED, p, True) if p is not None else []
    return Record(name, "", name, True, True, 1 if gold else 9, tuple(made))


def several(num: int, kind: str, r: Sequence[int], d: Sequence[int], p: Sequence[int] | None) -> list[Record]:
    return [record(f"{kind}{number}", r, d, p) for number in range(num)]


def diagnosed(records: Sequence[Record]) -> Diagnosis:
    return attribute(records, config=DiagnosisConfig(), resamples=500, seed=1, prompt="")


BROKEN = several(40, "broken", NONE, NONE, ALL)
"""The gold is in context, but beside passages over which the reader stumbles, with the oracle among them too."""
STUBBORN = several(10, "stubborn", NONE, NONE, NONE)
RIGHT = several(100, "right", ALL, ALL, ALL)


def test_a_proven_prompt_is_told_before_any_retune() -> None:
    found = diagnosed([*RIGHT, *BROKEN, *STUBBORN])
    assert found.recommended is Layer.EMBEDDER and found.questions_needed is None
    assert found.next_command == f'{SET_PROMPT}"", then hybrid index, then hybrid diagnose'
    assert found.sentence.startswith("Change the prompt before the queries, tune nothing yet: without any 27 ")
    assert found.query_prompt and (found.query_prompt.num_gained, found.query_prompt.num_lost) == (40, 0)
    assert found.second_grader.agrees
    labels = found.labels
    assert {labels[r.question_id] for r in BROKEN} == {"WRONG_DOCUMENTS"}
    assert {labels[r.question_id] for r in STUBBORN} == {"DISTRACTED"}
    assert {labels[r.question_id] for r in RIGHT} == {"CORRECT"}


def test_without_the_arm_the_same_answers_are_the_generators() -> None:
    bare = [replace(r, outcomes=tuple(o for o in r.outcomes if o.arm is not Arm.REPROMPTED)) for r in [*RIGHT, *BROKEN]]
    found = diagnosed(bare)
    assert found.recommended is Layer.GENERATOR and found.query_prompt is None
    assert {found.labels[r.question_id] for r in BROKEN} == {"DISTRACTED"}


def test_a_gain_below_the_least_that_matters_is_proven_but_does_not_hide_the_layer() -> None:
    records = [*RIGHT, *several(8, "broken", NONE, NONE, ALL), *several(60, "stubborn", NONE, NONE, NONE)]
    found = diagnosed(records)
    assert found.query_prompt and 0 < found.query_prompt.gain.low < DiagnosisConfig().minimum_effect
    assert found.query_prompt.is_proven and found.recommended is Layer.GENERATOR
    assert found.labels["broken0"] == "WRONG_DOCUMENTS"


def test_what_chance_can_do_changes_nothing() -> None:
    records = [*RIGHT, *several(6, "won", NONE, NONE, ALL), *several(5, "lost", ALL, ALL, NONE)]
    found = diagnosed(records)
    assert found.query_prompt and not found.query_prompt.is_proven and "proves nothing" in found.query_prompt.sentence
    assert found.recommended is None
    assert found.labels["won0"] == "DISTRACTED" and found.labels["lost0"] == "CORRECT"


def test_few_questions_recommend_nothing_here_either() -> None:
    found = diagnosed([*RIGHT[:5], *BROKEN[:20]])
    assert found.query_prompt and found.query_prompt.is_proven
    assert found.recommended is None and "Not enough data" in found.sentence


def test_where_another_system_did_not_say_the_prompt_it_is_not_named() -> None:
    found = attribute([*RIGHT, *BROKEN], config=DiagnosisConfig(), resamples=200, seed=1)
    assert "with the other prompt" in found.sentence and SET_PROMPT not in found.next_command


def test_a_comparison_calls_questions_as_the_diagnosis_did() -> None:
    before, after = [*RIGHT, *BROKEN], [*RIGHT, *several(40, "broken", ALL, ALL, None)]
    moved = what_moved(before, after, retuned="embedder", rank_limit=20, minimum_effect=0.05, resamples=200, seed=1)
    assert moved.transitions == {"WRONG_DOCUMENTS → CORRECT": 40}


def test_a_prompt_is_told_letter_by_letter_and_one_question_without_bounds() -> None:
    found = attribute([*RIGHT, *BROKEN], config=DiagnosisConfig(), resamples=200, seed=1, prompt="Find: ")
    assert found.reason.startswith('With the prompt "Find: " 40 questions turn right and 0 wrong')
    alone = prompt_gain(BROKEN[:1], "Find: ", resamples=10, seed=1)
    assert alone and not alone.is_proven and "nan" not in alone.sentence and "+100 of 100," in alone.sentence


def test_the_ranks_are_told_where_they_are_known() -> None:
    missed = [replace(record(f"missed{i}", NONE, ALL, ALL, gold=False), reprompted_rank=1) for i in range(30)]
    found = prompt_gain(missed, "", resamples=100, seed=1)
    assert found and found.ranks and round(found.ranks.value, 6) == round(1 - 1 / 9, 6)
    assert "(reciprocal rank +0.89)" in found.sentence
    unknown = prompt_gain(BROKEN, "", resamples=100, seed=1)
    assert unknown and unknown.ranks is None and "reciprocal" not in unknown.sentence


def test_without_outcomes_there_is_no_gain() -> None:
    assert prompt_gain([], "", resamples=100, seed=1) is None
