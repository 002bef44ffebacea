"""What the teacher and the critic are asked, and how their replies are read."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from hybrid.answer_format import is_valid, parse_json
from hybrid.answering.citations import unmarked
from hybrid.config import SynthKind
from hybrid.synth.asked_form import SHORT, AskedForm, sample
from hybrid.synth.assignments import Assignment
from hybrid.types import Chat, Message, Passage, Question

CRITERIA = ("grounding", "correctness", "clarity", "standalone")
"""What a critic scores, 1 to 5 each."""
CRITIC_TOKENS = 40
SCHEMA = {
    "type": "object",
    "required": ["question", "answer"],
    "properties": {
        "question": {"type": "string", "minLength": 12, "maxLength": 300, "pattern": r"^[^\n]*\?$"},
        "answer": {"type": "string"},
    },
}
"""Of a draft; the form of its answer is the asked one's to judge."""

_ASKED: Mapping[SynthKind, str] = {
    "lookup": "Write one question that the marked sentence answers.",
    "procedure": "Write one question on how, when or in which order something is done; the marked sentence answers it.",
    "negation": "Write one question about what is not so, not allowed or excepted, which the marked sentence answers.",
    "comparison": "Write one question that compares what the two marked sentences tell; both are needed to answer it.",
    "multi_passage": "Write one question that only the two marked sentences together answer.",
    "unanswerable": (
        "Write one question that somebody who reads this text would ask next, but that the text does not answer. "
        "Leave the answer empty."
    ),
}
_EXAMPLE: Mapping[SynthKind, tuple[str, str]] = {
    "lookup": (
        "[1] Crate C40\nThe crate C40 is made of oak. It weighs 20 kg when it is empty.\n\n"
        "Marked: It weighs 20 kg when it is empty.",
        "Question: How heavy is an empty C40 crate?\nAnswer: 20 kg",
    ),
    "procedure": (
        "[1] Crate C40\nLift the lid only after both latches are open.\n\n"
        "Marked: Lift the lid only after both latches are open.",
        "Question: What must be done before the lid of the C40 crate is lifted?\nAnswer: both latches must be open",
    ),
    "negation": (
        "[1] Crate C40\nThe C40 may not be stacked on the C90.\n\nMarked: The C40 may not be stacked on the C90.",
        "Question: On which crate is stacking a C40 not allowed?\nAnswer: the C90",
    ),
    "comparison": (
        "[1] Crate C40\nThe C40 weighs 20 kg.\n\n[2] Crate C90\nThe C90 weighs 35 kg.\n\n"
        "Marked: The C40 weighs 20 kg.\nMarked: The C90 weighs 35 kg.",
        "Question: Which crate is heavier, the C40 or the C90?\nAnswer: the C90",
    ),
    "multi_passage": (
        "[1] Crate C40\nThe C40 is closed by latch L7.\n\n[2] Latches\nLatch L7 is oiled once a year.\n\n"
        "Marked: The C40 is closed by latch L7.\nMarked: Latch L7 is oiled once a year.",
        "Question: How often must the latch of the C40 crate be oiled?\nAnswer: once a year",
    ),
    "unanswerable": (
        "[1] Crate C40\nThe crate C40 is made of oak. It weighs 20 kg when it is empty.",
        "Question: What does a new C40 crate cost?\nAnswer:",
    ),
}
_IN_SENTENCES: Mapping[SynthKind, str] = {
    "lookup": "An empty C40 crate weighs 20 kg. The crate is made of oak.",
    "procedure": "Before the lid of the C40 crate is lifted, both of its latches must be open.",
    "negation": "Stacking is not allowed on the C90: no C40 crate may be put on top of it.",
    "comparison": "The C90 is the heavier one of the two crates. It weighs 35 kg, while the C40 weighs only 20 kg.",
    "multi_passage": "The C40 crate is closed by latch L7, and latch L7 must be oiled once a year.",
}
"""The answers of the worked examples where sentences are asked for."""
_QUESTION = re.compile(r"(?im)^\W*question\W*[:–-]\**\s*(.+)$")
_ANSWER = re.compile(r"(?im)^\W*answer\W*[:–-]\**[ \t]*(.*)$")
_ANSWER_TO_THE_END = re.compile(r"(?ims)^\W*answer\W*[:–-]\**\s*(.*?)\s*(?=^\W*(?:question|marked)\W*[:–-]|\Z)")
"""A small model that does not stop goes on with the next turn."""
_ANSWER_TO_A_BLANK_LINE = re.compile(r"(?ims)^\W*answer\W*[:–-]\**\s*(.*?)\s*(?=\n\s*\n|^\W*question\W*[:–-]|\Z)")
_OF_ANSWER = "answer: "
_SCORE = re.compile(r"(?<!\d)[1-5](?!\d)")


@dataclass(frozen=True, slots=True)
class Draft:
    """What a teacher wrote, as read; "" where the reply has no such line."""

    question: str
    answer: str


def draft_chat(assignment: Assignment, form: AskedForm = SHORT) -> Chat:
    """Ask for one question with its answer: one worked example of the same kind, then the passages. An example whose
    answer would have another form than the asked one is left out.
    """
    if assignment.kind == "unanswerable":
        form = SHORT
    style = f" {form.told_style}" if form.told_style else ""
    system = (
        f"You write questions that {assignment.persona} would ask of a documentation. {_ASKED[assignment.kind]} "
        "Name the thing that is asked about: the reader of the question does not see the text. Use other words than "
        f"the text.{style} Reply with two lines:\nQuestion: …\nAnswer: … ({form.told})"
    )
    marked = "".join(f"\nMarked: {quote}" for quote in assignment.quotes)
    text = _numbered(assignment.passages) + (f"\n{marked}" if marked else "")
    # small models do as the example does, unless they are told again
    again = "" if form.is_plain else f"\n\nGive the answer as follows: {form.told}."
    return (Message("system", system), *_example(assignment.kind, form), Message("user", text + again))


def _example(kind: SynthKind, form: AskedForm) -> Chat:
    shown, wanted = _EXAMPLE[kind]
    question, _, answer = wanted.partition("\nAnswer: ")
    if form.json_schema:
        answer = sample(form.json_schema, answer)
    elif form.in_sentences:
        answer = _IN_SENTENCES[kind]
    elif not form.pattern or is_valid(answer, Question("", "", pattern=form.pattern)):
        return (Message("user", shown), Message("assistant", wanted))
    else:
        return ()
    return (Message("user", shown), Message("assistant", f"{question}\nAnswer: {answer}")) if answer else ()


def read_draft(text: str, form: AskedForm = SHORT, *, answerable: bool = True) -> Draft:
    """From two lines `Question:` and `Answer:`, or from a JSON object with these keys. With `answerable`, an answer in
    sentences goes on to the end of the reply, JSON to where it ends, one in the team's own form to a blank line.
    """
    is_json, value = parse_json(text)
    if is_json and isinstance(value, dict):
        fields = {str(key).lower(): part for key, part in value.items()}
        return Draft(_line(fields.get("question")), _answer(fields.get("answer"), form))
    pattern = _ANSWER
    if answerable and (form.in_sentences or form.json_schema):
        pattern = _ANSWER_TO_THE_END
    elif answerable and form.is_open:
        pattern = _ANSWER_TO_A_BLANK_LINE
    question, answer = _QUESTION.search(text), pattern.search(text)
    return Draft(_line(question[1] if question else ""), _answer(answer[1] if answer else "", form))


def draft_problem(draft: Draft, kind: SynthKind, form: AskedForm = SHORT) -> str:
    """In what a draft breaks its schema, or its answer the asked form; empty where neither does."""
    from jsonschema import Draft202012Validator

    value = {"question": draft.question, "answer": draft.answer}
    error = next(iter(Draft202012Validator(SCHEMA).iter_errors(value)), None)
    if error is not None:
        return f"{'.'.join(map(str, error.path)) or 'draft'}: {error.message[:120]}"
    if kind == "unanswerable":
        return ""
    problem = form.problem(draft.answer) if draft.answer else "empty"
    return f"{_OF_ANSWER}{problem}" if problem else ""


def answer_problem(decision: str) -> str:
    """What is wrong with an answer in a few words, of what `draft_problem` said; empty where the answer was not."""
    return decision.removeprefix(_OF_ANSWER).partition(":")[0] if decision.startswith(_OF_ANSWER) else ""


def critic_chat(assignment: Assignment, draft: Draft) -> Chat:
    """Ask for four scores."""
    system = (
        "You review questions for a test of a documentation search. Score 1 (bad) to 5 (good): grounding (the text "
        "answers the question), correctness (the answer is right and complete), clarity (one clear question), "
        "standalone (it can be understood without seeing the text). Reply with the four scores only, like: "
        + ", ".join(f"{name} {score}" for name, score in zip(CRITERIA, (5, 4, 5, 2), strict=True))
    )
    answer = draft.answer or "(the text does not answer it)"
    text = f"{_numbered(assignment.passages)}\n\nQuestion: {draft.question}\nAnswer: {answer}"
    return (Message("system", system), Message("user", text))


def read_scores(text: str) -> dict[str, int] | None:
    """The four scores by criterion, from the first four digits 1 to 5; None where there are fewer."""
    is_json, value = parse_json(text)
    found = _SCORE.findall(json.dumps(value) if is_json else text)
    if len(found) < len(CRITERIA):
        return None
    return {name: int(score) for name, score in zip(CRITERIA, found, strict=False)}


def _numbered(passages: tuple[Passage, ...]) -> str:
    return "\n\n".join(f"[{number}] {passage.full_text}" for number, passage in enumerate(passages, 1))


def _answer(value: object, form: AskedForm) -> str:
    """Without citation markers, on lines where it may have several; JSON as it is parsed, less what stands round it."""
    if form.json_schema:
        return _json_text(value)
    lines = [line for line in map(_line, unmarked(str(value or "")).splitlines()) if line]
    return ("\n" if form.in_sentences or form.is_open else " ").join(lines)


def _json_text(value: object) -> str:
    if isinstance(value, str):
        found, parsed = parse_json(value)
        start = min((place for place in map(value.find, "{[") if place >= 0), default=-1)
        if not found and start >= 0:
            try:
                parsed, _ = json.JSONDecoder().raw_decode(value[start:])
            except ValueError:
                return _line(value)
        elif not found:
            return _line(value)
        value = parsed
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _line(value: object) -> str:
    return " ".join(str(value or "").split())
