"""A workspace: the folder of one corpus's artefacts, and who makes what from what.

Cheap inputs (passages, index, RAFT examples) are brought up to date by the stage that needs them; trained ones are
required, so that nobody waits for an hour unasked. Stages are imported where they run: who asks a question waits for
none of them.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

from hybrid.answering.pipeline import Pipeline, prompt_window
from hybrid.artifacts import Manifest, read_manifest, require, sha256_json, sha256_tree
from hybrid.backends import make_cached, make_embedder, make_generator, make_judge, make_reranker
from hybrid.config import Config
from hybrid.config_file import digest_of
from hybrid.corpus.passages import CorpusFolder, PassageSet, passage_settings
from hybrid.errors import MissingError, StaleError, UserError
from hybrid.lifecycle.generator_choice import SystemName, open_generator
from hybrid.lifecycle.search import Search
from hybrid.lifecycle.settled_prompt import settle_prompt
from hybrid.lifecycle.task_score import task_score
from hybrid.locks import alone
from hybrid.models import resolve
from hybrid.protocols import Generator, Reranker, Scorer
from hybrid.retrieval.sentence_embedder import SentenceEmbedder
from hybrid.types import Interval

__all__ = ["SystemName", "Workspace"]


@dataclass(frozen=True)
class Workspace:
    """All stages over one corpus and one configuration. Paths below `root` are listed in docs/ARTEFACTS.md."""

    root: Path
    corpus: CorpusFolder
    config: Config

    def lock(self) -> AbstractContextManager[None]:
        """One writer at a time; raises `UserError` where another process holds the workspace."""
        problem = f"another hybrid command is working in {self.root}"
        return alone(self.root / ".lock", problem, "wait for it, or stop it")

    # -- parts ---------------------------------------------------------------------------------------------------

    @cached_property
    def base_embedder(self) -> SentenceEmbedder:
        """The configured embedder."""
        return make_embedder(self.config)

    @cached_property
    def reranker(self) -> Reranker | None:
        """The configured reranker; None where none is."""
        return make_reranker(self.config)

    @property
    def has_tuned_embedder(self) -> bool:
        """Whether a tuned embedder was published and found better than the base."""
        manifest = read_manifest(self.root / "embedder")
        return manifest is not None and manifest.facts["verdict"] == "tuned"

    @property
    def has_tuned_generator(self) -> bool:
        """Whether a merged generator was published, of an adapter found better than the base, or a server holds one."""
        if self.config.generator.kind == "openai":
            return bool(self.config.generator.tuned_model)
        adapter = read_manifest(self.root / "adapter")
        kept_base = adapter is not None and adapter.facts["verdict"] != "tuned"
        return read_manifest(self.root / "generator") is not None and not kept_base

    @property
    def live(self) -> SystemName:
        """The system that answers by default: the tuned one as soon as anything in it is tuned."""
        return "tuned" if self.has_tuned_embedder or self.has_tuned_generator else "base"

    def choose(self, system: Literal["live"] | SystemName) -> SystemName:
        """The system that a command names. Raises `MissingError` where it is a tuned one and nothing is tuned."""
        if system in ("embedder", "tuned") and self.live == "base":
            raise MissingError(
                "nothing is tuned in this workspace yet", "run `hybrid train-embed` or `hybrid train-raft`"
            )
        return self.live if system == "live" else system

    def embedder(self, system: SystemName) -> SentenceEmbedder:
        """The system's embedder; the base where tuning kept it. Raises `StaleError` if tuned from another base."""
        if system == "base" or not self.has_tuned_embedder:
            return self.base_embedder
        manifest = require(self.root / "embedder", "hybrid train-embed")
        if manifest.inputs["embedder"] != sha256_tree(self.base_embedder.folder):
            raise StaleError(
                f"{self.root / 'embedder'} was tuned from another model than embedder.model = "
                f"{self.config.embedder.model}",
                "run `hybrid train-embed` again, or pass --system base where the command takes it",
            )
        return make_embedder(self.config, self.root / "embedder" / "model", name=f"{self.config.embedder.model} tuned")

    def generator(self, system: SystemName) -> Generator:
        """The system's generator; the base where none was merged. Raises `StaleError` if tuned from another base."""
        tuned = self.has_tuned_generator
        return open_generator(self.root, self.config, system, is_tuned=tuned, base_weights=self._base_weights)

    def search(self, system: SystemName, passages: PassageSet | None = None) -> Search:
        """What finds the system's passages; those of the corpus as it is now, unless others are given."""
        passages = passages or self.passages()
        side: Literal["base", "tuned"] = "tuned" if system != "base" and self.has_tuned_embedder else "base"
        tuned = system == "adapter" or (system == "tuned" and self.has_tuned_generator)
        config = settle_prompt(self.root, self.config, passages, tuned=tuned)
        return Search(self.root, side, self.embedder(system), passages, config, self.reranker)

    # -- stages --------------------------------------------------------------------------------------------------

    def passages(self) -> PassageSet:
        """Passages and questions, up to date with the corpus folder."""
        from hybrid.corpus.history import record_version
        from hybrid.corpus.ingest import build_passages

        embedder = self.base_embedder
        documents = self.corpus.documents_id(self.config.corpus)
        content = self.corpus.content_id(self.config.corpus, documents)
        manifest = build_passages(
            self.corpus,
            self.config.corpus,
            tokenize=embedder.tokenize,
            max_tokens=embedder.max_tokens,
            target=self.root / "passages",
            inputs={"corpus": content, "tokenizer": embedder.tokenizer_id},
            cache=self.root / "cache" / "documents.sqlite",
        )
        record_version(self.root, self.corpus, documents, self.config.corpus)
        return self._read(manifest)

    def index(self, system: SystemName) -> Manifest:
        """The system's index, up to date, with all that `retrieval` needs beside it and what dev says of a reranker."""
        return self.search(system).build(measured=True)

    def train_embed(self, *, force: bool = False, overridden: Sequence[str] = ()) -> Manifest:
        """The tuned embedder, or the verdict that the base is kept; `overridden`: preflight questions that failed."""
        from hybrid.tuning.embedder import train_embedder

        passages = self.passages()
        return train_embedder(
            self.base_embedder.folder,
            passages.passages,
            passages.questions,
            config=self.config,
            target=self.root / "embedder",
            inputs={"passages": passages.manifest.id, "embedder": sha256_tree(self.base_embedder.folder)},
            compare=self._compare,
            force=force,
            overridden=overridden,
        )

    def raft(self, *, force: bool = False) -> Manifest:
        """RAFT examples from the live index, which is rebuilt first where it is stale."""
        from hybrid.tuning.raft import build_raft

        if self.config.generator.kind != "local":
            raise UserError(
                "the generator is behind an API: it cannot be trained here",
                "set generator.kind to local with the weights' hub name or folder, or tune the embedder only",
            )
        search, passages = self._searched("tuned" if self.has_tuned_embedder else "base")
        generator = make_generator(self.config)
        pipeline = search.pipeline(generator)
        wanted = [q for q in passages.questions if q.split in ("train", "dev") and pipeline.may_answer(q)]
        hits = pipeline.retrieve([q.question for q in wanted], self.config.raft.pool_depth)
        return build_raft(
            wanted,
            passages.by_id,
            {question.id: row for question, row in zip(wanted, hits, strict=True)},
            count_tokens=generator.count_tokens,
            config=search.config,
            examples=pipeline.examples,
            window_tokens=prompt_window(search.config, generator),
            target=self.root / "raft",
            inputs={
                "passages": passages.manifest.id,
                **search.inputs(),
                "generator": self._base_weights(),
                "general": digest_of(self.config.raft.general_path) if self.config.raft.general_share else "",
            },
            force=force,
        )

    def train_raft(self, *, force: bool = False, overridden: Sequence[str] = ()) -> Manifest:
        """The adapter, trained on RAFT examples of the live index; `overridden`: preflight questions that failed."""
        from hybrid.tuning.generator import train_generator

        examples = self.raft(force=force)

        def score(adapter: Path | None) -> float:
            generator = make_generator(self.config, adapter=adapter, engine="transformers")
            base = self.search("embedder", self.published()) if adapter is None else None
            return task_score(self.root, self.config, self.published(), generator, base)

        return train_generator(
            resolve(self.config.generator.model, "generator"),
            self.root / "raft",
            config=self.config,
            target=self.root / "adapter",
            inputs={"raft": examples.id, "generator": self._base_weights()},
            score=score,
            overridden=overridden,
        )

    def frontier(self, adapter: Manifest) -> Manifest:
        """The merge weight that dev chooses among those of `merge.sweep`, with the points that led to it."""
        from hybrid.evaluation.general import general_dev_score
        from hybrid.tuning.frontier import Point, sweep_weights
        from hybrid.tuning.generator import ADAPTER

        files = self.config.evaluation.general_paths

        def measure(weight: float) -> Point:
            folder = self.root / "adapter" / ADAPTER if weight else None
            generator = make_generator(self.config, adapter=folder, adapter_weight=weight or 1.0, engine="transformers")
            # not by `passages`: that looks through the whole corpus, and a sweep comes here for every weight
            score = task_score(self.root, self.config, self.published(), generator)
            return Point(weight, score, general_dev_score(generator, self.config))

        return sweep_weights(
            measure,
            config=self.config,
            target=self.root / "frontier",
            inputs={"adapter": adapter.id, "general": sha256_json([digest_of(path) for path in files])},
        )

    def merge(self) -> Manifest:
        """The adapter merged with its base into a plain model folder."""
        from hybrid.tuning.generator import check_adapter_base
        from hybrid.tuning.merging import merge_adapter

        adapter = require(self.root / "adapter", "hybrid train-raft")
        if adapter.facts["verdict"] != "tuned":
            raise UserError(
                "the adapter is no better than its base on dev: there is nothing to merge",
                "the base answers on; look at more or better examples, then `hybrid train-raft` again",
            )
        base = resolve(self.config.generator.model, "generator")
        check_adapter_base(self.root / "adapter", base)
        config = self.config
        if config.merge.sweep:
            weight = self.frontier(adapter).facts["weight"]
            config = config.model_copy(update={"merge": config.merge.model_copy(update={"weight": weight})})
        return merge_adapter(
            base,
            self.root / "adapter",
            config=config,
            target=self.root / "generator",
            inputs={"adapter": adapter.id, "generator": self._base_weights()},
        )

    def evaluate(self, system: SystemName) -> Manifest:
        """Scores of a system on the configured split."""
        from hybrid.evaluation.system import evaluate_system

        search, passages = self._searched(system)
        generator = self.generator(system)
        scorer = generator if isinstance(generator, Scorer) else None
        files = [digest_of(path) for path in self.config.evaluation.general_paths] if scorer else []
        pipeline = search.with_shots().pipeline(self._cached(generator))
        noise = None
        if self.config.evaluation.distractors == "base" and system != "base":
            other, _ = self._searched("base", passages)
            noise = partial(other.pipeline(generator).retrieve, depth=self.config.retrieval.depth)
        return evaluate_system(
            pipeline,
            passages.questions,
            scorer=scorer,
            uncached=generator,
            noise=noise,
            config=search.config,
            target=self.evaluation_path(system),
            inputs={
                "passages": passages.manifest.id,
                **search.inputs(),
                "generator": generator.fingerprint,
                "general": sha256_json(files),
            },
        )

    def diagnose(self, system: SystemName) -> Manifest:
        """Which layer is at fault in a system, on the configured split."""
        from hybrid.evaluation.diagnose import diagnose
        from hybrid.lifecycle.registry import transfer_rates

        search, passages = self._searched(system)
        generator = self.generator(system)
        return diagnose(
            search.pipeline(self._cached(generator)),
            passages.questions,
            config=search.config,
            target=self.diagnosis_path(system),
            inputs={"passages": passages.manifest.id, **search.inputs(), "generator": generator.fingerprint},
            title=f"{self.corpus.name}, {system} system",
            transfer=transfer_rates(self.root),
            judge=make_judge(self.config, self.root / "cache" / "generations.sqlite"),
        )

    # -- reading -------------------------------------------------------------------------------------------------

    def pipeline(self, system: SystemName) -> Pipeline:
        """A system to ask. Nothing is built: raises `MissingError` or `StaleError` with the command that mends it."""
        passages = self.published()
        if passages.manifest.inputs["corpus"] != self.corpus.content_id(self.config.corpus):
            raise StaleError(f"{self.corpus.folder} changed since it was indexed", "run `hybrid index`")
        if passages.manifest.config != passage_settings(self.corpus, self.config.corpus):
            raise StaleError(f"{passages.path} was cut by another `corpus` configuration", "run `hybrid index`")
        return self.search(system, passages).pipeline(self._cached(self.generator(system)))

    def evaluation_path(self, system: SystemName) -> Path:
        """Where `evaluate` publishes."""
        shots = self.config.evaluation.few_shot
        return self.root / f"evaluation-{system}{f'-{shots}shot' if shots else ''}-{self.config.evaluation.split}"

    def diagnosis_path(self, system: SystemName) -> Path:
        """Where `diagnose` publishes."""
        return self.root / f"diagnosis-{system}-{self.config.diagnosis.split}"

    def published(self) -> PassageSet:
        """Passages and questions as they were published last."""
        return self._read(require(self.root / "passages", "hybrid index"))

    def _read(self, manifest: Manifest) -> PassageSet:
        """The passage set of a manifest, the same one each time: its files are parsed once."""
        return self._sets.setdefault(manifest.id, PassageSet(self.root / "passages", manifest))

    @cached_property
    def _sets(self) -> dict[str, PassageSet]:
        return {}

    def _searched(self, system: SystemName, passages: PassageSet | None = None) -> tuple[Search, PassageSet]:
        """The system's retrieval, up to date, and its passages."""
        search = self.search(system, passages)
        search.build()
        return search, search.passages

    def _cached(self, generator: Generator) -> Generator:
        return make_cached(generator, self.config, self.root / "cache" / "generations.sqlite")

    def _base_weights(self) -> str:
        """SHA-256 of the local base generator's folder: batch size and precision do not make a tuned model stale."""
        return sha256_tree(resolve(self.config.generator.model, "generator"))

    def _compare(self, before: Sequence[float], after: Sequence[float], clusters: Sequence[str]) -> Interval:
        from hybrid.evaluation.statistics import paired_interval

        draws = {"resamples": self.config.evaluation.resamples, "seed": self.config.seed}
        return paired_interval(before, after, clusters, **draws)
