"""Search under a filter: what of the exact first ten is found among a part of the passages, and how fast.

python -m benchmarks.filters --vectors FILE.npy [--num 100000] [--rounds 3]

A filter leaves a share of the passages, drawn at random, or those nearest to one of them, as of one topic. FAISS's own
way beside ours: its exact index and its graph, given a selector. One thread, one query at a time, all in turn.
"""

import shutil
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from benchmarks.search import Made, in_process, record, split
from benchmarks.search_sides import ROOT, SEED, K, borders_among, folder_of, ms_of, recall_of
from hybrid.protocols import Vectors
from hybrid.retrieval.shortlist_store import ShortlistStore

COMMAND = "make bench-filter"
PART = "filters"
SHARES = {"half": 0.5, "a tenth": 0.1, "a hundredth": 0.01}
_EFFORT = 128
"""Candidates of FAISS's graph, at which it finds .99 without a filter."""


@click.command()
@click.option("--vectors", type=click.Path(exists=True, path_type=Path), required=True, help="float32 `(n, dim)`.")
@click.option("--num", default=100_000, show_default=True, help="Vectors of the index.")
@click.option("--queries", default=500, show_default=True, help="Held out.")
@click.option("--rounds", default=3, show_default=True, help="Of each measurement; the spread is told.")
@click.option("--type", "types", multiple=True, default=("hnsw", "ivf_pq", "funnel"), show_default=True)
def main(vectors: Path, num: int, queries: int, rounds: int, types: tuple[str, ...]) -> None:
    """Build, measure, write the rows and the page."""
    started = time.perf_counter()
    shutil.rmtree(ROOT / PART, ignore_errors=True)
    num, _ = split(vectors, ROOT / PART, num, queries)
    for type_ in types:
        in_process("build", PART, num, type_)
    record(_measure(num, rounds, types), vectors, COMMAND, started)
    shutil.rmtree(ROOT / PART)


def _measure(num: int, rounds: int, types: tuple[str, ...]) -> Made:
    import faiss

    # the stubs know the C++ signatures alone
    library: Any = faiss
    faiss.omp_set_num_threads(1)
    passages = np.load(ROOT / PART / "passages.npy")
    asked = np.load(ROOT / PART / "queries.npy")
    stores = {f"hybrid {type_}": ShortlistStore.load(folder_of(PART, num, type_)) for type_ in types}
    flat, graph = library.IndexFlatIP(passages.shape[1]), library.IndexHNSWFlat(passages.shape[1], 32, 0)
    for index in (flat, graph):
        index.add(passages)
    made: Made = {}
    for name, rows in _filters(passages):
        borders = borders_among(passages, asked, rows)
        engines: dict[str, Any] = {}
        among = None if rows is None else frozenset(f"p{row}" for row in rows.tolist())
        for engine, store in stores.items():
            engines[engine] = partial(_ours, store, among)
        selector = None if rows is None else library.IDSelectorBitmap(np.packbits(_mask(rows, num), bitorder="little"))
        plain = None if rows is None else library.SearchParameters(sel=selector)
        graphs = library.SearchParametersHNSW(efSearch=_EFFORT, sel=selector)
        engines["FAISS Flat with a selector"] = partial(_of_faiss, flat, plain)
        engines[f"FAISS HNSW32 with a selector, efSearch {_EFFORT}"] = partial(_of_faiss, graph, graphs)
        times: dict[str, list[float]] = {engine: [] for engine in engines}
        for _ in range(rounds):
            for engine, search in engines.items():
                times[engine].append(ms_of(search, asked))
        for engine, search in engines.items():
            found = recall_of(PART, asked, [search(query[None]) for query in asked], borders)
            made["speed/filter-recall@10", f"{engine}, {name}"] = ([found], len(asked))
            made["speed/filter-ms", f"{engine}, {name}"] = (times[engine], num)
    return made


def _filters(passages: Vectors) -> Iterator[tuple[str, npt.NDArray[np.int64] | None]]:
    """Names, and the rows that are left."""
    yield "all", None
    chance = np.random.default_rng(SEED)
    order = chance.permutation(len(passages))
    nearest = np.argsort(-(passages @ passages[order[0]]), kind="stable")
    for kind, rows in (("at random", order), ("of one topic", nearest)):
        for share, part in SHARES.items():
            yield f"{share} {kind}", np.sort(rows[: int(part * len(passages))])


def _mask(rows: npt.NDArray[np.int64], num: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(num, dtype=np.bool_)
    mask[rows] = True
    return mask


def _ours(store: ShortlistStore, among: frozenset[str] | None, query: Vectors) -> list[int]:
    return [int(identity[1:]) for identity in store.search(query, K, among)[0][0]]


def _of_faiss(index: Any, params: Any, query: Vectors) -> list[int]:
    rows: list[int] = index.search(query, K, params=params)[1][0].tolist()
    return [row for row in rows if row >= 0]


if __name__ == "__main__":
    sys.exit(main())
