"""An audit as an artefact: what was found, the worst questions, a report, and a cleaned set to look at."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hybrid.artifacts import Manifest, current, publish, require, write_text
from hybrid.audit.checks import ordered, run_checks
from hybrid.audit.closed_book import ClosedBook
from hybrid.audit.conflicts import Conflict, conflicts
from hybrid.audit.coverage import Coverage, measure_coverage
from hybrid.audit.documents import Passages, look_at
from hybrid.audit.findings import MEANINGS, Finding, Kind, counts, scores
from hybrid.audit.label_noise import Diagnosed, LabelNoise, label_noise
from hybrid.audit.makeup import Makeup, measure_makeup
from hybrid.audit.report import audit_html
from hybrid.audit.requirements import Method, Requirement, requirements
from hybrid.config import Config
from hybrid.corpus.questions import leaks
from hybrid.jsonl import read_jsonl, write_jsonl
from hybrid.types import Interval, Passage, Question

VERSION = 3
WORST = 100
_DROPPED = {Kind.DUPLICATE, Kind.CONTRADICTION, Kind.WRONG_GOLD, Kind.NO_ANSWER}
"""Kinds whose question is left out of the proposed set; of a leak the train question goes, what is held out stays."""


@dataclass(frozen=True)
class Seen:
    """What an audit sees beside its findings."""

    requirements: Sequence[Requirement]
    coverage: Coverage
    conflicts: Sequence[Conflict]
    passages: Passages
    makeup: Makeup
    noise: Sequence[LabelNoise]
    leaks: Sequence[str] = ()
    closed_book: ClosedBook | None = None


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
    diagnosed: Sequence[Diagnosed] = (),
    closed_book: Callable[[], ClosedBook | None] = lambda: None,
) -> Manifest:
    """Publish `audit.json`, `findings.jsonl`, `worst.jsonl`, `proposed/` and `report.html`.

    `files` are the question files as the team wrote them: `proposed/` holds their lines without those that should go,
    and `dropped.jsonl` with the reasons. Nothing of the corpus is touched. `diagnosed` and what decides `closed_book`,
    which is called only where there is work to do, must be among `inputs`.
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
    answered = closed_book()
    findings = run_checks(questions, passages)
    if answered:
        findings = ordered(questions, [*findings, *answered.findings({question.id for question in questions})])
    seen = look(questions, passages, findings, methods, config, diagnosed, answered)
    dropped = dropped_questions(questions, findings)
    told = summary(questions, findings, seen, dropped)
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


def look(
    questions: Sequence[Question],
    passages: Mapping[str, Passage],
    findings: Sequence[Finding],
    methods: Sequence[Method],
    config: Config,
    diagnosed: Sequence[Diagnosed] = (),
    closed_book: ClosedBook | None = None,
) -> Seen:
    """Everything that is no finding of one question."""
    return Seen(
        requirements=requirements(questions, methods, config),
        coverage=measure_coverage(questions, passages, seed=config.seed),
        conflicts=conflicts(passages.values()),
        passages=look_at(list(passages.values())),
        makeup=measure_makeup(questions),
        noise=label_noise(questions, findings, diagnosed),
        leaks=leaks(questions, {p.id: p.document_id or p.id for p in passages.values()}),
        closed_book=closed_book,
    )


def summary(
    questions: Sequence[Question], findings: Sequence[Finding], seen: Seen, dropped: Mapping[str, str]
) -> dict[str, Any]:
    """What the report and `--json` tell."""
    short = [item for item in seen.requirements if item.verdict == "short"]
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
        "makeup": asdict(seen.makeup),
        "label_noise": [asdict(item) for item in seen.noise],
        "closed_book": asdict(seen.closed_book) if seen.closed_book else None,
        "kinds": found,
        "meanings": {kind.value: MEANINGS[kind] for kind in Kind if kind.value in found},
        "requirements": [asdict(item) for item in seen.requirements],
        "coverage": asdict(seen.coverage),
        "conflicts": [[{"passage": name, "text": text} for name, text in item.said] for item in seen.conflicts],
        "num_dropped": len(dropped),
        "passages": asdict(seen.passages),
        "notes": [*seen.makeup.notes, *_notes(seen), *seen.passages.notes],
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


def _notes(seen: Seen) -> list[str]:
    notes = [f"{leak[:1].upper()}{leak[1:]}." for leak in seen.leaks]
    if seen.conflicts:
        first = " | ".join(text for _, text in seen.conflicts[0].said[:2])
        notes.append(f"{len(seen.conflicts)} statements stand in the documents with different figures: {first}")
    if empty := [topic for topic in seen.coverage.topics if not topic.questions]:
        some = "; ".join(topic.name for topic in empty[:5])
        notes.append(f"{len(empty)} of {len(seen.coverage.topics)} topics of the corpus have no question: {some}")
    if seen.coverage.untouched:
        share = 100 * seen.coverage.documents
        notes.append(f"{len(seen.coverage.untouched)} documents have no question ({share:.0f} % of all have one).")
    for item in seen.noise:
        if item.share.num and item.share.value:
            notes.append(f"About {_percent(item.share)} of the gold answers are likely wrong ({item.source}).")
    if seen.closed_book and seen.closed_book.share.value:
        answered = seen.closed_book
        notes.append(
            f"{_percent(answered.share)} of the questions are answered without any passage ({answered.source}): they "
            "say little about a retriever."
        )
    return notes


def _percent(share: Interval) -> str:
    return f"{100 * share.value:.1f} % [{100 * share.low:.1f}, {100 * share.high:.1f}]"


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
