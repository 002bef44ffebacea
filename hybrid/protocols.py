"""What the stages need of an embedder, a store and a generator, and no more."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from hybrid.types import Chat, Generation, Hit

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Text to unit vectors. `dim` is the dimension after Matryoshka truncation."""

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str:
        """SHA-256 over weights, tokenizer, prompts and dimension: equal means that vectors are comparable."""
        ...

    @property
    def dim(self) -> int: ...
    @property
    def max_tokens(self) -> int:
        """Tokens read of a text; the rest is ignored by the model."""
        ...

    def count_tokens(self, text: str) -> int: ...
    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """float32 `(n, dim)`, unit norm after truncation."""
        ...

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """float32 `(n, dim)`, unit norm after truncation."""
        ...


@runtime_checkable
class Prompted(Embedder, Protocol):
    """An embedder whose queries can be read after another prompt than the configured one."""

    @property
    def query_prompt(self) -> str:
        """What stands before every query."""
        ...

    @property
    def model_prompts(self) -> tuple[str, ...]:
        """The query prompts that the model's makers saved with it."""
        ...

    def with_query_prompt(self, prompt: str) -> Embedder:
        """The same model with another prompt before queries; vectors of passages are the same."""
        ...


class VectorStore(Protocol):
    """Ids with unit vectors. Similarities are inner products: higher is better, ties broken by id."""

    def add(self, ids: Sequence[str], vectors: Vectors) -> None: ...
    def search(
        self, vectors: Vectors, k: int, among: AbstractSet[str] | None = None
    ) -> tuple[list[list[str]], list[list[float]]]:
        """Ids and similarities of the k nearest of each row, fewer where there are no more; with `among` of those ids
        alone, whether or not the store holds all of them.
        """
        ...

    def vectors(self) -> tuple[list[str], Vectors]:
        """All ids and their vectors `(n, dim)`."""
        ...

    def remove(self, ids: Sequence[str]) -> None: ...
    def __len__(self) -> int: ...
    def locator(self) -> str:
        """A path or a URI."""
        ...


class Ranker(Protocol):
    """Questions to passages, without the detour by vectors."""

    def rank(self, questions: Sequence[str], depth: int, among: AbstractSet[str] | None = None) -> list[list[Hit]]:
        """The best `depth` of each question, ranks from 1, higher scores first, ties broken by id; fewer or none where
        no more fit; with `among` of those ids alone."""
        ...


class Reranker(Protocol):
    """A model that reads a question and a passage together: better at order than vectors, and far slower."""

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str:
        """SHA-256 over weights and tokenizer: equal means the same scores."""
        ...

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the question, on a scale of the model's own; higher is better.

        One question at a time: padding by another's texts would move scores in their last places, and a served answer
        would not be the one that was measured.
        """
        ...


Fuse = Callable[[Sequence[Hit], Sequence[Hit]], list[Hit]]
"""One question's ranking by vectors and its ranking by words to one ranking of all passages in either."""


class Generator(Protocol):
    """Chats to texts, greedily."""

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    def count_tokens(self, chat: Chat) -> int:
        """Prompt tokens of a chat, the template's included (an estimate where the tokenizer is remote)."""
        ...

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]: ...


@runtime_checkable
class Streaming(Protocol):
    """A generator that tells an answer while it writes it."""

    def stream(self, chat: Chat, *, max_new_tokens: int, on_text: Callable[[str], None]) -> Generation:
        """As `generate` for one chat; `on_text` gets the answer's text in pieces. What it raises ends the writing."""
        ...


@runtime_checkable
class Windowed(Protocol):
    """A generator that knows how much its model takes."""

    @property
    def window(self) -> int | None:
        """Tokens of prompt and answer together; None where the model's configuration does not say."""
        ...


@runtime_checkable
class Preloading(Protocol):
    """A generator that can load before it is asked."""

    def preload(self, *, alone: bool, several: bool = False) -> None:
        """Load, for `several` prompts at once or for one. Unless `alone`, another model is being loaded: then only
        what is safe beside that.
        """
        ...


@runtime_checkable
class Scorer(Protocol):
    """Likelihood of given continuations, where an engine can tell it."""

    @property
    def fingerprint(self) -> str: ...
    def loglikelihood(self, prompts: Sequence[str], continuations: Sequence[str]) -> list[tuple[float, int]]:
        """Per pair: the sum of log-probabilities in nats, and the number of continuation tokens."""
        ...
