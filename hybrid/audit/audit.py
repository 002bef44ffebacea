"""An audit as an artefact: what was found, the worst questions, a report, and a cleaned set to look at."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hybrid.artifacts import Manifest, current, publish, require, write_text
from hybrid.audit.checks import run_checks
from hybrid.audit.conflicts import Conflict, conflicts
from hybrid.audit.coverage import Coverage, measure_coverage
from hybrid.audit.documents import Passages, look_at
from hybrid.audit.findings import MEANINGS, Finding, Kind, counts, scores
from hybrid.audit.report import audit_html
from hybrid.audit.requirements import Method, Requirement, requirements
from hybrid.config import Config
from hybrid.jsonl import read_jsonl, write_jsonl
from hybrid.types import Passage, Question

VERSION = 1
WORST = 100
_DROPPED = {Kind.DUPLICATE, Kind.CONTRADICTION, Kind.WRONG_GOLD, Kind.NO_ANSWER}
"""Kinds whose question is left out of the proposed set; of a leak the train question goes, what is held out stays."""


def audit(
    questions: Sequence[Question],
    passages: Mapping[str, Passage],
    files: Sequence[Path],
    *,
    methods: Sequence[Method],
    config: Config,
    target: Path,
    inputs: Mapping[str, str],
    title: str,
) -> Manifest:
    """Publish `audit.json`, `findings.jsonl`, `worst.jsonl`, `proposed/` and `report.html`.

    `files` are the question files as the team wrote them: `proposed/` holds their lines without those that should go,
    and `dropped.jsonl` with the reasons. Nothing of the corpus is touched.
    """
    settings = {
        "methods": list(methods),
        "seed": config.seed,
        "title": title,
        "min_pairs": config.train_embed.min_pairs,
        "min_dev_questions": config.train_embed.min_dev_questions,
        "min_examples": config.raft.min_examples,
    }
    if done := current(target, "audit", VERSION, settings, inputs):
        return done
    findings = run_checks(questions, passages)
    asked = requirements(questions, methods, config)
    coverage = measure_coverage(questions, passages, seed=config.seed)
    dropped = dropped_questions(questions, findings)
    look = look_at(list(passages.values()))
    told = summary(questions, findings, asked, coverage, conflicts(passages.values()), look, dropped)
    worst = worst_questions(questions, findings)
    with publish(target, "audit", VERSION, settings, inputs) as build:
        write_jsonl(build.path / "findings.jsonl", (asdict(finding) for finding in findings))
        write_jsonl(build.path / "worst.jsonl", worst)
        write_text(build.path / "audit.json", json.dumps(told, indent=1, sort_keys=True) + "\n")
        write_text(build.path / "report.html", audit_html(told, worst, title))
        _propose(files, dropped, build.path / "proposed")
        build.counts.update(questions=len(questions), findings=len(findings), dropped=len(dropped))
        build.facts["sentence"] = told["sentence"]
    return require(target, "hybrid audit")


def summary(
    questions: Sequence[Question],
    findings: Sequence[Finding],
    asked: Sequence[Requirement],
    coverage: Coverage,
    contradicting: Sequence[Conflict],
    look: Passages,
    dropped: Mapping[str, str],
) -> dict[str, Any]:
    """What the report and `--json` tell."""
    short = [item for item in asked if item.verdict == "short"]
    found = counts(findings)
    grave = sum(found.get(kind.value, 0) for kind in (*_DROPPED, Kind.LEAK))
    if short:
        sentence = f"Not ready: {'; '.join(f'{item.what}: {item.have:g} of {item.need:g}' for item in short)}."
    elif grave:
        sentence = f"Mend the data first: {grave} of {len(questions)} questions should not be trained or judged with."
    else:
        sentence = f"Ready: {len(questions)} questions, none that should go."
    return {
        "sentence": sentence,
        "ready": not short and not grave,
        "num_questions": len(questions),
        "splits": dict(sorted(Counter(question.split for question in questions).items())),
        "answer_types": dict(Counter(question.answer_type for question in questions).most_common()),
        "cases": dict(Counter(question.case or "not tagged" for question in questions).most_common()),
        "groups": dict(Counter(question.group for question in questions if question.group).most_common()),
        "kinds": found,
        "meanings": {kind.value: MEANINGS[kind] for kind in Kind if kind.value in found},
        "requirements": [asdict(item) for item in asked],
        "coverage": asdict(coverage),
        "conflicts": [[{"passage": name, "text": text} for name, text in item.said] for item in contradicting],
        "num_dropped": len(dropped),
        "passages": asdict(look),
        "notes": [*_notes(questions, coverage, contradicting), *look.notes],
    }


def dropped_questions(questions: Sequence[Question], findings: Sequence[Finding]) -> dict[str, str]:
    """By id, why a question is left out of the proposed set."""
    split = {question.id: question.split for question in questions}
    gone: dict[str, str] = {}
    for finding in findings:
        if finding.kind in _DROPPED:
            gone.setdefault(finding.question, f"{finding.kind}: {finding.detail}")
        elif finding.kind is Kind.LEAK:
            for other in finding.others:
                if split[other] == "train":
                    gone.setdefault(
                        other, f"{finding.kind}: {finding.question} of {split[finding.question]} asks alike"
                    )
    return gone


def _notes(questions: Sequence[Question], coverage: Coverage, contradicting: Sequence[Conflict]) -> list[str]:
    notes = []
    if contradicting:
        first = " | ".join(text for _, text in contradicting[0].said[:2])
        notes.append(f"{len(contradicting)} statements stand in the documents with different figures: {first}")
    if not any(question.case for question in questions):
        notes.append(
            'No question is tagged: add "case": "golden", "edge" or "failure" to see whether the hard cases are in.'
        )
    if empty := [topic for topic in coverage.topics if not topic.questions]:
        some = "; ".join(topic.name for topic in empty[:5])
        notes.append(f"{len(empty)} of {len(coverage.topics)} topics of the corpus have no question: {some}")
    if coverage.untouched:
        share = 100 * coverage.documents
        notes.append(f"{len(coverage.untouched)} documents have no question ({share:.0f} % of all have one).")
    return notes


def worst_questions(questions: Sequence[Question], findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The questions with findings, the least worth first, at most `WORST`."""
    worth = scores((question.id for question in questions), findings)
    by_id = {question.id: question for question in questions}
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.question, []).append(finding)
    ranked = sorted(found, key=lambda name: (worth[name], name))[:WORST]
    return [
        {
            "id": name,
            "score": round(worth[name], 3),
            "split": by_id[name].split,
            "question": by_id[name].question,
            "answers": list(by_id[name].answers),
            "findings": [{"kind": f.kind.value, "detail": f.detail} for f in found[name]],
        }
        for name in ranked
    ]


def _propose(files: Sequence[Path], dropped: Mapping[str, str], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    out = []
    for file in files:
        rows = [row for _, row in read_jsonl(file)]
        write_jsonl(folder / file.name, (row for row in rows if row.get("id") not in dropped))
        out += [{"file": file.name, "reason": dropped[row["id"]], **row} for row in rows if row.get("id") in dropped]
    write_jsonl(folder / "dropped.jsonl", out)
