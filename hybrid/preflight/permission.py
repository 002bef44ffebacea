"""Whether models, teacher and data may be used for training."""

import json
import re
from pathlib import Path

import yaml

from hybrid.corpus.task import Task
from hybrid.jsonl import read_jsonl
from hybrid.licences import Role as LicenceRole
from hybrid.licences import judge
from hybrid.models import Role, embedded_as, find_local
from hybrid.preflight.answers import Evidence, Found, Situation, Status, worst

_TITLES = {
    r"apache license\s+version 2\.0": "apache-2.0",
    r"\bmit license\b": "mit",
    r"llama 3\.1 community license": "llama3.1",
    r"llama 3\.2 community license": "llama3.2",
    r"llama 3\.3 community license": "llama3.3",
    r"llama 3 community license": "llama3",
    r"llama 2 community license": "llama2",
    r"gemma terms of use": "gemma",
    r"mistral ai research license": "mrl",
    r"qwen research license": "qwen-research",
    r"attribution-noncommercial 4\.0": "cc-by-nc-4.0",
}
"""How the text of a licence begins."""


def licences(situation: Situation) -> Found:
    """No where one of them forbids the training, unknown where one is not stated or not in the table."""
    task = situation.task or Task()
    found: list[Evidence] = []
    statuses: list[Status] = []
    advice: list[str] = []

    def look(what: str, name: str, role: LicenceRole, file: str, key: str, base: str = "") -> None:
        if not name:
            statuses.append("unknown")
            found.append(Evidence(f"{what}: no licence stated", file))
            advice.append(f"say {key} in {situation.task_name}")
            return
        verdict = judge(name, role, task.use, base_licence=base)
        accepted = task.accepts(name)
        suffix = " (terms accepted)" if accepted else ""
        found.append(Evidence(f"{what}: {verdict.reason}{suffix}", file))
        if verdict.permission == "no" and not accepted:
            statuses.append("no")
            advice.append(f"{what}: take another, or read the terms and add {name} to accepted_terms")
        elif verdict.permission is None and not accepted:
            statuses.append("unknown")
            advice.append(f"{what}: read the terms of {name} and add it to accepted_terms")
        else:
            statuses.append("yes")

    known: dict[Role, str] = {}
    for role in situation.roles:
        name, file = licence_of_model(situation.model_name(role), role, task)
        known[role] = name
        look(f"{role} {situation.model_name(role)}", name, "model", file, "model_licences")
    for teacher, licence in _teachers(situation, task).items():
        look(
            f"teacher {teacher}", licence, "teacher", situation.task_name, "teacher_licence", known.get("generator", "")
        )
    look("documents", task.documents_licence, "data", situation.task_name, "documents_licence")
    look("questions", task.questions_licence, "data", situation.task_name, "questions_licence")
    return Found(worst(statuses), tuple(found), "; ".join(advice))


def licence_of_model(name: str, role: Role, task: Task) -> tuple[str, str]:
    """The licence of a config's model and where it stands; "" where nothing says it. Fetches nothing."""
    if said := task.model_licences.get(name):
        return said, "task.yaml"
    if model := embedded_as(name, role):
        return model.licence.lower(), "hybrid models list"
    folder = find_local(name, role)
    return licence_of_folder(folder) if folder else ("", "")


def licence_of_folder(folder: Path) -> tuple[str, str]:
    """A model's licence and the file that says it: the model card's header, the licence's text, the configuration."""
    card = folder / "README.md"
    if card.is_file():
        header = re.match(r"---\s*\n(.*?)\n---", card.read_text(encoding="utf-8", errors="replace"), re.DOTALL)
        if name := _of_header(header[1] if header else ""):
            return name, card.name
    for file in sorted(folder.glob("LICEN[CS]E*")):
        start = re.sub(r"\s+", " ", file.read_text(encoding="utf-8", errors="replace")[:2_000]).lower()
        for pattern, name in _TITLES.items():
            if re.search(pattern, start):
                return name, file.name
    config = folder / "config.json"
    if config.is_file():
        try:
            said = json.loads(config.read_text(encoding="utf-8")).get("license", "")
        except (ValueError, AttributeError):
            said = ""
        if isinstance(said, str) and said:
            return said.lower(), config.name
    return "", card.name


def _of_header(header: str) -> str:
    try:
        values = yaml.safe_load(header)
    except (yaml.YAMLError, ValueError, RecursionError):
        return ""
    if not isinstance(values, dict):
        return ""
    said = values.get("license", "")
    # the hub writes `other` beside the name of a licence of one's own
    said = values.get("license_name", said) if said == "other" else said
    return " ".join(map(str, said)).lower() if isinstance(said, list) else str(said).lower()


def _teachers(situation: Situation, task: Task) -> dict[str, str]:
    """By name, the licence: those that lines of the question files name, and the one of the task file."""
    named = {task.teacher: task.teacher_licence} if task.teacher else {}
    for path in situation.corpus.question_files:
        for _, row in read_jsonl(path):
            if isinstance(teacher := row.get("teacher"), str) and teacher:
                named[teacher] = str(row.get("teacher_licence") or named.get(teacher, ""))
    return {name: licence or (task.teacher_licence if len(named) == 1 else "") for name, licence in named.items()}
