"""How hard a search looks, and what it is expected to take, one thread.

Unit costs were measured once, so that a plan is the same on every machine. They rank layouts and efforts; a machine's
own milliseconds differ.
"""

from dataclasses import dataclass

from hybrid.retrieval.index_layout import Layout

_CALL_US = 40.0
"""Of a call, whatever the index."""
_EXACT_US_PER_MB = 60.0
"""Full vectors that are read through and multiplied."""
_CODE_US_PER_MB = {"funnel": 80.0, "ivf_pq": 220.0, "ivf_rabitq": 250.0, "ivf_sq": 130.0}
"""Codes that are read through and compared with the query."""
_PROBE_US = 2.0
"""Of a cluster that is visited: its place in the graph of centroids is found, its list is begun."""
_NODE_US = 1.2
"""Of a node of a graph over all vectors that is visited, with its links."""
_RESCORED_US = 0.25
"""Of a full vector that is fetched from anywhere in the file."""
_COMPARED_US = 0.13
"""Of one of many that are fetched in the order of the file."""


@dataclass(frozen=True)
class Effort:
    """How hard to look. `shortlist`: vectors rescored for ten results; `probes`: clusters or graph nodes visited.

    `doubt`: a shortlist is widened where its last code would be among the results if it erred by so many standard
    deviations of this shortlist's errors: where many passages are nearly the same, short codes cannot tell them apart.
    """

    shortlist: int
    probes: int
    doubt: float | None = None


def search_ms(layout: Layout, num: int, effort: Effort) -> float:
    """Of a search among `num` vectors at an effort, in milliseconds."""
    micros = _CALL_US + _RESCORED_US * min(effort.shortlist, num)
    if layout.type == "hnsw":
        return (micros + _NODE_US * effort.probes) / 1000
    scanned = num * min(1.0, effort.probes / layout.clusters) if layout.clusters else num
    micros += _CODE_US_PER_MB[layout.type] * scanned * layout.code_bytes / 1e6
    return (micros + (_PROBE_US * effort.probes if layout.clusters else 0)) / 1000


def compared_ms(num: int) -> float:
    """Of comparing so many full vectors in the order of their file, in milliseconds."""
    return (_CALL_US + _COMPARED_US * num) / 1000


def exact_ms(num: int, dim: int) -> float:
    """Of a search that compares every vector, in milliseconds."""
    return (_CALL_US + _EXACT_US_PER_MB * num * dim * 4 / 1e6) / 1000
