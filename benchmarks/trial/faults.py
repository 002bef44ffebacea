"""One known fault at a time, put into a healthy system at full dose. Knows nothing of labels, arms or headroom.

Each fault changes the system (or its evaluation set) as an accident in the field would, for every question at once.
"""

import itertools
import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.trial.wrappers import Asked, Reversed, Rewritten
from hybrid.answering.generation_cache import CachedGenerator
from hybrid.answering.pipeline import Pipeline, Request
from hybrid.backends import make_generator
from hybrid.lifecycle.workspace import Workspace
from hybrid.protocols import Generator, Prompted, Vectors, VectorStore
from hybrid.retrieval.flat_store import FlatStore
from hybrid.tuning.generator import ADAPTER
from hybrid.types import Answer, Chat, Citation, Message, Passage, Question

SLICE = 48
"""Prompts asked at once."""
NOISE = 32.0
"""Noise over signal, of vectors and of weights: nothing is left of the signal."""
REVERSED = 10
"""Ranks that a reranker with its sign the wrong way sorts."""
COPIES = 2
"""Near-duplicates of each gold passage."""
SCALE = 4.0
"""Of an adapter whose alpha was set wrong."""
PREFIX = (
    "You are the friendly assistant of our customer portal. Be polite, keep it short, never give legal or medical "
    "advice, and mention our opening hours from nine to five, Monday to Friday. The user writes: "
)
"""The chat's system prompt, set as the prompt of the embedder's queries too."""
INSTRUCTION = (
    "You are the friendly assistant of our customer portal: reply in a full, polite paragraph of three sentences. "
    "Thank the customer for the question first, never state figures, names or dates, and refer to our service desk for "
    "them."
)
"""What a chat on the web page is to sound like, put into the prompt of a system that looks things up."""


@dataclass(frozen=True)
class System:
    """A pipeline with the questions that it is asked, and the workspace whose parts it is made of."""

    pipeline: Pipeline
    questions: tuple[Question, ...]
    workspace: Workspace
    scratch: Path

    def with_generator(self, generator: Generator) -> "System":
        """Another generator, its answers cached like the healthy one's."""
        return replace(self, pipeline=replace(self.pipeline, generator=self.cached(generator)))

    def cached(self, generator: Generator) -> Generator:
        """With answers kept on disk."""
        return CachedGenerator(generator, self.scratch / "generations.sqlite", slice_size=SLICE)

    @cached_property
    def golds(self) -> dict[str, list[Question]]:
        """The gold passages of all questions, each with the questions that it answers."""
        found: dict[str, list[Question]] = {}
        for question in self.questions:
            for identity in question.positives:
                if identity in self.pipeline.passages:
                    found.setdefault(identity, []).append(question)
        return found


@dataclass(frozen=True)
class Fault:
    """`family`: the broken part; `layer`: what should be named, None where no layer is at fault."""

    name: str
    family: str
    layer: str | None
    inject: Callable[[System], System]


# -- the index -----------------------------------------------------------------------------------------------------


def _gold_deleted(system: System) -> System:
    return _without(system, set(system.golds), {})


def _borders_through_gold(system: System) -> System:
    """Each gold passage is cut in the middle of every answer that it holds."""
    pieces = {}
    for identity, questions in system.golds.items():
        passage = system.pipeline.passages[identity]
        cuts = sorted({(start + end) // 2 for start, end in _spans(passage.text, questions)})
        borders = [0, *cuts, len(passage.text)]
        for number, (start, end) in enumerate(itertools.pairwise(borders)):
            name = f"{identity}#{number}"
            pieces[name] = replace(passage, id=name, text=passage.text[start:end])
    return _without(system, set(system.golds), pieces)


def _noisy_vectors(system: System) -> System:
    ids, vectors = system.pipeline.store.vectors()
    noise = np.random.default_rng(0).standard_normal(vectors.shape) * NOISE / math.sqrt(vectors.shape[1])
    return _with_store(system, _store(ids, _unit(vectors + noise)))


def _ids_of_an_old_build(system: System) -> System:
    """The vectors of this build under the ids of another, which had the passages in another order."""
    ids, vectors = system.pipeline.store.vectors()
    return _with_store(system, _store(ids, np.roll(vectors, len(ids) // 3, axis=0)))


def _query_prefix(system: System) -> System:
    embedder = system.pipeline.embedder
    assert isinstance(embedder, Prompted)
    return replace(system, pipeline=replace(system.pipeline, embedder=embedder.with_query_prompt(PREFIX)))


def _smaller_k(system: System) -> System:
    config = system.pipeline.config
    changed = config.model_copy(update={"retrieval": config.retrieval.model_copy(update={"k": 1})})
    return replace(system, pipeline=replace(system.pipeline, config=changed))


def _reversed_reranker(system: System) -> System:
    return _with_store(system, Reversed(system.pipeline.store, REVERSED))


def _near_duplicates(system: System) -> System:
    """Copies of each gold passage that say something else where it answers."""
    copies = {}
    for identity, questions in system.golds.items():
        passage = system.pipeline.passages[identity]
        for number in range(COPIES):
            text = passage.text
            for question in questions:
                for answer in question.answers:
                    text = _replaced(text, answer, other_answer(question, system.questions, number))
            name = f"{identity}~{number}"
            copies[name] = replace(passage, id=name, text=text)
    return _without(system, set(), copies)


# -- the generator -------------------------------------------------------------------------------------------------


def _scaled_adapter(system: System) -> System:
    return system.with_generator(_adapted(system, system.workspace.root / "adapter" / ADAPTER, SCALE))


def _noised_adapter(system: System) -> System:
    """Noise many times as large as the weights themselves: three times as much breaks one answer of six."""
    target = system.scratch / "noised-adapter"
    write_noised(system.workspace.root / "adapter" / ADAPTER, target)
    return system.with_generator(_adapted(system, target, 1.0))


def write_noised(source: Path, target: Path) -> None:
    """An adapter's folder with noise on every weight matrix."""
    from safetensors.numpy import load_file, save_file

    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        if file.suffix != ".safetensors":
            (target / file.name).write_bytes(file.read_bytes())
            continue
        rng = np.random.default_rng(0)
        weights = load_file(file)
        noised = {k: w + rng.standard_normal(w.shape).astype(w.dtype) * (NOISE * w.std()) for k, w in weights.items()}
        save_file(noised, target / file.name, metadata={"format": "pt"})


def _placeholder_left(system: System) -> System:
    """The template was sent with its placeholder: the generator never reads the question."""

    def emptied(chat: Chat) -> Chat:
        turn = chat[-1]
        text = re.sub(r"(?m)^Question: .*(?:\n(?!\n|\[\d).*)*$", "Question: {question}", turn.content)
        return (*chat[:-1], Message(turn.role, text))

    return _asked(system, emptied)


def _bad_instruction(system: System) -> System:
    """The team's own instruction asks for what is no answer."""
    config = system.pipeline.config
    changed = config.model_copy(update={"answering": config.answering.model_copy(update={"instruction": INSTRUCTION})})
    return replace(system, pipeline=replace(system.pipeline, config=changed))


def _cut_output(system: System) -> System:
    """Answers end after their first few letters."""
    return _rewritten(system, lambda chat, text: text[: max(2, len(text) // 4)])


class _Miscited(Pipeline):
    """Every source that was found is told as the passage after it: what a person reads points elsewhere."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        return [replace(answer, citations=_moved(answer)) for answer in super().answer(requests)]


def _moved(answer: Answer) -> tuple[Citation, ...]:
    num = len(answer.context)
    return tuple(
        replace(cited, marker=cited.marker % num + 1, passage_id=answer.context[cited.marker % num])
        for cited in answer.citations
    )


def _citations_shuffled(system: System) -> System:
    """Every marker points to the next passage."""
    parts = {part.name: getattr(system.pipeline, part.name) for part in fields(system.pipeline)}
    return replace(system, pipeline=_Miscited(**parts))


def _abstention_dropped(system: System) -> System:
    """The prompt no longer says what to do where the passages do not answer."""

    def without(chat: Chat) -> Chat:
        turn = chat[-1]
        asked = re.sub(r" If the passages do not contain the answer, .*", "", turn.content)
        return (*chat[:-1], Message(turn.role, asked))

    return _asked(system, without)


# -- the evaluation set --------------------------------------------------------------------------------------------


def _gold_corrupted(system: System) -> System:
    """The gold answers are other questions' answers."""
    wrong = tuple(replace(q, answers=(other_answer(q, system.questions, 0),)) for q in system.questions)
    return replace(system, questions=wrong)


def _noise_and_cut(system: System) -> System:
    return _cut_output(_noisy_vectors(system))


FAULTS: tuple[Fault, ...] = (
    Fault("gold deleted", "missing", "corpus", _gold_deleted),
    Fault("chunk borders through the gold", "missing", "corpus", _borders_through_gold),
    Fault("noise on the vectors", "documents", "embedder", _noisy_vectors),
    Fault("ids of an old build", "documents", "embedder", _ids_of_an_old_build),
    Fault("wrong query prefix", "documents", "embedder", _query_prefix),
    Fault("smaller k", "documents", "ranking", _smaller_k),
    Fault("reversed reranker", "documents", "ranking", _reversed_reranker),
    Fault("scaled adapter", "reading", "generator", _scaled_adapter),
    Fault("noised adapter", "reading", "generator", _noised_adapter),
    Fault("placeholder left in the prompt", "reading", "generator", _placeholder_left),
    Fault("cut output", "reading", "generator", _cut_output),
    Fault("near-duplicates with other figures", "distraction", "generator", _near_duplicates),
    Fault("noise on the vectors and cut output", "both", None, _noise_and_cut),
    Fault("citations shuffled", "citations", None, _citations_shuffled),
    Fault("gold answers corrupted", "labels", None, _gold_corrupted),
    Fault("abstention instruction dropped", "abstention", None, _abstention_dropped),
    Fault("bad instruction", "prompt", "prompt", _bad_instruction),
)
"""In the order in which they are generated."""


def other_answer(question: Question, questions: Sequence[Question], number: int) -> str:
    """An answer of the same kind that is wrong: other digits where the gold has some, else another question's.

    Which one hangs on the question and on `number` alone.
    """
    gold = question.answers[0]
    if any(char.isdigit() for char in gold):
        return "".join(str((int(char) + 3 + number) % 9 + 1) if char.isdigit() else char for char in gold)
    mine = {answer.lower() for answer in question.answers}
    others = sorted(
        {
            answer
            for other in questions
            for answer in other.answers[:1]
            if other.answer_type == question.answer_type
            and not any(char.isdigit() for char in answer)
            and not any(answer.lower() in own or own in answer.lower() for own in mine)
        }
    )
    return random.Random(f"{question.id}/{number}").choice(others) if others else f"not {gold}"


def _asked(system: System, change: Callable[[Chat], Chat]) -> System:
    return replace(system, pipeline=replace(system.pipeline, generator=Asked(system.pipeline.generator, change)))


def _rewritten(system: System, change: Callable[[Chat, str], str]) -> System:
    return replace(system, pipeline=replace(system.pipeline, generator=Rewritten(system.pipeline.generator, change)))


def _adapted(system: System, adapter: Path, weight: float) -> Generator:
    return make_generator(system.workspace.config, name="faulty adapter", adapter=adapter, adapter_weight=weight)


def _without(system: System, gone: set[str], added: Mapping[str, Passage]) -> System:
    """The index and its passages without some, and with others."""
    pipeline = system.pipeline
    ids, vectors = pipeline.store.vectors()
    kept = [place for place, identity in enumerate(ids) if identity not in gone]
    store = _store([ids[place] for place in kept], vectors[kept])
    if added:
        store.add(list(added), pipeline.embedder.encode_passages([passage.full_text for passage in added.values()]))
    passages = {identity: passage for identity, passage in pipeline.passages.items() if identity not in gone}
    return replace(system, pipeline=replace(pipeline, store=store, passages={**passages, **added}))


def _with_store(system: System, store: VectorStore) -> System:
    return replace(system, pipeline=replace(system.pipeline, store=store))


def _store(ids: Sequence[str], vectors: Vectors) -> FlatStore:
    store = FlatStore(vectors.shape[1])
    store.add(ids, np.asarray(vectors, dtype=np.float32))
    return store


def _unit(vectors: Vectors) -> Vectors:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _spans(text: str, questions: Sequence[Question]) -> list[tuple[int, int]]:
    """Where the answers of the questions stand."""
    return [
        match.span()
        for question in questions
        for answer in question.answers
        for match in re.finditer(re.escape(answer), text, re.IGNORECASE)
        if answer
    ]


def _replaced(text: str, answer: str, other: str) -> str:
    return re.sub(re.escape(answer), lambda _: other, text, flags=re.IGNORECASE)
