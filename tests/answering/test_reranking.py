"""Where a reranker's scores put passages: the first hits in its order, the others behind, whatever the depth."""

from typing import Any

import pytest

from hybrid.answering.pipeline import Pipeline
from hybrid.answering.reranking import rerank
from hybrid.config import Config
from hybrid.retrieval.flat_store import FlatStore
from hybrid.types import Passage, ranked
from tests.told_reranker import Told
from tests.words_embedder import Words

PASSAGES = {f"p{n}": Passage(f"p{n}", f"text {n}", "Title") for n in range(1, 7)}
HITS = ranked(list(PASSAGES), [0.9, 0.8, 0.7, 0.4, 0.4, 0.1])


def test_order_ties_and_those_behind() -> None:
    reranker = Told({"text 1": -2.0, "text 2": 3.5, "text 3": 3.5, "text 4": 5.0})
    hits = rerank(reranker, "why?", HITS, PASSAGES, depth=4)
    assert reranker.asked == [("why?", [f"Title\ntext {n}" for n in range(1, 5)])], "heading and text, no others"
    assert [hit.passage_id for hit in hits] == ["p4", "p2", "p3", "p1", "p5", "p6"]
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5, 6]
    # behind: the first of them at the lowest of the reranker's, the others as far below as they were
    assert [hit.score for hit in hits] == pytest.approx([5.0, 3.5, 3.5, -2.0, -2.0, -2.3])


def test_ties_are_broken_by_id_not_by_the_order_before() -> None:
    hits = rerank(Told({}), "why?", ranked(["p3", "p1", "p2"], [0.9, 0.8, 0.7]), PASSAGES, depth=3)
    assert [(hit.passage_id, hit.score) for hit in hits] == [("p1", 0.0), ("p2", 0.0), ("p3", 0.0)]


@pytest.mark.parametrize("num", [0, 1, 3])
def test_fewer_hits_than_it_would_read(num: int) -> None:
    reranker = Told({"text 1": 1.0, "text 2": 2.0, "text 3": 3.0})
    hits = rerank(reranker, "why?", HITS[:num], PASSAGES, depth=30)
    assert [hit.passage_id for hit in hits] == ["p3", "p2", "p1"][3 - num :]
    assert len(reranker.asked) == bool(num), "nothing to read, nothing asked"


def pipeline(reranker: Any, **changed: Any) -> Pipeline:
    """Forty machines; vectors rank them by their numbers' words, the reranker as it is told."""
    passages = {f"p{n:02}": Passage(f"p{n:02}", f"The mx{n:02} weighs {n} kg.", "T") for n in range(40)}
    embedder = Words()
    store = FlatStore(embedder.dim)
    store.add(list(passages), embedder.encode_passages([passage.full_text for passage in passages.values()]))
    config = Config.model_validate({"retrieval": {"k": 3, "depth": 30, **changed}})
    # nobody answers here
    return Pipeline(store, embedder, None, passages, config, reranker=reranker)  # type: ignore[arg-type]


def test_first_ranks_do_not_hang_on_how_many_hits_are_asked_for() -> None:
    questions = ["How heavy is the mx07?", "How heavy is the mx21?"]
    upside_down = Told({f"The mx{n:02} weighs {n} kg.": float(n) for n in range(40)})
    system = pipeline(upside_down, rerank_depth=10)
    before = system.first_stage(questions, 30)
    assert [hits[0].passage_id for hits in before] == ["p07", "p21"]
    deep = system.retrieve(questions, 30)
    for found, were in zip(deep, before, strict=True):
        ids = [hit.passage_id for hit in found]
        assert ids[:10] == sorted((hit.passage_id for hit in were[:10]), reverse=True)
        assert ids[10:] == [hit.passage_id for hit in were[10:]]
        scores = [hit.score for hit in found]
        assert scores == sorted(scores, reverse=True)
    assert all(len(texts) == 10 for _, texts in upside_down.asked)
    for depth in (1, 3, 10, 17):
        assert system.retrieve(questions, depth) == [hits[:depth] for hits in deep]
    assert system.retrieve(questions) == [hits[:3] for hits in deep], "k by default"
    assert [system.retrieve([question], 30)[0] for question in questions] == deep, "one question alone"


def test_without_a_reranker_nothing_moves() -> None:
    system = pipeline(None)
    assert system.retrieve(["How heavy is the mx07?"], 5) == system.first_stage(["How heavy is the mx07?"], 5)
