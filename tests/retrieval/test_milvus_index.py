"""The index in Milvus: built, carried on, resumed, refused where it does not fit."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hybrid.config_index import IndexConfig
from hybrid.config_store import StoreConfig
from hybrid.errors import EndpointError, HybridError, IntegrityError, StaleError
from hybrid.protocols import Vectors
from hybrid.retrieval import milvus_index
from hybrid.retrieval.index import build_index, open_index
from hybrid.retrieval.milvus_index import build_milvus_index, open_milvus_index
from hybrid.retrieval.milvus_store import MilvusStore, is_installed
from hybrid.retrieval.sentence_embedder import SentenceEmbedder
from hybrid.types import Passage
from tests.retrieval.test_index import PASSAGES, Counting

pytestmark = [pytest.mark.real, pytest.mark.skipif(not is_installed(), reason="needs the extra milvus")]


@pytest.fixture(scope="module")
def small(minilm: SentenceEmbedder) -> SentenceEmbedder:
    """Cut to 64 dimensions, on the weights that are loaded already."""
    embedder = SentenceEmbedder(minilm.folder, dim=64)
    embedder.__dict__["model"] = minilm.model
    return embedder


class Case:
    """A workspace with its milvus-lite file."""

    def __init__(self, root: Path) -> None:
        self.options = StoreConfig(store="milvus", milvus_uri=str(root / "m.db"), milvus_timeout_s=5)
        self.target = root / "pumps-1" / "index-base"

    def build(self, passages: Sequence[Passage], embedder: SentenceEmbedder | Counting, name: str) -> Counting:
        counting = embedder if isinstance(embedder, Counting) else Counting(embedder)
        inputs = {"passages": name, "embedder": embedder.fingerprint}
        build_milvus_index(passages, counting, options=self.options, target=self.target, inputs=inputs)
        return counting

    def open(self, embedder: SentenceEmbedder) -> MilvusStore:
        return open_milvus_index(self.target, embedder, self.options)

    def collections(self) -> list[str]:
        client = MilvusStore(self.options, "none", 64)._client
        return sorted(client.list_collections())


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_it_ranks_as_the_embedded_twin_and_the_workspace_holds_no_vectors(
    small: SentenceEmbedder, case: Case, tmp_path: Path
) -> None:
    assert case.build(PASSAGES, small, "30").encoded == 30
    inputs = {"passages": "30", "embedder": small.fingerprint}
    build_index(PASSAGES, small, target=tmp_path / "faiss", inputs=inputs)
    queries = small.encode_queries(["What does the warranty cover?", "oil", "bearing of model 7"])
    ids, scores = case.open(small).search(queries, 10)
    wanted_ids, wanted_scores = open_index(tmp_path / "faiss", small).search(queries, 10)
    assert ids == wanted_ids and np.allclose(scores, wanted_scores, atol=1e-6)
    assert sorted(p.name for p in case.target.iterdir()) == ["locator.json", "manifest.json"]
    assert case.build(PASSAGES, small, "30").encoded == 0
    assert len(case.collections()) == 1 and case.collections()[0].startswith("hybrid_pumps_1_index_base_")


def test_only_what_changed_is_encoded_and_the_old_collection_goes(small: SentenceEmbedder, case: Case) -> None:
    case.build(PASSAGES, small, "30")
    before = case.collections()
    edited = replace(PASSAGES[7], text="Step 7 is no more.")
    later = [*PASSAGES[:6], edited, *PASSAGES[8:], replace(PASSAGES[0], id="new", text="Quite another text.")]
    assert case.build(later, small, "later").encoded == 2
    store = case.open(small)
    assert len(store) == len(later) and not set(before) & set(case.collections()) and len(case.collections()) == 1
    held = store.fetch([passage.id for passage in later])
    vectors = small.encode_passages([p.full_text for p in later])
    assert np.allclose(np.stack([held[p.id][1] for p in later]), vectors, atol=1e-5)


@pytest.mark.parametrize("type_", ["exact", "ivf_sq"])
def test_what_an_index_in_files_holds_is_not_encoded_again(small: SentenceEmbedder, case: Case, type_: str) -> None:
    config = IndexConfig.model_validate({"type": type_, "min_recall": 0})
    inputs = {"passages": "30", "embedder": small.fingerprint}
    build_index(PASSAGES, small, target=case.target, inputs=inputs, config=config)
    edited = [replace(PASSAGES[0], text="Quite another text."), *PASSAGES[1:], replace(PASSAGES[1], id="copy")]
    assert case.build(edited, small, "31").encoded == 1
    held = case.open(small).fetch([passage.id for passage in edited])
    vectors = small.encode_passages([passage.full_text for passage in edited])
    assert np.allclose(np.stack([held[p.id][1] for p in edited]), vectors, atol=1e-4)
    assert sorted(p.name for p in case.target.iterdir()) == ["locator.json", "manifest.json"]


def test_killed_it_goes_on_where_it_stopped_while_the_old_one_answers(
    small: SentenceEmbedder, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus_index, "SHARD", 8)
    case.build(PASSAGES[:4], small, "4")
    with pytest.raises(KeyboardInterrupt):
        case.build(PASSAGES, Counting(small, fail_after=16), "30")
    assert len(case.open(small)) == 4
    assert case.build(PASSAGES, small, "30").encoded == 30 - 4 - 16
    assert len(case.open(small)) == 30


def test_vectors_of_another_embedder_are_not_taken_over_but_deleted(
    minilm: SentenceEmbedder, small: SentenceEmbedder, case: Case
) -> None:
    case.build(PASSAGES[:6], small, "6")
    prompted = SentenceEmbedder(minilm.folder, dim=64, passage_prompt="passage: ")
    prompted.__dict__["model"] = minilm.model
    assert case.build(PASSAGES[:6], prompted, "6").encoded == 6
    assert len(case.collections()) == 1
    with pytest.raises(StaleError, match="another embedder"):
        case.open(small)


def test_a_collection_that_lost_rows_is_refused_and_mended(small: SentenceEmbedder, case: Case) -> None:
    case.build(PASSAGES[:9], small, "9")
    case.open(small).remove([PASSAGES[3].id])
    with pytest.raises(IntegrityError, match="8 vectors, but 9 passages") as caught:
        case.open(small)
    assert "hybrid index" in caught.value.remedy
    assert case.build(PASSAGES[:9], small, "9").encoded == 1
    assert len(case.open(small)) == 9


def test_another_server_is_refused_until_it_is_built_there(small: SentenceEmbedder, case: Case, tmp_path: Path) -> None:
    case.build(PASSAGES[:4], small, "4")
    case.options = case.options.model_copy(update={"milvus_uri": str(tmp_path / "other.db")})
    with pytest.raises(StaleError, match=r"m\.db, index\.milvus_uri is .*other\.db"):
        case.open(small)
    assert case.build(PASSAGES[:4], small, "4").encoded == 4
    assert len(case.open(small)) == 4


class Faulty(Counting):
    """An embedder whose weights are broken."""

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        vectors = super().encode_passages(texts)
        vectors[2, 5] = np.nan
        return vectors


def test_a_vector_that_is_not_finite_is_named_and_nothing_published(small: SentenceEmbedder, case: Case) -> None:
    with pytest.raises(HybridError, match=r"not finite .* for passage p02"):
        case.build(PASSAGES, Faulty(small), "30")
    assert not case.target.exists()


def test_a_server_that_is_away_leaves_the_index_as_it_was(small: SentenceEmbedder, case: Case) -> None:
    case.build(PASSAGES[:4], small, "4")
    before = (case.target / "manifest.json").read_bytes()
    away = StoreConfig(store="milvus", milvus_uri="http://127.0.0.1:9", milvus_timeout_s=0.5)
    with pytest.raises(EndpointError, match=r"127\.0\.0\.1:9"):
        inputs = {"passages": "30", "embedder": small.fingerprint}
        build_milvus_index(PASSAGES, small, options=away, target=case.target, inputs=inputs)
    assert (case.target / "manifest.json").read_bytes() == before and len(case.open(small)) == 4
