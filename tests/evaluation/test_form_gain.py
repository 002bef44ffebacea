"""Another prompt form by the answers: when it is told first, when beside the pick, and when it says nothing."""

from collections.abc import Sequence
from dataclasses import replace

from hybrid.config import DiagnosisConfig
from hybrid.evaluation.attribution import Diagnosis, attribute
from hybrid.evaluation.form_gain import form_gain, sample_speaks
from hybrid.evaluation.moved import what_moved
from hybrid.evaluation.prompt_forms import OtherForm
from hybrid.evaluation.prompt_gain import SET_PROMPT
from hybrid.evaluation.records import Record
from hybrid.types import Arm, Layer
from tests.evaluation.test_prompt_gain import ALL, NONE, outcomes, record

CITED = OtherForm("cited")


def asked(
    num: int, kind: str, r: Sequence[int], w: Sequence[int] | None, *, gold: bool = True, chose: bool = False
) -> list[Record]:
    """Questions answered with `r` as it stands, the same with the oracle, and with `w` in the other form."""
    made = []
    for number in range(num):
        plain = record(f"{kind}{number}", r, r if gold else ALL, None, gold=gold)
        more = outcomes(plain.question_id, Arm.REWORDED, w, gold) if w is not None else []
        oracle = [replace(o, correct=bool(r[0]) or not gold) if o.arm is Arm.ORACLE else o for o in plain.outcomes]
        made.append(replace(plain, outcomes=(*oracle, *more), chose_form=chose))
    return made


def silent(num: int, kind: str, r: Sequence[int], w: Sequence[int]) -> list[Record]:
    """Unanswerable questions, declined or not."""
    names = [f"{kind}{number}" for number in range(num)]
    return [
        Record(
            n, "", n, False, False, None,
            (*outcomes(n, Arm.RETRIEVED, r, False), *outcomes(n, Arm.REWORDED, w, False)),
        )
        for n in names
    ]  # fmt: skip


def diagnosed(records: Sequence[Record], form: OtherForm | None = CITED, prompt: str | None = "") -> Diagnosis:
    return attribute(records, config=DiagnosisConfig(), resamples=500, seed=1, form=form, prompt=prompt)


RIGHT = asked(100, "right", ALL, ALL)
BROKEN = asked(40, "broken", NONE, ALL)
STUBBORN = asked(10, "stubborn", NONE, NONE)


def test_a_proven_form_is_told_before_the_generator_is_retuned() -> None:
    found = diagnosed([*RIGHT, *BROKEN, *STUBBORN])
    assert found.recommended is Layer.PROMPT and found.questions_needed is None
    assert found.with_present_prompt is Layer.GENERATOR
    assert found.sentence.startswith(
        "Change the prompt of the generator, tune nothing yet: in the form cited 27 (95 % interval "
    )
    assert found.next_command == (
        "set answering.style to cited, then hybrid diagnose (hybrid prompt chooses among all forms and worked examples)"
    )
    assert "In the form cited 40 of 150 questions turn right and 0 wrong" in found.reason
    assert found.second_grader.agrees
    labels = found.labels
    assert {labels[r.question_id] for r in BROKEN} == {"WRONG_PROMPT"}
    assert {labels[r.question_id] for r in STUBBORN} == {"WRONG_ANSWER"}
    assert found.shares["WRONG_PROMPT"].value == 40 / 150
    assert round(found.arms["reworded"].value, 6) == round(140 / 150, 6)


def test_without_the_arm_the_same_answers_are_the_generators_and_headroom_is_the_same() -> None:
    records = [*RIGHT, *BROKEN, *STUBBORN]
    bare = [replace(r, outcomes=tuple(o for o in r.outcomes if o.arm is not Arm.REWORDED)) for r in records]
    found, tried = diagnosed(bare), diagnosed(records)
    assert found.recommended is found.with_present_prompt is Layer.GENERATOR and found.prompt_form is None
    assert {found.labels[r.question_id] for r in BROKEN} == {"WRONG_ANSWER"}
    assert found.headroom == tried.headroom and found.shapley == tried.shapley
    assert found.generator_first == tried.generator_first and found.probability_best == tried.probability_best


def test_the_questions_that_chose_the_form_do_not_judge_it() -> None:
    chose = asked(24, "chose", NONE, ALL, chose=True)
    found = form_gain([*RIGHT, *chose, *STUBBORN], CITED, resamples=200, seed=1)
    assert found and found.gain.value == 0 and found.gain.num == 110 and found.num_gained == 0
    verdict = diagnosed([*RIGHT, *chose, *STUBBORN])
    assert verdict.recommended is Layer.GENERATOR
    assert verdict.prompt_form and "proves nothing" in verdict.prompt_form.sentence
    assert form_gain(chose, CITED, resamples=10, seed=1) is None
    assert sample_speaks(chose) and not sample_speaks([*RIGHT, *asked(24, "same", ALL, ALL, chose=True)])


def test_a_gain_below_the_least_that_matters_is_proven_but_does_not_hide_the_layer() -> None:
    found = diagnosed([*RIGHT, *asked(9, "broken", NONE, ALL), *asked(60, "stubborn", NONE, NONE)])
    assert found.prompt_form and 0 < found.prompt_form.gain.low < DiagnosisConfig().minimum_effect
    assert found.prompt_form.is_proven and found.recommended is Layer.GENERATOR
    assert found.labels["broken0"] == "WRONG_PROMPT"


def test_a_loss_and_what_chance_can_do_change_nothing() -> None:
    for lost in (5, 30):
        found = diagnosed([*RIGHT, *asked(6, "won", NONE, ALL), *asked(lost, "lost", ALL, NONE)])
        assert found.prompt_form and not found.prompt_form.is_proven and found.recommended is None
        assert "proves nothing" in found.prompt_form.sentence
        assert found.labels["won0"] == "WRONG_ANSWER" and found.labels["lost0"] == "CORRECT"


def test_a_form_that_finds_luck_blames_the_documents_still() -> None:
    found = diagnosed([*RIGHT, *BROKEN, *asked(30, "missed", NONE, ALL, gold=False)])
    assert found.prompt_form and found.prompt_form.is_proven
    assert {found.labels[f"missed{i}"] for i in range(30)} == {"RANKED_LOW"}


def test_of_two_proven_prompts_the_one_that_gains_more_is_told_first() -> None:
    def both(num: int, kind: str, p: Sequence[int], w: Sequence[int]) -> list[Record]:
        plain = [record(f"{kind}{n}", NONE, NONE, p) for n in range(num)]
        return [replace(r, outcomes=(*r.outcomes, *outcomes(r.question_id, Arm.REWORDED, w, True))) for r in plain]

    right = [
        replace(r, outcomes=(*r.outcomes, *outcomes(r.question_id, Arm.REPROMPTED, ALL, True))) for r in RIGHT
    ]  # fmt: skip
    by_query, by_form = both(30, "query", ALL, NONE), both(60, "form", NONE, ALL)
    found = diagnosed([*right, *by_query, *by_form])
    assert found.recommended is Layer.PROMPT and found.query_prompt and found.query_prompt.is_proven
    found = diagnosed([*right, *both(60, "query", ALL, NONE), *both(30, "form", NONE, ALL)])
    assert found.recommended is Layer.EMBEDDER and found.next_command.startswith(SET_PROMPT)
    assert found.prompt_form and found.prompt_form.is_proven


def test_few_questions_recommend_nothing_here_either() -> None:
    found = diagnosed([*RIGHT[:5], *BROKEN[:20]])
    assert found.prompt_form and found.prompt_form.is_proven
    assert found.recommended is None and "Not enough data" in found.sentence


def test_what_it_does_to_declining_is_told_beside() -> None:
    found = form_gain([*RIGHT, *BROKEN, *silent(10, "u", ALL, NONE)], CITED, resamples=200, seed=1)
    assert found and found.declined and found.declined.value == -1
    assert found.sentence.endswith("; of 10 unanswerable ones 100 of 100 fewer are declined.")
    same = form_gain([*RIGHT, *BROKEN, *silent(10, "u", ALL, ALL)], CITED, resamples=200, seed=1)
    assert same and "unanswerable" not in same.sentence


def test_each_change_has_its_words() -> None:
    for form, named, command in (
        (OtherForm("plain", "instruction"), "without answering.instruction", "remove answering.instruction, then"),
        (
            OtherForm("cited", "template"),
            "in the form cited instead of answering.template",
            "set answering.style to cited and remove answering.template, then",
        ),
        (None, "in the other prompt form", "ask in the other prompt form, then record and diagnose again"),
    ):
        found = diagnosed([*RIGHT, *BROKEN], form)
        assert f": {named} 29 " in found.sentence and found.next_command.startswith(command)


def test_a_comparison_calls_questions_as_the_diagnosis_did() -> None:
    after = [*asked(100, "right", ALL, None), *asked(40, "broken", ALL, None)]
    moved = what_moved(
        [*RIGHT, *BROKEN], after, retuned="generator", rank_limit=20, minimum_effect=0.05, resamples=200, seed=1
    )
    assert moved.transitions == {"WRONG_PROMPT → CORRECT": 40}
