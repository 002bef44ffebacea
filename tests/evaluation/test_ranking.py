"""Ranking measures by hand."""

import math

import pytest

from hybrid.evaluation.ranking import rank_metrics, truncated_ndcg
from hybrid.retrieval.flat_store import FlatStore
from hybrid.types import Hit


def hits(*passages: str, score: float | None = None) -> list[Hit]:
    return [Hit(p, 1 - rank / 100 if score is None else score, rank) for rank, p in enumerate(passages, 1)]


def test_values_by_hand() -> None:
    run = {"q1": hits("a", "b", "c"), "q2": hits("x", "y", "g"), "q3": hits(*(f"p{i}" for i in range(10)), "g")}
    qrels = {"q1": {"a", "c"}, "q2": {"g"}, "q3": {"g"}}
    values = rank_metrics(run, qrels)
    ideal = 1 + 1 / math.log2(3)
    assert values["ndcg@10"]["q1"] == pytest.approx((1 + 1 / math.log2(4)) / ideal)
    assert values["recall@5"] == pytest.approx({"q1": 1.0, "q2": 1.0, "q3": 0.0})
    assert values["mrr@10"] == pytest.approx({"q1": 1.0, "q2": 1 / 3, "q3": 0.0})
    assert values["ndcg@10"]["q2"] == pytest.approx(0.5)
    assert values["ndcg@10"]["q3"] == 0


@pytest.mark.parametrize("gold", ["a", "z"])
def test_equal_similarities_keep_the_shown_order(gold: str) -> None:
    other = "z" if gold == "a" else "a"
    assert rank_metrics({"q": hits(gold, other, score=0.5)}, {"q": {gold}})["mrr@10"]["q"] == 1.0
    assert rank_metrics({"q": hits(other, gold, score=0.5)}, {"q": {gold}})["mrr@10"]["q"] == 0.5


def test_questions_without_hits_score_zero_and_without_gold_are_left_out() -> None:
    values = rank_metrics({"q1": [], "q3": hits("a")}, {"q1": {"a"}, "q2": {"a"}, "q3": set()})
    assert values == {name: {"q1": 0.0, "q2": 0.0} for name in ("ndcg@10", "recall@5", "mrr@10")}
    assert rank_metrics({}, {}) == {"ndcg@10": {}, "recall@5": {}, "mrr@10": {}}


def test_a_passage_twice_counts_once() -> None:
    assert rank_metrics({"q": hits("a", "b", "a")}, {"q": {"a"}})["ndcg@10"]["q"] == pytest.approx(1.0)


def test_truncated_vectors_rank_as_an_index_of_that_dimension_would() -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    vectors, queries = (rng.normal(size=(n, 16)).astype(np.float32) for n in (40, 12))
    ids = [f"p{n:02}" for n in rng.permutation(40)]
    golds = [{f"p{n:02}", f"p{n + 1:02}"} for n in range(12)]
    found = truncated_ndcg(queries, ids, vectors, golds, 4)
    store = FlatStore(4)
    store.add(ids, vectors[:, :4] / np.linalg.norm(vectors[:, :4], axis=1, keepdims=True))
    names, scores = store.search(queries[:, :4] / np.linalg.norm(queries[:, :4], axis=1, keepdims=True), 40)
    run = {
        str(q): [Hit(name, score, rank) for rank, (name, score) in enumerate(zip(*row, strict=True), 1)]
        for q, row in enumerate(zip(names, scores, strict=True))
    }
    expected = rank_metrics(run, {str(q): gold for q, gold in enumerate(golds)})["ndcg@10"]
    assert found == pytest.approx([expected[str(q)] for q in range(12)])
    assert len(set(found)) > 3
