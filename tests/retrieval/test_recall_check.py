"""How effort is chosen: by a lower bound of recall, on walks that are those of the store, for queries it never saw."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hybrid.config_index import IndexConfig, ShortlistType
from hybrid.protocols import Vectors
from hybrid.retrieval.full_vectors import FullVectors, Rows
from hybrid.retrieval.index_plan import layouts
from hybrid.retrieval.recall_check import (
    Point,
    Sample,
    cheapest,
    draw_sample,
    frontier,
    hold_out,
    lower_bound,
    measure,
    pareto,
)
from hybrid.retrieval.search_cost import Effort, search_ms
from hybrid.retrieval.shortlist_build import build_shortlist, sample_last, write_vectors
from hybrid.retrieval.shortlist_store import ShortlistStore
from tests.retrieval.store_contract import empty_store

DIM = 32
TARGET = 0.99
CONFIG = IndexConfig()


def clustered(num: int, seed: int, spread: float = 0.4) -> Vectors:
    """Unit vectors around forty centres, the same for every seed."""
    centres, chance = np.random.default_rng(99).normal(size=(40, DIM)), np.random.default_rng(seed)
    vectors = centres[chance.integers(40, size=num)] + spread * chance.normal(size=(num, DIM))
    unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def filled(type_: ShortlistType, vectors: Vectors) -> ShortlistStore:
    store = empty_store(layouts(type_, len(vectors), DIM, CONFIG)[0], vectors)
    store.add([f"p{row}" for row in range(len(vectors))], vectors)
    return store


def point(recall: float, low: float, cost: float) -> Point:
    return Point(DIM, 0, 12, 1, None, recall, low, cost)


def test_the_lower_bound_is_1_645_standard_errors_below_the_mean() -> None:
    recalls = np.array([1.0, 0.9, 1.0, 0.8])
    assert lower_bound(recalls) == pytest.approx(0.925 - 1.645 * np.sqrt((0.075**2 * 2 + 0.025**2 + 0.125**2) / 3 / 4))
    assert lower_bound(np.ones(10)) == 1.0 and lower_bound(np.array([0.7])) == 0.7


def test_the_lower_bound_lies_below_the_true_mean_in_about_95_of_100_samples() -> None:
    chance = np.random.default_rng(3)
    below = [lower_bound(chance.binomial(10, 0.9, size=500) / 10) <= 0.9 for _ in range(2000)]
    assert 0.93 <= np.mean(below) <= 0.97


@pytest.mark.parametrize(
    ("points", "chosen"),
    [
        ([point(0.999, 0.995, 3), point(0.995, 0.991, 2), point(0.992, 0.989, 1)], 1),
        ([point(1, 1, 2), point(0.99, 0.99, 1)], 1),
        ([point(0.98, 0.97, 1), point(0.99, 0.96, 2), point(0.99, 0.96, 3)], 1),
    ],
)
def test_the_cheapest_whose_bound_reaches_the_target_else_what_finds_most(points: list[Point], chosen: int) -> None:
    assert cheapest(points, TARGET) == points[chosen]


def test_a_frontier_holds_what_is_chosen_whatever_the_target() -> None:
    points = frontier(store := filled("funnel", clustered(1500, 1)), draw_sample(store.full, store.live_rows(), 100, 0))
    for target in {p.low for p in points}:
        assert cheapest(points, target) in pareto(points)


def plain_frontier(store: ShortlistStore, sample: Sample) -> list[tuple[Effort, float, float]]:
    """The same by one query after the other: effort, recall, cost."""
    graph, told = store.layout.type == "hnsw", []
    nodes = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
    for probes in nodes if graph else (1, 2, 4, 8, 12, *(n for n in nodes if n <= store.layout.clusters)):
        lists = store.shortlists(sample.queries, min((probes if graph else 2048) + 1, len(store.full)), probes)
        longest = lists[0].shape[1]
        looks = [plain_look(store, sample, number, lists) for number in range(len(sample.rows))]
        starts = (12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
        for start in (width for width in starts if width <= longest):
            for doubt in (None,) if graph else (None, 1.0, 2.0, 3.0):
                walks = np.array([plain_walk(*look, longest, start, doubt) for look in looks])
                recall, rescored, searches = (float(column.copy().mean()) for column in walks.T)
                cost = search_ms(store.layout, len(store.full), Effort(round(rescored), probes))
                cost += (searches - 1) * search_ms(store.layout, len(store.full), Effort(0, probes))
                told.append((Effort(start, probes, doubt), recall, cost))
    return told


def plain_look(
    store: ShortlistStore, sample: Sample, number: int, lists: tuple[Vectors, Rows]
) -> tuple[Vectors, Vectors, np.float32]:
    """Scores of codes and of vectors, and the score that counts."""
    allowed = set(store.live_rows().tolist()) - {sample.rows[number]}
    kept = [place for place, row in enumerate(lists[1][number]) if row in allowed]
    query = sample.queries[number]
    tenth = float(store.full.scores(sample.nearest[number], query).min()) - 1e-6
    return lists[0][number, kept], store.full.scores(lists[1][number, kept], query), np.float32(tenth)


def plain_walk(
    codes: Vectors, scores: Vectors, tenth: np.float32, longest: int, start: int, doubt: float | None
) -> tuple[float, int, int]:
    width, rescored, searches = start, 0, 0
    while True:
        seen = min(width, len(codes))
        rescored, searches = rescored + seen, searches + 1
        errors = scores[seen // 2 : seen] - codes[seen // 2 : seen]
        longer = min(4 * width, longest)
        if doubt is None or seen < width or longer == width or width >= 2048 or seen < 10:
            break
        if codes[seen - 1] + errors.mean() + doubt * errors.std() < np.sort(scores[:seen])[-10]:
            break
        width = longer
    return min(10, int((scores[:seen] >= tenth).sum())) / 10, rescored, searches


@pytest.mark.parametrize("type_", ["ivf_pq", "hnsw"])
@pytest.mark.parametrize("of", ["own vectors", "questions"])
def test_walks_of_all_queries_at_once_are_those_of_one_after_the_other(type_: ShortlistType, of: str) -> None:
    """With a crowd that codes cannot tell apart, so that they doubt, and with removed rows."""
    vectors = clustered(900, 1)
    vectors[600:] = vectors[0] + 0.003 * clustered(300, 2, 1.0)
    store = filled(type_, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    store.remove([f"p{row}" for row in range(0, 900, 7)])
    asked = clustered(40, 3) if of == "questions" else None
    sample = draw_sample(store.full, store.live_rows(), 12, 0, asked)
    found = frontier(store, sample)
    assert [(p.effort, p.recall, p.expected_ms) for p in found] == plain_frontier(store, sample)
    if type_ == "ivf_pq":
        without = {(p.probes, p.shortlist): p.expected_ms for p in found if p.doubt is None}
        assert any(p.expected_ms > without[p.probes, p.shortlist] for p in found if p.doubt), "something was doubted"


@pytest.mark.parametrize("num", [20, 21])
def test_a_sample_of_twenty_is_enough_to_choose_and_to_check(num: int) -> None:
    store = filled("ivf_pq", clustered(1500, 1))
    sample = draw_sample(store.full, store.live_rows(), num, 0)
    chosen = cheapest(frontier(store, sample.half(0)), TARGET)
    store.effort = chosen.effort
    assert chosen.low >= TARGET and measure(store, sample.half(1)) >= 0.95


def test_by_the_bound_questions_outside_the_sample_find_enough_and_by_the_mean_they_often_do_not() -> None:
    """Recall is told by a thousand other questions; effort is chosen on two hundred, twelve times."""
    store, pool = filled("ivf_pq", clustered(4000, 1)), clustered(20_000, 3)
    unseen = draw_sample(store.full, store.live_rows(), 1000, 0, clustered(1000, 2))
    truth = {p.effort: p.recall for p in frontier(store, unseen)}
    by_bound, by_mean = [], []
    for seed in range(12):
        points = frontier(store, draw_sample(store.full, store.live_rows(), 400, seed, pool).half(0))
        chosen = cheapest(points, TARGET)
        assert chosen.low >= TARGET
        assert all(p.low < TARGET for p in points if p.expected_ms < chosen.expected_ms)
        by_bound.append(truth[chosen.effort])
        by_mean.append(truth[cheapest([replace(p, low=p.recall) for p in points], TARGET).effort])
    assert sum(recall >= TARGET for recall in by_bound) >= 11, by_bound
    assert sum(recall >= TARGET for recall in by_mean) <= 9, by_mean


def test_the_sample_is_the_last_rows_and_random() -> None:
    order = sample_last(5000, IndexConfig(check_vectors=200), 0)
    assert sorted(order) == list(range(5000))
    assert list(order[:-200]) == sorted(order[:-200]) and list(order[-200:]) == sorted(order[-200:])
    assert 2000 < np.mean(order[-200:]) < 3000
    assert [len(hold_out(FullVectors(clustered(60, 1)), num).rows) for num in (20, 30)] == [20, 30]


def test_a_graph_is_tuned_for_vectors_that_it_does_not_hold(tmp_path: Path) -> None:
    """Its own vectors are reached over their own links: they find more than others do, and would tell too much."""
    vectors, unseen = clustered(6000, 1, 1.0), clustered(1000, 2, 1.0)
    config = IndexConfig(type="hnsw", check_vectors=600)
    write_vectors([(list(range(6000)), vectors)], 6000, DIM, tmp_path, config)
    ids = [f"p{row}" for row in range(6000)]
    tried = layouts("hnsw", 6000, DIM, config)
    store = build_shortlist(ids, tried, tmp_path, resume=tmp_path, config=config, seed=0).store
    assert len(store) == 6000 and store.search(vectors[-1:], 1)[0] == [["p5999"]]
    strangers = draw_sample(store.full, store.live_rows(), 1000, 0, unseen)
    assert measure(store, strangers) >= TARGET
    own = draw_sample(store.full, store.live_rows(), 600, 0)
    store.effort = cheapest(frontier(store, own.half(0)), TARGET).effort
    assert measure(store, own.half(1)) >= TARGET > measure(store, strangers) + 0.005
