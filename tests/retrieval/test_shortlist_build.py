"""Approximate indexes from passages to a published artefact: tuned, checked, carried on, resumed, refused."""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid.artifacts import Manifest, read_manifest
from hybrid.config_index import IndexConfig
from hybrid.errors import HybridError, IntegrityError
from hybrid.machine_errors import machine_limit
from hybrid.protocols import Vectors
from hybrid.retrieval import index, passage_vectors
from hybrid.retrieval.index import build_index, index_id, open_index
from hybrid.retrieval.index_layout import Layout
from hybrid.retrieval.shortlist_build import write_vectors
from hybrid.retrieval.shortlist_store import ShortlistStore
from hybrid.types import Passage

DIM = 32
NUM = 1500
PASSAGES = [Passage(id=f"p{n:05d}", title="", text=f"topic {n % 40}, passage {n}") for n in range(NUM)]


class Clustered:
    """An embedder without a model: a topic's vector and some noise, both by the text alone."""

    name, max_tokens = "clustered", 256

    def __init__(self, dim: int = DIM, fail_after: int | None = None, broken: str = "") -> None:
        self.dim, self.fingerprint, self.encoded = dim, f"clustered-{dim}", 0
        self.fail_after, self.broken = fail_after, broken

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return np.array([self._vector(text) for text in texts], dtype=np.float32).reshape(-1, self.dim)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        if self.fail_after is not None and self.encoded >= self.fail_after:
            raise KeyboardInterrupt
        self.encoded += len(texts)
        vectors = self.encode_queries(texts)
        if self.broken == "NaN":
            vectors[3, 5] = np.nan
        return vectors[:, :-2] if self.broken == "dimension" else vectors

    def _vector(self, text: str) -> Vectors:
        topic, own = (self._draw(part) for part in (text.split(",")[0], text))
        vector = topic + 0.7 * own
        unit: Vectors = vector / np.linalg.norm(vector)
        return unit

    def _draw(self, text: str) -> Vectors:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        drawn: Vectors = np.random.default_rng(seed).normal(size=self.dim)
        return drawn


def build(folder: Path, passages: Sequence[Passage] = PASSAGES, **settings: Any) -> Manifest:
    embedder, asked = settings.pop("embedder", Clustered()), settings.pop("asked", ())
    config = IndexConfig.model_validate({"type": "ivf_pq", "check_vectors": 100, **settings})
    # as the product does: the inputs are what the passages are
    content = hashlib.sha256("".join(p.id + p.text for p in passages).encode()).hexdigest()
    inputs = {"passages": content, "embedder": embedder.fingerprint}
    return build_index(passages, embedder, target=folder / "index", inputs=inputs, config=config, asked=asked)


def exact(passages: Sequence[Passage], question: str, k: int) -> list[str]:
    embedder = Clustered()
    scores = embedder.encode_passages([p.text for p in passages]) @ embedder.encode_queries([question])[0]
    return [passages[row].id for row in np.argsort(-scores)[:k]]


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """What a full disk does to a write, without filling one."""
    resource = pytest.importorskip("resource", reason="limits of a process are POSIX's")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    build(folder)
    return folder


@pytest.mark.parametrize("type_", ["funnel", "hnsw", "ivf_pq", "ivf_sq", "ivf_rabitq"])
def test_an_index_tells_its_recall_and_finds_what_exact_search_finds(type_: str, tmp_path: Path) -> None:
    manifest = build(tmp_path, type=type_)
    facts = manifest.facts["index"]
    assert facts["type"] == type_ and facts["recall@10"] >= 0.95 and facts["checked_on"] == "50 of its own vectors"
    lows = [point["low"] for point in facts["frontier"]]
    assert lows == sorted(lows) and max(lows) >= 0.99
    assert all(point["low"] <= point["recall"] for point in facts["frontier"])
    chosen = next(point for point in facts["frontier"] if point["low"] >= 0.99)
    assert all(facts[name] == chosen[name] for name in ("dims", "shortlist", "probes", "doubt"))
    store = open_index(tmp_path / "index", Clustered())
    assert isinstance(store, ShortlistStore) and len(store) == NUM
    (found,), _ = store.search(Clustered().encode_queries(["topic 7, which passage"]), 10)
    assert len(set(found) & set(exact(PASSAGES, "topic 7, which passage", 10))) >= 9


def test_the_same_bytes_twice_and_nothing_to_do_the_third_time(whole: Path, tmp_path: Path) -> None:
    manifest = build(tmp_path)
    assert content(tmp_path / "index") == content(whole / "index")
    embedder = Clustered()
    assert build(tmp_path, embedder=embedder) == manifest and embedder.encoded == 0


@pytest.mark.parametrize("type_", ["exact", "ivf_pq"])
def test_an_index_whose_effort_was_chosen_by_another_rule_is_built_anew_of_its_vectors(
    type_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(index, "EFFORT_VERSION", index.EFFORT_VERSION - 1)
        before = build(tmp_path, PASSAGES[:-1], type=type_)
        first = build(tmp_path, type=type_)
    second = build(tmp_path, type=type_, embedder=(embedder := Clustered()))
    assert embedder.encoded == 0 and (second.id == first.id) == (type_ == "exact")
    if type_ != "exact":
        learnt = [manifest.facts["index"]["learnt_from"] for manifest in (before, first, second)]
        assert learnt == [NUM - 1, NUM - 1, NUM], "carried on by the same rule, built anew by another"


class Unloaded(Clustered):
    """An embedder whose model is not loaded yet, and need not be."""

    dim = property(lambda _: pytest.fail("the model was loaded"), lambda *_: None)


@pytest.mark.parametrize("type_", ["auto", "exact", "ivf_pq"])
def test_an_index_that_is_up_to_date_loads_no_model(type_: str, tmp_path: Path) -> None:
    manifest = build(tmp_path, PASSAGES[:300], type=type_)
    assert build(tmp_path, PASSAGES[:300], type=type_, embedder=Unloaded()) == manifest


@pytest.mark.parametrize("type_", ["funnel", "hnsw", "ivf_pq", "ivf_sq", "ivf_rabitq"])
@pytest.mark.parametrize("num", [0, 1, 15, 16])
def test_a_named_type_with_too_few_passages_to_learn_from_is_exact(type_: str, num: int, tmp_path: Path) -> None:
    manifest = build(tmp_path, PASSAGES[:num], type=type_)
    assert manifest.facts.get("index", {"type": "exact"})["type"] == (type_ if num == 16 else "exact")
    assert len(open_index(tmp_path / "index", Clustered())) == num
    config = IndexConfig.model_validate({"type": type_, "check_vectors": 100})
    inputs = {"passages": manifest.inputs["passages"], "embedder": manifest.inputs["embedder"]}
    assert index_id(**inputs, num=num, dim=lambda: pytest.fail("asked"), config=config, seed=0, asked=[]) == manifest.id


def test_a_small_corpus_stays_exact_and_its_id_knows_of_no_index_type(tmp_path: Path) -> None:
    manifest = build(tmp_path, PASSAGES[:300], type="auto")
    assert manifest.config == {} and "index" not in manifest.facts
    assert sorted(manifest.files) == ["ids.jsonl", "texts.jsonl", "vectors.faiss"]


def test_an_index_that_finds_too_little_is_not_published(tmp_path: Path) -> None:
    """Eight of 128 dimensions of an embedder that was not trained for it."""
    many = [Passage(id=f"p{n}", title="", text=f"topic {n}, passage {n}") for n in range(6000)]
    with pytest.raises(
        HybridError, match=r"finds 0\.\d+ of the exact first ten .* below index\.min_recall 0\.95"
    ) as no:
        build(tmp_path, many, type="funnel", shortlist_dims=(8,), embedder=Clustered(128))
    assert "--plan" in no.value.remedy
    assert read_manifest(tmp_path / "index") is None


def test_a_graph_lost_among_copies_gives_way_to_the_next_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second passage is one and the same: links lead from copy to copy and nowhere else."""
    written: list[int] = []
    monkeypatch.setattr(index, "write_vectors", lambda *given: (written.append(given[1]), write_vectors(*given)))
    copies = [Passage(id=f"c{n}", title="", text="topic 0, boilerplate") for n in range(NUM)]
    manifest = build(tmp_path, [*PASSAGES, *copies], type="auto", latency_ms=0.01)
    facts = manifest.facts["index"]
    assert facts["refused"]["hnsw"] < 0.95 <= facts["recall@10"] and facts["type"] != "hnsw"
    assert written == [2 * NUM], "vectors are written once, whatever is learnt from them"
    with pytest.raises(HybridError, match="the hnsw index finds"):
        build(tmp_path, [*PASSAGES, *copies], type="hnsw")


def test_what_changed_is_added_and_removed_without_learning_anew(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(whole / "index", tmp_path / "index")
    monkeypatch.setattr(Layout, "train", lambda *_: pytest.fail("codes were learnt anew"))
    edited = replace(PASSAGES[3], text="topic 3, quite another passage")
    later = [*PASSAGES[:3], edited, *PASSAGES[20:], Passage(id="new", title="", text="topic 5, a new passage")]
    embedder = Clustered()
    manifest = build(tmp_path, later, embedder=embedder)
    assert embedder.encoded == 2
    assert (manifest.counts["passages"], manifest.facts["index"]["removed"]) == (NUM - 15, 17)
    store = open_index(tmp_path / "index", Clustered())
    for question in ("topic 3, quite another passage", "topic 5, a new passage", "topic 4, passage 4"):
        (found,), _ = store.search(embedder.encode_queries([question]), 10)
        assert len(set(found) & set(exact(later, question, 10))) >= 9
    ids, vectors = store.vectors()
    assert sorted(ids) == sorted(p.id for p in later)
    by_id = {p.id: p.text for p in later}
    assert np.abs(vectors - embedder.encode_queries([by_id[i] for i in ids])).max() < 1e-4
    # and once more, from an index that holds removed rows
    embedder = Clustered()
    assert build(tmp_path, later[:-1], embedder=embedder).facts["index"]["removed"] == 18 and embedder.encoded == 0


def test_an_index_with_many_removed_rows_is_compacted(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "index", tmp_path / "index")
    manifest = build(tmp_path, PASSAGES[400:])
    assert (manifest.counts["passages"], manifest.facts["index"]["removed"]) == (NUM - 400, 0)
    assert len(np.load(tmp_path / "index" / "vectors.npy")) == NUM - 400


def test_an_index_that_outgrew_what_it_learnt_from_learns_anew(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "index", tmp_path / "index")
    more = [*PASSAGES, *(Passage(id=f"m{n}", title="", text=f"topic {n % 60}, more {n}") for n in range(1400))]
    embedder = Clustered()
    assert build(tmp_path, more, embedder=embedder).facts["index"]["learnt_from"] == 2900
    assert embedder.encoded == 1400


def test_a_killed_build_goes_on_where_it_stopped(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage_vectors, "SHARD", 300)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, embedder=Clustered(fail_after=900))
    assert read_manifest(tmp_path / "index") is None
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        # killed a second time, once all codes are learnt
        patch.setattr("hybrid.retrieval.shortlist_build.refuse_below_floor", _killed)
        build(tmp_path, embedder=(second := Clustered()))
    assert second.encoded == 600
    monkeypatch.setattr(Layout, "train", lambda *_: pytest.fail("codes were learnt twice"))
    build(tmp_path, embedder=(third := Clustered()))
    assert third.encoded == 0
    assert content(tmp_path / "index") == content(whole / "index")


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_damaged_shard_of_a_killed_build_is_encoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage_vectors, "SHARD", 300)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, embedder=Clustered(fail_after=900))
    shards = sorted(tmp_path.rglob("shard-*.npy"))
    assert len(shards) == 3
    shards[0].write_bytes(shards[0].read_bytes()[:1000])
    shards[1].write_bytes(b"")
    embedder = Clustered()
    build(tmp_path, embedder=embedder)
    assert embedder.encoded == NUM - 300


@pytest.mark.parametrize(
    ("type_", "size", "encoded"), [("exact", 20_000, 300), ("exact", 90_000, NUM), ("ivf_pq", 90_000, 0)]
)
def test_a_full_disk_publishes_nothing_and_loses_no_encoded_shard(
    type_: str, size: int, encoded: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 20 kB no shard can be written, at 90 kB the shards can and the vectors cannot; where those have their place
    reserved first, nothing is encoded.
    """
    monkeypatch.setattr(passage_vectors, "SHARD", 300)
    with files_no_larger_than(size), pytest.raises(OSError, match="File too large") as full:
        build(tmp_path, type=type_, embedder=(first := Clustered()))
    told = machine_limit(full.value)
    assert told is not None and told.exit_code == 2 and str(tmp_path / "index") in told.problem
    assert "run the same command again" in told.remedy
    assert read_manifest(tmp_path / "index") is None
    build(tmp_path, type=type_, embedder=(second := Clustered()))
    assert (first.encoded, second.encoded) == (encoded, 0 if encoded == NUM else NUM)


def test_a_disk_that_fills_up_while_codes_are_written_is_told(tmp_path: Path) -> None:
    with files_no_larger_than(250_000), pytest.raises(OSError, match="File too large"):
        build(tmp_path, type="hnsw")
    assert read_manifest(tmp_path / "index") is None
    assert build(tmp_path, type="hnsw").facts["index"]["recall@10"] > 0.95


def test_too_small_a_disk_is_told_before_anything_is_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100_000))
    embedder = Clustered()
    with pytest.raises(HybridError, match="0 MB are free"):
        build(tmp_path, embedder=embedder)
    assert embedder.encoded == 0


@pytest.mark.parametrize("type_", ["ivf_pq", "exact"])
@pytest.mark.parametrize(
    ("broken", "problem"), [("NaN", r"not finite .* passage p0000\d"), ("dimension", "dimension 32")]
)
def test_vectors_that_are_none_are_refused(type_: str, broken: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(HybridError, match=problem):
        build(tmp_path, type=type_, embedder=Clustered(broken=broken))
    assert read_manifest(tmp_path / "index") is None


@pytest.mark.parametrize("file", ["vectors.npy", "shortlist.faiss"])
def test_a_damaged_index_is_refused_when_read_and_made_again_when_built(file: str, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "index", tmp_path / "index")
    damaged = tmp_path / "index" / file
    damaged.write_bytes(damaged.read_bytes()[:-10])
    with pytest.raises(IntegrityError, match="truncated or changed"):
        open_index(tmp_path / "index", Clustered())
    embedder = Clustered()
    build(tmp_path, PASSAGES[:-1], embedder=embedder)
    assert embedder.encoded == NUM - 1
    assert len(open_index(tmp_path / "index", Clustered())) == NUM - 1
