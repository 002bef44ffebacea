"""What every vector store must do, told by exact values. The tests of a new store subclass `StoreContract`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from hybrid.protocols import Vectors, VectorStore
from hybrid.retrieval.full_vectors import FullVectors
from hybrid.retrieval.index_layout import Layout
from hybrid.retrieval.shortlist_store import ShortlistStore

DIM = 16


class SavedStore(VectorStore, Protocol):
    """A store that can be kept."""

    def save(self, folder: Path) -> None: ...


def unit_vectors(num: int, seed: int = 0) -> Vectors:
    vectors = np.random.default_rng(seed).normal(size=(num, DIM)).astype(np.float32)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def names(num: int) -> list[str]:
    """Ids whose order is not the order in which they are added."""
    return [f"p{(i * 7919) % 100_003:06d}" for i in range(num)]


def empty_store(layout: Layout, sample: Vectors) -> ShortlistStore:
    """One that learnt its codes from the sample."""
    return ShortlistStore(layout, layout.train(sample, 0), FullVectors.empty(layout.dim, layout.rescore), [])


def exact(ids: Sequence[str], vectors: Vectors, query: Vectors, k: int) -> tuple[list[str], list[float]]:
    """The reference: all inner products in double precision, ties broken by id."""
    scores = vectors.astype(np.float64) @ query.astype(np.float64)
    order = sorted(range(len(ids)), key=lambda i: (-scores[i], ids[i]))[:k]
    return [ids[i] for i in order], [float(scores[i]) for i in order]


class StoreContract(ABC):
    """The suite. `make` gives an empty store of `DIM`, `load` reads a saved one."""

    @abstractmethod
    def make(self) -> SavedStore: ...
    @abstractmethod
    def load(self, folder: Path) -> VectorStore: ...

    def is_at(self, locator: str, folder: Path) -> bool:
        """Whether a store that was saved to `folder` tells its place rightly."""
        return locator == str(folder)

    def check(
        self,
        store: VectorStore,
        ids: Sequence[str],
        vectors: Vectors,
        queries: Vectors,
        k: int,
        among: frozenset[str] | None = None,
    ) -> None:
        found_ids, found_scores = store.search(queries, k, among)
        assert len(found_ids) == len(found_scores) == len(queries)
        for query, row, scores in zip(queries, found_ids, found_scores, strict=True):
            wanted_ids, wanted_scores = exact(ids, vectors, query, k)
            assert row == wanted_ids
            assert scores == pytest.approx(wanted_scores, abs=1e-6)

    @pytest.mark.parametrize("num_queries", [1, 3, 40])
    def test_scores_are_inner_products_best_first(self, num_queries: int) -> None:
        store, ids, vectors = self.make(), names(2500), unit_vectors(2500)
        store.add(ids, vectors)
        self.check(store, ids, vectors, unit_vectors(num_queries, 1), 10)

    def test_vectors_added_in_parts_are_all_found(self) -> None:
        store, ids, vectors = self.make(), names(60), unit_vectors(60)
        for start in range(0, 60, 25):
            store.add(ids[start : start + 25], vectors[start : start + 25])
        assert len(store) == 60
        self.check(store, ids, vectors, unit_vectors(4, 1), 60)

    def test_vectors_are_given_back_under_their_ids(self) -> None:
        store, ids, vectors = self.make(), names(30), unit_vectors(30)
        store.add(ids, vectors)
        store.remove(ids[5:9])
        kept, found = store.vectors()
        wanted = dict(zip(ids, vectors, strict=True))
        assert sorted(kept) == sorted(ids[:5] + ids[9:])
        assert found == pytest.approx(np.array([wanted[identity] for identity in kept]), abs=1e-6)

    def test_opposite_vectors_score_minus_one(self) -> None:
        store, vector = self.make(), unit_vectors(1)
        store.add(["same", "opposite"], np.concatenate([vector, -vector]))
        ids, scores = store.search(vector, 2)
        assert ids == [["same", "opposite"]]
        assert scores[0] == pytest.approx([1.0, -1.0], abs=1e-6)

    @pytest.mark.parametrize("num_queries", [1, 30])
    @pytest.mark.parametrize("k", [1, 3, 8])
    def test_ties_are_broken_by_id_even_where_k_cuts_through_them(self, k: int, num_queries: int) -> None:
        store, one = self.make(), unit_vectors(1)
        ids = [*names(20), "better"]
        vectors = np.concatenate([np.repeat(one, 20, axis=0), -unit_vectors(1, 5)])
        store.add(ids, vectors)
        found, scores = store.search(np.repeat(one, num_queries, axis=0), k)
        assert found == [sorted(ids[:20])[:k]] * num_queries
        assert scores[0] == pytest.approx([1.0] * k, abs=1e-6)

    def test_copies_far_apart_are_ties_in_a_batch_too(self) -> None:
        """A blocked matrix product may round the copies of a vector differently."""
        vectors = unit_vectors(3001, 2)
        vectors[[5, 1030, 2049, 3000]] = vectors[5]
        ids = [f"p{3000 - i:05d}" for i in range(3001)]
        store = self.make()
        store.add(ids, vectors)
        found, _ = store.search(np.concatenate([vectors[5:6], unit_vectors(63, 3)]), 4)
        assert found[0] == ["p00000", "p00951", "p01970", "p02995"]

    def test_k_larger_than_the_store_gives_all(self) -> None:
        store, ids, vectors = self.make(), names(5), unit_vectors(5)
        store.add(ids, vectors)
        self.check(store, ids, vectors, unit_vectors(2, 1), 50)
        assert [len(row) for row in store.search(unit_vectors(2, 1), 50)[0]] == [5, 5]

    def test_an_empty_store_and_no_queries(self) -> None:
        store = self.make()
        assert len(store) == 0
        assert store.search(unit_vectors(2), 3) == ([[], []], [[], []])
        store.add(["a"], unit_vectors(1))
        assert store.search(np.zeros((0, DIM), dtype=np.float32), 3) == ([], [])

    def test_removed_vectors_are_not_found_and_can_be_added_anew(self) -> None:
        store, ids, vectors = self.make(), names(50), unit_vectors(50)
        store.add(ids, vectors)
        gone = {0, 7, 49}
        store.remove([*(ids[i] for i in gone), "unknown"])
        left = [i for i in range(50) if i not in gone]
        assert len(store) == 47
        self.check(store, [ids[i] for i in left], vectors[left], unit_vectors(3, 1), 50)
        store.add([ids[7]], vectors[[7]])
        left.append(7)
        self.check(store, [ids[i] for i in left], vectors[left], vectors[[7, 8]], 48)

    @pytest.mark.parametrize("share", [0.002, 0.1, 0.5, 0.95])
    @pytest.mark.parametrize("num_queries", [1, 30])
    def test_of_chosen_ids_alone_the_nearest_are_found(self, share: float, num_queries: int) -> None:
        store, ids, vectors = self.make(), names(2500), unit_vectors(2500)
        store.add(ids, vectors)
        store.remove(ids[100:200])
        chosen = [i for i in np.random.default_rng(5).permutation(2500)[: int(2500 * share)] if not 100 <= i < 200]
        among = frozenset([*(ids[i] for i in chosen), *ids[100:110], "unknown"])
        for k in (1, 10):
            self.check(store, [ids[i] for i in chosen], vectors[chosen], unit_vectors(num_queries, 1), k, among)

    def test_chosen_ids_that_lie_far_from_the_query_are_found(self) -> None:
        store, ids, vectors = self.make(), names(2500), unit_vectors(2500)
        store.add(ids, vectors)
        query = unit_vectors(1, 1)
        far = np.argsort(vectors @ query[0])[:1200]
        self.check(store, [ids[i] for i in far], vectors[far], query, 10, frozenset(ids[i] for i in far))

    def test_chosen_ids_may_hold_any_character(self) -> None:
        store, vectors = self.make(), unit_vectors(60)
        odd = ['"', "a\\b", "it's", "{ids}", "é ü 水", "a/b#c=3", "%_*?", " ", "tab\there"]
        store.add([*odd, *names(51)], vectors)
        for place, identity in enumerate(odd):
            found, scores = store.search(vectors[[place]], 2, frozenset({identity}))
            assert found == [[identity]] and scores[0] == pytest.approx([1.0], abs=1e-6)
        with pytest.raises(ValueError, match="ids"):
            store.add(odd[2:3], vectors[:1])
        store.remove(odd)
        assert len(store) == 51 and store.search(vectors[:1], 60, frozenset(odd)) == ([[]], [[]])

    def test_ties_among_chosen_ids_are_broken_by_id(self) -> None:
        store, one, ids = self.make(), unit_vectors(1), names(60)
        store.add(ids, np.repeat(one, 60, axis=0))
        for some in (ids[::2], ids[:3]):
            found, scores = store.search(one, 2, frozenset(some))
            assert found == [sorted(some)[:2]] and scores[0] == pytest.approx([1.0, 1.0], abs=1e-6)

    def test_no_chosen_id_gives_nothing_and_a_store_that_changed_is_looked_through_anew(self) -> None:
        store, ids, vectors = self.make(), names(40), unit_vectors(40)
        store.add(ids[:39], vectors[:39])
        assert store.search(vectors[:2], 3, frozenset()) == ([[], []], [[], []])
        assert store.search(vectors[:1], 3, frozenset({"unknown"})) == ([[]], [[]])
        among = frozenset({ids[0], ids[39]})
        assert [sorted(row) for row in store.search(vectors[:1], 3, among)[0]] == [[ids[0]]]
        store.add(ids[39:], vectors[39:])
        assert [sorted(row) for row in store.search(vectors[:1], 3, among)[0]] == [sorted(among)]
        store.remove(ids[:1])
        assert store.search(vectors[:1], 3, among)[0] == [[ids[39]]]

    @pytest.mark.parametrize("ids", [["a"], ["a", "b", "c"], ["a", "a"], ["old", "new"]])
    def test_ids_must_be_new_distinct_and_as_many_as_vectors(self, ids: list[str]) -> None:
        store = self.make()
        store.add(["old"], unit_vectors(1))
        with pytest.raises(ValueError, match="ids"):
            store.add(ids, unit_vectors(2, 1))
        assert len(store) == 1
        assert store.search(unit_vectors(1), 9)[0] == [["old"]]

    def test_wrong_dimensions_and_values_that_are_no_numbers_are_refused(self) -> None:
        store, one = self.make(), unit_vectors(1)
        store.add(["old"], one)
        for bad, problem in (
            (np.ones((1, DIM + 2), dtype=np.float32), "dimension"),
            (np.where(np.arange(DIM) == 3, np.nan, one), "not finite"),
            (np.where(np.arange(DIM) == 3, np.inf, one), "not finite"),
        ):
            with pytest.raises(ValueError, match=problem):
                store.add(["new"], bad.astype(np.float32))
            with pytest.raises(ValueError, match=problem):
                store.search(bad.astype(np.float32), 1)
        assert len(store) == 1 and store.search(one, 2)[0] == [["old"]]

    def test_a_saved_store_gives_the_same_when_loaded(self, tmp_path: Path) -> None:
        store, ids, vectors = self.make(), names(80), unit_vectors(80)
        store.add(ids, vectors)
        store.remove(ids[10:13])
        store.save(tmp_path)
        loaded = self.load(tmp_path)
        assert len(loaded) == 77 and self.is_at(loaded.locator(), tmp_path)
        assert loaded.search(unit_vectors(3, 1), 80) == store.search(unit_vectors(3, 1), 80)
        loaded.add(["extra"], vectors[[11]])
        assert loaded.search(vectors[[11]], 1)[0] == [["extra"]]
