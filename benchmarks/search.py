"""Vector search at up to a million vectors: beside FAISS's exact and graph indexes and usearch, one query at a time.

python -m benchmarks.search --vectors FILE.npy [--funnel-vectors FILE.npy] [--num 1000000] [--rounds 3]

The file holds unit vectors, float32 `(n, dim)`. Queries are held out from it, copies are left out. Every build runs in
a process of its own; searches of all engines run in turn in one process, with one thread.
"""

import json
import math
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks import page, results
from benchmarks.search_sides import BLOCK, ROOT, SAME, SEED
from hybrid.config_index import IndexConfig, IndexType
from hybrid.retrieval.index_plan import make_plan

COMMAND = "make bench-search"
SIZES = (10_000, 100_000, 1_000_000)
FUNNEL = 100_000
Made = dict[tuple[str, str], tuple[list[float], int]]
"""Values of the rounds, and over how many items, by metric and system."""


@click.command()
@click.option("--vectors", type=click.Path(exists=True, path_type=Path), required=True, help="float32 `(n, dim)`.")
@click.option("--funnel-vectors", type=click.Path(exists=True, path_type=Path), help="Of a Matryoshka-tuned embedder.")
@click.option("--num", default=SIZES[-1], show_default=True, help="Vectors of the largest index.")
@click.option("--queries", default=2000, show_default=True, help="Held out; half tune the other engines' effort.")
@click.option("--rounds", default=3, show_default=True, help="Of each measurement; the spread is told.")
@click.option("--type", "types", multiple=True, help="Index types of ours. [default: what auto chooses]")
def main(
    vectors: Path, funnel_vectors: Path | None, num: int, queries: int, rounds: int, types: tuple[IndexType, ...]
) -> None:
    """Build, measure, write the rows and the page."""
    started = time.perf_counter()
    shutil.rmtree(ROOT, ignore_errors=True)
    num, dim = split(vectors, ROOT / "all", num, queries)
    types = types or (make_plan(num, dim, IndexConfig()).chosen,)
    if "exact" in types:
        raise click.UsageError(f"{num} vectors are searched exactly: name another index type by --type")
    made: Made = {}
    _growth(made, [*(size for size in SIZES if size < num), num], queries, rounds, types)
    _beside_others(made, num, queries, rounds, types)
    _funnel(made, funnel_vectors or vectors, queries, rounds)
    record(made, vectors, COMMAND, started)
    shutil.rmtree(ROOT)


def record(made: Made, vectors: Path, command: str, started: float) -> None:
    """Write the rows and the page, and tell the rows."""
    minutes = round((time.perf_counter() - started) / 60, 1)
    stamp = {"of": vectors.stem, "split": "all", "seed": SEED, "minutes": minutes, "command": command}
    rows = [
        results.make_row(metric, system, results.spread(values, of), **stamp)
        for (metric, system), (values, of) in made.items()
    ]
    results.record_rows(command, rows)
    page.write()
    for row in rows:
        click.echo(f"{row['metric']:32} {row['system']:40} {row['value']:.4f} [{row['low']:.4f}, {row['high']:.4f}]")


def _growth(made: Made, sizes: list[int], queries: int, rounds: int, types: tuple[IndexType, ...]) -> None:
    """What building and searching cost at each size, and the exponent of each in the number of vectors."""
    for type_ in types:
        built = {size: in_process("build", "all", size, type_) for size in sizes}
        found = {size: in_process("searches", "all", size, queries, rounds, type_) for size in sizes}
        for size in sizes:
            made["speed/build-s", f"hybrid {type_}, {size}"] = ([built[size]["seconds"]], size)
            made["speed/build-peak-mb", f"hybrid {type_}, {size}"] = ([built[size]["peak_mb"]], size)
            made["speed/search-ms", f"hybrid {type_}, {size}"] = (found[size]["ms"], size)
            made["speed/recall@10-by-size", f"hybrid {type_}, {size}"] = ([found[size]["recall"]], size)
        least, most = sizes[0], sizes[-1]
        if most > least:
            span = math.log(most / least)
            build = math.log(built[most]["seconds"] / built[least]["seconds"]) / span
            search = [math.log(b / a) / span for a, b in zip(found[least]["ms"], found[most]["ms"], strict=True)]
            made["speed/growth-build", f"hybrid {type_}, exponent"] = ([build], most)
            made["speed/growth-search", f"hybrid {type_}, exponent"] = (search, most)
        alone = built[most]["vectors_mb"]
        made["speed/build-memory", f"hybrid {type_}, peak ÷ vectors"] = ([built[most]["peak_mb"] / alone], most)
        made["speed/build-vectors-mb", f"vectors, {most}"] = ([alone], most)


def _beside_others(made: Made, num: int, queries: int, rounds: int, types: tuple[IndexType, ...]) -> None:
    """Ours, FAISS Flat, FAISS HNSW32 and usearch in turn in one process."""
    others = ("hnsw32", "usearch")
    # a thread each, at the same time: nothing is claimed about these builds
    with ThreadPoolExecutor(len(others)) as pool:
        for engine, told in zip(others, pool.map(partial(in_process, "build_other", "all", num), others), strict=True):
            made["speed/build-s", f"{engine}, {num}, two builds at once"] = ([told["seconds"]], num)
    found = in_process("side_by_side", "all", num, queries, rounds, list(types))
    for engine, told in found.items():
        made["speed/search-ms", f"{engine}, {num}, side by side"] = (told["ms"], num)
        made["speed/search-recall@10", engine] = ([told["recall"]], told["asked"])
        made["speed/search-mb", f"{engine}, resident"] = ([told["mb"]], num)
        if "all_mb" in told:
            made["speed/search-mb", f"{engine}, all files"] = ([told["all_mb"]], num)
    for type_ in types:
        ours, own = f"hybrid {type_}", found[f"hybrid {type_}"]
        for engine, metric in (
            ("FAISS Flat", "speed/search-vs-flat"),
            ("FAISS HNSW32", "speed/search-vs-hnsw"),
            ("FAISS HNSW32" + SAME, "speed/search-vs-hnsw"),
            ("usearch", "speed/search-vs-usearch"),
            ("usearch" + SAME, "speed/search-vs-usearch"),
        ):
            ratios = [other / mine for other, mine in zip(found[engine]["ms"], own["ms"], strict=True)]
            made[metric, f"{engine} ÷ {ours}"] = (ratios, num)
        # what is mapped the system takes back where it has no room
        for what, size in (("held", own["held_mb"]), ("resident", own["mb"]), ("all files", own["all_mb"])):
            share = [size / found["FAISS HNSW32"]["mb"]]
            made["speed/search-memory-vs-hnsw", f"{ours}, {what} ÷ FAISS HNSW32"] = (share, num)


def _funnel(made: Made, vectors: Path, queries: int, rounds: int) -> None:
    num, _ = split(vectors, ROOT / "funnel", FUNNEL, queries)
    built = in_process("build", "funnel", num, "funnel")["facts"]
    found = in_process("side_by_side", "funnel", num, queries, rounds, ["funnel"])
    own = found["hybrid funnel"]
    ratios = [other / mine for other, mine in zip(found["FAISS Flat"]["ms"], own["ms"], strict=True)]
    made["speed/funnel-vs-exact", f"FAISS Flat ÷ funnel, {vectors.stem}"] = (ratios, num)
    made["speed/funnel-recall@10", f"funnel, {vectors.stem}"] = ([own["recall"]], own["asked"])
    for engine in ("FAISS Flat", "hybrid funnel"):
        made["speed/funnel-ms", f"{engine}, {num}"] = (found[engine]["ms"], num)
    for part, size in built["bytes_per_passage"].items():
        made["speed/funnel-bytes-per-passage", part] = ([size], num)
    for point in built["frontier"]:
        effort = f"{_effort(point)}, {point['expected_ms']:.3f} ms expected"
        made["speed/funnel-frontier-recall", effort] = ([point["recall"]], num)
        made["speed/funnel-frontier-at-least", effort] = ([point["low"]], num)


def _effort(point: dict[str, Any]) -> str:
    doubt = "" if point["doubt"] is None else f", doubt {point['doubt']:g}"
    return f"{point['dims']} dims in {point['parts']} parts, shortlist {point['shortlist']}{doubt}"


def split(vectors: Path, folder: Path, num: int, queries: int) -> tuple[int, int]:
    """Write `queries.npy` and `passages.npy`, random rows without copies; how many passages, and their dimension."""
    given = np.load(vectors, mmap_mode="r")
    if given.ndim != 2 or given.dtype != np.float32:
        raise click.BadParameter(f"{vectors} is {given.dtype} {given.shape}, not float32 (n, dim)")
    seen: set[bytes] = set()
    kept = []
    for start in range(0, len(given), BLOCK):
        block = np.asarray(given[start : start + BLOCK])
        if not np.isfinite(block).all():
            raise click.BadParameter(f"{vectors} holds values that are not finite near row {start}")
        # the same text in another batch differs in the seventh digit: rounding hides that
        for row, key in enumerate(np.round(block[:, :64] * 2000).astype(np.int16)):
            if (content := key.tobytes()) not in seen:
                seen.add(content)
                kept.append(start + row)
    del seen
    order = np.random.default_rng(SEED).permutation(np.array(kept))
    num = min(num, len(order) - queries)
    folder.mkdir(parents=True)
    np.save(folder / "queries.npy", given[np.sort(order[:queries])])
    chosen = order[queries : queries + num]
    with (folder / "passages.npy").open("wb") as stream:
        header = {"descr": "<f4", "fortran_order": False, "shape": (num, given.shape[1])}
        np.lib.format.write_array_header_1_0(stream, header)
        for start in range(0, num, BLOCK):
            given[chosen[start : start + BLOCK]].tofile(stream)
    click.echo(f"{len(given) - len(kept)} copies left out; {num} vectors, {queries} queries", err=True)
    return num, int(given.shape[1])


def in_process(what: str, *arguments: Any) -> dict[str, Any]:
    """What a function of `search_sides` prints, in a process of its own with one thread."""
    click.echo(f"{what} {' '.join(map(str, arguments))}", err=True)
    code = f"from benchmarks import search_sides; search_sides.{what}(*{arguments!r})"
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **one}
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    sys.exit(main())
