"""How much of exact search an approximate index finds, and the least effort that finds enough."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hybrid.protocols import Vectors
from hybrid.retrieval.full_vectors import FullVectors, Rows
from hybrid.retrieval.search_cost import search_ms
from hybrid.retrieval.shortlist_store import TUNED_FOR, WIDEN, WIDEST, Effort, ShortlistStore, is_doubtful

_SHORTLISTS = (12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
_DOUBTS = (None, 1.0, 2.0, 3.0)
_MOST_PROBES = 512
_NO_ROW = -1


@dataclass(frozen=True)
class Point:
    """One effort: the share of the exact first ten that it finds, and what a search is expected to cost."""

    dims: int
    parts: int
    shortlist: int
    probes: int
    doubt: float | None
    recall: float
    expected_ms: float

    @property
    def effort(self) -> Effort:
        """What the store is told."""
        return Effort(self.shortlist, self.probes, self.doubt)

    def to_json(self) -> dict[str, Any]:
        """Rounded, for the manifest."""
        return {**asdict(self), "recall": round(self.recall, 4), "expected_ms": round(self.expected_ms, 4)}


@dataclass(frozen=True)
class Sample:
    """What is searched for: questions, or vectors of the index, each without itself; `nearest` `(n, 10)`: rows of the
    exact first. `rows` of the vectors themselves, -1 for a question.
    """

    rows: Rows
    queries: Vectors
    nearest: Rows

    def half(self, number: int) -> "Sample":
        """Every second one: of 0 effort is chosen, of 1 recall is told."""
        return Sample(self.rows[number::2], self.queries[number::2], self.nearest[number::2])

    @property
    def what(self) -> str:
        """For people."""
        return "dev questions" if (self.rows == _NO_ROW).any() else "of its own vectors"


def draw_sample(full: FullVectors, live: Rows, num: int, seed: int, asked: Vectors | None = None) -> Sample:
    """Up to `num` of the questions `asked` where there are any, else random live rows, with their exact nearest others,
    found in one pass over the vectors.

    A question lies farther from the passages than these from each other, and less of its exact first ten is found.
    """
    import faiss

    chance = np.random.default_rng(seed)
    if asked is not None:
        queries = asked[np.sort(chance.choice(len(asked), size=min(num, len(asked)), replace=False))]
        rows = np.full(len(queries), _NO_ROW, dtype=np.int64)
    else:
        rows = np.sort(chance.choice(live, size=min(num, len(live)), replace=False))
        queries = full.sample(rows)
    is_live = np.zeros(len(full), dtype=np.bool_)
    is_live[live] = True
    scores = np.full((len(rows), TUNED_FOR + 1), -np.inf, dtype=np.float32)
    found = np.full((len(rows), TUNED_FOR + 1), -1, dtype=np.int64)
    for start, block in full.blocks():
        numbers = np.flatnonzero(is_live[start : start + len(block)])
        if not len(numbers):
            continue
        width = min(TUNED_FOR + 1, len(numbers))
        part, places = faiss.knn(queries, block[numbers], width, metric=faiss.METRIC_INNER_PRODUCT)
        scores = np.concatenate([scores, part], axis=1)
        found = np.concatenate([found, start + numbers[places]], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, : TUNED_FOR + 1]
        scores, found = np.take_along_axis(scores, best, 1), np.take_along_axis(found, best, 1)
    return Sample(rows, queries, _without_self(found, rows))


def measure(store: ShortlistStore, sample: Sample) -> float:
    """Mean share of the exact first ten in what the store finds at its effort; a tie with the tenth is as good."""
    wanted = sample.nearest.shape[1]
    if not wanted or not len(sample.rows):
        return 1.0
    _, scores = store.search(sample.queries, wanted + 1)
    found = 0.0
    for number, row in enumerate(scores):
        # a vector itself is among them: it was found for nothing, and must not count
        good = int((np.array(row) >= _border(store, sample, number)).sum()) - int(sample.rows[number] != _NO_ROW)
        found += min(wanted, max(0, good)) / wanted
    return found / len(sample.rows)


def frontier(store: ShortlistStore, sample: Sample) -> list[Point]:
    """Every effort that is tried, by what of the exact first ten it finds among the sample."""
    points, num, layout = [], len(store.full), store.layout
    for probes in _ladder(store):
        looks = [_Look.at(store, sample, number, codes, rows) for number, codes, rows in _widest(store, sample, probes)]
        starts = [width for width in _SHORTLISTS if width <= looks[0].width] or [looks[0].width]
        # codes of eight bits do not err enough for a doubt
        doubts = _DOUBTS if layout.parts or layout.type == "ivf_rabitq" else (None,)
        for start, doubt in ((start, doubt) for start in starts for doubt in doubts):
            walks = [look.walk(start, doubt) for look in looks]
            recall, rescored, searches = np.mean(walks, axis=0).tolist()
            once, code_only = (search_ms(layout, num, Effort(width, probes)) for width in (round(rescored), 0))
            cost = once + (searches - 1) * code_only
            points.append(Point(layout.dims, layout.parts, start, probes, doubt, recall, cost))
    return points


def cheapest(points: Sequence[Point], recall: float) -> Point:
    """Of those that reach the recall the one that costs least; where none does, the one that finds most."""
    enough = [point for point in points if point.recall >= recall]
    if enough:
        return min(enough, key=lambda point: (point.expected_ms, point.shortlist, point.probes))
    return max(points, key=lambda point: (point.recall, -point.expected_ms))


def pareto(points: Sequence[Point]) -> list[Point]:
    """Those that no other beats in both recall and cost, cheapest first."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda point: (point.expected_ms, -point.recall)):
        if not kept or point.recall > kept[-1].recall:
            kept.append(point)
    return kept


@dataclass(frozen=True)
class _Look:
    """One vector's longest shortlist, without itself: scores of codes and of vectors, and how many of the exact first
    ten, as shares, stand in the first so many.
    """

    codes: Vectors
    scores: Vectors
    found: npt.NDArray[np.float64]
    width: int

    @classmethod
    def at(cls, store: ShortlistStore, sample: Sample, number: int, codes: Vectors, rows: Rows) -> "_Look":
        own = sample.rows[number]
        kept = np.flatnonzero((rows >= 0) & (rows != own) & store.is_live(rows))
        scores, wanted = store.full.scores(rows[kept], sample.queries[number]), sample.nearest.shape[1]
        good = scores >= _border(store, sample, number) if wanted else np.ones(len(kept), dtype=np.bool_)
        found = np.minimum(np.cumsum(good), wanted) / max(1, wanted)
        return cls(codes[kept], scores, found, len(rows))

    def walk(self, start: int, doubt: float | None) -> tuple[float, float, float]:
        """Recall, vectors rescored and searches of codes, as the store would go about it."""
        width, rescored, searches = start, 0, 0
        while True:
            seen = min(width, len(self.codes))
            rescored, searches = rescored + seen, searches + 1
            longer = min(WIDEN * width, self.width)
            if doubt is None or seen < width or longer == width or width >= WIDEST or seen < TUNED_FOR:
                break
            if not is_doubtful(self.codes[:seen], self.scores[:seen], TUNED_FOR, doubt):
                break
            width = longer
        return float(self.found[seen - 1]) if seen else 0.0, rescored, searches


def _widest(store: ShortlistStore, sample: Sample, probes: int) -> Iterator[tuple[int, Vectors, Rows]]:
    # a graph search keeps as many candidates as it visits: shortlists are cut from that
    longest = probes if store.layout.type == "hnsw" else WIDEST
    codes, rows = store.shortlists(sample.queries, min(longest + 1, len(store.full)), probes)
    for number in range(len(sample.rows)):
        yield number, codes[number], rows[number]


def _border(store: ShortlistStore, sample: Sample, number: int) -> float:
    """The exact tenth score, less what rounding may take from it: a copy of the tenth is as good as the tenth."""
    return float(store.full.scores(sample.nearest[number], sample.queries[number]).min()) - 1e-6


def _ladder(store: ShortlistStore) -> list[int]:
    if store.layout.type == "funnel":
        return [1]
    first, last = (1, min(_MOST_PROBES, store.layout.clusters)) if store.layout.clusters else (16, _MOST_PROBES)
    return [probes for probes in (2**power for power in range(12)) if first <= probes <= last]


def _without_self(found: npt.NDArray[np.int64], rows: Rows) -> Rows:
    """The first ten of each that are not the row itself; fewer where the index holds fewer."""
    width = min(TUNED_FOR, int((found >= 0).sum(axis=1).min()) - 1) if len(found) else 0
    kept = [
        [row for row in line if row not in (own, -1)][:width] for line, own in zip(found.tolist(), rows, strict=True)
    ]
    return np.array(kept, dtype=np.int64).reshape(len(rows), max(0, width))
