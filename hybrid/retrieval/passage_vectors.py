"""Vectors of passages, encoded a shard at a time: what is known already is taken over, what was interrupted goes on."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hybrid.artifacts import Manifest, read_manifest, sha256_json, verify
from hybrid.config_index import RescoreType
from hybrid.durable_files import is_sealed, seal
from hybrid.errors import HybridError, IntegrityError
from hybrid.jsonl import read_jsonl, write_jsonl
from hybrid.progress import track
from hybrid.protocols import Embedder, Vectors
from hybrid.retrieval.flat_store import FlatStore
from hybrid.retrieval.full_vectors import BLOCK, FullVectors, RowFile
from hybrid.retrieval.shards import SHARD, encode_shards, parts
from hybrid.retrieval.shortlist_store import VECTORS_FILE
from hybrid.types import Passage

TEXTS_FILE = "texts.jsonl"


def digest_of(passage: Passage) -> str:
    """SHA-256 of what is encoded of a passage."""
    return hashlib.sha256(passage.full_text.encode()).hexdigest()


@dataclass(frozen=True)
class KnownVectors:
    """The vectors of an index that was published before, by the digests of their texts."""

    rows: dict[str, int]
    full: FullVectors


def known_vectors(target: Path, embedder: Embedder, kept_as: RescoreType) -> KnownVectors:
    """Those of the index at `target`; none of another embedder's, a damaged one's, or one that keeps less of a number
    than is asked for.
    """
    nothing = KnownVectors({}, FullVectors.empty(embedder.dim, kept_as))
    manifest = reusable(target, embedder)
    if manifest is None:
        return nothing
    if VECTORS_FILE in manifest.files:
        full = FullVectors.open(target / VECTORS_FILE)
        if full.kept_as != kept_as and kept_as == "float32":
            return nothing
    else:
        full = FullVectors(FlatStore.load(target).vectors()[1])
    return KnownVectors({digest: row for row, digest in enumerate(read_digests(target))}, full)


def read_digests(folder: Path) -> list[str]:
    """SHA-256 of the text of each row of the index in `folder`."""
    return [record["sha256"] for _, record in read_jsonl(folder / TEXTS_FILE)]


def write_digests(folder: Path, digests: Iterable[str]) -> None:
    """Write what `read_digests` reads."""
    write_jsonl(folder / TEXTS_FILE, ({"sha256": digest} for digest in digests))


def reusable(target: Path, embedder: Embedder) -> Manifest | None:
    """The manifest of an undamaged index of this embedder's at `target`."""
    manifest = read_manifest(target)
    if manifest is None or manifest.facts.get("fingerprint") != embedder.fingerprint:
        return None
    if TEXTS_FILE not in manifest.files:
        return None
    try:
        verify(target, manifest)
    except IntegrityError:
        return None
    return manifest


def encoded(
    passages: Sequence[Passage], digests: Sequence[str], embedder: Embedder, known: KnownVectors, private: Path
) -> Iterator[tuple[list[int], Vectors]]:
    """Numbers of passages and their vectors, part by part, each passage once; a text that several share is encoded
    once. Raises `HybridError` where the embedder gives something else than finite vectors of its dimension.
    """
    rows_of: dict[str, list[int]] = {}
    for row, digest in enumerate(digests):
        rows_of.setdefault(digest, []).append(row)
    there = [digest for digest in rows_of if digest in known.rows]
    for block in parts(there, BLOCK):
        yield _spread(block, known.full.take(np.array([known.rows[digest] for digest in block])), rows_of)
    todo = [(digest, rows[0]) for digest, rows in rows_of.items() if digest not in known.rows]
    shards = list(parts(todo, SHARD))
    unsaved = [shard for shard in shards if _read_shard(_saved(shard, private), len(shard), embedder.dim) is None]
    fresh = encode_shards(embedder, [[passages[row].full_text for _, row in shard] for shard in unsaved])
    for shard in track(shards, total=len(shards), description="encoding passages") if shards else ():
        yield _spread([digest for digest, _ in shard], _encode(shard, passages, embedder, private, fresh), rows_of)


def _spread(digests: Sequence[str], vectors: Vectors, rows_of: dict[str, list[int]]) -> tuple[list[int], Vectors]:
    places = [(row, place) for place, digest in enumerate(digests) for row in rows_of[digest]]
    places.sort()
    return [row for row, _ in places], vectors[[place for _, place in places]]


def check_encoded(vectors: Vectors, passages: Sequence[Passage], embedder: Embedder) -> None:
    """Raises `HybridError` unless the vectors of passages are finite and of the embedder's dimension."""
    if vectors.shape != (len(passages), embedder.dim):
        raise HybridError(
            f"{embedder.name} gave vectors of shape {vectors.shape} for {len(passages)} passages of dimension "
            f"{embedder.dim}",
            "the model folder or the server is not what the configuration says: check embedder.model and embedder.dim",
        )
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise HybridError(
            f"{embedder.name} gave a vector that is not finite (NaN or infinity) for passage "
            f"{passages[bad[0]].id}, and for {len(bad) - 1} more of the {len(passages)} beside it",
            "the weights are damaged or the precision is too low for them: pull the model again, or use float32",
        )


def _saved(shard: Sequence[tuple[str, int]], folder: Path) -> Path:
    """Where an interrupted build leaves the shard; the name says of which texts it is."""
    return folder / f"shard-{sha256_json([digest for digest, _ in shard])[:32]}.npy"


def _encode(
    shard: Sequence[tuple[str, int]],
    passages: Sequence[Passage],
    embedder: Embedder,
    folder: Path,
    fresh: Iterator[Vectors],
) -> Vectors:
    """Vectors of the shard, from the file that an interrupted build left, else the next ones that are encoded."""
    saved = _saved(shard, folder)
    if (kept := _read_shard(saved, len(shard), embedder.dim)) is not None:
        return kept
    vectors = next(fresh)
    check_encoded(vectors, [passages[row] for _, row in shard], embedder)
    with RowFile(saved, len(vectors), embedder.dim, "float32") as file:
        file.put(range(len(vectors)), vectors)
    seal(saved)
    return vectors


def _read_shard(file: Path, num: int, dim: int) -> Vectors | None:
    """A shard that is there and whole; one that a kill or a crash of the machine damaged is encoded again."""
    if not is_sealed(file):
        return None
    try:
        vectors: Vectors = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return vectors if vectors.shape == (num, dim) and bool(np.isfinite(vectors).all()) else None
