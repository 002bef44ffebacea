"""Which index type suits a corpus: what each would hold, map and take, and why one is chosen."""

import os
from dataclasses import dataclass
from typing import get_args

from hybrid.config_index import IndexConfig, IndexType, ShortlistType
from hybrid.retrieval.index_layout import LEAST_TRAINED, Layout, num_clusters
from hybrid.retrieval.search_cost import Effort, exact_ms, search_ms

_FUNNEL_DIMS = (64, 128, 192, 256)
_DIMS_PER_PART = {"funnel": (2, 1), "ivf_pq": (4, 2, 1)}
"""Dimensions that one 4-bit piece of a code stands for, as they are tried."""
_SHORTLIST_TYPES: tuple[ShortlistType, ...] = get_args(ShortlistType)
_EXPECTED = {
    "funnel": Effort(200, 1),
    "hnsw": Effort(12, 48),
    "ivf_pq": Effort(40, 48),
    "ivf_sq": Effort(15, 48),
    "ivf_rabitq": Effort(120, 48),
}
"""Efforts that the plan assumes before anything is built; the build chooses its own on the vectors."""
_FEWEST = 1000
"""Vectors below which nothing but exact search is considered: there is nothing to learn codes from."""
_MB = 1_000_000


@dataclass(frozen=True)
class Option:
    """One index type for one corpus. `build_mb`: the most that a build adds to the process; `disk_mb`: published."""

    type: IndexType
    layout: Layout | None
    resident_mb: float
    mapped_mb: float
    build_mb: float
    disk_mb: float
    expected_ms: float
    fits: bool
    why: str


@dataclass(frozen=True)
class Plan:
    """All types side by side, the chosen one, and what would be tried after it, best first."""

    num: int
    dim: int
    memory_mb: float
    options: tuple[Option, ...]
    chosen: IndexType
    why: str
    candidates: tuple[ShortlistType, ...]

    @property
    def option(self) -> Option:
        """The chosen one."""
        return next(option for option in self.options if option.type == self.chosen)


def make_plan(num: int, dim: int, config: IndexConfig) -> Plan:
    """Estimates for `num` vectors of `dim`, and the choice: the configured type where there is enough to learn it from;
    with `auto` exact search as long as it keeps both budgets, then the fastest that fits the memory, then the smallest.
    """
    memory = config.memory_mb or _machine_mb() / 2
    ours = tuple(_option(type_, num, dim, config, memory) for type_ in _SHORTLIST_TYPES)
    exact = _exact(num, dim, memory)
    # the funnel leans on what an embedder was trained for, and that is not known before it is measured
    considered = [option for option in ours if option.type != "funnel"]
    ranked = sorted(considered, key=lambda o: (0, o.expected_ms) if o.fits else (1, o.resident_mb))
    chosen: IndexType
    if config.type not in ("auto", "exact") and num < LEAST_TRAINED:
        chosen, why = "exact", f"{num} vectors are too few to learn {config.type} from: {LEAST_TRAINED} are needed"
    elif config.type != "auto":
        chosen, why = config.type, "index.type names it"
    elif exact_is_enough(num, dim, config):
        chosen, why = "exact", f"{num:,} vectors are compared in {exact.expected_ms:.2g} ms, within index.latency_ms"
    elif ranked[0].fits:
        slow = exact.expected_ms > config.latency_ms
        told = f"takes {exact.expected_ms:,.0f} ms" if slow else f"holds {exact.resident_mb:,.0f} MB"
        chosen, why = ranked[0].type, f"exact search {told}, over the budget; of those that fit, the fastest"
    else:
        chosen, why = ranked[0].type, f"none fits {memory:,.0f} MB; the smallest"
    candidates = [type_ for type_ in _SHORTLIST_TYPES if type_ == chosen]
    candidates += [option.layout.type for option in ranked if option.layout and option.type != chosen]
    return Plan(num, dim, memory, (exact, *ours), chosen, why, tuple(candidates))


def exact_is_enough(num: int, dim: int, config: IndexConfig) -> bool:
    """Whether exact search keeps both budgets."""
    fits = config.memory_mb is None or num * dim * 4 / _MB <= config.memory_mb
    return num < _FEWEST or (fits and exact_ms(num, dim) <= config.latency_ms)


def layouts(type_: ShortlistType, num: int, dim: int, config: IndexConfig) -> list[Layout]:
    """What a build tries, smallest codes first."""
    clusters = num_clusters(num) if type_.startswith("ivf") else 0
    wanted = config.shortlist_dims or (_FUNNEL_DIMS if type_ == "funnel" else (dim,))
    dims = [d for d in wanted if d < dim] or [dim]
    pairs = [(d, per) for d in dims for per in _DIMS_PER_PART.get(type_, (0,)) if not per or d % per == 0]
    tried = [Layout(type_, dim, d, clusters, d // per if per else 0, config.rescore) for d, per in pairs]
    return sorted(tried, key=lambda layout: (layout.code_bytes, layout.dims))


def _exact(num: int, dim: int, memory: float) -> Option:
    size = num * dim * 4 / _MB
    told = "compares every vector: no loss"
    return Option("exact", None, size, 0, size, size, exact_ms(num, dim), size <= memory, told)


_WHY = {
    "funnel": "scans the first dimensions; for Matryoshka",
    "hnsw": "a graph over 8-bit vectors: quick, large",
    "ivf_pq": "4-bit codes of near clusters: quick, small",
    "ivf_sq": "8-bit codes of near clusters: short shortlists",
    "ivf_rabitq": "1-bit codes of near clusters: smallest",
}


def _option(type_: ShortlistType, num: int, dim: int, config: IndexConfig, memory: float) -> Option:
    layout = layouts(type_, max(num, _FEWEST), dim, config)[0]
    resident = (num * (layout.code_bytes + 8) + layout.resident_bytes) / _MB
    mapped = num * layout.mapped_bytes / _MB
    sample = min(num, config.train_vectors, layout.wanted_sample) * dim * 4 * 2 / _MB
    took = search_ms(layout, num, _EXPECTED[type_])
    disk = mapped + num * layout.code_bytes / _MB
    return Option(type_, layout, resident, mapped, resident + sample, disk, took, resident <= memory, _WHY[type_])


def _machine_mb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _MB
