"""Passages encoded by Ray on this machine: same bytes, a killed worker, weights that differ."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from hybrid.backends import make_encoder
from hybrid.config import Config, EmbedderConfig
from hybrid.config_index import IndexConfig
from hybrid.errors import HybridError, InputError
from hybrid.protocols import Vectors
from hybrid.retrieval.index import build_index
from hybrid.retrieval.ray_encoding import RayEmbedder, is_installed
from hybrid.retrieval.sentence_embedder import SentenceEmbedder
from hybrid.types import Passage

pytestmark = pytest.mark.skipif(not is_installed(), reason="needs the extra ray")
OPTIONS = IndexConfig(encode_with="ray", encode_workers=2)
SHARDS = [[f"Step {n} of shard {shard}: how to check the seal." for n in range(20 - shard)] for shard in range(9)]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """One for all tests here: it takes seconds to start. Its workers import this package from where it is tested."""
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent.parent.parent))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        yield
        ray.shutdown()


class Hashed:
    """Vectors from hashes, after a moment for each shard; tells who loaded it and who encodes."""

    name, dim, max_tokens, fingerprint = "hashed", 64, 256, "of hashes"

    def __init__(self, told: Path, seconds: float = 0.0) -> None:
        self.told, self.seconds = told, seconds

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        (self.told / f"encodes-{os.getpid()}").touch()
        # on a busy machine one worker could be done with all before the other has loaded
        patience = time.monotonic() + 60
        while self.seconds and len(list(self.told.glob("loaded-*"))) < 2 and time.monotonic() < patience:
            time.sleep(0.05)
        time.sleep(self.seconds)
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) for text in texts]
        return np.stack([np.random.default_rng(seed).normal(size=64).astype(np.float32) for seed in seeds])

    encode_queries = encode_passages

    def count_tokens(self, text: str) -> int:
        return len(text)


def hashed(told: Path, seconds: float = 0.0) -> RayEmbedder:
    def load() -> Hashed:
        (told / f"loaded-{os.getpid()}").touch()
        return Hashed(told, seconds)

    return RayEmbedder(Hashed(told), load, OPTIONS)


@pytest.mark.real
def test_an_index_has_the_same_bytes_whoever_encodes(minilm: SentenceEmbedder, tmp_path: Path) -> None:
    passages = [Passage(id=f"p{n:02d}", title="Pump", text=text) for n, text in enumerate(SHARDS[0])]
    inputs = {"passages": "x", "embedder": minilm.fingerprint}
    config = Config(index=OPTIONS, embedder=EmbedderConfig(backend="torch"))
    for name, embedder in {"here": minilm, "spread": make_encoder(minilm, config)}.items():
        build_index(passages, embedder, target=tmp_path / name, inputs=inputs)
    for file in ("vectors.faiss", "ids.jsonl", "texts.jsonl", "manifest.json"):
        assert (tmp_path / "here" / file).read_bytes() == (tmp_path / "spread" / file).read_bytes()


def test_shards_come_in_order_from_two_workers_that_load_once(tmp_path: Path) -> None:
    spread = hashed(tmp_path, 0.2)
    found = list(spread.encode_shards(SHARDS))
    assert [vectors.shape for vectors in found] == [(20 - shard, 64) for shard in range(9)]
    assert len(list(tmp_path.glob("loaded-*"))) == len(list(tmp_path.glob("encodes-*"))) == 2
    for shard, vectors in zip(SHARDS, found, strict=True):
        assert vectors.tobytes() == spread.encode_passages(shard).tobytes()
    assert list(spread.encode_shards([])) == []


def test_a_killed_worker_costs_no_passage_and_doubles_none(tmp_path: Path) -> None:
    spread = hashed(tmp_path, 0.5)
    found = []
    for place, vectors in enumerate(spread.encode_shards(SHARDS)):
        found.append(vectors)
        if place == 1:
            os.kill(int(next(tmp_path.glob("encodes-*")).name.partition("-")[2]), signal.SIGKILL)
    assert len(list(tmp_path.glob("loaded-*"))) == 3
    expected = [spread.encode_passages(shard) for shard in SHARDS]
    assert [vectors.tobytes() for vectors in found] == [vectors.tobytes() for vectors in expected]


def test_a_worker_with_other_weights_is_refused(tmp_path: Path) -> None:
    asked = Hashed(tmp_path)
    asked.fingerprint = "of other hashes"
    with pytest.raises(HybridError, match="hashed on this worker are others than where it was asked"):
        list(RayEmbedder(asked, lambda: Hashed(tmp_path), OPTIONS).encode_shards(SHARDS[:1]))


def test_a_worker_that_cannot_load_is_told_by_its_cause(tmp_path: Path) -> None:
    spread = RayEmbedder(Hashed(tmp_path), lambda: SentenceEmbedder(tmp_path / "nowhere"), OPTIONS)
    with pytest.raises(HybridError, match=r"nowhere"):
        list(spread.encode_shards(SHARDS[:1]))


class Broken(Hashed):
    """An embedder whose weights give no numbers."""

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        raise InputError("weights.bin", "not finite for 'the seal leaks'", "pull the model again", line=7)


def test_a_worker_that_cannot_encode_is_told_by_its_cause(tmp_path: Path) -> None:
    spread = RayEmbedder(Hashed(tmp_path), lambda: Broken(tmp_path), OPTIONS)
    with pytest.raises(HybridError, match=r"weights\.bin:7: not finite for 'the seal leaks' → pull the model again"):
        list(spread.encode_shards(SHARDS[:1]))


def test_a_cluster_that_is_not_there_is_named(tmp_path: Path) -> None:
    """In a process of its own, as one cluster runs in this one."""
    code = (
        "from hybrid.config_store import StoreConfig\n"
        "from hybrid.errors import EndpointError\n"
        "from hybrid.retrieval.ray_encoding import _start\n"
        "try:\n    _start(StoreConfig(encode_with='ray', ray_address='127.0.0.1:9'))\n"
        "except EndpointError as error:\n    print('TOLD', error)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "no Ray cluster at 127.0.0.1:9" in told and "index.ray_address" in told
