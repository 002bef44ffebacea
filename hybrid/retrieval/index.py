"""The retrieval index: the vectors of a passage set, stamped with the embedder that made them."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.artifacts import Build, Manifest, artifact_id, current, publish, require, sha256_json
from hybrid.config_index import IndexConfig, IndexType, RescoreType, ShortlistType
from hybrid.errors import HybridError, StaleError
from hybrid.protocols import Embedder, Vectors, VectorStore
from hybrid.retrieval.flat_store import FlatStore
from hybrid.retrieval.index_layout import Layout, num_clusters
from hybrid.retrieval.index_plan import Plan, exact_is_enough, layouts, make_plan
from hybrid.retrieval.passage_vectors import digest_of, encoded, known_vectors, read_digests, reusable, write_digests
from hybrid.retrieval.shortlist_build import (
    EFFORT_VERSION,
    RecallError,
    build_shortlist,
    carry_on,
    sample_last,
    write_vectors,
)
from hybrid.retrieval.shortlist_store import STATE_FILE, ShortlistStore
from hybrid.types import Passage, Question

VERSION = 2
_MOST_DIMS = 4096
"""No embedder gives more: what is exact at so many dimensions is exact."""
_FEWEST_ASKED = 100
"""Questions that must be there for effort to be chosen by them: half of them tell the recall."""
_MOST_NEW = 0.5
"""Share of vectors that an index did not learn its codes from, above which it is built anew."""
_ONLY_EFFORT = frozenset({"asked", "check_vectors"})
"""Settings that decide no code: where they change only the effort is chosen anew."""


def build_index(
    passages: Sequence[Passage],
    embedder: Embedder,
    *,
    target: Path,
    inputs: Mapping[str, str],
    config: IndexConfig | None = None,
    seed: int = 0,
    asked: Sequence[str] = (),
) -> Manifest:
    """Encode passages into `target`. Texts that the index there holds already, by the same embedder, are not encoded
    again, and an index of short codes is carried on; it is tuned for the questions `asked` where these are enough.
    Killed and called again, it goes on after the last finished shard. Raises `OSError` where the disk is full,
    `HybridError` where vectors are not finite, or recall is below the configured floor.
    """
    config = config or IndexConfig()
    settings = _settings(_type(len(passages), lambda: embedder.dim, config), config, seed, asked)
    if done := current(target, "index", VERSION, settings, inputs):
        return done
    plan = make_plan(len(passages), embedder.dim, config)
    with publish(target, "index", VERSION, settings, inputs) as build:
        _refuse_small_disk(target, build, plan)
        build.facts.update(embedder=embedder.name, fingerprint=embedder.fingerprint, dim=embedder.dim)
        build.counts["passages"] = len(passages)
        job = _Job(passages, embedder, target, build, plan, config, seed, asked)
        if plan.chosen == "exact":
            job.exact()
        else:
            build.facts["index"] = job.carried_on(settings) or job.shortlist(plan)
    return require(target, "hybrid index")


def index_id(
    *,
    passages: str,
    embedder: str,
    num: int,
    dim: Callable[[], int],
    config: IndexConfig,
    seed: int,
    asked: Sequence[str],
) -> str:
    """Of the index of these `num` texts (SHA-256 of their file) by this embedder (its fingerprint). `dim` is asked only
    where the type hangs on it.
    """
    inputs = {"passages": passages, "embedder": embedder}
    if config.store == "milvus":
        return artifact_id("index", VERSION, config.milvus_settings(), inputs)
    return artifact_id("index", VERSION, _settings(_type(num, dim, config), config, seed, asked), inputs)


def asked_on_dev(questions: Sequence[Question]) -> list[str]:
    """What effort is chosen by: every dev question, also one that no passage answers."""
    return [question.question for question in questions if question.split == "dev"]


def _type(num: int, dim: Callable[[], int], config: IndexConfig) -> IndexType:
    """The type that is chosen for `num` vectors. To ask for their dimension may load a model."""
    hangs_on_dim = config.type == "auto" and not exact_is_enough(num, _MOST_DIMS, config)
    return make_plan(num, dim() if hangs_on_dim else _MOST_DIMS, config).chosen


def _settings(type_: IndexType, config: IndexConfig, seed: int, asked: Sequence[str]) -> dict[str, Any]:
    if type_ == "exact":
        return {}
    tuned_for = {"asked": sha256_json(list(asked))} if len(asked) >= _FEWEST_ASKED else {}
    # where `auto` chose the type another one may take its place
    chosen = {"type": type_, "auto": config.type == "auto", "effort_version": EFFORT_VERSION}
    return {**chosen, "seed": seed, **config.settings(), **tuned_for}


def _learnt_by(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What decides the codes."""
    return {name: value for name, value in settings.items() if name not in _ONLY_EFFORT}


def open_index(path: Path, embedder: Embedder) -> VectorStore:
    """The store at `path`. Raises `StaleError` as `index_manifest` does."""
    manifest = index_manifest(path, embedder)
    return ShortlistStore.load(path) if STATE_FILE in manifest.files else FlatStore.load(path)


def index_manifest(path: Path, embedder: Embedder) -> Manifest:
    """What the index at `path` is. Raises `StaleError` where another embedder or dimension made it."""
    manifest = require(path, "hybrid index")
    dim = manifest.facts.get("dim")
    # equal fingerprints have equal dimensions: to ask the embedder for its own may load its model
    if manifest.facts.get("fingerprint") != embedder.fingerprint:
        if dim != embedder.dim:
            raise StaleError(f"{path} holds {dim} dimensions, the embedder gives {embedder.dim}", "run `hybrid index`")
        raise StaleError(
            f"{path} was built by another embedder ({manifest.facts.get('embedder')}) than {embedder.name} is now",
            "run `hybrid index`",
        )
    return manifest


@dataclass(frozen=True)
class _Job:
    """One build: what is indexed, by whom, and where it goes."""

    passages: Sequence[Passage]
    embedder: Embedder
    target: Path
    build: Build
    plan: Plan
    config: IndexConfig
    seed: int
    asked: Sequence[str]

    @cached_property
    def questions(self) -> Vectors | None:
        """Vectors of what is asked, where there is enough to tune by."""
        return self.embedder.encode_queries(self.asked) if len(self.asked) >= _FEWEST_ASKED else None

    @cached_property
    def digests(self) -> list[str]:
        return [digest_of(passage) for passage in self.passages]

    @cached_property
    def order(self) -> list[int]:
        """Of the passages in an index of short codes."""
        order: list[int] = sample_last(len(self.passages), self.config, self.seed).tolist()
        return order

    def parts(self, rows: Sequence[int], kept_as: RescoreType) -> Iterator[tuple[list[int], Vectors]]:
        """Places in `rows`, and the vectors of the passages there."""
        known = known_vectors(self.target, self.embedder, kept_as)
        chosen, texts = [self.passages[row] for row in rows], [self.digests[row] for row in rows]
        return encoded(chosen, texts, self.embedder, known, self.build.private)

    def exact(self) -> None:
        """Every vector in memory, then to one file."""
        vectors = np.empty((len(self.passages), self.embedder.dim), dtype=np.float32)
        for rows, part in self.parts(range(len(self.passages)), "float32"):
            vectors[rows] = part
        store = FlatStore(self.embedder.dim)
        store.add([passage.id for passage in self.passages], vectors)
        store.save(self.build.path)
        write_digests(self.build.path, self.digests)

    def shortlist(self, plan: Plan) -> dict[str, Any]:
        """An index of short codes that learns them from these vectors; the facts of it. Where `auto` chose the type
        and it finds too little, the next best one is tried: a graph is at a loss among many copies of a passage.
        """
        num, dim = len(self.passages), self.embedder.dim
        write_vectors(self.parts(self.order, self.config.rescore), num, dim, self.build.path, self.config)
        write_digests(self.build.path, (self.digests[row] for row in self.order))
        types = plan.candidates if self.config.type == "auto" else plan.candidates[:1]
        refused = {}
        for number, type_ in enumerate(types):
            try:
                found = self._of_type(type_)
            except RecallError as error:
                refused[type_] = round(error.recall, 4)
                if number == len(types) - 1:
                    raise
            else:
                return {**found, "refused": refused}
        raise AssertionError("a plan has candidates")

    def _of_type(self, type_: ShortlistType) -> dict[str, Any]:
        num, dim = len(self.passages), self.embedder.dim
        found = build_shortlist(
            [self.passages[row].id for row in self.order],
            layouts(type_, num, dim, self.config),
            self.build.path,
            resume=self.build.private,
            config=self.config,
            seed=self.seed,
            asked=self.questions,
        )
        return {**found.facts(), "learnt_from": num}

    def carried_on(self, settings: Mapping[str, Any]) -> dict[str, Any] | None:
        """The facts of the index at the target with what changed removed and added; None where it cannot be carried on,
        or finds too little then.
        """
        manifest = reusable(self.target, self.embedder)
        if manifest is None or _learnt_by(manifest.config) != _learnt_by(settings):
            return None
        store, learnt = ShortlistStore.load(self.target), manifest.facts["index"]["learnt_from"]
        all_texts = read_digests(self.target)
        was = {store.id_of(row): all_texts[row] for row in store.live_rows().tolist()}
        now = {passage.id: digest for passage, digest in zip(self.passages, self.digests, strict=True)}
        new = [row for row, passage in enumerate(self.passages) if was.get(passage.id) != self.digests[row]]
        if len(new) > _MOST_NEW * len(now) or not _still_suits(store.layout, len(now), learnt):
            return None
        found = carry_on(
            store,
            [identity for identity, digest in was.items() if now.get(identity) != digest],
            [self.passages[row].id for row in new],
            self.parts(new, self.config.rescore),
            config=self.config,
            seed=self.seed,
            asked=self.questions,
        )
        if found.recall < self.config.min_recall:
            return None
        store.save(self.build.path)
        live = set(store.live_rows().tolist())
        kept = (now[store.id_of(row)] if row in live else "" for row in range(len(store.full)))
        write_digests(self.build.path, kept)
        return {**found.facts(), "learnt_from": learnt}


def _still_suits(layout: Layout, num: int, learnt: int) -> bool:
    return num <= (1 + _MOST_NEW) * learnt and (not layout.clusters or layout.clusters == num_clusters(num))


def _refuse_small_disk(target: Path, build: Build, plan: Plan) -> None:
    """Before hours of encoding: room for the index, and for the shards that a killed build goes on from."""
    there = sum(file.stat().st_size for file in build.path.rglob("*") if file.is_file()) / 1e6
    wanted = plan.option.disk_mb + plan.num * plan.dim * 4 / 1e6 - there
    free = shutil.disk_usage(build.path).free / 1e6
    if wanted > free:
        raise HybridError(
            f"{target}: the index needs {wanted:,.0f} MB while it is built, and {free:,.0f} MB are free",
            "free space there, or see `hybrid index --plan` for a smaller index",
        )
