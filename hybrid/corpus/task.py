"""`task.yaml` in the corpus folder: what the team wants, who answers for it, and what it may do with its data."""

import datetime
import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hybrid.answer_format import pattern_problem, schema_problem
from hybrid.config_file import read_yaml
from hybrid.errors import InputError
from hybrid.licences import Use, find

TEMPLATE = """\
# What is tuned, for whom, and with whose leave. `hybrid preflight` reads it; a key that is left out counts as not said.

# One task, one input shape, one expected output, a sentence each.
task: ""             # for example: answer a fitter's question from the pump maker's own documents
input: ""            # for example: one question in English, up to 40 words, with no history
output: ""           # for example: the figure or name alone with a [n] citation, or "I don't know"
owner: ""            # who answers for it

# How answers look, for `hybrid synth --teacher`; what is left out is taken from `output` and from the dev answers.
answer_style: ""     # for example: two or three whole sentences, the figure first
answer_words:        # most words of an answer: 60; above 12 it is written in whole sentences
answer_pattern: ""   # a regular expression for the whole answer: \\d+ (kg|bar)
answer_schema: ""    # a JSON Schema, here or in a file beside this one: answer.schema.json

# Who, knowing the subject, read the questions and their answers, and when.
reviewed_by: []      # for example: [Ada Lovelace]
reviewed_on:         # for example: 2026-11-20

# Licences: names of the Hugging Face hub (apache-2.0, cc-by-4.0, llama3.1 …), `own` for the team's own,
# `no-training` where the owner does not allow it.
use: ""              # research, internal or commercial
documents_licence: ""
questions_licence: ""
teacher: ""          # the model that wrote questions or answers; empty where people did
teacher_licence: ""  # of that model, or of its service: openai, anthropic, google-gemini-api …
model_licences: {}   # only where a base model's folder does not say: {my-model: apache-2.0}
accepted_terms: []   # licences that forbid or restrict training, but whose terms were read and found to allow this one

# What of `hybrid audit`'s private data may be trained on: false, true (personal data, never secrets), or the kinds by
# name, for example [e-mail address, telephone number].
personal_data: false

# Share of the documents that change in a month, where it is known: 0.02 is one of fifty.
change_rate_per_month:

# How right answers must be, as a share: with a good prompt alone as right as that, nothing is tuned.
target_score:

# How it is seen that nothing else was unlearned, and how the model before comes back.
forgetting_plan: ""
rollback_plan: ""
"""


class Task(BaseModel):
    """The file's keys; unknown ones are refused. `answer_schema` is JSON text, wherever the file has it from."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    task: str = ""
    input: str = ""
    output: str = ""
    owner: str = ""
    answer_style: str = ""
    answer_words: int | None = Field(None, ge=1)
    answer_pattern: str = ""
    answer_schema: str = ""
    reviewed_by: tuple[str, ...] = ()
    reviewed_on: datetime.date | None = None
    use: Use = ""
    documents_licence: str = ""
    questions_licence: str = ""
    teacher: str = ""
    teacher_licence: str = ""
    model_licences: dict[str, str] = Field(default_factory=dict)
    accepted_terms: tuple[str, ...] = ()
    personal_data: bool | tuple[str, ...] = False
    change_rate_per_month: float | None = Field(None, ge=0, le=1)
    target_score: float | None = Field(None, gt=0, le=1)
    forgetting_plan: str = ""
    rollback_plan: str = ""

    def allows(self, kind: str) -> bool:
        """Whether private data of this kind (a name of the audit's) may be trained on."""
        if isinstance(self.personal_data, bool):
            return self.personal_data and not kind.startswith("secret")
        return kind in self.personal_data

    def accepts(self, licence: str) -> bool:
        """Whether somebody has read the terms of this licence, in any spelling, and found to allow the training."""
        return any((find(term) or term) == (find(licence) or licence) for term in self.accepted_terms)


def read_task(path: Path) -> Task | None:
    """The file, or None where there is none. Raises `InputError` with the line or the key that is wrong."""
    if not path.is_file():
        return None
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise InputError(path, "not a mapping of keys", "`hybrid preflight --init` in another folder shows the form")
    given = {key: value for key, value in values.items() if value is not None}
    if schema := given.get("answer_schema"):
        given["answer_schema"] = _schema(path, schema)
    if problem := pattern_problem(given.get("answer_pattern", "")):
        raise InputError(path, f"answer_pattern is no regular expression: {problem}", "write it in single quotes")
    try:
        return Task.model_validate(given)
    except ValidationError as error:
        item = error.errors()[0]
        key = ".".join(str(part) for part in item["loc"][:1])
        problem = "unknown key" if item["type"] == "extra_forbidden" else item["msg"].lower()
        remedy = f"the keys are {', '.join(Task.model_fields)}"
        raise InputError(path, f"{key}: {problem}", remedy) from None


def _schema(task: Path, value: object) -> str:
    """The JSON Schema of a task as JSON text: written into it, as a mapping or as JSON, or in a file beside it."""
    if isinstance(value, str):
        try:
            text = value if value.lstrip().startswith("{") else (task.parent / value).read_text(encoding="utf-8-sig")
            value = json.loads(text)
        except (OSError, ValueError) as error:
            told = "cannot be read" if isinstance(error, OSError) else "is not JSON"
            remedy = "write the schema itself, or the name of a file beside this one"
            raise InputError(task, f"answer_schema {told}: {error}", remedy) from None
    if problem := schema_problem(value):
        raise InputError(task, f"answer_schema is no JSON Schema: {problem}", 'write {"type": "object", …}')
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
