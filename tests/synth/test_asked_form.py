"""The form that answers are asked for: who says it, how it is told to a model, and what breaks it."""

import json
from pathlib import Path
from typing import Any

import pytest

from hybrid.answer_format import is_valid
from hybrid.answering.prompt import prompt_form, render
from hybrid.config_answering import AnsweringConfig
from hybrid.corpus.task import Task, read_task
from hybrid.synth.asked_form import SHORT, SPAN_WORDS, AskedForm, asked_form, sample
from hybrid.synth.assignments import KINDS, Assignment
from hybrid.synth.prompts import Draft, answer_problem, draft_chat, draft_problem, read_draft
from hybrid.types import Passage, Question

SCHEMA = json.dumps({"type": "object", "required": ["weight"], "properties": {"weight": {"type": "string"}}})
PLAIN = AnsweringConfig()
PASSAGE = Passage("p", "The crate weighs 20 kg.", title="C40")
LOOKUP = Assignment("a1", "lookup", "an auditor", (PASSAGE,), (PASSAGE.text,))


def dev(*answers: str, **changes: Any) -> list[Question]:
    return [Question(f"q{n}", "?", (answer,), split="dev", **changes) for n, answer in enumerate(answers)]


def words(num: int) -> str:
    return " ".join(["word"] * num)


def test_where_nobody_says_anything_the_shortest_is_asked_for() -> None:
    assert asked_form(Task(), PLAIN, []) == SHORT and SHORT.is_plain
    assert "as short as possible" in draft_chat(LOOKUP)[0].content
    few = dev(words(40), words(40))
    assert asked_form(Task(), PLAIN, few) == SHORT, "two answers are no habit"
    others = [Question(f"t{n}", "?", (words(40),), split="test") for n in range(20)]
    made = dev(*[words(40)] * 20, origin="synth")
    assert asked_form(Task(), PLAIN, [*others, *made]) == SHORT, "neither test nor made questions say what is wanted"


def test_the_length_of_the_dev_answers_is_asked_for() -> None:
    form = asked_form(Task(), PLAIN, dev(*[words(n) for n in range(20, 60)], answer_type="long"))
    assert (form.least, form.most, form.in_sentences) == (23, 55, True)
    assert "40 dev answers" in form.source
    assert "whole sentences, 23 to 55 words" in draft_chat(LOOKUP, form)[0].content
    short = asked_form(Task(), PLAIN, dev(*["20 kg"] * 18, words(20), words(20)))
    assert (short.least, short.most, short.is_plain) == (0, SPAN_WORDS, True)


def test_a_form_that_most_dev_questions_ask_for_is_asked_for() -> None:
    json_asked = dev(*['{"weight": "20 kg"}'] * 6, json_schema=SCHEMA)
    assert asked_form(Task(), PLAIN, [*json_asked, *dev(*["x"] * 4)]).json_schema == SCHEMA
    assert asked_form(Task(), PLAIN, [*json_asked, *dev(*["x"] * 6)]).json_schema == ""
    assert asked_form(Task(), PLAIN, dev(*["20 kg"] * 6, pattern=r"\d+ kg")).pattern == r"\d+ kg"


def test_labels_say_no_length_and_are_told() -> None:
    form = asked_form(Task(), PLAIN, dev(*["yes"] * 20, answer_type="yes_no"))
    assert form.most == 0 and "label" in form.notes[0]


def test_the_task_goes_before_dev() -> None:
    long_dev = dev(*[words(40)] * 9, answer_type="long")
    form = asked_form(Task(answer_words=20), PLAIN, long_dev)
    assert (form.least, form.most, form.in_sentences, form.source) == (4, 20, True, "task.yaml")
    assert "at most 20 words" in form.told and form.problem("20 kg").startswith("shorter than asked")
    form = asked_form(Task(answer_words=5), PLAIN, long_dev)
    assert form.most == 5 and form.is_plain
    form = asked_form(Task(answer_schema=SCHEMA), PLAIN, long_dev)
    assert form.json_schema == SCHEMA and not form.in_sentences and form.most == 0
    form = asked_form(Task(answer_style="the figure first", output="a figure"), PLAIN, long_dev)
    assert form.style == "the figure first" and form.most == 40 and "task.yaml and 9 dev" in form.source
    assert asked_form(Task(output="a figure"), PLAIN, []).style == "a figure"


def test_the_configured_prompt_says_it_too() -> None:
    own = AnsweringConfig(style="own", template="{passages}\nReply in two full sentences.\n{question}")
    form = asked_form(Task(), own, [])
    assert "two full sentences" in form.told_style and form.source == "answering" and "{" not in form.style
    assert form.asks(own) == own, "the team's prompt asks for it"
    assert asked_form(Task(), AnsweringConfig(instruction="Name the page."), []).style == "Name the page."


def test_a_prompt_for_the_shortest_answer_is_named_where_another_is_taught() -> None:
    form = asked_form(Task(answer_words=60), AnsweringConfig(style="cited"), [])
    assert any("answering.style cited" in note for note in form.notes)
    assert not asked_form(Task(answer_words=5), PLAIN, []).notes
    assert not asked_form(Task(answer_words=60), AnsweringConfig(instruction="In full sentences."), []).notes


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (AskedForm(20, 60, in_sentences=True), "20 to 60 words"),
        (AskedForm(json_schema=SCHEMA), SCHEMA),
        (AskedForm(pattern=r"\d{2} kg"), r"\d{2} kg"),
        (AskedForm(style="a list of steps"), "a list of steps"),
    ],
)
def test_the_teachers_own_answers_are_asked_for_in_that_form(form: AskedForm, said: str) -> None:
    answering = form.asks(PLAIN)
    (turn,) = render("How heavy?", [PASSAGE], prompt_form(answering, lambda chat: 1))
    assert said in turn.content and PASSAGE.text in turn.content and "Question: How heavy?" in turn.content
    assert "few words" not in turn.content and "I don't know." in turn.content
    assert form.reply_tokens > 60
    assert AskedForm(most=9).asks(PLAIN) == PLAIN


@pytest.mark.parametrize(
    ("form", "answer", "problem"),
    [
        (SHORT, "20 kg", ""),
        (SHORT, "very " * 100, "longer than asked: 500 characters"),
        (AskedForm(most=3), "it is 20 kg", "longer than asked: 4 words, at most 3"),
        (AskedForm(10, 20, in_sentences=True), "20 kg", "shorter than asked: 2 words, at least 10"),
        (AskedForm(10, 20, in_sentences=True), words(20), ""),
        (AskedForm(json_schema=SCHEMA), '{"weight": "20 kg"}', ""),
        (AskedForm(json_schema=SCHEMA), '{"mass": "20 kg"}', "not of the asked JSON Schema"),
        (AskedForm(json_schema=SCHEMA, most=2), '{"weight": "about 20 kg"}', "longer than asked: 3 words"),
        (AskedForm(pattern=r"\d+ kg"), "20 kg", ""),
        (AskedForm(pattern=r"\d+ kg"), "about 20 kg", "not of the asked pattern"),
    ],
)
def test_what_breaks_the_form_is_said(form: AskedForm, answer: str, problem: str) -> None:
    found = draft_problem(Draft("How heavy is the C40?", answer), "lookup", form)
    assert found.startswith(f"answer: {problem}" if problem else "") and bool(found) == bool(problem)
    assert answer_problem(found) == problem.partition(":")[0]
    assert draft_problem(Draft("How heavy is the C40?", ""), "unanswerable", form) == ""
    assert answer_problem(draft_problem(Draft("Why?", answer), "lookup", form)) == ""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "form",
    [
        AskedForm(8, 60, in_sentences=True),
        AskedForm(json_schema=SCHEMA),
        AskedForm(pattern=r"\d+ kg"),
        AskedForm(most=12, style="the figure with its unit"),
    ],
)
def test_a_worked_example_has_the_asked_form_or_is_left_out(kind: Any, form: AskedForm) -> None:
    quotes = () if kind == "unanswerable" else (PASSAGE.text,)
    chat = draft_chat(Assignment("a1", kind, "an auditor", (PASSAGE,), quotes), form)
    if len(chat) == 4:
        assert draft_problem(read_draft(chat[2].content, form), kind, form) == ""
    else:
        assert form.pattern and [turn.role for turn in chat] == ["system", "user"]
    assert (form.style in chat[0].content) == (kind != "unanswerable") or not form.style
    if kind == "unanswerable":
        assert chat == draft_chat(Assignment("a1", kind, "an auditor", (PASSAGE,), ()))


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        (json.loads(SCHEMA), '{"weight": "oak"}'),
        ({"type": "array", "items": {"type": "string"}}, '["oak"]'),
        ({"properties": {"a": {}, "sure": {"type": "boolean"}, "kind": {"enum": ["part", "tool"]}}}, None),
        ({"type": "object", "properties": {"kg": {"type": "number"}}}, ""),
        ({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}, ""),
        ({"type": "object", "properties": {"a": {"type": "string", "maxLength": 1}}}, ""),
    ],
)
def test_json_for_a_worked_example(schema: dict[str, Any], made: str | None) -> None:
    found = sample(json.dumps(schema), "oak")
    assert found == ('{"a": "oak", "sure": true, "kind": "part"}' if made is None else made)
    assert not found or is_valid(found, Question("", "", json_schema=json.dumps(schema)))


def test_replies_are_read_by_the_form() -> None:
    long = AskedForm(2, 60, in_sentences=True)
    reply = "Question: How is it lifted?\nAnswer: Open both latches. [1]\n\n- Then lift it.\n"
    assert read_draft(reply, long).answer == "Open both latches.\n- Then lift it."
    assert read_draft(reply).answer == "Open both latches."
    assert read_draft(reply, AskedForm(style="a list")).answer == "Open both latches.", "what follows is talk"
    twice = "Question: A?\nAnswer: One.\nQuestion: B?\nAnswer: Two."
    assert read_draft(twice, long) == Draft("A?", "One.")
    assert read_draft("Question: A?\nAnswer:\nI hope this helps.", long, answerable=False).answer == ""
    by_schema = AskedForm(json_schema=SCHEMA)
    for answer in (
        '{"weight":\n "20 kg"}',
        '```json\n{"weight": "20 kg"}\n```',
        '{"weight": "20 kg"} I hope it helps.',
    ):
        assert read_draft(f"Question: A?\nAnswer: {answer}", by_schema).answer == '{"weight": "20 kg"}'
    whole = '{"question": "How heavy?", "answer": {"weight": "20 kg"}}'
    assert read_draft(whole, by_schema) == Draft("How heavy?", '{"weight": "20 kg"}')
    assert read_draft("Question: A?\nAnswer: 20 kg", by_schema).answer == "20 kg"
    assert read_draft("Question: A?\nAnswer: {broken", by_schema).answer == "{broken"


def test_a_task_file_says_it(tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text(SCHEMA, encoding="utf-8")
    file = tmp_path / "task.yaml"
    file.write_text("answer_schema: answer.json\nanswer_words: 30\n", encoding="utf-8")
    form = asked_form(read_task(file) or Task(), PLAIN, [])
    assert json.loads(form.json_schema) == json.loads(SCHEMA) and form.most == 30
