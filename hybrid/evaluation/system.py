"""How good a system is on a split: ranking, answers, citations, abstention, the guard, latency, general ability."""

import json
import statistics as stdlib_statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hybrid.answering.pipeline import Pipeline, Request
from hybrid.artifacts import Manifest, current, publish, require, write_text
from hybrid.config import Config
from hybrid.evaluation.arms import run_arms
from hybrid.evaluation.general import read_items, score_items
from hybrid.evaluation.graders import grade, token_f1
from hybrid.evaluation.halves import gold_rank
from hybrid.evaluation.metrics import by_origin, summarise
from hybrid.evaluation.questions import cluster_of, gold_shown, sample
from hybrid.evaluation.ranking import rank_metrics, truncated_ndcg
from hybrid.jsonl import write_jsonl
from hybrid.protocols import Generator, Scorer, Vectors
from hybrid.types import Answer, Arm, Hit, Passage, Question

VERSION = 8
_LATENCY_QUESTIONS = 5
ORIGINS = "origins.json"


def evaluate_system(
    pipeline: Pipeline,
    questions: Sequence[Question],
    *,
    scorer: Scorer | None,
    uncached: Generator,
    noise: Callable[[Sequence[str]], Sequence[Sequence[Hit]]] | None = None,
    config: Config,
    target: Path,
    inputs: Mapping[str, str],
) -> Manifest:
    """Publish `questions.jsonl` (a row a question), `general.jsonl` and `metrics.json` (intervals of 95 %).

    `origins.json` holds the same metrics for each origin where the questions have several.

    `noise` finds the distractors of the arm `oracle_in_distractors`; by default the pipeline's own retriever does.
    `uncached` answers five questions one at a time for the latency. Without a `scorer` general ability is left out.
    """
    settings = {
        "evaluation": config.evaluation.settings(),
        "retrieval": config.retrieval.settings(),
        "answering": config.answering.model_dump(mode="json"),
        "max_new_tokens": config.generator.max_new_tokens,
        "context_tokens": config.generator.context_tokens,
        "window_tokens": config.generator.window_tokens,
        "seed": config.seed,
    }
    if done := current(target, "evaluation", VERSION, settings, inputs):
        return done
    asked = sample(questions, config.evaluation.split, config.evaluation.max_questions, config.seed)
    measured = config.evaluation
    items = (
        read_items(measured.general_paths, measured.general_items, config.seed, dev_share=measured.general_dev_share)
        if scorer
        else []
    )
    with publish(target, "evaluation", VERSION, settings, inputs) as build:
        hits, ranked = rank(pipeline, asked, config)
        k = config.retrieval.k
        requests = [
            Request(q.question, pipeline.lookup(h[:k]), hidden=q.positives) for q, h in zip(asked, hits, strict=True)
        ]
        answers = pipeline.answer(requests)
        rows = [_row(q, a, scores, pipeline.passages) for q, a, scores in zip(asked, answers, ranked, strict=True)]
        _add_arms(rows, pipeline, asked, hits, noise, config)
        right = score_items(scorer, items) if scorer else []
        general = [{"id": item.id, "right": ok} for item, ok in zip(items, right, strict=True)]
        write_jsonl(build.path / "questions.jsonl", rows)
        write_jsonl(build.path / "general.jsonl", general)
        summary = summarise(rows, general, resamples=config.evaluation.resamples, seed=config.seed)
        metrics = {name: asdict(interval) for name, interval in summary.items()}
        write_text(build.path / "metrics.json", _json(metrics))
        if apart := by_origin(rows, resamples=config.evaluation.resamples, seed=config.seed):
            told = {name: {key: asdict(value) for key, value in found.items()} for name, found in apart.items()}
            write_text(build.path / ORIGINS, _json(told))
        build.counts.update(questions=len(rows), general_items=len(general))
        build.counts["contexts_with_dropped_passages"] = sum(bool(a.dropped) for a in answers)
        build.counts["examples_shown"] = sum(a.examples for a in answers)
        build.counts["examples_left_out"] = sum(a.examples_left_out for a in answers)
        build.facts["latency_s"] = latency(pipeline, uncached, requests[:_LATENCY_QUESTIONS])
    return require(target, "hybrid evaluate")


def rank(pipeline: Pipeline, asked: Sequence[Question], config: Config) -> tuple[list[list[Hit]], list[dict[str, Any]]]:
    """Hits of every question, and a row of ranking figures for each; those without gold passages have none of these."""
    hits = pipeline.retrieve([question.question for question in asked], config.retrieval.depth)
    judged = [question for question in asked if question.positives]
    golds = {question.id: set(question.positives) for question in judged}
    values = rank_metrics({q.id: h for q, h in zip(asked, hits, strict=True) if q.positives}, golds)
    if config.evaluation.dims and judged:
        ids, vectors = _searched_vectors(pipeline)
        queries = pipeline.embedder.encode_queries([question.question for question in judged])
        for dim in config.evaluation.dims:
            scores = truncated_ndcg(queries, ids, vectors, list(golds.values()), dim)
            values[f"ndcg@10/{dim}"] = dict(zip(golds, scores, strict=True))
    rows = [
        {
            "id": question.id,
            "cluster": cluster_of(question),
            "answerable": question.answerable,
            "answer_type": question.answer_type,
            **{name: scores[question.id] for name, scores in values.items() if question.id in scores},
            "gold_rank": gold_rank((hit.passage_id for hit in found), question.positives),
        }
        for question, found in zip(asked, hits, strict=True)
    ]
    return hits, rows


def _searched_vectors(pipeline: Pipeline) -> tuple[list[str], Vectors]:
    """All ids and vectors that may be found."""
    ids, vectors = pipeline.store.vectors()
    if pipeline.among is None:
        return ids, vectors
    rows = [row for row, identity in enumerate(ids) if identity in pipeline.among]
    return [ids[row] for row in rows], vectors[rows]


def _row(
    question: Question, answer: Answer, ranking: Mapping[str, Any], passages: Mapping[str, Passage]
) -> dict[str, Any]:
    graded = grade(answer.plain, question, abstained=answer.abstained)
    golds = set(question.positives)
    cited = [citation.passage_id for citation in answer.citations]
    return {
        **ranking,
        "gold_in_context": gold_shown(question, answer, passages),
        "score": graded.score,
        "correct": graded.correct,
        "exact": graded.exact,
        "f1": 0.0
        if answer.abstained
        else max((token_f1(answer.plain, gold) for gold in question.answers), default=0.0),
        "abstained": answer.abstained,
        "withheld": answer.withheld,
        "reason": answer.reason.value if answer.reason else None,
        "unsupported": list(answer.unsupported),
        "unsourced": len(answer.unsourced),
        "echo": answer.echo,
        "support": round(answer.support, 4),
        "cited": cited,
        "cited_gold": sum(passage in golds for passage in cited),
        "question": question.question,
        "answers": list(question.answers),
        "text": answer.text,
        "plain": answer.plain,
        "context": list(answer.context),
        "dropped": list(answer.dropped),
        **({"origin": question.origin} if question.origin else {}),
    }


def _add_arms(
    rows: list[dict[str, Any]],
    pipeline: Pipeline,
    asked: Sequence[Question],
    hits: Sequence[Sequence[Hit]],
    noise: Callable[[Sequence[str]], Sequence[Sequence[Hit]]] | None,
    config: Config,
) -> None:
    """Outcomes with perfect retrieval, for the answerable questions, in one passage order."""
    arms = {Arm(name) for name in config.evaluation.arms}
    if not arms:
        return
    pairs = [(question, found) for question, found in zip(asked, hits, strict=True) if question.answerable]
    answerable, ranking = [question for question, _ in pairs], [found for _, found in pairs]
    others = noise([question.question for question in answerable]) if noise else ()
    records = run_arms(pipeline, answerable, ranking, orders=1, seed=config.seed, arms=arms, noise=others)
    found = {record.question_id: record for record in records}
    for row in rows:
        if row["id"] in found:
            row["arms"] = {o.arm.value: asdict(o) for o in found[row["id"]].outcomes}


def latency(pipeline: Pipeline, uncached: Generator, requests: Sequence[Request]) -> dict[str, float]:
    """Seconds of one question at a time, search included, the models loaded and nothing cached."""
    alone = replace(pipeline, generator=uncached)
    seconds = []
    for request in requests:
        started = time.perf_counter()
        found = alone.retrieve([request.question])[0]
        # as it is served: passages that are read apart are not all read
        alone.answer([Request(request.question, alone.lookup(found))])
        seconds.append(time.perf_counter() - started)
    return {"median": stdlib_statistics.median(seconds), "max": max(seconds), "num": len(seconds)} if seconds else {}


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"
