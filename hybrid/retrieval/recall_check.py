"""How much of exact search an approximate index finds, and the least effort that finds enough."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hybrid.protocols import Vectors
from hybrid.retrieval.full_vectors import FullVectors, Rows
from hybrid.retrieval.search_cost import Effort, search_ms
from hybrid.retrieval.shortlist_store import TUNED_FOR, WIDEN, WIDEST, Edges, ShortlistStore

_SHORTLISTS = (12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
_DOUBTS = (None, 1.0, 2.0, 3.0)
_MOST_PROBES = 512
_FEWEST_NODES = 16
_NO_ROW = -1
_OWN = "of its own vectors"
_ONE_SIDED_95 = 1.645
"""Standard errors below a mean above which the true mean lies with a confidence of 95 %."""

Counts = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """One effort: the share of the exact first ten that it finds, on average and at least (`lower_bound`), and what a
    search is expected to cost.
    """

    dims: int
    parts: int
    shortlist: int
    probes: int
    doubt: float | None
    recall: float
    low: float
    expected_ms: float

    @property
    def effort(self) -> Effort:
        """What the store is told."""
        return Effort(self.shortlist, self.probes, self.doubt)

    def to_json(self) -> dict[str, Any]:
        """Rounded, for the manifest."""
        return {**asdict(self), **{name: round(getattr(self, name), 4) for name in ("recall", "low", "expected_ms")}}


@dataclass(frozen=True)
class Sample:
    """What is searched for: questions, or vectors of the index, each without itself; `nearest` `(n, 10)`: rows of the
    exact first. `rows` of the vectors themselves, -1 for what the index does not hold. `what`: for people.
    """

    rows: Rows
    queries: Vectors
    nearest: Rows
    what: str

    def half(self, number: int) -> "Sample":
        """Every second one: of 0 effort is chosen, of 1 recall is told."""
        return Sample(self.rows[number::2], self.queries[number::2], self.nearest[number::2], self.what)


def hold_out(full: FullVectors, num: int) -> Sample:
    """The last `num` rows, to be searched for among all others before an index holds them: a graph's own vector is
    reached over its own links, and more of its neighbours are found than of a stranger's.
    """
    rows = np.arange(len(full))
    sample = draw_sample(full, rows[:-num], num, 0, full.sample(rows[-num:]))
    return replace(sample, what=_OWN)


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
    return Sample(rows, queries, _without_self(found, rows), _OWN if asked is None else "dev questions")


def measure(store: ShortlistStore, sample: Sample) -> float:
    """Mean share of the exact first ten in what the store finds at its effort; a tie with the tenth is as good."""
    wanted = sample.nearest.shape[1]
    if not wanted or not len(sample.rows):
        return 1.0
    _, scores = store.search(sample.queries, wanted + 1)
    found = 0.0
    for own, border, row in zip(sample.rows, _borders(store, sample), scores, strict=True):
        # a vector itself is among them: it was found for nothing, and must not count
        good = int((np.array(row) >= border).sum()) - int(own != _NO_ROW)
        found += min(wanted, max(0, good)) / wanted
    return found / len(sample.rows)


def lower_bound(recalls: Shares) -> float:
    """One-sided 95 % lower confidence bound of the mean of at least one recall: mean − 1.645 · s / √n, with s the
    standard deviation by n − 1 (normal approximation of the mean). Recalls that are all alike have no spread: their
    mean.
    """
    mean, num = float(recalls.mean()), len(recalls)
    return mean - _ONE_SIDED_95 * float(recalls.std(ddof=1)) / num**0.5 if num > 1 else mean


def frontier(store: ShortlistStore, sample: Sample) -> list[Point]:
    """Every effort that is tried, by what of the exact first ten it finds among the sample."""
    points, num, layout = [], len(store.full), store.layout
    borders, looks = _borders(store, sample), None
    for probes in _ladder(store):
        looks = _Looks.at(store, sample, borders, probes, looks)
        starts = [width for width in _SHORTLISTS if width <= looks.width] or [looks.width]
        # codes of eight bits do not err enough for a doubt
        doubts = _DOUBTS if layout.parts or layout.type == "ivf_rabitq" else (None,)
        for start, doubt in ((start, doubt) for start in starts for doubt in doubts):
            recalls, all_rescored, all_searches = looks.walk(start, doubt)
            rescored, searches = float(all_rescored.mean()), float(all_searches.mean())
            once, code_only = (search_ms(layout, num, Effort(width, probes)) for width in (round(rescored), 0))
            cost = once + (searches - 1) * code_only
            recall, low = float(recalls.mean()), lower_bound(recalls)
            points.append(Point(layout.dims, layout.parts, start, probes, doubt, recall, low, cost))
    return points


def cheapest(points: Sequence[Point], recall: float) -> Point:
    """Of those whose lower bound reaches the recall the one that costs least; where none does, the one that finds most.

    The bound, not the mean: the cheapest mean that reaches it on this sample was lucky on it more often than not.
    """
    enough = [point for point in points if point.low >= recall]
    if enough:
        return min(enough, key=lambda point: (point.expected_ms, point.shortlist, point.probes))
    return max(points, key=lambda point: (point.recall, -point.expected_ms))


def pareto(points: Sequence[Point]) -> list[Point]:
    """Those that no other beats in both lower bound and cost, cheapest first: what `cheapest` chooses among."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda point: (point.expected_ms, -point.low)):
        if not kept or point.low > kept[-1].low:
            kept.append(point)
    return kept


@dataclass(frozen=True)
class _Looks:
    """Every query's longest shortlist, without itself and what was removed: `rows`, scores of codes and of vectors, all
    `(n, width)` and filled up to `lengths`; `good`: how many of the exact first ten stand in the first so many.
    """

    rows: Rows
    codes: Vectors
    scores: Vectors
    lengths: Counts
    good: npt.NDArray[np.int32]
    wanted: int
    _edges: dict[int, tuple[Counts, Edges]] = field(default_factory=dict)

    @classmethod
    def at(
        cls, store: ShortlistStore, sample: Sample, borders: Vectors, probes: int, before: "_Looks | None"
    ) -> "_Looks":
        """By so many probes; vectors that fewer probes found are not scored again."""
        # a graph search keeps as many candidates as it visits: shortlists are cut from that
        longest = probes if store.layout.type == "hnsw" else WIDEST
        codes, rows = store.shortlists(sample.queries, min(longest + 1, len(store.full)), probes)
        scores, lengths = np.full(rows.shape, -np.inf, dtype=np.float32), np.zeros(len(rows), dtype=np.int64)
        known = np.full(len(store.full), np.nan, dtype=np.float32)
        for number, (query, own, line) in enumerate(zip(sample.queries, sample.rows, rows, strict=True)):
            kept = np.flatnonzero((line >= 0) & (line != own) & store.is_live(line))
            lengths[number] = num = len(kept)
            line[:num], codes[number, :num] = line[kept], codes[number, kept]
            there, there_scores = before._of(number) if before else (line[:0], scores[number, :0])
            known[there] = there_scores
            found = known[line[:num]]
            new = np.isnan(found)
            found[new] = store.full.scores(line[:num][new], query)
            scores[number, :num], known[there] = found, np.nan
        wanted = sample.nearest.shape[1]
        good = np.cumsum(scores >= borders[:, None], axis=1, dtype=np.int32)
        return cls(rows, codes, scores, lengths, np.minimum(good, wanted), wanted)

    @property
    def width(self) -> int:
        """Of the longest shortlist."""
        return int(self.rows.shape[1])

    def walk(self, start: int, doubt: float | None) -> tuple[Shares, Counts, Counts]:
        """Recall, vectors rescored and searches of codes of each query, as the store would go about it."""
        width = start
        seen = np.minimum(width, self.lengths)
        rescored, searches = seen.copy(), np.ones_like(seen)
        widened = np.ones(len(seen), dtype=np.bool_)
        while doubt is not None and TUNED_FOR <= width < WIDEST and width < self.width:
            widened &= self._doubtful(width, doubt)
            width = min(WIDEN * width, self.width)
            seen = np.where(widened, np.minimum(width, self.lengths), seen)
            rescored += np.where(widened, seen, 0)
            searches += widened
        found = np.where(seen > 0, self.good[np.arange(len(seen)), seen - 1], 0)
        return found / max(1, self.wanted), rescored, searches

    def _of(self, number: int) -> tuple[Rows, Vectors]:
        length = self.lengths[number]
        return self.rows[number, :length], self.scores[number, :length]

    def _doubtful(self, width: int, doubt: float) -> npt.NDArray[np.bool_]:
        """Which of the shortlists that are so long; all starts and doubts share what is known of their edges."""
        if width not in self._edges:
            full = np.flatnonzero(self.lengths >= width)
            self._edges[width] = full, Edges.of(self.codes[full, :width], self.scores[full, :width], TUNED_FOR)
        full, edges = self._edges[width]
        doubtful = np.zeros(len(self.lengths), dtype=np.bool_)
        doubtful[full] = edges.are_doubtful(doubt)
        return doubtful


def _borders(store: ShortlistStore, sample: Sample) -> Vectors:
    """Each exact tenth score, less what rounding may take from it: a copy of the tenth is as good as the tenth."""
    pairs = zip(sample.nearest, sample.queries, strict=True)
    tenth = [float(store.full.scores(rows, query).min(initial=np.inf)) - 1e-6 for rows, query in pairs]
    return np.array(tenth, dtype=np.float32)


def _ladder(store: ShortlistStore) -> list[int]:
    if store.layout.type == "funnel":
        return [1]
    # nodes and probes are most of what a search costs: steps of two would cost up to twice what is needed
    if store.layout.type == "hnsw":
        return [nodes for nodes in _SHORTLISTS if _FEWEST_NODES <= nodes <= _MOST_PROBES]
    return [probes for probes in (1, 2, 4, 8, *_SHORTLISTS) if probes <= min(_MOST_PROBES, store.layout.clusters)]


def _without_self(found: npt.NDArray[np.int64], rows: Rows) -> Rows:
    """The first ten of each that are not the row itself; fewer where the index holds fewer."""
    width = min(TUNED_FOR, int((found >= 0).sum(axis=1).min()) - 1) if len(found) else 0
    kept = [
        [row for row in line if row not in (own, -1)][:width] for line, own in zip(found.tolist(), rows, strict=True)
    ]
    return np.array(kept, dtype=np.int64).reshape(len(rows), max(0, width))
