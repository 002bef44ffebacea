"""The data card: what a set of questions holds, where it comes from, who has looked at it, and what it lacks.

After Gebru et al. 2021, Datasheets for Datasets (arXiv:1803.09010), as far as the artefacts can answer.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hybrid.artifacts import read_manifest
from hybrid.controls import one_line
from hybrid.corpus.passages import CorpusFolder, PassageSet
from hybrid.corpus.questions import leaks
from hybrid.corpus.review_file import read_review
from hybrid.corpus.splits import SPLITS
from hybrid.corpus.task import read_task
from hybrid.data.versions import Version
from hybrid.errors import InputError
from hybrid.jsonl import read_jsonl
from hybrid.types import Question

VERSIONS_SHOWN = 10
_NOT_SAID = "not said"
_LICENCES = ("documents_licence", "questions_licence", "teacher_licence", "model_licences", "accepted_terms")
_SAID = ("owner", "reviewed_by", "reviewed_on", "use", "teacher")
_FIELDS = ("answerable", "answer_type", "topic", "origin", "case", "group")


def data_card(
    corpus: CorpusFolder, passages: PassageSet, versions: Sequence[Version], *, changed: bool, audit: Path
) -> dict[str, Any]:
    """The card as JSON. `changed`: whether the folder differs from the last of `versions`; `audit`: where the audit's
    artefact lies, if there is one. What stands beside the data and cannot be read is a gap.
    """
    questions = passages.questions
    documents = set(passages.document_of.values())
    unreadable: list[str] = []
    said = _said(corpus.task_file, unreadable)
    return {
        "name": corpus.folder.resolve().name,
        "passages_id": passages.manifest.id,
        "num": {"documents": len(documents), "passages": len(passages.passages), "questions": len(questions)},
        "splits": {split: sum(question.split == split for question in questions) for split in SPLITS},
        "fields": {name: _by_split(questions, name) for name in _FIELDS},
        "sources": {
            "documents": _tally([name.rpartition("/")[0] or corpus.documents.name for name in documents])
            if not corpus.ready_passages.is_file()
            else {corpus.ready_passages.name: len(documents)},
            "questions": {file.name: sum(1 for _ in read_jsonl(file)) for file in corpus.question_files},
        },
        "licences": {key: value for key, value in said.items() if key in _LICENCES},
        "said": {key: value for key, value in said.items() if key in _SAID},
        "reviews": _reviews(corpus.review_files, unreadable),
        "filters": _filters(corpus.question_files, unreadable),
        "versions": [
            {"id": v.id, "date": v.date, "message": v.message, "counts": v.counts} for v in versions[:VERSIONS_SHOWN]
        ],
        "changed_since": changed,
        "leaks": leaks(questions, passages.document_of),
        "gaps": [*unreadable, *_gaps(questions, documents, passages, audit)],
    }


def _tally(values: Sequence[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _by_split(questions: Sequence[Question], name: str) -> dict[str, dict[str, int]]:
    """Counts of each value by split; empty where no question has one."""
    found: dict[str, Counter[str]] = {}
    for question in questions:
        value = getattr(question, name)
        key = ("yes" if value else "no") if isinstance(value, bool) else value or _NOT_SAID
        found.setdefault(key, Counter())[question.split] += 1
    if set(found) <= {_NOT_SAID}:
        return {}
    ranked = sorted(found.items(), key=lambda item: (-item[1].total(), item[0]))
    return {key: {split: counts[split] for split in SPLITS} for key, counts in ranked}


def _said(file: Path, unreadable: list[str]) -> dict[str, Any]:
    """What the team has written into the task file, as JSON, without what it left as the template has it."""
    try:
        task = read_task(file)
    except InputError as error:
        unreadable.append(_told(error))
        return {}
    return task.model_dump(mode="json", exclude_defaults=True) if task else {}


def _reviews(files: Sequence[Path], unreadable: list[str]) -> list[dict[str, str]]:
    found = []
    for file in files:
        try:
            found.append({"file": file.name, "text": read_review(file).text})
        except InputError as error:
            unreadable.append(_told(error))
    return found


def _filters(files: Sequence[Path], unreadable: list[str]) -> list[dict[str, Any]]:
    """The JSON objects in `<file>.yield.json` beside question files."""
    found = []
    for file in files:
        path = file.with_name(f"{file.name}.yield.json")
        if path.is_file():
            try:
                found.append({"of": file.name, **json.loads(path.read_text(encoding="utf-8"))})
            except (ValueError, TypeError):
                unreadable.append(f"{path.name}: not a JSON object")
    return found


def _told(error: InputError) -> str:
    """The card may be published: a file's name is enough there."""
    return error.problem.replace(str(error.path), error.path.name)


def _gaps(questions: Sequence[Question], documents: set[str], passages: PassageSet, audit: Path) -> list[str]:
    gaps = [f"no question is in {split}" for split in SPLITS if not any(q.split == split for q in questions)]
    if not any(not question.answerable for question in questions):
        gaps.append("no question is unanswerable: whether the system declines cannot be measured")
    asked = {passages.document_of[positive] for question in questions for positive in question.positives}
    if left := len(documents - asked):
        gaps.append(f"{left} of {len(documents)} documents have no question")
    manifest = read_manifest(audit)
    if manifest is None:
        gaps.append("topics without questions are not known: `hybrid audit` was not run")
    elif manifest.inputs.get("passages") != passages.manifest.id:
        gaps.append("topics without questions are not known: the audit is of other data, run `hybrid audit` again")
    else:
        topics = json.loads((audit / "audit.json").read_text(encoding="utf-8"))["coverage"]["topics"]
        empty = [topic for topic in topics if not topic["questions"]]
        gaps += [f"no question on: {topic['name']} ({topic['passages']} passages)" for topic in empty]
    return gaps


def card_markdown(card: Mapping[str, Any]) -> str:
    """The card for people."""
    num = card["num"]
    lines = [
        f"# Data card: {card['name']}",
        "",
        f"{num['questions']} questions on {num['documents']} documents ({num['passages']} passages).",
        *_section("Splits", _table(["split", "questions"], card["splits"].items())),
    ]
    for name, counts in card["fields"].items():
        rows = [(value, *by_split.values(), sum(by_split.values())) for value, by_split in counts.items()]
        lines += _section(name.replace("_", " ").capitalize(), _table([name, *SPLITS, "all"], rows))
    lines += _section("Documents", _table(["folder or file", "documents"], card["sources"]["documents"].items()))
    lines += _section("Question files", _table(["file", "questions"], card["sources"]["questions"].items()))
    lines += _section("Licences", _listed(card["licences"]) or ["Not said: write them into task.yaml."])
    if card["said"]:
        lines += _section("Said by the team", _listed(card["said"]))
    reviews = [f"- {review['file']}: {review['text']}" for review in card["reviews"]]
    lines += _section("Reviewers", reviews or ["No review is recorded."])
    lines += _section("Filters", [_filter(item) for item in card["filters"]] or ["None is recorded."])
    versions = [(v["id"][:12], v["date"], v["message"], v["counts"]["questions"]) for v in card["versions"]]
    lineage = _table(["version", "date", "message", "questions"], versions) or ["No version is committed."]
    if card["versions"] and card["changed_since"]:
        lineage += ["", "The folder has changed since."]
    artefact = f"Artefact of these passages and questions: `{card['passages_id'][:12]}`"
    lines += _section("Lineage", [*lineage, "", artefact])
    lines += _section("Leaks", [f"- {leak}" for leak in card["leaks"]] or ["None between train and dev or test."])
    lines += _section("Known gaps", [f"- {gap}" for gap in card["gaps"]] or ["None found."])
    # what people or documents wrote begins no line of its own
    return "".join(one_line(line.replace("\n", " ")) + "\n" for line in lines)


def _section(title: str, body: Sequence[str]) -> list[str]:
    return ["", f"## {title}", "", *body] if body else []


def _table(columns: Sequence[str], rows: Any) -> list[str]:
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    if not cells:
        return []
    return [f"| {' | '.join(row)} |" for row in (list(columns), ["---"] * len(columns), *cells)]


def _listed(values: Mapping[str, Any]) -> list[str]:
    def text(value: Any) -> str:
        if isinstance(value, list):
            return ", ".join(f"({text(one)})" if isinstance(one, dict) else str(one) for one in value)
        if isinstance(value, dict):
            return ", ".join(f"{key}: {text(inner)}" for key, inner in value.items())
        return str(value)

    return [f"- {key.replace('_', ' ')}: {text(value)}" for key, value in values.items()]


def _filter(item: Mapping[str, Any]) -> str:
    told = _listed({name: value for name, value in item.items() if name != "of" and value})
    return f"- {item['of']}: " + "; ".join(line.removeprefix("- ") for line in told)
