"""A diagnosis as an artefact: outcomes, verdict, and a report to look at."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hybrid.answering.pipeline import Pipeline
from hybrid.artifacts import Build, Manifest, current, publish, require, sha256_file, write_text
from hybrid.config import Config
from hybrid.evaluation.answer_form import AnswerForm, measure_form, with_form
from hybrid.evaluation.arms import run_arms
from hybrid.evaluation.attributable import attributable
from hybrid.evaluation.attribution import Diagnosis, attribute, jsonable
from hybrid.evaluation.glossary import Glossary, read_glossary
from hybrid.evaluation.halves import MissedHalves, missed_halves
from hybrid.evaluation.judge import Judgement, judge_answers
from hybrid.evaluation.outcomes_file import read_outcomes
from hybrid.evaluation.power import assumptions
from hybrid.evaluation.prompt_forms import form_trial
from hybrid.evaluation.query_prompts import tried_prompts, worth_asking
from hybrid.evaluation.questions import sample
from hybrid.evaluation.records import Record
from hybrid.evaluation.report import diagnosis_html
from hybrid.evaluation.suspects import suspect_label
from hybrid.evaluation.topics import with_topics
from hybrid.jsonl import write_jsonl
from hybrid.progress import tell_once
from hybrid.protocols import Generator
from hybrid.types import Arm, Label, Question

VERSION = 11
PassageText = Callable[[str, Question], tuple[str, str]]
"""Heading and text of a passage, by its id, as the generator reads it beside a question."""
_GOOD = {Label.CORRECT.value, Label.CORRECT_ABSTENTION.value}


def diagnose(
    pipeline: Pipeline,
    questions: Sequence[Question],
    *,
    config: Config,
    target: Path,
    inputs: Mapping[str, str],
    title: str,
    transfer: Mapping[str, float] | None = None,
    judge: Generator | None = None,
) -> Manifest:
    """Publish `outcomes.jsonl`, `records.jsonl`, `diagnosis.json`, `failures.jsonl` and `report.html` for a split.

    `transfer`: by layer, the share of predicted headroom that past retunes realised. `judge`: asked beside the grader.
    """
    glossary = read_glossary(config.diagnosis.glossary) if config.diagnosis.glossary else None
    settings = {
        "diagnosis": config.diagnosis.model_dump(mode="json"),
        "retrieval": config.retrieval.settings(),
        "answering": config.answering.model_dump(mode="json"),
        "max_new_tokens": config.generator.max_new_tokens,
        "context_tokens": config.generator.context_tokens,
        "window_tokens": config.generator.window_tokens,
        "resamples": config.evaluation.resamples,
        "seed": config.seed,
        "title": title,
        "transfer": dict(transfer or {}),
        "glossary": dict(glossary.terms) if glossary else {},
    }
    if done := current(target, "diagnosis", VERSION, settings, inputs):
        return done
    options = config.diagnosis
    asked = sample(questions, options.split, options.max_questions, config.seed)
    ranking = pipeline.retrieve([question.question for question in asked], config.retrieval.depth)
    hits = {question.id: found for question, found in zip(asked, ranking, strict=True)}
    usable = attributable(asked, ranking, pipeline.passages)
    asked = usable.questions
    asked = with_topics(asked, pipeline.embedder.encode_queries, seed=config.seed)
    with publish(target, "diagnosis", VERSION, settings, inputs) as build:
        halves = pipeline.halves([question.question for question in asked])
        found = [hits[question.id] for question in asked]
        draws = {"resamples": config.evaluation.resamples, "seed": config.seed}
        better = worth_asking(tried_prompts(pipeline, asked, found, **draws))
        trial = form_trial(pipeline, asked, seed=config.seed)
        if trial:
            tell_once(trial.told(len(asked), options.orders))
        reworded = trial.best(pipeline, asked, found) if trial else None
        records = run_arms(
            pipeline,
            asked,
            found,
            orders=options.orders,
            seed=config.seed,
            halves=halves,
            reprompted=better.ranking if better else (),
            reworded=reworded,
        )
        diagnosis = attribute(
            records,
            config=options,
            transfer=transfer,
            prompt=better.prompt if better else None,
            form=reworded.form if reworded else None,
            reranked=pipeline.reranker is not None,
            **draws,
        )
        told = _told(diagnosis, records, asked, usable.notes, glossary, judge, config, k=config.retrieval.k)
        meta = {
            "title": title,
            "split": options.split,
            "k": config.retrieval.k,
            "num_questions": len(asked),
            "inferred_gold": len(usable.inferred),
            "orders": options.orders,
            "embedder": pipeline.embedder.name,
            "generator": pipeline.generator.name,
        }

        def text(passage: str, question: Question) -> tuple[str, str]:
            read = pipeline.passages.get(passage)
            if read is None:
                return "", "(in no passage of the index)"
            shown = pipeline.form.excerpts.show(read, question.question)
            return read.heading, shown.removeprefix(f"{read.heading}\n")

        _write(build, records, asked, told, text, meta)
    return require(target, "hybrid diagnose")


def diagnose_recorded(file: Path, *, config: Config, target: Path, judge: Generator | None = None) -> Manifest:
    """The same files from outcomes that another system recorded (see `outcomes_file`)."""
    options = config.diagnosis
    glossary = read_glossary(options.glossary) if options.glossary else None
    settings = {
        "diagnosis": options.model_dump(mode="json"),
        "resamples": config.evaluation.resamples,
        "seed": config.seed,
        "glossary": dict(glossary.terms) if glossary else {},
    }
    inputs = {"outcomes": sha256_file(file) if file.is_file() else ""}
    if done := current(target, "diagnosis", VERSION, settings, inputs):
        return done
    recorded = read_outcomes(file)
    with publish(target, "diagnosis", VERSION, settings, inputs) as build:
        diagnosis = attribute(recorded.records, config=options, resamples=config.evaluation.resamples, seed=config.seed)
        shown = [len(outcome.context) for record in recorded.records for outcome in record.of(Arm.RETRIEVED)]
        told = _told(
            diagnosis,
            recorded.records,
            recorded.questions,
            recorded.notes,
            glossary,
            judge,
            config,
            k=max(shown, default=0),
        )
        meta = {"title": file.stem, "num_questions": len(recorded.records), "outcomes": file.name}
        _write(build, recorded.records, recorded.questions, told, lambda passage, _: ("", passage), meta)
    return require(target, "hybrid diagnose --outcomes")


@dataclass(frozen=True)
class _Told:
    """A diagnosis with what is told beside it."""

    diagnosis: Diagnosis
    form: AnswerForm
    judged: Judgement | None
    halves: MissedHalves | None


def _told(
    diagnosis: Diagnosis,
    records: Sequence[Record],
    asked: Sequence[Question],
    notes: Sequence[str],
    glossary: Glossary | None,
    judge: Generator | None,
    config: Config,
    *,
    k: int,
) -> _Told:
    """With the form of the answers, the judge's opinion, and which half of a fused retrieval missed, which showed `k`
    passages; `notes` come before the diagnosis's own.
    """
    draws = {"resamples": config.evaluation.resamples, "seed": config.seed}
    judged = judge_answers(judge, records, asked, **draws) if judge else None
    form = measure_form(records, asked, glossary, **draws)
    halves = missed_halves(records, k)
    beside = [told.sentence for told in (judged, halves, diagnosis.query_prompt, diagnosis.prompt_form) if told]
    noted = replace(diagnosis, notes=(*notes, *beside, *diagnosis.notes))
    return _Told(with_form(noted, form, config.diagnosis.minimum_effect), form, judged, halves)


def _write(
    build: Build,
    records: Sequence[Record],
    asked: Sequence[Question],
    told: _Told,
    text: PassageText,
    meta: Mapping[str, Any],
) -> None:
    verdict = told.diagnosis.to_dict()
    verdict["form"] = jsonable(asdict(told.form))
    verdict["judge"] = jsonable(asdict(told.judged)) if told.judged else None
    if told.halves:
        verdict["missed_halves"] = asdict(told.halves)
    failures = describe(records, asked, text, verdict["labels"])
    verdict["suspect_labels"] = [item["id"] for item in failures if item["flags"]]
    if verdict["suspect_labels"]:
        verdict["notes"].append(
            f"{len(verdict['suspect_labels'])} gold answers may be wrong (flag SUSPECT_LABEL): every context gives "
            "another answer that the gold passage holds. Check them before anything is retuned."
        )
    write_jsonl(build.path / "outcomes.jsonl", (asdict(o) for record in records for o in record.outcomes))
    write_jsonl(build.path / "records.jsonl", (_without_outcomes(record) for record in records))
    write_jsonl(build.path / "failures.jsonl", failures)
    write_text(build.path / "diagnosis.json", json.dumps(verdict, indent=1, sort_keys=True) + "\n")
    write_text(build.path / "report.html", diagnosis_html(verdict, failures, dict(meta)))
    build.counts.update(questions=len(records), outcomes=sum(len(r.outcomes) for r in records), failures=len(failures))
    build.facts["sentence"] = verdict["sentence"]
    build.facts["plan"] = asdict(assumptions(records))


def describe(
    records: Sequence[Record], questions: Sequence[Question], text: PassageText, labels: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Every question that did not go right, with all that a person needs to judge it.

    A context holds the texts that the generator read, which may be excerpts of the passages.
    """
    by_id = {question.id: question for question in questions}
    items = []
    for record in records:
        label = labels[record.question_id]
        if label in _GOOD:
            continue
        question = by_id[record.question_id]

        def passage(identity: str, question: Question = question) -> dict[str, Any]:
            title, shown = text(identity, question)
            return {"id": identity, "title": title, "text": shown, "gold": identity in question.positives}

        gold = [passage(identity) for identity in question.positives] if record.gold_in_index else []
        arms: dict[str, Any] = {}
        # each arm once, in the retriever's order of passages, from the system as it stands to none at all
        for outcome in sorted(record.outcomes, key=lambda outcome: (list(Arm).index(outcome.arm), outcome.order)):
            if outcome.arm.value not in arms:
                arms[outcome.arm.value] = {
                    "text": outcome.text,
                    "correct": outcome.correct,
                    "abstained": outcome.abstained,
                    "cited": list(outcome.cited),
                    "context": [passage(identity) for identity in outcome.context],
                }
        items.append(
            {
                "id": question.id,
                "question": question.question,
                "answers": list(question.answers),
                "topic": question.topic,
                "label": label,
                "gold_rank": record.gold_rank,
                **({"half_ranks": dict(record.half_ranks)} if record.half_ranks else {}),
                **({"reprompted_rank": record.reprompted_rank} if record.of(Arm.REPROMPTED) else {}),
                "gold": gold,
                "flags": ["SUSPECT_LABEL"] if suspect_label(record, [item["text"] for item in gold]) else [],
                "arms": arms,
            }
        )
    return items


def _without_outcomes(record: Record) -> dict[str, Any]:
    left_out = {
        "outcomes",
        *(() if record.half_ranks else ("half_ranks",)),
        *(() if record.of(Arm.REPROMPTED) else ("reprompted_rank",)),
        *(() if record.of(Arm.REWORDED) else ("chose_form",)),
    }
    return {key: value for key, value in asdict(record).items() if key not in left_out}
