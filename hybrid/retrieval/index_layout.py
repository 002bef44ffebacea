"""How an index of short codes is laid out, and its FAISS index, empty or trained on a sample."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hybrid.config_index import RescoreType, ShortlistType
from hybrid.protocols import Vectors

LEAST_TRAINED = 16
"""Vectors that a code of four bits needs, one for each of its values."""
GRAPH_LINKS = 32
"""Of a graph's node, twice as many in its lowest layer."""
_CODES = {"ivf_pq": "PQ{parts}x4fs", "ivf_sq": "SQ8", "ivf_rabitq": "RaBitQ", "hnsw": "SQ8", "funnel": "PQ{parts}x4fs"}
_TRAINED_PER_CLUSTER = 40
_ROUNDS = 10
_CANDIDATES = 80
"""Of a new node's neighbours while a graph is built; twice the library's default: built once, searched often."""


@dataclass(frozen=True)
class Layout:
    """What an index looks like. `dims`: the first so many that shortlists come from; `clusters`, and `parts` (4-bit
    pieces of a product code): 0 where a type has none.
    """

    type: ShortlistType
    dim: int
    dims: int
    clusters: int
    parts: int
    rescore: RescoreType

    @property
    def factory(self) -> str:
        """The FAISS factory string."""
        code = _CODES[self.type].format(parts=self.parts)
        before = {"funnel": "", "hnsw": f"HNSW{GRAPH_LINKS},"}.get(self.type, f"IVF{self.clusters}_HNSW32,")
        return before + code

    @property
    def code_bytes(self) -> float:
        """Of one vector in the FAISS index, ids and links with it."""
        code = {"ivf_pq": self.parts / 2, "ivf_rabitq": self.dims / 8 + 8, "funnel": self.parts / 2}
        extra = {"funnel": 0.0, "hnsw": 4.0 * 2 * GRAPH_LINKS * 1.06}.get(self.type, 8.0)
        return code.get(self.type, float(self.dims)) + extra

    @property
    def resident_bytes(self) -> float:
        """Of the part whose size does not depend on the number of vectors: centroids and their graph."""
        return self.clusters * (4.0 * self.dims + 4 * 2 * GRAPH_LINKS)

    @property
    def mapped_bytes(self) -> int:
        """Of one vector in the memory-mapped file."""
        return self.dim * (2 if self.rescore == "int16" else 4)

    def to_json(self) -> dict[str, Any]:
        """For the store's file and the manifest."""
        return asdict(self)

    @property
    def wanted_sample(self) -> int:
        """Vectors that training has use for."""
        return max(_TRAINED_PER_CLUSTER * self.clusters, 10_000)

    def train(self, sample: Vectors, seed: int) -> Any:
        """An empty FAISS index that learnt clusters and codes from unit vectors `(n, dim)`. Raises `ValueError` where
        they are too few.
        """
        import faiss

        if len(sample) < max(LEAST_TRAINED, self.clusters):
            raise ValueError(f"{len(sample)} vectors are too few to train {self.factory}")
        index: Any = faiss.index_factory(self.dims, self.factory, faiss.METRIC_INNER_PRODUCT)
        short = self.shorten(sample)
        if self.type == "hnsw":
            index.hnsw.efConstruction = _CANDIDATES
        if self.clusters:
            self._cluster(faiss.extract_index_ivf(index).quantizer, short, seed)
        index.train(short)
        return index

    def _cluster(self, quantizer: Any, short: Vectors, seed: int) -> None:
        """Fill the graph of centroids, by one thread: several would link it in another order each time."""
        import faiss

        clustering = faiss.Clustering(self.dims, self.clusters)
        clustering.niter, clustering.seed, clustering.spherical = _ROUNDS, seed, True
        # the sample is what it is: no warnings where clusters get few
        clustering.min_points_per_centroid, clustering.max_points_per_centroid = 1, 256
        clustering.train(short, faiss.IndexFlatIP(self.dims))
        centroids = faiss.vector_to_array(clustering.centroids).reshape(self.clusters, self.dims)
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            quantizer.add(centroids)
        finally:
            faiss.omp_set_num_threads(threads)

    def shorten(self, vectors: Vectors) -> Vectors:
        """The first `dims`, with unit norm again."""
        if self.dims == self.dim:
            return np.ascontiguousarray(vectors, dtype=np.float32)
        short = vectors[:, : self.dims].astype(np.float32)
        norms = np.linalg.norm(short, axis=1, keepdims=True)
        cut: Vectors = short / np.maximum(norms, 1e-12)
        return cut


def num_clusters(num: int) -> int:
    """A power of two near 4√n: a range of sizes shares one, so that an index that grows can be carried on."""
    return int(2 ** round(np.log2(4 * np.sqrt(max(num, LEAST_TRAINED)))))
