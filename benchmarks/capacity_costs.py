"""Unit costs for the capacity page, each from a scaled-down run on this machine, one thread unless it says more."""

import logging
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from hybrid.config import Config
from hybrid.config_index import IndexConfig, IndexType
from hybrid.protocols import Vectors
from hybrid.retrieval.index_plan import layouts

DIM = 384
SIZES = (10_000, 20_000, 40_000)
"""Vectors of the scaled-down indexes; laws are fitted on the first two and checked on the last."""
KINDS: tuple[IndexType, ...] = ("exact", "hnsw", "ivf_rabitq")
SHORTLIST = 100
"""Hits of a search, which full vectors then rescore."""
PROBED = 16
"""Clusters of an IVF index that a search looks into."""
SHARDS = 4
_CENTRES = 256
_QUERIES = 200
_TOKENS = 100
Costs = dict[tuple[str, str], list[float]]
"""(metric, system) to the values of the rounds."""


def generated(num: int, seed: int) -> Vectors:
    """Unit vectors around 256 centres: bytes and times do not depend on what they mean."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(_CENTRES, DIM))
    vectors = centres[rng.integers(_CENTRES, size=num)] + rng.normal(size=(num, DIM))
    unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def build(kind: IndexType, vectors: Vectors) -> tuple[Any, float, float]:
    """The index, the seconds of training it, and those that adding a vector took."""
    import faiss

    factory = "Flat" if kind == "exact" else layouts(kind, len(vectors), DIM, IndexConfig())[0].factory
    index = faiss.index_factory(DIM, factory, faiss.METRIC_INNER_PRODUCT)
    started = time.perf_counter()
    if not index.is_trained:
        index.train(vectors)
    trained = time.perf_counter()
    index.add(vectors)
    if kind == "ivf_rabitq":
        faiss.extract_index_ivf(index).nprobe = PROBED
    return index, trained - started, (time.perf_counter() - trained) / len(vectors)


def search_ms(index: Any, queries: Vectors) -> float:
    """Milliseconds of one search for a shortlist, one query at a time: the median."""
    times = []
    for query in queries:
        started = time.perf_counter()
        index.search(query[None], SHORTLIST)
        times.append(time.perf_counter() - started)
    return 1000 * median(times)


def index_costs(rounds: int) -> Costs:
    """Bytes, seconds of adding and milliseconds of a search, of each type at each size."""
    import faiss

    faiss.omp_set_num_threads(1)
    costs: Costs = {}
    queries = generated(_QUERIES, 1)
    vectors = generated(SIZES[-1], 2)
    # sizes in turn, so that other work on the machine falls on all of them
    for _, num, kind in product(range(rounds), SIZES, KINDS):
        index, training, seconds = build(kind, vectors[:num])
        found = {"capacity/train-s": training} if kind == "ivf_rabitq" else {}
        found |= {
            "capacity/bytes-a-vector": len(faiss.serialize_index(index)) / num,
            "capacity/add-us-a-vector": 1e6 * seconds,
            "capacity/search-ms": search_ms(index, queries),
        }
        for metric, value in found.items():
            costs.setdefault((metric, f"{kind}, {num} vectors"), []).append(value)
    return costs


def shard_costs() -> Costs:
    """What cutting an index into shards changes: share of the exact first ten that is found, and the time of a search.

    A shard is searched on a machine of its own: the slowest one counts.
    """
    import faiss

    faiss.omp_set_num_threads(1)
    vectors, queries = generated(SIZES[-1], 2), generated(_QUERIES, 1)
    exact = build("exact", vectors)[0]
    wanted = exact.search(queries, 10)[1]
    parts = [np.arange(start, len(vectors), SHARDS) for start in range(SHARDS)]
    costs: Costs = {}
    for kind in ("exact", "ivf_rabitq"):
        shards = [build(kind, vectors[rows])[0] for rows in parts]
        times = [search_ms(shard, queries) for shard in shards]
        costs["capacity/search-ms", f"{kind}, slowest of {SHARDS} shards"] = [max(times)]
        found = [rows[shard.search(queries, SHORTLIST)[1]] for rows, shard in zip(parts, shards, strict=True)]
        costs["capacity/recall@10", f"{kind}, {SHARDS} shards"] = [_recall(found, vectors, queries, wanted)]
    whole = build("ivf_rabitq", vectors)[0]
    found = [whole.search(queries, SHORTLIST)[1]]
    costs["capacity/recall@10", "ivf_rabitq, one index"] = [_recall(found, vectors, queries, wanted)]
    return costs


def _recall(shortlists: Sequence[Any], vectors: Vectors, queries: Vectors, wanted: Any) -> float:
    """Of the exact first ten, the share among the first ten of all shortlists rescored together."""
    kept = []
    for query, gold, *lists in zip(queries, wanted, *shortlists, strict=True):
        rows = np.unique(np.concatenate(lists))
        rows = rows[rows >= 0]
        best = rows[np.argsort(-(vectors[rows] @ query))[:10]]
        kept.append(len(set(best.tolist()) & set(gold.tolist())) / 10)
    return float(np.mean(kept))


def text_costs(num: int = 20_000) -> Costs:
    """Bytes that a passage of 100 tokens takes in the memory of the process that indexes or answers."""
    import tracemalloc

    from hybrid.types import Passage

    text = "The seal is checked. " * (5 * _TOKENS // 21)
    tracemalloc.start()
    kept = [
        Passage(f"documents/{n:07d}.md#{n:08x}", f"{n} {text}", f"Title {n}", f"Section {n}", f"documents/{n:07d}.md")
        for n in range(num)
    ]
    by_id = {passage.id: passage for passage in kept}
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return {("capacity/bytes-a-passage", f"in memory, {len(by_id)} passages"): [size / num]}


def encode_costs(rounds: int, num: int) -> Costs:
    """Passages of about 100 tokens a second: one thread of this process, and two Ray workers of one thread each."""
    import ray
    import torch

    from hybrid.backends import make_embedder, make_encoder

    torch.set_num_threads(1)
    config = Config(index=IndexConfig(encode_with="ray", encode_workers=2))
    embedder = make_embedder(config)
    words = [
        "shaft",
        "seal",
        "of",
        "pump",
        "must",
        "be",
        "checked",
        "before",
        "oil",
        "is",
        "filled",
        "in",
        "by",
        "hand",
    ]
    rng = np.random.default_rng(3)
    texts = [" ".join(rng.choice(words, size=int(_TOKENS * 0.9))) for _ in range(num)]
    shards = [texts[i : i + 64] for i in range(0, num, 64)]
    embedder.encode_passages(texts[:8])
    here = [_rate(num, lambda: [embedder.encode_passages(shard) for shard in shards]) for _ in range(rounds)]
    spread: Any = make_encoder(embedder, config)
    two = []
    logging.getLogger("ray").setLevel(logging.ERROR)
    for _ in range(rounds):
        # the first shard waits for workers to start and load the model
        vectors = spread.encode_shards(shards + shards[:2])
        next(vectors), next(vectors)
        two.append(_rate(num, lambda rest=vectors: list(rest)))
        ray.shutdown()
    name = "capacity/passages-per-s"
    return {(name, "this process, one thread"): here, (name, "Ray, two workers of one thread"): two}


def milvus_costs(rounds: int, num: int) -> Costs:
    """Rows upserted a second, milliseconds of a search and bytes on disk, of milvus-lite's server."""
    from hybrid.retrieval.milvus_store import MilvusStore

    costs: Costs = {}
    vectors, queries = generated(num, 2), generated(20, 1)
    for _ in range(rounds):
        with _milvus() as (uri, folder):
            store = MilvusStore(IndexConfig(store="milvus", milvus_uri=uri), "capacity", DIM)
            ids = [f"document-{n:07d}.md#{n:08x}" for n in range(num)]
            seconds = 1 / _rate(1, lambda store=store, ids=ids: store.add(ids, vectors))
            store.save(folder.parent)
            times = [1000 / _rate(1, lambda s=store, q=query: s.search(q[None], 10)) for query in queries]
            size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        made = {"capacity/rows-per-s": num / seconds, "capacity/search-ms": median(times)}
        for metric, value in (made | {"capacity/bytes-a-vector": size / num}).items():
            costs.setdefault((metric, f"milvus-lite, {num} vectors"), []).append(value)
    return costs


def _rate(num: int, work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return num / (time.perf_counter() - started)


@contextmanager
def _milvus() -> Iterator[tuple[str, Path]]:
    """A server over a fresh folder."""
    folder = Path("indexes") / "bench-capacity" / "milvus"
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "milvus_lite", "server", "--data-dir", str(folder), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        # the client waits until the server is up
        yield f"http://127.0.0.1:{port}", folder
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder.parent)
