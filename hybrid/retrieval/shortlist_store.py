"""Approximate search: a FAISS index of short codes draws up a shortlist, the full vectors decide."""

import json
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from hybrid.artifacts import write_text
from hybrid.errors import IntegrityError
from hybrid.protocols import Vectors
from hybrid.retrieval.allowed_rows import Allowed, AllowedRows, Mask
from hybrid.retrieval.faiss_files import REBUILD, read_faiss, write_faiss
from hybrid.retrieval.full_vectors import FullVectors, Rows
from hybrid.retrieval.index_layout import Layout
from hybrid.retrieval.saved_ids import SavedIds
from hybrid.retrieval.search_cost import Effort, compared_ms, search_ms
from hybrid.retrieval.vector_checks import check_new, check_vectors

FAISS_FILE = "shortlist.faiss"
VECTORS_FILE = "vectors.npy"
IDS_FILE = "ids.jsonl"
STATE_FILE = "store.json"
TUNED_FOR = 10
"""Results that an effort is chosen for; a search for more widens its shortlist in proportion."""
WIDEST = 2048
"""Shortlist above which none is widened."""
WIDEN = 4
"""Times that a shortlist gets longer when it is widened."""
_ADD_BATCH = 16384
_COMPARED = 1024
"""Vectors compared at once where many are: they fit the processor's cache, which makes it twice as fast."""
_SPARE = 1.5
"""Times that a shortlist under a filter is longer than its expected share of rows that may be found asks for."""


class ShortlistStore:
    """Ids with unit vectors, found through short codes. Saved as four files; removed rows keep their place until
    `compact`. Ties at the end of a shortlist are not broken by id: they were never seen.
    """

    def __init__(self, layout: Layout, index: Any, full: FullVectors, ids: Sequence[str] | SavedIds) -> None:
        self.layout, self.full = layout, full
        self.effort = Effort(shortlist=100, probes=32)
        self._index = index
        self._saved_ids, self._new_ids = ids, list[str]()
        self._gone: Mask = np.zeros(len(full), dtype=np.bool_)
        self._num_gone = 0
        self._allowed = AllowedRows()
        self._rows: dict[str, int] | None = None
        self._path: Path | None = None
        self._mapped: Path | None = None

    def add(self, ids: Sequence[str], vectors: Vectors) -> None:
        """Append vectors `(n, dim)`. Raises `ValueError` where counts or dimension differ, an id is there already, or
        a value is not finite.
        """
        check_new(ids, vectors, self.layout.dim, self._row_of)
        self._make_writable()
        start = len(self.full)
        self.full.append(vectors)
        self._index.add(self.layout.shorten(vectors))
        self._new_ids.extend(ids)
        self._gone = np.concatenate([self._gone, np.zeros(len(ids), dtype=np.bool_)])
        self._allowed.forget()
        self._row_of.update(zip(ids, range(start, start + len(ids)), strict=True))

    def search(
        self, vectors: Vectors, k: int, among: AbstractSet[str] | None = None
    ) -> tuple[list[list[str]], list[list[float]]]:
        """About the k nearest of each row, best first, ties broken by id; fewer where the store, or what of it is
        `among` the ids that are asked for, is smaller.

        Among few ids all are compared. Among many the shortlist is as much longer as they are a smaller share of the
        store; a query that finds too few of them on it, for they lie elsewhere, is compared with all of them too.
        """
        allowed = None if among is None else self._allowed.of(among, self._all_ids, self._gone)
        k = min(k, len(self) if allowed is None else allowed.num)
        if k <= 0 or not len(vectors):
            return [[] for _ in vectors], [[] for _ in vectors]
        queries = np.ascontiguousarray(vectors, dtype=np.float32)
        check_vectors(queries, self.layout.dim)
        wanted = max(k, -(-self.effort.shortlist * max(k, TUNED_FOR) // TUNED_FOR))
        width, probes, least = wanted + int(2 * wanted * self.removed_share), self.effort.probes, 0
        if allowed is not None:
            more = len(self.full) / allowed.num
            # what is found among a part lies as deep in the whole as more results would: the square root kept recall
            width, probes, least = int(_SPARE * wanted * more), int(probes * more**0.5), min(wanted, allowed.num)
            if self._is_quicker_compared(allowed, width, probes):
                return _unzipped([self._compared(query, allowed, k) for query in queries])
        lists = zip(queries, *self.shortlists(queries, min(len(self.full), width), probes), strict=True)
        return _unzipped([self._rescored(*one, k, probes, allowed, least) for one in lists])

    def shortlists(self, queries: Vectors, width: int, probes: int) -> tuple[Vectors, Rows]:
        """The codes' scores and the rows that they rank first, both `(len(queries), width)`, removed rows among them;
        row -1 where there are no more.
        """
        import faiss

        if self.layout.clusters:
            inverted = faiss.extract_index_ivf(self._index)
            inverted.nprobe = min(probes, self.layout.clusters)
            quantizer: Any = faiss.downcast_index(inverted.quantizer)
            quantizer.hnsw.efSearch = max(32, 2 * inverted.nprobe)
        elif self.layout.type == "hnsw":
            self._index.hnsw.efSearch = max(probes, width)
        codes, rows = self._index.search(self.layout.shorten(queries), width)
        return codes, rows

    def vectors(self) -> tuple[list[str], Vectors]:
        """All ids and their vectors `(n, dim)` as they are kept, in the order in which they were added."""
        live = self.live_rows()
        return [self.id_of(row) for row in live.tolist()], self.full.take(live)

    def remove(self, ids: Sequence[str]) -> None:
        """Forget vectors; unknown ids are passed over."""
        rows = [row for identity in dict.fromkeys(ids) if (row := self._row_of.pop(identity, None)) is not None]
        self._gone[rows] = True
        self._num_gone += len(rows)
        self._allowed.forget()

    def __len__(self) -> int:
        return len(self.full) - self._num_gone

    def locator(self) -> str:
        """The folder that it was read from or saved to; empty before."""
        return str(self._path or "")

    def live_rows(self) -> Rows:
        """Rows that were not removed."""
        return np.flatnonzero(~self._gone)

    @property
    def removed_share(self) -> float:
        """Of the rows, those that are only passed over."""
        return self._num_gone / max(1, len(self.full))

    def id_of(self, row: int) -> str:
        """The id of a row."""
        saved = len(self._saved_ids)
        return self._saved_ids[row] if row < saved else self._new_ids[row - saved]

    def compact(self) -> None:
        """Write removed rows out of codes and vectors. Clusters and codes are not learnt anew."""
        self._make_writable()
        live, old = self.live_rows(), self.full
        ids = [self.id_of(row) for row in live.tolist()]
        self.full = FullVectors.empty(self.layout.dim, self.layout.rescore)
        self._index.reset()
        for start in range(0, len(live), _ADD_BATCH):
            block = old.take(live[start : start + _ADD_BATCH])
            self.full.append(block)
            self._index.add(self.layout.shorten(block))
        self._saved_ids, self._new_ids = [], ids
        self._gone, self._num_gone = np.zeros(len(ids), dtype=np.bool_), 0
        self._rows = None
        self._allowed.forget()

    def save(self, folder: Path) -> None:
        """Write all files. Raises `OSError` where the disk is full."""
        self.full.write(folder / VECTORS_FILE)
        self.save_codes(folder)

    def save_codes(self, folder: Path) -> None:
        """Write all but the full vectors."""
        write_faiss(self._index, folder / FAISS_FILE)
        with (folder / IDS_FILE).open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps({"id": identity}, ensure_ascii=False) + "\n" for identity in self._all_ids())
        state = {
            "layout": self.layout.to_json(),
            "effort": asdict(self.effort),
            "removed": np.flatnonzero(self._gone).tolist(),
        }
        write_text(folder / STATE_FILE, json.dumps(state) + "\n")
        self._path = folder

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map the files. Raises `IntegrityError` where one is missing or damaged, or they do not belong together."""
        try:
            state = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
            layout, effort = Layout(**state["layout"]), Effort(**state["effort"])
            removed = np.array(state["removed"], dtype=np.int64)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(f"{folder / STATE_FILE}: missing or damaged", REBUILD) from error
        full, ids = FullVectors.open(folder / VECTORS_FILE), SavedIds(folder / IDS_FILE)
        index = read_faiss(folder / FAISS_FILE, mapped=True)
        if not (index.ntotal == len(full) == len(ids)) or (index.d, full.dim) != (layout.dims, layout.dim):
            told = f"{len(full)} vectors of dimension {full.dim}, {index.ntotal} codes of {index.d}, {len(ids)} ids"
            raise IntegrityError(f"{folder}: {told} do not belong together", REBUILD)
        store = cls(layout, index, full, ids)
        store.effort, store._path, store._mapped = effort, folder, folder / FAISS_FILE
        store._gone[removed] = True
        store._num_gone = len(removed)
        return store

    def is_live(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Which were not removed."""
        return ~self._gone[rows]

    def _is_quicker_compared(self, allowed: Allowed, width: int, probes: int) -> bool:
        """Whether all that may be found are compared sooner than a shortlist of that width is drawn up."""
        num = len(self.full)
        if width >= num:
            return True
        effort = Effort(width * allowed.num // num, max(width, probes) if self.layout.type == "hnsw" else probes)
        return compared_ms(allowed.num) <= search_ms(self.layout, num, effort)

    def _compared(self, query: Vectors, allowed: Allowed, k: int) -> tuple[list[str], list[float]]:
        """The k best of all rows that may be found."""
        rows, scores = np.flatnonzero(allowed.mask), np.empty(allowed.num, dtype=np.float32)
        for start in range(0, len(rows), _COMPARED):
            scores[start : start + _COMPARED] = self.full.scores(rows[start : start + _COMPARED], query)
        return self._ranked(rows, scores, k)

    def _rescored(
        self, query: Vectors, codes: Vectors, rows: Rows, k: int, probes: int, allowed: Allowed | None, least: int
    ) -> tuple[list[str], list[float]]:
        """The k best of a shortlist, which is widened in doubt; where fewer than `least` of it may be found, the k best
        of all that may.
        """
        while True:
            kept = rows >= 0
            if allowed is not None:
                kept &= allowed.mask[rows]
            elif self._num_gone:
                kept &= self.is_live(rows)
            live = rows[kept]
            if allowed is not None and len(live) < least:
                width, probes = WIDEN * len(rows), WIDEN * probes
                if self._is_quicker_compared(allowed, width, probes):
                    return self._compared(query, allowed, k)
            else:
                scores = self.full.scores(live, query)
                wider = self._wider(codes[kept], scores, len(rows), bool(rows[-1] >= 0), k, probes)
                if wider is None:
                    return self._ranked(live, scores, k)
                width, probes = wider
            (codes,), (rows,) = self.shortlists(query[None], width, probes)

    def _wider(
        self, codes: Vectors, scores: npt.NDArray[np.float32], width: int, filled: bool, k: int, probes: int
    ) -> tuple[int, int] | None:
        """The width and probes to look again with; None where the shortlist, `width` long of which these rows may be
        found, will do.
        """
        longer = min(len(self.full), WIDEN * width)
        if len(scores) < k:
            # a removed document's passages lie close together: beside them a shortlist may be nothing else
            if filled:
                return (longer, probes) if longer > width else None
            return (width, WIDEN * probes) if probes < self.layout.clusters else None
        if self.effort.doubt is None or not filled or longer == width or len(scores) >= WIDEST:
            return None
        return (longer, probes) if Edges.of(codes, scores, k).are_doubtful(self.effort.doubt) else None

    def _ranked(self, rows: Rows, scores: npt.NDArray[np.float32], k: int) -> tuple[list[str], list[float]]:
        if len(rows) > k:
            border = np.partition(scores, len(rows) - k)[len(rows) - k]
            kept = np.flatnonzero(scores >= border)
            rows, scores = rows[kept], scores[kept]
        ranked = sorted(zip((-scores).tolist(), (self.id_of(row) for row in rows.tolist()), strict=True))[:k]
        return [identity for _, identity in ranked], [-negative for negative, _ in ranked]

    @property
    def _row_of(self) -> dict[str, int]:
        if self._rows is None:
            self._rows = {self.id_of(row): row for row in self.live_rows().tolist()}
        return self._rows

    def _all_ids(self) -> Iterator[str]:
        yield from self._saved_ids
        yield from self._new_ids

    def _make_writable(self) -> None:
        """A mapped index cannot grow: read it into memory the first time that it must."""
        if self._mapped is not None:
            self._index, self._mapped = read_faiss(self._mapped, mapped=False), None


def _unzipped(found: Sequence[tuple[list[str], list[float]]]) -> tuple[list[list[str]], list[list[float]]]:
    return [ids for ids, _ in found], [scores for _, scores in found]


class Edges(NamedTuple):
    """What is known of a vector just behind each shortlist, from that shortlist's second half, whose scores are the
    most like it: the score that is expected of it, how far codes err (a standard deviation), and the kth score that it
    would have to reach.
    """

    expected: npt.NDArray[np.float32]
    deviation: npt.NDArray[np.float32]
    kth: npt.NDArray[np.float32]

    @classmethod
    def of(cls, codes: Vectors, scores: Vectors, k: int) -> Self:
        """Of shortlists `(…, width)`, best codes first, at least k wide."""
        width = codes.shape[-1]
        errors = scores[..., width // 2 :] - codes[..., width // 2 :]
        kth = np.partition(scores, width - k)[..., width - k]
        return cls(codes[..., -1] + errors.mean(axis=-1), errors.std(axis=-1), kth)

    def are_doubtful(self, doubt: float) -> npt.NDArray[np.bool_]:
        """Where a vector just behind may be among the first k, if its code errs by `doubt` standard deviations."""
        return self.expected + doubt * self.deviation >= self.kth
