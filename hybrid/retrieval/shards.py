"""Passages encoded in shards, one after the other here or by whatever the embedder spreads them over."""

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from hybrid.protocols import Embedder, Vectors

SHARD = 1024
"""Passages in one."""
_Item = TypeVar("_Item")


def parts(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """Slices of `size` items, the last one shorter."""
    return (items[start : start + size] for start in range(0, len(items), size))


@runtime_checkable
class ShardEncoder(Protocol):
    """An embedder that has many shards encoded at once."""

    def encode_shards(self, shards: Sequence[Sequence[str]]) -> Iterator[Vectors]:
        """Vectors `(n, dim)` of each shard of passages, in their order."""
        ...


def encode_shards(embedder: Embedder, shards: Sequence[Sequence[str]]) -> Iterator[Vectors]:
    """Vectors `(n, dim)` of each shard of passages, in their order, as the embedder would give them one by one."""
    if isinstance(embedder, ShardEncoder):
        return embedder.encode_shards(shards)
    return map(embedder.encode_passages, shards)
