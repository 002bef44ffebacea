"""A diagnosis as an artefact: outcomes, verdict, and a report to look at."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hybrid.answering.pipeline import Pipeline
from hybrid.artifacts import Manifest, current, publish, require, write_text
from hybrid.config import Config
from hybrid.evaluation.arms import run_arms
from hybrid.evaluation.attribution import attribute
from hybrid.evaluation.power import assumptions
from hybrid.evaluation.questions import sample
from hybrid.evaluation.records import Record
from hybrid.evaluation.report import diagnosis_html
from hybrid.jsonl import write_jsonl
from hybrid.types import Label, Passage, Question

VERSION = 3
_GOOD = {Label.CORRECT.value, Label.CORRECT_ABSTENTION.value}


def diagnose(
    pipeline: Pipeline,
    questions: Sequence[Question],
    *,
    config: Config,
    target: Path,
    inputs: Mapping[str, str],
    title: str,
) -> Manifest:
    """Publish `outcomes.jsonl`, `diagnosis.json`, `failures.jsonl` and `report.html` for a split's questions."""
    settings = {
        "diagnosis": config.diagnosis.model_dump(mode="json"),
        "retrieval": config.retrieval.model_dump(mode="json"),
        "answering": config.answering.model_dump(mode="json"),
        "max_new_tokens": config.generator.max_new_tokens,
        "context_tokens": config.generator.context_tokens,
        "resamples": config.evaluation.resamples,
        "seed": config.seed,
        "title": title,
    }
    if done := current(target, "diagnosis", VERSION, settings, inputs):
        return done
    options = config.diagnosis
    asked = sample(questions, options.split, options.max_questions, config.seed)
    with publish(target, "diagnosis", VERSION, settings, inputs) as build:
        records = run_arms(pipeline, asked, orders=options.orders, seed=config.seed)
        diagnosis = attribute(records, config=options, resamples=config.evaluation.resamples, seed=config.seed)
        verdict = diagnosis.to_dict()
        failures = describe(records, asked, pipeline, verdict["labels"])
        write_jsonl(build.path / "outcomes.jsonl", (asdict(o) for record in records for o in record.outcomes))
        write_jsonl(build.path / "failures.jsonl", failures)
        write_text(build.path / "diagnosis.json", json.dumps(verdict, indent=1, sort_keys=True) + "\n")
        meta = {
            "title": title,
            "split": options.split,
            "k": config.retrieval.k,
            "num_questions": len(asked),
            "orders": options.orders,
            "embedder": pipeline.embedder.name,
            "generator": pipeline.generator.name,
        }
        write_text(build.path / "report.html", diagnosis_html(verdict, failures, meta))
        build.counts.update(
            questions=len(asked), outcomes=sum(len(r.outcomes) for r in records), failures=len(failures)
        )
        build.facts["sentence"] = verdict["sentence"]
        build.facts["plan"] = asdict(assumptions(records))
    return require(target, "hybrid diagnose")


def describe(
    records: Sequence[Record], questions: Sequence[Question], pipeline: Pipeline, labels: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Every question that did not go right, with all that a person needs to judge it.

    A context holds the texts that the generator read, which may be excerpts of the passages.
    """
    passages = pipeline.passages
    by_id = {question.id: question for question in questions}
    items = []
    for record in records:
        label = labels[record.question_id]
        if label in _GOOD:
            continue
        question = by_id[record.question_id]
        arms = {}
        for outcome in record.outcomes:
            if outcome.arm.value in arms:
                continue
            context = [
                {
                    "id": identity,
                    "title": passages[identity].heading,
                    "text": _without_heading(
                        pipeline.form.excerpts.show(passages[identity], question.question), passages[identity]
                    ),
                    "gold": identity in question.positives,
                }
                for identity in outcome.context
            ]
            arms[outcome.arm.value] = {
                "text": outcome.text,
                "correct": outcome.correct,
                "abstained": outcome.abstained,
                "cited": list(outcome.cited),
                "context": context,
            }
        items.append(
            {
                "id": question.id,
                "question": question.question,
                "answers": list(question.answers),
                "topic": question.topic,
                "label": label,
                "gold_rank": record.gold_rank,
                "gold": [
                    {"id": p, "title": passages[p].heading, "text": passages[p].text}
                    for p in question.positives
                    if p in passages
                ],
                "arms": arms,
            }
        )
    return items


def _without_heading(shown: str, passage: Passage) -> str:
    return shown.removeprefix(f"{passage.heading}\n")
