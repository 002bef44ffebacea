"""The section `index` of the configuration: how vectors are searched."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from hybrid.config_store import StoreConfig

ShortlistType = Literal["funnel", "hnsw", "ivf_pq", "ivf_sq", "ivf_rabitq"]
IndexType = Literal["exact", ShortlistType]
RescoreType = Literal["float32", "int16"]


class IndexConfig(StoreConfig):
    """How vectors are searched: `hybrid index --plan` explains the choice."""

    type: Literal["auto", IndexType] = "auto"
    """`exact`: every vector is compared. All others draw up a shortlist from short codes and rescore it by the full
    vectors. `funnel`: all codes of the first dimensions; `hnsw`: a graph over 8-bit vectors; `ivf_…`: the codes of the
    nearest clusters, 4-bit product codes, 8-bit scalars or one bit a dimension. `auto`: the fastest that fits
    `memory_mb`, and `exact` as long as it keeps `latency_ms`."""
    latency_ms: float = Field(5.0, gt=0)
    """Of one search, one thread: as long as exact search keeps this, nothing else is worth its losses."""
    memory_mb: float | None = Field(None, gt=0)
    """That the index may hold resident; memory-mapped vectors, which the system can drop, do not count. Empty: half of
    the machine's."""
    recall: float = Field(0.99, gt=0.5, le=1)
    """Share of the exact first ten that a search is tuned to find, with a confidence of 95 %: on dev's questions where
    there are a hundred, else on a sample of the index's own vectors, of which a little more is found than of
    questions."""
    min_recall: float = Field(0.95, ge=0, le=1)
    """An index that finds less of the exact first ten, on others than it was tuned on, is not published."""
    check_vectors: int = Field(2000, ge=20)
    """The most of them: half tune, half check. Fewer widen the margin above `recall` that an effort must show."""
    shortlist_dims: tuple[int, ...] = ()
    """First dimensions that shortlists are drawn from, the cheapest of them that reaches `recall`; for embedders that
    were trained for it (Matryoshka). Empty: for `funnel` 64 and its multiples, else all."""
    rescore: RescoreType = "int16"
    """Of the full vectors in the memory-mapped file. `int16` (steps of 1/32767) is half of it, read twice as fast, and
    moves scores by about 1e-5."""
    train_vectors: int = Field(100_000, ge=1000)
    """Clusters and codes are learnt from a sample of at most so many; more make it slower, hardly better."""
    compact_at: float = Field(0.2, gt=0, lt=1)
    """Share of removed vectors from which an index that is carried on is written anew without them."""

    @model_validator(mode="after")
    def _floor_below_target(self) -> Self:
        if self.min_recall > self.recall:
            raise ValueError("min_recall must not be above recall, which the index is tuned to reach")
        if list(self.shortlist_dims) != sorted(set(self.shortlist_dims)) or any(d < 8 for d in self.shortlist_dims):
            raise ValueError("shortlist_dims: distinct, ascending, 8 or more")
        return self

    @model_validator(mode="after")
    def _type_is_of_this_store(self) -> Self:
        if self.store == "milvus" and self.type != "auto":
            raise ValueError(f"type is {self.type}, but store is milvus: leave it auto and set milvus_index")
        return self

    def settings(self) -> dict[str, Any]:
        """What decides an index that is not exact, for its id: budgets only choose its type."""
        return self.model_dump(mode="json", exclude={"type", "latency_ms", "memory_mb", *StoreConfig.model_fields})
