"""What is asked before a training, what an answer looks like, and what it is answered from."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from hybrid.artifacts import Manifest, read_manifest, sha256_file
from hybrid.backends import make_embedder, make_generator, make_reranker
from hybrid.config import Config
from hybrid.corpus.passages import CorpusFolder, PassageSet
from hybrid.corpus.task import Task, read_task
from hybrid.models import Role, find_local
from hybrid.retrieval.index import asked_on_dev, index_id
from hybrid.tuning.embedder import usable_questions
from hybrid.types import Question

Method = Literal["embed", "raft", "dpo", "grpo"]
Status = Literal["yes", "no", "unknown"]


@dataclass(frozen=True)
class Evidence:
    """One thing that was seen, and where: a path below the workspace or the corpus folder, "" for the machine."""

    text: str
    file: str = ""


@dataclass(frozen=True)
class Answer:
    """`status` no means: not fulfilled, or nobody has said or measured it; unknown: it cannot be told from what there
    is. `hard`: a no stops a training unless it is forced. `next` says what to do, "" where nothing is to be done.
    """

    key: str
    question: str
    status: Status
    hard: bool
    evidence: tuple[Evidence, ...]
    next: str = ""


@dataclass(frozen=True)
class Found:
    """An answer before it has its question."""

    status: Status
    evidence: tuple[Evidence, ...]
    next: str = ""


@dataclass(frozen=True)
class Situation:
    """A workspace, its corpus, and what is to be done with them."""

    root: Path
    corpus: CorpusFolder
    config: Config
    passages: PassageSet
    methods: tuple[Method, ...]

    @cached_property
    def task(self) -> Task | None:
        """What the team wrote down."""
        return read_task(self.corpus.task_file)

    @cached_property
    def train(self) -> list[Question]:
        """Questions that are trained on."""
        return self.passages.split("train")

    @cached_property
    def usable(self) -> tuple[list[Question], list[Question]]:
        """The questions that the embedder is trained on, and those that judge it."""
        return usable_questions(self.passages.passages, self.passages.questions, self.config)

    @property
    def task_name(self) -> str:
        """The task file as evidence names it."""
        return self.corpus.task_file.name

    @property
    def tunes_generator(self) -> bool:
        """Whether a method among those asked changes the generator."""
        return any(method != "embed" for method in self.methods)

    @property
    def roles(self) -> tuple[Role, ...]:
        """The models that are tuned: a generator behind an API cannot be."""
        roles: list[Role] = ["embedder"] if "embed" in self.methods else []
        local = self.config.generator.kind == "local"
        return (*roles, "generator") if self.tunes_generator and local else tuple(roles)

    def model_name(self, role: Role) -> str:
        """As configured."""
        return self.config.embedder.model if role == "embedder" else self.config.generator.model

    def model_folder(self, role: Role) -> Path | None:
        """Where the model lies on this machine; None where it must be fetched first. Fetches nothing."""
        return find_local(self.model_name(role), role)

    def manifest(self, name: str) -> Manifest | None:
        """Of an artefact in the workspace, whether up to date or not."""
        return read_manifest(self.root / name)

    def is_current(self, manifest: Manifest) -> bool:
        """Whether an artefact is of these documents and questions."""
        return manifest.inputs.get("passages") == self.passages.manifest.id

    def is_of_base(self, manifest: Manifest) -> bool:
        """Whether an evaluation or diagnosis is of the base as configured, and of these documents and questions."""
        settings = {
            "retrieval": self.config.retrieval.settings(),
            "answering": self.config.answering.model_dump(mode="json"),
        }
        return (
            self.is_current(manifest)
            and self.base_inputs.items() <= manifest.inputs.items()
            and settings.items() <= manifest.config.items()
        )

    @cached_property
    def base_inputs(self) -> dict[str, str]:
        """By which figures of the configured models are known; "" for a model that is not on this machine. Fetches
        nothing and loads no weights, but reads them.
        """
        embedder = make_embedder(self.config) if self.model_folder("embedder") else None
        texts = sha256_file(self.passages.path / "corpus.jsonl")
        local = self.config.generator.kind == "local"
        there = not local or self.model_folder("generator") is not None
        return {
            "index": index_id(
                passages=texts,
                embedder=embedder.fingerprint,
                num=len(self.passages.passages),
                dim=lambda: embedder.dim,
                config=self.config.index,
                seed=self.config.seed,
                asked=asked_on_dev(self.passages.questions),
            )
            if embedder
            else "",
            "generator": make_generator(self.config).fingerprint if there else "",
            **self._reranker(),
        }

    def _reranker(self) -> dict[str, str]:
        options = self.config.retrieval
        there = options.reranker and find_local(options.reranker, "reranker")
        reranker = make_reranker(self.config) if there else None
        told = {"reranker": options.reranked_by(reranker.fingerprint) if reranker else ""}
        return told if options.reranker else {}

    def read_json(self, name: str) -> Mapping[str, Any]:
        """A JSON file of the workspace."""
        value: Mapping[str, Any] = json.loads((self.root / name).read_text(encoding="utf-8"))
        return value


@dataclass(frozen=True)
class Item:
    """A question of the preflight; `hard` ones are asked by the training commands too. `answer` gives None where the
    question does not arise for the methods asked.
    """

    key: str
    question: str
    hard: bool
    answer: Callable[[Situation], Found | None]


def seen(*texts: str, file: str = "") -> tuple[Evidence, ...]:
    """Evidence from one place."""
    return tuple(Evidence(text, file) for text in texts)


def worst(statuses: Sequence[Status]) -> Status:
    """No before unknown before yes."""
    if "no" in statuses:
        return "no"
    return "unknown" if "unknown" in statuses else "yes"
