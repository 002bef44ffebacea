"""The form of answers: formats, terms, style, and what they say of the generator."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybrid.answer_format import is_valid, schema_problem, shape
from hybrid.config import DiagnosisConfig
from hybrid.corpus.questions import read_questions
from hybrid.errors import InputError
from hybrid.evaluation.answer_form import AnswerForm, measure_form, with_form
from hybrid.evaluation.attribution import Diagnosis, attribute
from hybrid.evaluation.glossary import Glossary, read_glossary
from hybrid.evaluation.graders import grade
from hybrid.evaluation.records import Record
from hybrid.types import Arm, Layer, Outcome, Question

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"weight": {"type": "string"}},
        "required": ["weight"],
        "additionalProperties": False,
    }
)
GLOSSARY = Glossary({"mechanical seal": ("gland", "seal"), "wear ring": ("ring",)})


def asked(
    answers: list[str], *, correct: bool = True, gold: bool = True, **format: str
) -> tuple[list[Record], list[Question]]:
    """A record and a question for each answer; perfect documents change nothing."""
    questions = [
        Question(f"q{i}", "?", ("20 kg",), (f"p{i}",), answer_type="number", **format) for i in range(len(answers))
    ]
    records = []
    for i, text in enumerate(answers):
        outcomes = tuple(
            Outcome(f"q{i}", arm, 0, float(correct), correct, False, gold, text)
            for arm in (Arm.RETRIEVED, Arm.ORACLE_IN_DISTRACTORS, Arm.ORACLE)
        )
        records.append(Record(f"q{i}", "", f"p{i}", True, True, 1, outcomes))
    return records, questions


def form_of(records: list[Record], questions: list[Question], glossary: Glossary | None = None) -> AnswerForm:
    return measure_form(records, questions, glossary, resamples=200, seed=1)


def verdict_of(records: list[Record], questions: list[Question], glossary: Glossary | None = None) -> Diagnosis:
    made = attribute(records, config=DiagnosisConfig(), resamples=200, seed=1)
    return with_form(made, form_of(records, questions, glossary), 0.05)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ('{"weight": "20 kg"}', True),
        ('```json\n{"weight": "20 kg"}\n```', True),
        ('{"weight": 20}', False),
        ('{"weight": "20 kg", "more": 1}', False),
        ("20 kg", False),
        ("", False),
    ],
)
def test_a_schema_says_which_answers_are_valid(text: str, valid: bool) -> None:
    assert is_valid(text, Question("q", "?", json_schema=SCHEMA)) is valid


def test_a_pattern_must_fit_the_whole_answer_and_no_format_asks_for_nothing() -> None:
    question = Question("q", "?", pattern=r"\d+ kg")
    assert is_valid(" 20 kg\n", question) is True
    assert is_valid("about 20 kg", question) is False
    assert is_valid("anything", Question("q", "?")) is None


def test_an_answer_by_schema_is_right_when_one_of_its_values_is() -> None:
    question = Question("q", "?", ("20 kg",), answer_type="number", json_schema=SCHEMA)
    assert grade('{"weight": "20 kg"}', question, abstained=False).exact
    assert not grade('{"weight": "30 kg"}', question, abstained=False).correct
    assert grade("20 kg", question, abstained=False).correct


def test_right_but_malformed_answers_are_the_generators() -> None:
    records, questions = asked(['{"weight": "20 kg"} [1]'] * 20 + ["It is 20 kg [1]"] * 20, json_schema=SCHEMA)
    form = form_of(records, questions)
    assert form.valid and form.valid.value == 0.5
    assert form.right_but_malformed and form.right_but_malformed.value == 0.5
    assert form.malformed == tuple(f"q{i}" for i in range(20, 40))
    plain = attribute(records, config=DiagnosisConfig(), resamples=200, seed=1)
    assert plain.recommended is None
    told = verdict_of(records, questions)
    assert told.recommended is Layer.GENERATOR and "50 [" in told.sentence and told.questions_needed is None


def test_valid_answers_and_wrong_ones_say_nothing_of_the_form() -> None:
    assert verdict_of(*asked(['{"weight": "20 kg"}'] * 40, json_schema=SCHEMA)).recommended is None
    # wrong answers are told by their labels: being malformed as well makes no second case against the generator
    form = form_of(*asked(["It is 30 kg"] * 40, correct=False, json_schema=SCHEMA))
    assert form.right_but_malformed is None and form.valid and form.valid.value == 0


def test_where_a_layer_is_named_already_the_form_is_a_note() -> None:
    records, questions = asked(["20 kg"] * 40, json_schema=SCHEMA)
    lost = [
        replace(
            r,
            gold_rank=90,
            outcomes=tuple(
                replace(o, correct=False, score=0.0, gold_in_context=False) if o.arm is Arm.RETRIEVED else o
                for o in r.outcomes
            ),
        )
        for r in records[:20]
    ]
    told = verdict_of([*lost, *records[20:]], questions)
    assert told.recommended is Layer.EMBEDDER
    assert told.notes[0].startswith("The form is the generator's")


def test_an_answer_that_declines_or_is_missing_has_no_form() -> None:
    records, questions = asked(["I don't know."] * 5, json_schema=SCHEMA)
    silent = [replace(r, outcomes=tuple(replace(o, abstained=True) for o in r.outcomes)) for r in records]
    assert form_of(silent, questions).valid is None


def test_wrong_and_mixed_terms_are_counted_where_the_gold_was_read() -> None:
    texts = [
        "Replace the mechanical seal [1]",
        "Replace the gland",
        "The mechanical seal, not the gland",
        "Ask the dealer",
    ]
    form = form_of(*asked(texts * 10), GLOSSARY)
    assert form.wrong_terms and form.wrong_terms.num == 30
    assert form.wrong_terms.value == pytest.approx(2 / 3)
    assert form.mixed_terms and form.mixed_terms.value == pytest.approx(1 / 3)
    assert form_of(*asked(texts, gold=False), GLOSSARY).wrong_terms is None
    assert verdict_of(*asked(texts * 10), GLOSSARY).recommended is Layer.GENERATOR


def test_a_variant_within_its_own_term_is_no_fault() -> None:
    assert GLOSSARY.wrong("both Mechanical  seals and the wear rings") == []
    assert GLOSSARY.wrong("the seal and a ring; strings do not count") == ["seal", "ring"]
    assert GLOSSARY.mixed("wear ring or ring") == ["wear ring"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("20 kg", "value"),
        ("the crate", "phrase"),
        ("It weighs twenty kilograms when full.", "sentence"),
        ("It is heavy. Ask for help.", "sentences"),
        ("- one\n- two", "list"),
        ('{"a": 1}', "json"),
    ],
)
def test_shapes(text: str, wanted: str) -> None:
    assert shape(text) == wanted


def test_style_is_how_many_answers_look_alike() -> None:
    form = form_of(*asked(["20 kg [1]"] * 15 + ["It weighs 20 kg when it is full [1]."] * 5))
    assert form.consistent_style and form.consistent_style.value == 0.75
    assert form.shapes == {"number": {"value": 15, "sentence": 5}}
    assert form_of(*asked(["20 kg"] * 5)).consistent_style is None


def test_formats_are_read_with_the_questions_and_bad_ones_named(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    good = {"id": "a", "question": "?", "pattern": r"\d+", "json_schema": json.loads(SCHEMA)}
    file.write_text(json.dumps(good) + "\n")
    (found,) = read_questions([file])
    assert found.question.pattern == r"\d+" and json.loads(found.question.json_schema) == json.loads(SCHEMA)
    bad: list[tuple[dict[str, Any], str]] = [
        ({"pattern": "("}, "regular expression"),
        ({"json_schema": {"type": "nonsense"}}, "JSON Schema"),
        ({"json_schema": "text"}, "JSON Schema"),
    ]
    for fields, message in bad:
        file.write_text(json.dumps(good) + "\n" + json.dumps({"id": "b", "question": "?", **fields}) + "\n")
        with pytest.raises(InputError, match=message) as error:
            read_questions([file])
        assert f"{file}:2" in str(error.value)
    assert schema_problem({"type": "object"}) == ""


@pytest.mark.parametrize("text", ["- a\n- b\n", "seal: gland\n", "seal: [1]\n", "a: [\n", ""])
def test_a_glossary_of_another_shape_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "glossary.yaml"
    file.write_text(text)
    with pytest.raises(InputError):
        read_glossary(file)
    with pytest.raises(InputError, match="no such file"):
        read_glossary(tmp_path / "absent.yaml")


def test_a_glossary_that_is_no_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "glossary.yaml"
    file.write_text("seal: [gland]\nvalve: [\n")
    with pytest.raises(InputError, match=r"glossary\.yaml:3: not valid YAML"):
        read_glossary(file)


def test_a_glossary_is_read(tmp_path: Path) -> None:
    file = tmp_path / "glossary.yaml"
    file.write_text("mechanical seal: [gland, stuffing box]\n")
    assert read_glossary(file).terms == {"mechanical seal": ("gland", "stuffing box")}
