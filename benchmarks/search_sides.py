"""What `make bench-search` measures, each in a process of its own that prints JSON: builds and searches."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.peak import peak_mb
from hybrid.config_index import IndexConfig, IndexType, ShortlistType
from hybrid.protocols import Vectors
from hybrid.retrieval.index_plan import layouts
from hybrid.retrieval.shortlist_build import build_shortlist, write_vectors
from hybrid.retrieval.shortlist_store import FAISS_FILE, IDS_FILE, VECTORS_FILE, ShortlistStore

ROOT = Path("indexes") / "bench-search"
RECALL = 0.99
K = 10
SEED = 13
BLOCK = 16384
"""Vectors read at once."""
SAME = ", at the recall of ours"
_TOLERANCE = 1e-6
"""A result that scores as much as the exact tenth is as good: copies with other ids."""
_EFFORTS = (10, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 1024)
Search = Callable[[Vectors], Any]


def folder_of(part: str, num: int, type_: str) -> Path:
    return ROOT / part / f"{type_}-{num}"


def _blocks(part: str, num: int) -> Iterator[tuple[list[int], Vectors]]:
    """Rows by reads, not by a map: what is read must not count as this process's memory."""
    with (ROOT / part / "passages.npy").open("rb") as stream:
        np.lib.format.read_magic(stream)
        (_, dim), _, dtype = np.lib.format.read_array_header_1_0(stream)
        for start in range(0, num, BLOCK):
            rows = min(BLOCK, num - start)
            block = np.frombuffer(stream.read(rows * dim * 4), dtype=dtype).reshape(rows, dim)
            yield list(range(start, start + rows)), block


def build(part: str, num: int, type_: ShortlistType) -> None:
    """Index the first `num` vectors as `hybrid index` does once they are encoded: seconds, and peak memory."""
    folder = folder_of(part, num, type_)
    resume = folder.with_name(folder.name + "-resume")
    folder.mkdir(parents=True)
    resume.mkdir()
    config = IndexConfig(type=type_)
    dim = int(np.load(ROOT / part / "queries.npy", mmap_mode="r").shape[1])
    started = time.perf_counter()
    write_vectors(_blocks(part, num), num, dim, folder, config)
    ids = [f"p{row}" for row in range(num)]
    tried = layouts(type_, num, dim, config)
    found = build_shortlist(ids, tried, folder, resume=resume, config=config, seed=SEED)
    seconds = time.perf_counter() - started
    peak = peak_mb()
    shutil.rmtree(resume)
    told = {"seconds": seconds, "peak_mb": peak, "vectors_mb": num * dim * 4 / 1e6, "facts": found.facts()}
    print(json.dumps(told))


def build_other(part: str, num: int, engine: str) -> None:
    """Index the vectors by another library, from memory."""
    file = folder_of(part, num, engine)
    vectors = np.concatenate([block for _, block in _blocks(part, num)])
    started = time.perf_counter()
    if engine == "hnsw32":
        import faiss

        index: Any = faiss.IndexHNSWFlat(vectors.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
        index.add(vectors)
        faiss.write_index(index, str(file))
    else:
        from usearch.index import Index

        graph = Index(ndim=vectors.shape[1], metric="ip", dtype="f32", connectivity=32)
        graph.add(np.arange(num), vectors, threads=1)
        graph.save(str(file))
    print(json.dumps({"seconds": time.perf_counter() - started}))


def searches(part: str, num: int, queries: int, rounds: int, type_: IndexType) -> None:
    """One index of ours by itself."""
    asked = np.load(ROOT / part / "queries.npy")[:queries]
    store = ShortlistStore.load(folder_of(part, num, type_))
    borders = _exact_borders(part, num, asked)
    recall = recall_of(part, asked, _rows_of(store, asked), borders)
    print(json.dumps({"ms": [ms_of(lambda q: store.search(q, K), asked) for _ in range(rounds)], "recall": recall}))


def side_by_side(part: str, num: int, queries: int, rounds: int, types: list[IndexType]) -> None:
    """Milliseconds a query of every engine, round by round.

    The other engines are asked twice: at the least effort that finds enough of the exact ten, and at the least that
    finds no less than ours does on the same queries.
    """
    import faiss

    faiss.omp_set_num_threads(1)
    asked = np.load(ROOT / part / "queries.npy")[:queries]
    borders = _exact_borders(part, num, asked)
    tune, check = slice(0, None, 2), slice(1, None, 2)
    engines: dict[str, Search] = {}
    told: dict[str, dict[str, Any]] = {}
    wanted = {"": RECALL, SAME: RECALL}
    for type_ in types:
        folder, name = folder_of(part, num, type_), f"hybrid {type_}"
        store = ShortlistStore.load(folder)
        engines[name] = partial(store.search, k=K)
        recall = recall_of(part, asked[check], _rows_of(store, asked[check]), borders[check])
        wanted[SAME] = max(wanted[SAME], recall_of(part, asked[tune], _rows_of(store, asked[tune]), borders[tune]))
        files = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
        # codes, graph and ids count whole, with where each id begins; of the mapped vectors what was fetched
        held = sum((folder / file).stat().st_size for file in (FAISS_FILE, IDS_FILE)) / 1e6 + 8 * num / 1e6
        fetched = _mapped_mb(folder / VECTORS_FILE)
        told[name] = {"recall": recall, "all_mb": files, "mb": held + fetched, "held_mb": held}
    flat: Any = faiss.IndexFlatIP(asked.shape[1])
    for _, block in _blocks(part, num):
        flat.add(block)
    engines["FAISS Flat"] = partial(flat.search, k=K)
    told["FAISS Flat"] = {"recall": 1.0, "mb": num * asked.shape[1] * 4 / 1e6}
    others: dict[str, tuple[Callable[[int], None], Search, float]] = {}
    if (file := folder_of(part, num, "hnsw32")).is_file():
        hnsw: Any = faiss.read_index(str(file))

        def rows_of_faiss(query: Vectors) -> list[int]:
            return hnsw.search(query, K)[1][0].tolist()

        others["FAISS HNSW32"] = partial(setattr, hnsw.hnsw, "efSearch"), rows_of_faiss, file.stat().st_size / 1e6
    if (file := folder_of(part, num, "usearch")).is_file():
        from usearch.index import Index

        graph: Any = Index.restore(str(file))

        def rows_of_usearch(query: Vectors) -> list[int]:
            return graph.search(query[0], K, threads=1).keys.tolist()

        others["usearch"] = partial(setattr, graph, "expansion_search"), rows_of_usearch, file.stat().st_size / 1e6
    settings: dict[str, Callable[[], None]] = {}
    for engine, (set_effort, rows, size) in others.items():
        for level, enough in wanted.items():
            name = engine + level
            effort = _least_effort(set_effort, rows, enough, part, asked[tune], borders[tune])
            engines[name], settings[name] = rows, partial(set_effort, effort)
            recall = recall_of(part, asked[check], [rows(q[None]) for q in asked[check]], borders[check])
            told[name] = {"recall": recall, "mb": size}
    for found in told.values():
        found.update(ms=[], asked=len(asked[check]))

    def timed(name: str) -> float:
        if name in settings:
            settings[name]()
        # exact search takes a hundred times as long, and as long every time
        return ms_of(engines[name], asked[check][:40] if name == "FAISS Flat" else asked[check])

    for name in engines:
        # while the others were loaded the system may have taken back what the first had read from its files
        timed(name)
    for _ in range(rounds):
        for name in engines:
            told[name]["ms"].append(timed(name))
    print(json.dumps(told))


def _least_effort(
    set_effort: Callable[[int], None], rows: Search, enough: float, part: str, asked: Vectors, borders: Any
) -> int:
    """Set and return, of the efforts tried, the first that finds `enough` of the exact ten, else the last."""
    for effort in _EFFORTS:
        set_effort(effort)
        if recall_of(part, asked, [rows(q[None]) for q in asked], borders) >= enough:
            break
    return effort


def _rows_of(store: ShortlistStore, asked: Vectors) -> list[list[int]]:
    return [[int(identity[1:]) for identity in store.search(q[None], K)[0][0]] for q in asked]


def _exact_borders(part: str, num: int, asked: Vectors) -> Any:
    """The exact tenth score of each query, of one pass over the vectors; kept beside them."""
    import faiss

    file = ROOT / part / f"borders-{num}.npy"
    if file.is_file():
        return np.load(file)
    best = np.full((len(asked), K), -2.0, dtype=np.float32)
    for _, block in _blocks(part, num):
        scores, _ = faiss.knn(asked, block, K, metric=faiss.METRIC_INNER_PRODUCT)
        best = -np.sort(-np.concatenate([best, scores], axis=1), axis=1)[:, :K]
    np.save(file, best[:, -1])
    return best[:, -1]


def borders_among(passages: Vectors, asked: Vectors, rows: npt.NDArray[np.int64] | None) -> Any:
    """The exact tenth score of each query among some rows, or all."""
    import faiss

    some = passages if rows is None else passages[rows]
    scores, _ = faiss.knn(asked, some, K, metric=faiss.METRIC_INNER_PRODUCT)
    return scores[:, -1]


def recall_of(part: str, asked: Vectors, rows: list[list[int]], borders: Any) -> float:
    """Mean share of the results that score at least the exact tenth, by the given float32 vectors."""
    passages = np.load(ROOT / part / "passages.npy", mmap_mode="r")
    hits = [
        float((np.asarray(passages[found]) @ q >= border - _TOLERANCE).sum()) / K
        for q, found, border in zip(asked, rows, borders, strict=True)
    ]
    return float(np.mean(hits))


def ms_of(search: Search, asked: Vectors) -> float:
    """Of one query, all in turn, after a few to warm up."""
    for query in asked[:5]:
        search(query[None])
    started = time.perf_counter()
    for query in asked:
        search(query[None])
    return 1000 * (time.perf_counter() - started) / len(asked)


def _mapped_mb(file: Path) -> float:
    """Of a mapped file, what lies in this process's memory."""
    found, ours = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if not line[0].isupper():
            ours = line.endswith(str(file))
        elif ours and line.startswith("Rss:"):
            found += int(line.split()[1])
    return found * 1024 / 1e6
