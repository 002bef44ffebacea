"""The index of a passage set in Milvus: the workspace holds its manifest and the collection's name, not the vectors.

A collection is named by the id of what it holds. So it is filled beside the one that answers, a killed build goes on
where it stopped, and the old collection is deleted when the new manifest is published.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hybrid.artifacts import Manifest, artifact_id, current, publish, read_manifest, require
from hybrid.config_store import StoreConfig
from hybrid.errors import EndpointError, IntegrityError, MissingError, StaleError
from hybrid.progress import track
from hybrid.protocols import Embedder
from hybrid.retrieval.index import VERSION, index_manifest
from hybrid.retrieval.milvus_store import LOCATOR, MilvusStore
from hybrid.retrieval.passage_vectors import KnownVectors, check_encoded, digest_of, known_vectors
from hybrid.retrieval.shards import SHARD, encode_shards, parts
from hybrid.types import Passage


def build_milvus_index(
    passages: Sequence[Passage], embedder: Embedder, *, options: StoreConfig, target: Path, inputs: Mapping[str, str]
) -> Manifest:
    """Encode passages into a collection and publish its name in `target`. What the collection before it holds of a
    passage with the same id and text is taken over, and what an index in files at `target` holds of a text.

    Raises `EndpointError` where the server is away for longer than `milvus_timeout_s`: called again, it goes on.
    """
    settings = options.milvus_settings()
    done = current(target, "index", VERSION, settings, inputs)
    if done and done.facts["uri"] == options.milvus_uri and _holds_all(target, options, done):
        return done
    identity = artifact_id("index", VERSION, settings, inputs)
    before = _collection(target, options)
    made_by = read_manifest(target)
    comparable = before if made_by and made_by.facts.get("fingerprint") == embedder.fingerprint else None
    with publish(target, "index", VERSION, settings, inputs) as build:
        store = MilvusStore(options, _collection_name(target, options, identity), embedder.dim)
        todo = _carry_over(passages, store, comparable, known_vectors(target, embedder, "int16"))
        shards = list(parts(todo, SHARD))
        fresh = encode_shards(embedder, [[passage.full_text for passage in shard] for shard in shards])
        for shard in track(shards, total=len(shards), description="encoding passages") if shards else ():
            vectors = next(fresh)
            check_encoded(vectors, shard, embedder)
            store.add([passage.id for passage in shard], vectors, [digest_of(passage) for passage in shard])
        store.save(build.path)
        if len(store) != len(passages):
            raise EndpointError(
                f"{store.locator()} holds {len(store)} of {len(passages)} passages",
                "run `hybrid index` again: it goes on where it stopped",
            )
        build.counts["passages"] = len(store)
        build.facts.update(embedder=embedder.name, fingerprint=embedder.fingerprint, dim=embedder.dim)
        build.facts.update(store="milvus", uri=options.milvus_uri)
    if before is not None and before.collection != store.collection:
        before.drop()
    return require(target, "hybrid index")


def open_milvus_index(path: Path, embedder: Embedder, options: StoreConfig) -> MilvusStore:
    """The collection that the index at `path` names. Raises `StaleError` where another embedder, dimension or server
    made it, `IntegrityError` where rows are missing, `EndpointError` where the server does not answer.
    """
    manifest = index_manifest(path, embedder)
    if manifest.facts.get("uri") != options.milvus_uri:
        raise StaleError(
            f"{path} lies at {manifest.facts.get('uri')}, index.milvus_uri is {options.milvus_uri}",
            "run `hybrid index`",
        )
    store = MilvusStore.load(path, options)
    if len(store) != manifest.counts["passages"]:
        raise IntegrityError(
            f"{store.locator()}: {len(store)} vectors, but {manifest.counts['passages']} passages",
            "run `hybrid index` again",
        )
    return store


def _carry_over(
    passages: Sequence[Passage], store: MilvusStore, before: MilvusStore | None, in_files: KnownVectors
) -> list[Passage]:
    """Fill the store from the collection or the files before it; returns the passages that none of them holds."""
    todo: list[Passage] = []
    for part in parts(passages, SHARD):
        held = store.fetch([passage.id for passage in part])
        missing = [passage for passage in part if passage.id not in held]
        known = before.fetch([passage.id for passage in missing]) if before and missing else {}
        kept = [p for p in missing if known.get(p.id, ("", None))[0] == digest_of(p)]
        if kept:
            vectors = np.stack([known[passage.id][1] for passage in kept])
            store.add([passage.id for passage in kept], vectors, [digest_of(passage) for passage in kept])
        carried = {passage.id for passage in kept}
        left = [passage for passage in missing if passage.id not in carried]
        if there := [passage for passage in left if digest_of(passage) in in_files.rows]:
            digests = list(map(digest_of, there))
            vectors = in_files.full.take(np.array([in_files.rows[digest] for digest in digests]))
            store.add([passage.id for passage in there], vectors, digests)
        todo += [passage for passage in left if digest_of(passage) not in in_files.rows]
    return todo


def _holds_all(target: Path, options: StoreConfig, manifest: Manifest) -> bool:
    store = _collection(target, options)
    return store is not None and len(store) == manifest.counts["passages"]


def _collection(target: Path, options: StoreConfig) -> MilvusStore | None:
    """What the index at `target` names; None where it lies elsewhere or is gone."""
    manifest = read_manifest(target)
    if manifest is None or LOCATOR not in manifest.files or manifest.facts["uri"] != options.milvus_uri:
        return None
    try:
        return MilvusStore.load(target, options)
    except MissingError:
        return None


def _collection_name(target: Path, options: StoreConfig, identity: str) -> str:
    """Of letters, digits and underscores, as Milvus asks."""
    place = re.sub(r"\W", "_", f"{target.parent.resolve().name}_{target.name}", flags=re.ASCII)
    return f"{options.milvus_prefix}_{place[-100:]}_{identity[:16]}"
