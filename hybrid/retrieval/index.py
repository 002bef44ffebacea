"""The retrieval index: the vectors of a passage set, stamped with the embedder that made them."""

import hashlib
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from hybrid.artifacts import Manifest, artifact_id, current, publish, read_manifest, require, sha256_json, verify
from hybrid.errors import IntegrityError, StaleError
from hybrid.jsonl import read_jsonl, write_jsonl
from hybrid.progress import track
from hybrid.protocols import Embedder, Vectors, VectorStore
from hybrid.retrieval.flat_store import FlatStore
from hybrid.retrieval.shards import encode_shards
from hybrid.types import Passage

VERSION = 2
_SHARD = 1024
"""Passages encoded between two saves of resume state."""
_TEXTS = "texts.jsonl"


def build_index(
    passages: Sequence[Passage], embedder: Embedder, *, target: Path, inputs: Mapping[str, str]
) -> Manifest:
    """Encode passages into `target`. Texts that the index there holds already, by the same embedder, are not encoded
    again. Killed and called again, it goes on after the last finished shard.
    """
    if done := current(target, "index", VERSION, {}, inputs):
        return done
    digests = [hashlib.sha256(passage.full_text.encode()).hexdigest() for passage in passages]
    with publish(target, "index", VERSION, {}, inputs) as build:
        vectors = np.empty((len(passages), embedder.dim), dtype=np.float32)
        rows_of: dict[str, list[int]] = {}
        for row, digest in enumerate(digests):
            rows_of.setdefault(digest, []).append(row)
        known = _known_vectors(target, embedder, rows_of)
        todo = [(digest, rows[0]) for digest, rows in rows_of.items() if digest not in known]
        for digest, vector in known.items():
            vectors[rows_of[digest]] = vector
        shards = [todo[i : i + _SHARD] for i in range(0, len(todo), _SHARD)]
        unsaved = [shard for shard in shards if not _saved(shard, build.private).is_file()]
        fresh = encode_shards(embedder, [[passages[row].full_text for _, row in shard] for shard in unsaved])
        for shard in track(shards, total=len(shards), description="encoding passages") if shards else ():
            found = _encode(_saved(shard, build.private), fresh)
            for (digest, _), vector in zip(shard, found, strict=True):
                vectors[rows_of[digest]] = vector
        store = FlatStore(embedder.dim)
        store.add([passage.id for passage in passages], vectors)
        store.save(build.path)
        write_jsonl(build.path / _TEXTS, ({"sha256": digest} for digest in digests))
        build.counts["passages"] = len(store)
        build.facts.update(embedder=embedder.name, fingerprint=embedder.fingerprint, dim=embedder.dim)
    return require(target, "hybrid index")


def index_id(*, passages: str, embedder: str) -> str:
    """Of the index of these texts (SHA-256 of their file) by this embedder (its fingerprint)."""
    return artifact_id("index", VERSION, {}, {"passages": passages, "embedder": embedder})


def _saved(shard: Sequence[tuple[str, int]], folder: Path) -> Path:
    """Where an interrupted build keeps the shard's vectors; the name says of which texts they are."""
    return folder / f"shard-{sha256_json([digest for digest, _ in shard])[:32]}.npy"


def _encode(saved: Path, fresh: Iterator[Vectors]) -> Vectors:
    """The shard's vectors, from the file that an interrupted build left, else the next ones that are encoded."""
    if saved.is_file():
        kept: Vectors = np.load(saved, allow_pickle=False)
        return kept
    vectors = next(fresh)
    partial = saved.with_suffix(".partial")
    with partial.open("wb") as stream:
        np.save(stream, vectors, allow_pickle=False)
    partial.replace(saved)
    return vectors


def _known_vectors(target: Path, embedder: Embedder, wanted: Container[str]) -> dict[str, Vectors]:
    """Vectors `(dim,)` of the wanted texts in the index at `target`; none of another embedder's or a damaged one's."""
    manifest = read_manifest(target)
    if manifest is None or manifest.facts.get("fingerprint") != embedder.fingerprint or _TEXTS not in manifest.files:
        return {}
    try:
        verify(target, manifest)
    except IntegrityError:
        return {}
    _, vectors = FlatStore.load(target).vectors()
    digests = (record["sha256"] for _, record in read_jsonl(target / _TEXTS))
    return {digest: vector for digest, vector in zip(digests, vectors, strict=True) if digest in wanted}


def open_index(path: Path, embedder: Embedder) -> VectorStore:
    """The store at `path`. Raises `StaleError` as `index_manifest` does."""
    index_manifest(path, embedder)
    return FlatStore.load(path)


def index_manifest(path: Path, embedder: Embedder) -> Manifest:
    """What the index at `path` is. Raises `StaleError` where another embedder or dimension made it."""
    manifest = require(path, "hybrid index")
    made_by, dim = manifest.facts.get("fingerprint"), manifest.facts.get("dim")
    if dim != embedder.dim:
        raise StaleError(f"{path} holds {dim} dimensions, the embedder gives {embedder.dim}", "run `hybrid index`")
    if made_by != embedder.fingerprint:
        raise StaleError(
            f"{path} was built by another embedder ({manifest.facts.get('embedder')}) than {embedder.name} is now",
            "run `hybrid index`",
        )
    return manifest
