"""The retrieval index: the vectors of a passage set, stamped with the embedder that made them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hybrid.artifacts import Manifest, current, publish, require
from hybrid.errors import StaleError
from hybrid.progress import track
from hybrid.protocols import Embedder, VectorStore
from hybrid.retrieval.flat_store import FlatStore
from hybrid.types import Passage

VERSION = 1
_SHARD = 1024
"""Passages encoded between two saves of resume state."""


def build_index(
    passages: Sequence[Passage], embedder: Embedder, *, target: Path, inputs: Mapping[str, str]
) -> Manifest:
    """Encode all passages into `target`. Killed and called again, it goes on after the last finished shard."""
    if done := current(target, "index", VERSION, {}, inputs):
        return done
    with publish(target, "index", VERSION, {}, inputs) as build:
        store = FlatStore(embedder.dim)
        shards = [passages[i : i + _SHARD] for i in range(0, len(passages), _SHARD)]
        for number, shard in track(enumerate(shards), total=len(shards), description="encoding passages"):
            saved = build.private / f"shard-{number:06d}.npy"
            if saved.is_file():
                vectors = np.load(saved, allow_pickle=False)
            else:
                vectors = embedder.encode_passages([passage.full_text for passage in shard])
                partial = saved.with_suffix(".partial")
                with partial.open("wb") as stream:
                    np.save(stream, vectors, allow_pickle=False)
                partial.replace(saved)
            store.add([passage.id for passage in shard], vectors)
        store.save(build.path)
        build.counts["passages"] = len(store)
        build.facts.update(embedder=embedder.name, fingerprint=embedder.fingerprint, dim=embedder.dim)
    return require(target, "hybrid index")


def open_index(path: Path, embedder: Embedder) -> VectorStore:
    """The store at `path`. Raises `StaleError` where another embedder or dimension made it."""
    manifest = require(path, "hybrid index")
    made_by, dim = manifest.facts.get("fingerprint"), manifest.facts.get("dim")
    if dim != embedder.dim:
        raise StaleError(f"{path} holds {dim} dimensions, the embedder gives {embedder.dim}", "run `hybrid index`")
    if made_by != embedder.fingerprint:
        raise StaleError(
            f"{path} was built by another embedder ({manifest.facts.get('embedder')}) than {embedder.name} is now",
            "run `hybrid index`",
        )
    return FlatStore.load(path)
