"""The choice of an index type by size, memory and latency, and the estimates that it rests on."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from hybrid.config import Config
from hybrid.config_index import IndexConfig
from hybrid.retrieval.full_vectors import FullVectors, RowFile
from hybrid.retrieval.index_layout import num_clusters
from hybrid.retrieval.index_plan import layouts, make_plan
from hybrid.retrieval.shortlist_store import FAISS_FILE
from tests.retrieval.store_contract import DIM, empty_store, names, unit_vectors

AUTO = IndexConfig(memory_mb=8000)


def test_small_corpora_stay_exact_and_large_ones_do_not() -> None:
    assert [make_plan(num, 384, AUTO).chosen for num in (0, 1, 999, 20_000)] == ["exact"] * 4
    assert make_plan(1_000_000, 384, AUTO).chosen == "hnsw"
    plan = make_plan(1_000_000, 384, AUTO)
    assert "exact search takes 92 ms" in plan.why
    assert plan.option.expected_ms < plan.options[0].expected_ms / 150


def test_a_tight_memory_chooses_short_codes_and_the_tightest_the_smallest() -> None:
    assert make_plan(1_000_000, 384, IndexConfig(memory_mb=300)).chosen in ("ivf_pq", "ivf_rabitq")
    plan = make_plan(1_000_000, 384, IndexConfig(memory_mb=10))
    assert "none fits" in plan.why
    assert plan.option.resident_mb == min(o.resident_mb for o in plan.options if o.type not in ("exact", "funnel"))


def test_a_latency_budget_moves_the_border_of_exact_search() -> None:
    assert make_plan(60_000, 384, AUTO).chosen != "exact"
    assert make_plan(60_000, 384, IndexConfig(memory_mb=8000, latency_ms=20)).chosen == "exact"
    assert make_plan(20_000, 384, IndexConfig(memory_mb=20)).chosen != "exact"


@pytest.mark.parametrize("type_", ["exact", "funnel", "hnsw", "ivf_pq", "ivf_sq", "ivf_rabitq"])
def test_a_named_type_is_taken_whatever_fits(type_: str) -> None:
    plan = make_plan(500, 384, IndexConfig.model_validate({"type": type_, "memory_mb": 0.001}))
    assert (plan.chosen, plan.why) == (type_, "index.type names it")


def test_a_named_type_gives_way_where_there_is_too_little_to_learn_from() -> None:
    plan = make_plan(15, 384, IndexConfig(type="hnsw"))
    assert (plan.chosen, plan.why) == ("exact", "15 vectors are too few to learn hnsw from: 16 are needed")
    assert make_plan(16, 384, IndexConfig(type="hnsw")).chosen == "hnsw"


@pytest.mark.parametrize("type_", ["funnel", "hnsw", "ivf_pq", "ivf_sq", "ivf_rabitq"])
def test_the_estimated_bytes_are_those_of_the_files(type_: str, tmp_path: Path) -> None:
    num = 3000
    config = IndexConfig.model_validate({"type": type_})
    layout = layouts(type_, num, DIM, config)[0]
    store = empty_store(layout, unit_vectors(1000, 1))
    store.add(names(num), unit_vectors(num))
    store.save(tmp_path)
    expected = num * layout.code_bytes + layout.resident_bytes
    # lists of 32 codes at a time are rounded up: at so small a size that is much
    assert (tmp_path / FAISS_FILE).stat().st_size == pytest.approx(expected, rel=0.5)
    assert (tmp_path / "vectors.npy").stat().st_size == pytest.approx(num * layout.mapped_bytes, abs=200)


def test_sizes_near_each_other_share_a_number_of_clusters() -> None:
    clusters = [num_clusters(num) for num in range(1000, 2_000_000, 1000)]
    assert clusters == sorted(clusters) and len(set(clusters)) < 8
    assert all(b in (a, 2 * a) for a, b in itertools.pairwise(clusters))
    assert num_clusters(1_000_000) == 4096


def test_the_funnel_tries_several_prefixes_and_those_that_are_named() -> None:
    assert {layout.dims for layout in layouts("funnel", 10_000, 384, AUTO)} == {64, 128, 192, 256}
    named = IndexConfig(shortlist_dims=(32, 96))
    assert {layout.dims for layout in layouts("funnel", 10_000, 384, named)} == {32, 96}
    assert {layout.dims for layout in layouts("ivf_pq", 10_000, 384, named)} == {32, 96}
    assert {layout.dims for layout in layouts("hnsw", 10_000, 384, AUTO)} == {384}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"min_recall": 0.995}, "min_recall must not be above recall"),
        ({"shortlist_dims": [128, 64]}, "shortlist_dims"),
        ({"type": "lsh"}, "ivf_pq"),
        ({"store": "milvus", "milvus_uri": "m.db", "type": "hnsw"}, "milvus_index"),
        ({"store": "milvus", "milvus_uri": "m.db", "type": "exact"}, "milvus_index"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Config.model_validate({"index": settings})


def test_rows_are_written_in_any_order(tmp_path: Path) -> None:
    vectors = unit_vectors(20)
    with RowFile(tmp_path / "rows.npy", 20, DIM, "float32") as file:
        file.put(range(10, 20), vectors[10:])
        file.put([9, 0, 1, 2, 8, 3, 4, 5, 6, 7], vectors[[9, 0, 1, 2, 8, 3, 4, 5, 6, 7]])
    full = FullVectors.open(tmp_path / "rows.npy")
    assert (full.take(np.arange(20)) == vectors).all()
    assert [start for start, _ in full.blocks(8)] == [0, 8, 16]
