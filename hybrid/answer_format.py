"""The form of an answer: what a question asks for, by regular expression or JSON Schema, and what it looks like."""

import json
import re
from functools import lru_cache
from typing import Any

from hybrid.types import Question

SENTENCE_WORDS = 4
"""Fewer words are no sentence."""
_VERBS = frozenset(
    re.findall(
        r"\w+",
        "is are was were be been has have had can could may might must shall should will would does do did weighs "
        "needs holds takes means says",
    )
)


def pattern_problem(pattern: object) -> str:
    """What is wrong with a regular expression; empty where nothing is."""
    if not isinstance(pattern, str):
        return "not a text"
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return ""


def schema_problem(schema: object) -> str:
    """What is wrong with a JSON Schema; empty where nothing is."""
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    if not isinstance(schema, dict):
        return "not an object"
    try:
        validator_for(schema).check_schema(schema)
    except SchemaError as error:
        return str(error.message)
    return ""


def is_valid(text: str, question: Question) -> bool | None:
    """Whether an answer, free of citation markers, has the form that its question asks for; None where none is.

    A pattern must fit the whole answer, blanks around it aside. An answer to a schema may stand in a code fence, which
    every parser of such answers takes off.
    """
    if not question.pattern and not question.json_schema:
        return None
    if question.pattern and re.fullmatch(question.pattern, text.strip()) is None:
        return False
    if not question.json_schema:
        return True
    found, value = parse_json(text)
    return found and bool(_validator(question.json_schema).is_valid(value))


def leaves(text: str) -> list[str]:
    """The texts and numbers of a JSON answer, in their order; empty where it is none."""
    found, value = parse_json(text)
    return _leaves(value) if found else []


def values_in_words(text: str) -> list[str]:
    """The leaves of a JSON answer that a source may hold, without true and false; the text itself where it is none."""
    found, value = parse_json(text)
    if not found or not isinstance(value, dict | list):
        return [text]
    return [leaf for leaf in _leaves(value) if leaf not in ("True", "False")]


def parse_json(text: str) -> tuple[bool, Any]:
    """(whether the text is one JSON document, the document); a code fence around it is taken off."""
    bare = re.sub(r"\A\s*```(?:json)?\s*|\s*```\s*\Z", "", text)
    try:
        return True, json.loads(bare)
    except ValueError:
        return False, None


def shape(text: str) -> str:
    """What an answer looks like: json, list, value (short, with a figure), phrase, sentence or sentences."""
    found, value = parse_json(text)
    if found and isinstance(value, dict | list):
        return "json"
    if re.search(r"(?m)^\s*(?:[-*•]|\d+[.)])\s", text):
        return "list"
    words = re.findall(r"[\w'’-]+", text)
    ends = len(re.findall(r"(?<![A-Z])[.!?](?=\s|$)", text.strip()))
    if ends > 1:
        return "sentences"
    says = any(word.lower() in _VERBS for word in words)
    if len(words) >= SENTENCE_WORDS and (ends or (says and text.strip()[:1].isupper())):
        return "sentence"
    return "value" if re.search(r"\d", text) else "phrase"


def _leaves(value: object) -> list[str]:
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in _leaves(part)]
    if isinstance(value, list):
        return [leaf for part in value for leaf in _leaves(part)]
    return [] if value is None else [str(value)]


@lru_cache(maxsize=1_000)
def _validator(schema: str) -> Any:
    from jsonschema.validators import validator_for

    parsed = json.loads(schema)
    return validator_for(parsed)(parsed)
