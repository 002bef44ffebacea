"""Building an index of short codes: vectors on disk first, codes learnt from a sample, effort tuned, recall checked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.artifacts import sha256_json
from hybrid.config_index import IndexConfig
from hybrid.durable_files import is_sealed, seal
from hybrid.errors import HybridError
from hybrid.protocols import Vectors
from hybrid.retrieval.faiss_files import read_faiss, write_faiss
from hybrid.retrieval.full_vectors import BLOCK, FullVectors, RowFile, Rows
from hybrid.retrieval.index_layout import Layout
from hybrid.retrieval.recall_check import Point, Sample, cheapest, draw_sample, frontier, hold_out, measure, pareto
from hybrid.retrieval.search_cost import Effort
from hybrid.retrieval.shortlist_store import FAISS_FILE, VECTORS_FILE, ShortlistStore

EFFORT_VERSION = 3
"""Of how effort is chosen: part of the id of an index that is not exact, and of no other."""
_HELD_OUT_SHARE = 0.1
_FEWEST_HELD_OUT = 20


class RecallError(HybridError):
    """An index finds less of exact search than `index.min_recall`."""

    def __init__(self, problem: str, remedy: str, recall: float) -> None:
        super().__init__(problem, remedy)
        self.recall = recall


@dataclass(frozen=True)
class Checked:
    """A store that is tuned, with the recall that it reached on vectors it was not tuned on."""

    store: ShortlistStore
    point: Point
    points: Sequence[Point]
    recall: float
    checked_on: str
    """What was searched for, and how many of them."""

    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        layout = self.store.layout
        mapped = len(self.store.full) * layout.mapped_bytes
        codes = len(self.store.full) * layout.code_bytes + layout.resident_bytes
        return {
            "type": layout.type,
            "factory": layout.factory,
            "dims": layout.dims,
            "rescore": layout.rescore,
            "shortlist": self.store.effort.shortlist,
            "probes": self.store.effort.probes,
            "doubt": self.store.effort.doubt,
            "recall@10": round(self.recall, 4),
            "checked_on": self.checked_on,
            "removed": len(self.store.full) - len(self.store),
            "bytes_per_passage": {
                "codes": round(codes / max(1, len(self.store)), 1),
                "mapped": round(mapped / max(1, len(self.store)), 1),
            },
            "frontier": [point.to_json() for point in pareto(self.points)],
        }


def write_vectors(
    parts: Iterable[tuple[list[int], Vectors]], num: int, dim: int, folder: Path, config: IndexConfig
) -> None:
    """Row numbers and vectors, in any order, to the file that shortlists are rescored from."""
    with RowFile(folder / VECTORS_FILE, num, dim, config.rescore) as file:
        for rows, vectors in parts:
            file.put(rows, vectors)


def build_shortlist(
    ids: Sequence[str],
    layouts: Sequence[Layout],
    folder: Path,
    *,
    resume: Path,
    config: IndexConfig,
    seed: int,
    asked: Vectors | None = None,
) -> Checked:
    """Index the vectors that `write_vectors` left in `folder`, by the layout that reaches `config.recall` most cheaply,
    and save all beside them; for the questions `asked` `(n, dim)` where there are any. The last rows, which a graph is
    tuned for before it holds them, are a random sample (`sample_last`). Codes that an interrupted build learnt are
    read from `resume`. Raises `RecallError` below `config.min_recall`.
    """
    full = FullVectors.open(folder / VECTORS_FILE)
    held_out = _num_held_out(len(full), config) if asked is None and layouts[0].type == "hnsw" else 0
    if held_out:
        sample = hold_out(full, held_out)
    else:
        sample = draw_sample(full, np.arange(len(full)), config.check_vectors, seed, asked)
    best: Checked | None = None
    points: list[Point] = []
    for layout in layouts:
        index = _trained(layout, full, resume, config, seed)
        for start, block in full.blocks():
            index.add(layout.shorten(block[: max(0, len(full) - held_out - start)]))
        found = settle(ShortlistStore(layout, index, full, ids), sample, config)
        if held_out:
            index.add(layout.shorten(full.sample(np.arange(len(full) - held_out, len(full)))))
        points += found.points
        if best is None or cheapest([best.point, found.point], config.recall) == found.point:
            best = found
    assert best is not None
    best = Checked(best.store, best.point, points, best.recall, best.checked_on)
    refuse_below_floor(best, config)
    best.store.save_codes(folder)
    return best


def sample_last(num: int, config: IndexConfig, seed: int) -> Rows:
    """The order in which `build_shortlist` wants `num` vectors: as they are, but a random sample at the end."""
    held_out = np.zeros(num, dtype=np.bool_)
    held_out[np.random.default_rng(seed).choice(num, size=_num_held_out(num, config), replace=False)] = True
    return np.argsort(held_out, kind="stable")


def _num_held_out(num: int, config: IndexConfig) -> int:
    """Few beside the others: a graph without them must be as hard to search as the whole."""
    return min(config.check_vectors, max(int(_HELD_OUT_SHARE * num), min(_FEWEST_HELD_OUT, num // 2)))


def settle(store: ShortlistStore, sample: Sample, config: IndexConfig, least: Effort | None = None) -> Checked:
    """Set the least effort that reaches the target, by its lower bound, on one half of the sample, and measure recall
    on the other: the chosen effort's recall on the half that it was chosen by is better than it is elsewhere. No effort
    below `least` is chosen.
    """
    points = frontier(store, sample.half(0))
    allowed = [p for p in points if not least or (p.shortlist >= least.shortlist and p.probes >= least.probes)]
    # an index that shrank may have no shortlist so long
    point = cheapest(allowed or points, config.recall)
    store.effort = point.effort
    held_out = sample.half(1)
    return Checked(store, point, points, measure(store, held_out), f"{len(held_out.rows)} {sample.what}")


def refuse_below_floor(found: Checked, config: IndexConfig) -> None:
    """Raises `RecallError` where the index finds too little of exact search."""
    if found.recall < config.min_recall:
        raise RecallError(
            f"the {found.store.layout.type} index finds {found.recall:.3f} of the exact first ten on "
            f"{found.checked_on}, below index.min_recall {config.min_recall:g}: not published",
            "choose another index.type (`hybrid index --plan` lists them), raise index.train_vectors, or lower the "
            "floor",
            found.recall,
        )


def carry_on(
    store: ShortlistStore,
    gone: Sequence[str],
    new_ids: Sequence[str],
    parts: Iterable[tuple[list[int], Vectors]],
    *,
    config: IndexConfig,
    seed: int,
    asked: Vectors | None = None,
) -> Checked:
    """A store of an earlier state brought up to date: vectors removed and added, nothing learnt anew. The parts number
    `new_ids`.
    """
    store.remove(gone)
    for rows, vectors in parts:
        for start in range(0, len(rows), BLOCK):
            block = slice(start, start + BLOCK)
            store.add([new_ids[row] for row in rows[block]], vectors[block])
    if store.removed_share > config.compact_at:
        store.compact()
    sample = draw_sample(store.full, store.live_rows(), config.check_vectors, seed, asked)
    # a graph holds its own vectors by now, and finds more for them than for others: they only raise the effort
    return settle(store, sample, config, store.effort if asked is None and store.layout.type == "hnsw" else None)


def training_rows(num: int, layout: Layout, config: IndexConfig, seed: int) -> Rows:
    """A random sample of rows, in order."""
    wanted = min(num, config.train_vectors, layout.wanted_sample)
    rows: Rows = np.sort(np.random.default_rng(seed).choice(num, size=wanted, replace=False))
    return rows


def _trained(layout: Layout, full: FullVectors, resume: Path, config: IndexConfig, seed: int) -> Any:
    saved = resume / f"{sha256_json(layout.to_json())[:32]}-{FAISS_FILE}"
    if is_sealed(saved):
        return read_faiss(saved, mapped=False)
    index = layout.train(full.sample(training_rows(len(full), layout, config, seed)), seed)
    write_faiss(index, saved)
    seal(saved)
    return index
