"""Every type of approximate store under the contract of all stores, and what only they do."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from hybrid.config_index import IndexConfig, ShortlistType
from hybrid.errors import IntegrityError
from hybrid.protocols import Vectors
from hybrid.retrieval.index_layout import Layout
from hybrid.retrieval.index_plan import layouts
from hybrid.retrieval.search_cost import Effort
from hybrid.retrieval.shortlist_store import (
    FAISS_FILE,
    IDS_FILE,
    STATE_FILE,
    VECTORS_FILE,
    Edges,
    ShortlistStore,
)
from tests.retrieval.store_contract import DIM, StoreContract, empty_store, names, unit_vectors

EVERYTHING = Effort(shortlist=4000, probes=4000)
"""An effort at which nothing is approximate any more: what remains must be exact."""


def trained(type_: ShortlistType, effort: Effort = EVERYTHING, **settings: object) -> ShortlistStore:
    config = IndexConfig.model_validate({"rescore": "float32", **settings})
    layout = layouts(type_, 250, DIM, config)[0]
    store = empty_store(layout, unit_vectors(600, 9))
    store.effort = effort
    return store


class ShortlistContract(StoreContract):
    """Types whose only difference is their codes."""

    type: ShortlistType

    def make(self) -> ShortlistStore:
        return trained(self.type)

    def load(self, folder: Path) -> ShortlistStore:
        return ShortlistStore.load(folder)


class TestFunnel(ShortlistContract):
    type = "funnel"


class TestHnsw(ShortlistContract):
    type = "hnsw"


class TestIvfPq(ShortlistContract):
    type = "ivf_pq"


class TestIvfSq(ShortlistContract):
    type = "ivf_sq"


class TestIvfRabitq(ShortlistContract):
    type = "ivf_rabitq"


def reopened(type_: ShortlistType, folder: Path) -> tuple[ShortlistStore, list[str], Vectors]:
    """A store of 300 vectors, saved and opened again, with their ids."""
    store, ids, vectors = trained(type_), names(300), unit_vectors(300)
    store.add(ids, vectors)
    store.save(folder)
    return ShortlistStore.load(folder), ids, vectors


@pytest.mark.parametrize("type_", get_args(ShortlistType))
def test_compaction_forgets_removed_rows_and_changes_no_result(type_: ShortlistType, tmp_path: Path) -> None:
    store, ids, vectors = reopened(type_, tmp_path)
    store.remove(ids[:120])
    before = store.search(unit_vectors(5, 1), 20)
    assert (len(store), len(store.full), store.removed_share) == (180, 300, 0.4)
    store.compact()
    assert (len(store), len(store.full), store.removed_share) == (180, 180, 0.0)
    assert store.search(unit_vectors(5, 1), 20) == before
    store.add(ids[:3], vectors[:3])
    assert store.search(vectors[:3], 1)[0] == [[identity] for identity in ids[:3]]


@pytest.mark.parametrize("type_", get_args(ShortlistType))
def test_a_store_that_was_emptied_holds_only_what_is_added_then(type_: ShortlistType, tmp_path: Path) -> None:
    store, ids, vectors = reopened(type_, tmp_path)
    store.remove(ids)
    store.compact()
    store.add(ids[:3], vectors[:3])
    assert len(store) == 3
    assert store.search(vectors[:3], 1)[0] == [[identity] for identity in ids[:3]]
    assert sorted(store.search(vectors[:1], 5)[0][0]) == ids[:3]


def test_removed_neighbours_do_not_crowd_a_short_shortlist_out() -> None:
    """A removed document's passages are all that a shortlist of ten holds: it must be drawn up again, longer."""
    store, near = trained("ivf_sq", Effort(shortlist=10, probes=1)), unit_vectors(1)
    copies = near + 0.01 * unit_vectors(60, 3)
    copies /= np.linalg.norm(copies, axis=1, keepdims=True)
    far = unit_vectors(200, 4)
    store.add([f"gone{n}" for n in range(60)], copies)
    store.add(names(200), far)
    store.remove([f"gone{n}" for n in range(60)])
    (ids,), (scores,) = store.search(near, 5)
    assert len(ids) == 5 and not any(identity.startswith("gone") for identity in ids)
    assert scores == sorted(scores, reverse=True)


def test_more_clusters_are_visited_where_those_hold_too_little() -> None:
    store = trained("ivf_pq", Effort(shortlist=10, probes=1))
    store.add(names(200), unit_vectors(200))
    assert [len(row) for row in store.search(unit_vectors(3, 1), 150)[0]] == [150] * 3


def test_a_shortlist_is_doubted_where_its_codes_cannot_tell_vectors_apart() -> None:
    codes = np.linspace(0.7, 0.5, 40, dtype=np.float32)
    clear = codes + 0.1
    assert not Edges.of(codes, clear, 10).are_doubtful(3.0)
    alike = np.full(40, 0.6, dtype=np.float32)
    assert Edges.of(alike, alike + 0.1 * unit_vectors(3)[:, :14].ravel()[:40], 10).are_doubtful(1.0)


def test_doubt_finds_what_a_short_shortlist_alone_misses() -> None:
    """Two hundred passages that short codes hold for one: only the full vectors know the nearest ten."""
    rng = np.random.default_rng(5)
    crowd = unit_vectors(1) + 0.02 * rng.normal(size=(200, DIM)).astype(np.float32)
    crowd = (crowd / np.linalg.norm(crowd, axis=1, keepdims=True)).astype(np.float32)
    store = trained("funnel", Effort(shortlist=12, probes=1))
    store.add(names(1200), np.concatenate([crowd, unit_vectors(1000, 2)]))
    truth = {names(200)[row] for row in np.argsort(-(crowd @ crowd[0]))[:10]}
    alone = set(store.search(crowd[:1], 10)[0][0])
    store.effort = replace(store.effort, doubt=3.0)
    widened = set(store.search(crowd[:1], 10)[0][0])
    assert len(alone & truth) < 10 and widened == truth


@pytest.mark.parametrize("type_", get_args(ShortlistType))
@pytest.mark.parametrize("near", [False, True])
def test_among_chosen_ids_recall_is_kept_and_few_rows_are_compared(
    type_: ShortlistType, near: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a random half of the store, and of the half that lies on one side."""
    num, k = 6000, 10
    effort = Effort(shortlist=300, probes=64 if type_ == "hnsw" else 12)
    store, vectors, queries = trained(type_, effort), unit_vectors(num), unit_vectors(60, 1)
    store.add([str(row) for row in range(num)], vectors)
    order = np.argsort(vectors[:, 0]) if near else np.random.default_rng(7).permutation(num)
    rows = order[: num // 2]
    compared = []
    monkeypatch.setattr(
        store, "_compared", lambda *given: compared.append(1) or ShortlistStore._compared(store, *given)
    )
    # a store of this size is quicker compared whole
    monkeypatch.setattr("hybrid.retrieval.shortlist_store.compared_ms", lambda num: 1e6)

    def recall(found: list[list[str]], rows: np.ndarray) -> float:
        borders = np.sort(queries @ vectors[rows].T, axis=1)[:, -k] - 1e-5
        hits = [vectors[[int(i) for i in ids]] @ query for ids, query in zip(found, queries, strict=True)]
        return float(np.mean([(scores >= border).mean() for scores, border in zip(hits, borders, strict=True)]))

    whole = recall(store.search(queries, k)[0], np.arange(num))
    part = recall(store.search(queries, k, frozenset(str(row) for row in rows))[0], rows)
    assert part >= whole - 0.01
    assert len(compared) <= (30 if near else 6), "a shortlist serves most queries"


def test_fixed_point_moves_scores_by_less_than_a_ten_thousandth(tmp_path: Path) -> None:
    store, vectors = trained("ivf_sq", rescore="int16"), unit_vectors(300)
    store.add(names(300), vectors)
    store.save(tmp_path)
    assert (tmp_path / VECTORS_FILE).stat().st_size < 300 * DIM * 2 + 200
    loaded = ShortlistStore.load(tmp_path)
    ids, scores = loaded.search(vectors[:50], 1)
    assert [row[0] for row in ids] == names(300)[:50]
    assert np.abs(np.array(scores) - 1).max() < 1e-4
    assert np.abs(loaded.vectors()[1] - vectors).max() <= 0.5 / 32767 + 1e-7


def test_equal_builds_have_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        store = trained("ivf_pq")
        store.add(names(300), unit_vectors(300))
        (tmp_path / name).mkdir()
        store.save(tmp_path / name)
    for file in (FAISS_FILE, IDS_FILE, STATE_FILE, VECTORS_FILE):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize("file", [FAISS_FILE, IDS_FILE, STATE_FILE, VECTORS_FILE])
@pytest.mark.parametrize("damage", ["missing", "half", "empty"])
def test_a_damaged_file_is_named(file: str, damage: str, tmp_path: Path) -> None:
    store = trained("ivf_pq")
    store.add(names(60), unit_vectors(60))
    store.save(tmp_path)
    content = (tmp_path / file).read_bytes()
    if damage == "missing":
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes(content[: len(content) // 2] if damage == "half" else b"")
    with pytest.raises(IntegrityError, match=r"damaged|missing|truncated|belong together|not an id"):
        ShortlistStore.load(tmp_path)


def test_files_of_two_stores_are_not_mixed(tmp_path: Path) -> None:
    for name, num in (("a", 60), ("b", 61)):
        store = trained("ivf_pq")
        store.add(names(num), unit_vectors(num))
        (tmp_path / name).mkdir()
        store.save(tmp_path / name)
    (tmp_path / "a" / VECTORS_FILE).write_bytes((tmp_path / "b" / VECTORS_FILE).read_bytes())
    with pytest.raises(IntegrityError, match="61 vectors of dimension 16, 60 codes of 16, 60 ids"):
        ShortlistStore.load(tmp_path / "a")


def test_too_few_vectors_to_learn_from_are_refused() -> None:
    with pytest.raises(ValueError, match="too few to train"):
        Layout("ivf_pq", DIM, DIM, 64, 4, "float32").train(unit_vectors(20), 0)
