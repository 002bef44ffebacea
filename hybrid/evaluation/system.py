"""How good a system is on a split: ranking, answers, citations, abstention, the guard, latency, general ability."""

import json
import random
import statistics as stdlib_statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hybrid.answering.pipeline import Pipeline, Request
from hybrid.artifacts import Manifest, current, publish, require, write_text
from hybrid.config import Config
from hybrid.errors import UserError
from hybrid.evaluation.general import read_items, score_items
from hybrid.evaluation.graders import grade
from hybrid.evaluation.metrics import summarise
from hybrid.evaluation.ranking import rank_metrics
from hybrid.jsonl import write_jsonl
from hybrid.protocols import Generator, Scorer
from hybrid.types import Answer, Hit, Question

VERSION = 1
_LATENCY_QUESTIONS = 5


def sample(questions: Sequence[Question], split: str, max_questions: int, seed: int) -> list[Question]:
    """The questions of a split, or a fixed random sample in file order. Raises `UserError` where there are none."""
    chosen = [question for question in questions if question.split == split]
    if not chosen:
        raise UserError(
            f"the corpus has no questions in split {split!r}",
            "write questions.jsonl first: without an evaluation set nothing can be measured, nothing should be tuned",
        )
    if max_questions and max_questions < len(chosen):
        keep = set(random.Random(seed).sample(range(len(chosen)), max_questions))
        chosen = [question for i, question in enumerate(chosen) if i in keep]
    return chosen


def cluster_of(question: Question) -> str:
    """Questions with the same first gold passage vary together; an unanswerable one stands alone."""
    return question.positives[0] if question.positives else question.id


def evaluate_system(
    pipeline: Pipeline,
    questions: Sequence[Question],
    *,
    scorer: Scorer | None,
    uncached: Generator,
    config: Config,
    target: Path,
    inputs: Mapping[str, str],
) -> Manifest:
    """Publish `questions.jsonl` (a row a question), `general.jsonl` and `metrics.json` (intervals of 95 %).

    `uncached` answers five questions one at a time for the latency. Without a `scorer` general ability is left out.
    """
    settings = {
        "evaluation": config.evaluation.model_dump(mode="json"),
        "retrieval": config.retrieval.model_dump(mode="json"),
        "answering": config.answering.model_dump(mode="json"),
        "max_new_tokens": config.generator.max_new_tokens,
        "context_tokens": config.generator.context_tokens,
        "seed": config.seed,
    }
    if done := current(target, "evaluation", VERSION, settings, inputs):
        return done
    asked = sample(questions, config.evaluation.split, config.evaluation.max_questions, config.seed)
    items = read_items(config.evaluation.general_files, config.evaluation.general_items, config.seed) if scorer else []
    with publish(target, "evaluation", VERSION, settings, inputs) as build:
        hits = pipeline.retrieve([q.question for q in asked], config.retrieval.depth)
        k = config.retrieval.k
        requests = [Request(q.question, pipeline.lookup(h[:k])) for q, h in zip(asked, hits, strict=True)]
        answers = pipeline.answer(requests)
        ranked = rank_metrics(
            {q.id: h for q, h in zip(asked, hits, strict=True) if q.positives},
            {q.id: set(q.positives) for q in asked if q.positives},
        )
        rows = [
            _row(q, h, a, {name: values.get(q.id) for name, values in ranked.items()})
            for q, h, a in zip(asked, hits, answers, strict=True)
        ]
        right = score_items(scorer, items) if scorer else []
        general = [{"id": item.id, "right": ok} for item, ok in zip(items, right, strict=True)]
        write_jsonl(build.path / "questions.jsonl", rows)
        write_jsonl(build.path / "general.jsonl", general)
        summary = summarise(rows, general, resamples=config.evaluation.resamples, seed=config.seed)
        metrics = {name: asdict(interval) for name, interval in summary.items()}
        write_text(build.path / "metrics.json", _json(metrics))
        build.counts.update(questions=len(rows), general_items=len(general))
        build.counts["contexts_with_dropped_passages"] = sum(bool(a.dropped) for a in answers)
        build.facts["latency_s"] = _latency(pipeline, uncached, requests[:_LATENCY_QUESTIONS])
    return require(target, "hybrid evaluate")


def _row(
    question: Question, hits: Sequence[Hit], answer: Answer, ranking: Mapping[str, float | None]
) -> dict[str, Any]:
    graded = grade(answer.plain, question, abstained=answer.abstained)
    gold = set(question.positives)
    cited = [citation.passage_id for citation in answer.citations]
    rank = next((hit.rank for hit in hits if hit.passage_id in gold), None)
    return {
        "id": question.id,
        "cluster": cluster_of(question),
        "answerable": question.answerable,
        **{name: value for name, value in ranking.items() if value is not None},
        "gold_rank": rank,
        "gold_in_context": bool(gold & set(answer.context)),
        "score": graded.score,
        "correct": graded.correct,
        "exact": graded.exact,
        "abstained": answer.abstained,
        "withheld": answer.withheld,
        "unsupported": list(answer.unsupported),
        "cited": cited,
        "cited_gold": sum(passage in gold for passage in cited),
        "question": question.question,
        "answers": list(question.answers),
        "text": answer.text,
        "context": list(answer.context),
        "dropped": list(answer.dropped),
    }


def _latency(pipeline: Pipeline, uncached: Generator, requests: Sequence[Request]) -> dict[str, float]:
    """Seconds of one question at a time, search included, the models loaded and nothing cached."""
    config = pipeline.config
    seconds = []
    for request in requests:
        started = time.perf_counter()
        found = pipeline.retrieve([request.question])[0]
        fitted = pipeline.fit(Request(request.question, pipeline.lookup(found)))
        chat = pipeline.prompt(request.question, fitted.passages)
        uncached.generate([chat], max_new_tokens=config.generator.max_new_tokens)
        seconds.append(time.perf_counter() - started)
    return {"median": stdlib_statistics.median(seconds), "max": max(seconds), "num": len(seconds)} if seconds else {}


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"
