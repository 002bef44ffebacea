"""The form that an answer must have: a regular expression or a JSON Schema, given with the question."""

import json
import re
from functools import lru_cache
from typing import Any

from hybrid.types import Question


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


def parse_json(text: str) -> tuple[bool, Any]:
    """(whether the text is one JSON document, the document); a code fence around it is taken off."""
    bare = re.sub(r"\A\s*```(?:json)?\s*|\s*```\s*\Z", "", text)
    try:
        return True, json.loads(bare)
    except ValueError:
        return False, None


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
