"""The questions in their order, asked of a situation."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hybrid.artifacts import write_text
from hybrid.preflight import data, intent, machine, measured, permission, pipeline_state
from hybrid.preflight.answers import Answer, Item, Situation

FILE = "preflight.json"

ITEMS: tuple[Item, ...] = (
    Item("task", "Are one task, one input and one output written down?", False, intent.task_written),
    Item("facts", "Do the facts last?", False, intent.facts_last),
    Item("private-training", "Are the training questions free of private data?", True, data.private_training),
    Item("private-documents", "Are documents and held-out questions free of it?", False, data.private_documents),
    Item("licences", "Do the licences allow the training?", True, permission.licences),
    Item("data", "Are there enough training questions?", True, data.enough),
    Item("coverage", "Do they cover the corpus?", False, data.coverage),
    Item("evaluation-set", "Is there an evaluation set?", True, data.evaluation_set),
    Item("baseline", "Was the base measured on it?", False, measured.baseline),
    Item("diagnosis", "Does the diagnosis say to tune this layer?", False, measured.diagnosed),
    Item("proven-prompt", "Is no other prompt proven to be better?", True, measured.proven_prompt),
    Item("prompting", "Is a good prompt not enough?", False, measured.prompting),
    Item("hardware", "Does the machine suffice?", False, machine.hardware),
    Item("repeatable", "Can it be repeated?", False, pipeline_state.repeatable),
    Item("review", "Did an expert read the questions?", False, intent.reviewed),
    Item("plan", "Is there a plan against forgetting, and a way back?", False, intent.plan),
)


def ask(situation: Situation, *, hard_only: bool = False) -> list[Answer]:
    """All answers in order; with `hard_only` those alone that stop a training, which cost little."""
    answers = []
    for item in ITEMS:
        if hard_only and not item.hard:
            continue
        found = item.answer(situation)
        if found is not None:
            answers.append(Answer(item.key, item.question, found.status, item.hard, found.evidence, found.next))
    return answers


def missing(answers: Sequence[Answer]) -> list[Answer]:
    """Those that are not fulfilled."""
    return [answer for answer in answers if answer.status == "no"]


def summary(answers: Sequence[Answer], situation: Situation) -> dict[str, Any]:
    """What `--json` prints and `preflight.json` holds."""
    lacking = missing(answers)
    stops = [answer.key for answer in lacking if answer.hard]
    unknown = [answer.key for answer in answers if answer.status == "unknown"]
    if stops:
        sentence = f"Do not tune yet: {', '.join(stops)} would stop it."
    elif lacking:
        sentence = f"Nothing stops a training, but {len(lacking)} of {len(answers)} questions have no good answer."
    elif unknown:
        sentence = f"Ready, as far as can be told: {', '.join(unknown)} cannot be."
    else:
        sentence = "Ready: every question has its answer."
    return {
        "sentence": sentence,
        "ready": not lacking,
        "methods": list(situation.methods),
        "stops": stops,
        "missing": [answer.key for answer in lacking],
        "unknown": unknown,
        "answers": [asdict(answer) for answer in answers],
    }


def write_summary(told: dict[str, Any], root: Path) -> Path:
    """Into the workspace, whole or not at all."""
    root.mkdir(parents=True, exist_ok=True)
    write_text(root / FILE, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return root / FILE
