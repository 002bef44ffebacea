"""Ranking measures per question, by ir_measures over binary judgements."""

from collections.abc import Mapping, Sequence

import numpy as np

from hybrid.protocols import Vectors
from hybrid.types import Hit

METRICS = {"ndcg@10": "nDCG@10", "recall@5": "R@5", "mrr@10": "RR@10"}
"""Our names to those of ir_measures (https://ir-measur.es)."""


def rank_metrics(run: Mapping[str, Sequence[Hit]], qrels: Mapping[str, set[str]]) -> dict[str, dict[str, float]]:
    """Metric to question id to value in [0, 1], for every question with at least one gold passage.

    A question without hits scores 0. Questions of the run without gold passages (unanswerable ones) are left out.
    """
    import ir_measures

    judged = {question: golds for question, golds in qrels.items() if golds}
    values = {name: dict.fromkeys(judged, 0.0) for name in METRICS}
    hits = {question: _scores(run[question]) for question in judged if run.get(question)}
    if not hits:
        return values
    names = {ir_measures.parse_measure(measure): name for name, measure in METRICS.items()}
    relevance = {question: dict.fromkeys(judged[question], 1) for question in hits}
    for item in ir_measures.iter_calc(list(names), relevance, hits):
        values[names[item.measure]][item.query_id] = float(item.value)
    return values


def truncated_ndcg(
    query_vectors: Vectors, ids: Sequence[str], vectors: Vectors, qrels: Sequence[set[str]], dim: int
) -> list[float]:
    """nDCG@10 per question when all vectors are cut to their first `dim` components and renormalised.

    `query_vectors` `(n_questions, full)`, `vectors` `(n_passages, full)` with their `ids`. Ties are broken by id.
    """
    order = np.argsort(np.array(ids))
    queries, passages = _cut(query_vectors, dim), _cut(vectors[order], dim)
    names = [ids[place] for place in order]
    run = {}
    for number, query in enumerate(queries):
        best = np.argsort(-(passages @ query), kind="stable")[:10]
        run[str(number)] = [Hit(names[place], 0.0, rank) for rank, place in enumerate(best, start=1)]
    values = rank_metrics(run, {str(number): golds for number, golds in enumerate(qrels)})["ndcg@10"]
    return [values[str(number)] for number in range(len(qrels))]


def _cut(vectors: Vectors, dim: int) -> Vectors:
    cut = vectors[:, :dim]
    unit: Vectors = cut / np.maximum(np.linalg.norm(cut, axis=1, keepdims=True), 1e-12)
    return unit


def _scores(hits: Sequence[Hit]) -> dict[str, float]:
    """Passage to a score that falls strictly with the rank.

    Measures break ties of similarity by their own rules (trec_eval by descending id), which need not be the order in
    which the passages were shown. A passage that occurs twice counts where it is ranked best.
    """
    scores: dict[str, float] = {}
    for hit in sorted(hits, key=lambda hit: hit.rank):
        scores.setdefault(hit.passage_id, float(-len(scores)))
    return scores
