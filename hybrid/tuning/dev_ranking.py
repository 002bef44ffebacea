"""nDCG@10 on dev at every Matryoshka dimension, from one encoding of the corpus."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hybrid.config import Config
from hybrid.errors import HybridError
from hybrid.precision import autocast, fast_dtype
from hybrid.progress import track
from hybrid.protocols import Vectors
from hybrid.types import Passage, Question


class DevRanking:
    """nDCG@10 of the dev questions against the whole corpus, for every dimension."""

    def __init__(self, corpus: Sequence[Passage], dev: Sequence[Question], dims: Sequence[int], config: Config) -> None:
        position = {passage.id: place for place, passage in enumerate(corpus)}
        self.dims = dims
        self._golds = [sorted({position[id_] for id_ in q.positives if id_ in position}) for q in dev]
        self._options = config.embedder
        compute = config.train_embed.compute
        self._compute = fast_dtype() if compute == "auto" else compute
        self._passages = [config.embedder.passage_prompt + passage.full_text for passage in corpus]
        self._queries = [config.embedder.query_prompt + question.question for question in dev]

    def encode_passages(self, model: Any, description: str) -> Vectors:
        """float32 `(n_passages, full)`, unit norm."""
        return encode(model, self._passages, self._options.batch_size, description, self._compute)

    def encode_queries(self, model: Any) -> Vectors:
        """float32 `(n_questions, full)`, unit norm."""
        return encode(model, self._queries, self._options.batch_size, "dev questions", self._compute)

    def scores(self, queries: Vectors, passages: Vectors) -> dict[str, list[float]]:
        """Dimension to nDCG@10 per question."""
        return {str(dim): ndcg_at_10(truncate(queries, dim), truncate(passages, dim), self._golds) for dim in self.dims}


def encode(model: Any, texts: Sequence[str], batch_size: int, description: str, compute: str = "float32") -> Vectors:
    """float32 `(n, full)`, unit norm; products in `compute`. Raises `HybridError` where weights give no numbers."""
    vectors = np.zeros((len(texts), int(model.get_embedding_dimension())), dtype=np.float32)
    # Long texts first: like lengths share a batch, so that little is padding.
    order = sorted(range(len(texts)), key=lambda place: -len(texts[place]))
    slices = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    for places in track(slices, total=len(slices), description=description):
        batch = [texts[place] for place in places]
        with autocast(compute):
            found = model.encode(batch, batch_size=batch_size, convert_to_numpy=True, show_progress_bar=False)
        vectors[places] = found
    if not np.isfinite(vectors).all():
        raise HybridError("training diverged: the embedder gives no finite vectors", "lower train_embed.learning_rate")
    return truncate(vectors, vectors.shape[1])


def truncate(vectors: Vectors, dim: int) -> Vectors:
    """The first `dim` components, unit norm."""
    cut = vectors[:, :dim]
    unit: Vectors = cut / np.maximum(np.linalg.norm(cut, axis=1, keepdims=True), 1e-12)
    return unit


def mean_scores(scores: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {dim: rounded(sum(values) / len(values)) for dim, values in scores.items()}


def rounded(value: float) -> float:
    return round(value, 6)


def ndcg_at_10(query_vectors: Vectors, passage_vectors: Vectors, golds: Sequence[Sequence[int]]) -> list[float]:
    """nDCG@10 per question with binary gains (Järvelin & Kekäläinen 2002), over all passages.

    Vectors are unit, `(n_questions, dim)` and `(n_passages, dim)`; `golds` are positions of passages. A gold passage's
    rank is counted, not sorted for; equal scores rank in the order of the passages.
    """
    values: list[float] = []
    for start in range(0, len(golds), 64):
        scores = query_vectors[start : start + 64] @ passage_vectors.T
        for row, gold in zip(scores, golds[start : start + 64], strict=True):
            ranks = [1 + int((row > row[g]).sum()) + int((row[:g] == row[g]).sum()) for g in gold]
            gain = sum(1 / math.log2(1 + rank) for rank in ranks if rank <= 10)
            values.append(gain / sum(1 / math.log2(1 + rank) for rank in range(1, min(10, len(gold)) + 1)))
    return values
