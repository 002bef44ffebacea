"""The retrieval half of a system: its index, the words beside it, and how the two are fused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, cast

from hybrid.answering.pipeline import Pipeline, both_rankings
from hybrid.artifacts import Manifest, require, sha256_file
from hybrid.backends import make_encoder
from hybrid.config import Config
from hybrid.corpus.passages import PassageSet
from hybrid.errors import ConfigError, MissingError, StaleError
from hybrid.lifecycle.fusion_choice import choose_fusion, chosen_fusion, dev_questions
from hybrid.passage_filter import parse_conditions, select
from hybrid.prompting.examples import ExampleBank, build_examples
from hybrid.prompting.settled import with_shots
from hybrid.protocols import Generator, Reranker, VectorStore
from hybrid.retrieval.fusion import Fusion
from hybrid.retrieval.index import asked_on_dev, build_index, open_index
from hybrid.retrieval.index_plan import Plan, make_plan
from hybrid.retrieval.lexical import LexicalIndex, build_lexical, open_lexical
from hybrid.retrieval.milvus_index import build_milvus_index, open_milvus_index
from hybrid.retrieval.sentence_embedder import SentenceEmbedder
from hybrid.retrieval.word_tokenizer import WordTokenizer
from hybrid.types import Hit

_REMEDY = "run `hybrid index`"


@dataclass(frozen=True)
class Search:
    """Everything between a question and its passages. `side` is whose vectors are searched; the words are the same."""

    root: Path
    side: Literal["base", "tuned"]
    embedder: SentenceEmbedder
    passages: PassageSet
    config: Config
    reranker: Reranker | None = None

    @property
    def index_path(self) -> Path:
        """Where the vectors lie."""
        return self.root / f"index-{self.side}"

    @property
    def fusion_path(self) -> Path:
        """Where the choice lies that dev made for these vectors."""
        return self.root / f"fusion-{self.side}"

    @property
    def rerank_path(self) -> Path:
        """Where what dev says of the reranker lies."""
        return self.root / f"rerank-{self.side}"

    @property
    def examples_path(self) -> Path:
        """Where the training questions lie that may be worked examples."""
        return self.root / f"examples-{self.side}"

    def build(self, *, measured: bool = False) -> Manifest:
        """The index, up to date with passages and embedder; before it is given back, what the mode needs beside it,
        and with `measured` what a reranker gains.
        """
        passages, mode = self.passages.passages, self.config.retrieval.mode
        inputs = {"passages": self._content, "embedder": self.embedder.fingerprint}
        index = self._build_index(inputs)
        if mode != "dense":
            build_lexical(passages, self._tokenizer, target=self._lexical_path, inputs={"passages": self._content})
        if mode == "auto" and self._chosen() is None:
            dev = dev_questions(self.passages.questions)
            halves = self.halves([question.question for question in dev])
            choose_fusion(dev, halves, config=self.config, target=self.fusion_path, inputs=self._measured)
        if measured:
            self.measure_reranker()
        if self.config.answering.examples:
            self.pipeline(cast(Generator, None))
        return index

    def measure_reranker(self) -> Manifest | None:
        """What the reranker gains on dev; None without one, or where no dev question names its passage."""
        dev = [q for q in self.passages.questions if q.split == "dev" and q.answerable and q.positives]
        if self.reranker is None or not dev:
            return None
        # a question needs none of it
        from hybrid.lifecycle.rerank_gain import measure_gain

        inputs = {"passages": self.passages.manifest.id, **self.inputs()}
        # nothing is generated: an index must not wait for a generator, or fetch one
        pipeline = self.pipeline(cast(Generator, None))
        return measure_gain(pipeline, dev, config=self.config, target=self.rerank_path, inputs=inputs)

    def plan(self) -> Plan:
        """Which index type suits these passages, beside all others. Raises `ConfigError` where Milvus holds them."""
        if self.config.index.store == "milvus":
            raise ConfigError(
                "index.store is milvus, and --plan compares the index types of faiss",
                "set index.milvus_index, or leave index.store out",
            )
        return make_plan(len(self.passages.passages), self.embedder.dim, self.config.index)

    def inputs(self) -> dict[str, str]:
        """What an artefact that rests on this retrieval is made from; the same as ever where vectors alone rank."""
        made_from = {"index": require(self.index_path, "hybrid index").id, **self._held_to}
        fusion = self.fusion
        if fusion.mode != "dense":
            made_from["lexical"] = require(self._lexical_path, "hybrid index").id
            made_from["fusion"] = f"{fusion.name}, depth {self.config.retrieval.depth}"
        if self.reranker:
            made_from["reranker"] = self.config.retrieval.reranked_by(self.reranker.fingerprint)
        return made_from

    @property
    def fusion(self) -> Fusion:
        """How the two rankings become one. Raises `MissingError` where dev was to choose and has not."""
        options = self.config.retrieval
        if options.mode == "weighted":
            return Fusion("weighted", options.lexical_weight)
        if options.mode != "auto":
            return Fusion(options.mode)
        chosen = self._chosen()
        if chosen is None:
            raise MissingError(
                f"{self.fusion_path}: dev has not chosen yet how to fuse these vectors with words", _REMEDY
            )
        return chosen

    def pipeline(self, generator: Generator) -> Pipeline:
        """A system to ask. Raises `MissingError` or `StaleError` where `build` would have something to do."""
        store, fusion = self._store(), self.fusion
        lexical = None if fusion.mode == "dense" else self._lexical()
        among, found = self.among, self.passages.lookup
        if among is not None:
            found = {identity: passage for identity, passage in self.passages.by_id.items() if identity in among}
        pipeline = Pipeline(
            store,
            self.embedder,
            generator,
            found,
            self.config,
            lexical=lexical,
            fuse=fusion.fuse,
            reranker=self.reranker,
            among=among,
        )
        return replace(pipeline, examples=self.examples(pipeline)) if self.config.answering.examples else pipeline

    def with_shots(self) -> "Search":
        """The same with the examples of `evaluation.few_shot`, where it asks for any."""
        return replace(self, config=with_shots(self.config))

    def examples(self, pipeline: Pipeline) -> ExampleBank:
        """Training questions as worked examples; their vectors are made where they do not lie there yet."""
        build_examples(
            lambda: self.passages.questions,
            self.passages.lookup,
            self.embedder,
            pipeline.store,
            target=self.examples_path,
            inputs={"passages": self.passages.manifest.id, "embedder": self.embedder.fingerprint},
        )
        return ExampleBank(self.examples_path, self.embedder, pipeline.passages, self.config.answering.example_tokens)

    def halves(self, questions: Sequence[str]) -> dict[str, list[list[Hit]]]:
        """Both rankings of every question, as deep as they are fused."""
        depth = self.config.retrieval.depth
        return both_rankings(self._store(), self.embedder, self._lexical(), questions, depth, self.among)

    @cached_property
    def among(self) -> frozenset[str] | None:
        """What `retrieval.where` leaves. Raises `UserError` where that is nothing."""
        where = parse_conditions(self.config.retrieval.where)
        return select(self.passages.passages, where) if where else None

    @property
    def _content(self) -> str:
        return sha256_file(self.passages.path / "corpus.jsonl")

    @property
    def _tokenizer(self) -> WordTokenizer:
        return WordTokenizer(stop_words=self.config.retrieval.stop_words, stemmer=self.config.retrieval.stemmer)

    @property
    def _lexical_path(self) -> Path:
        return self.root / "lexical"

    def _build_index(self, inputs: Mapping[str, str]) -> Manifest:
        options, passages = self.config.index, self.passages.passages
        embedder = make_encoder(self.embedder, self.config)
        if options.store == "milvus":
            return build_milvus_index(passages, embedder, options=options, target=self.index_path, inputs=inputs)
        seed = self.config.seed
        return build_index(
            passages,
            embedder,
            target=self.index_path,
            inputs=inputs,
            config=options,
            seed=seed,
            asked=asked_on_dev(self.passages.questions),
        )

    def _store(self) -> VectorStore:
        manifest, options = require(self.index_path, "hybrid index"), self.config.index
        if manifest.inputs["passages"] != self._content:
            raise StaleError(f"{self.index_path} is older than the passages", _REMEDY)
        if (store := manifest.facts.get("store", "faiss")) != options.store:
            raise StaleError(f"{self.index_path}: vectors in {store}, index.store is {options.store}", _REMEDY)
        if options.store == "milvus":
            return open_milvus_index(self.index_path, self.embedder, options)
        return open_index(self.index_path, self.embedder)

    def _lexical(self) -> LexicalIndex:
        return open_lexical(self._lexical_path, self._tokenizer, inputs={"passages": self._content})

    @property
    def _measured(self) -> dict[str, str]:
        """What dev measures: its questions and both rankings."""
        paths = {"index": self.index_path, "lexical": self._lexical_path}
        made = {name: require(path, "hybrid index").id for name, path in paths.items()}
        return {"passages": self.passages.manifest.id, **made, **self._held_to}

    @property
    def _held_to(self) -> dict[str, str]:
        """The conditions under which passages are found, as an input; nothing where there are none."""
        where = self.config.retrieval.where
        return {"where": " and ".join(where)} if where else {}

    def _chosen(self) -> Fusion | None:
        return chosen_fusion(self.fusion_path, self.config, self._measured)
