"""Parts of a system with something put between them and who asks."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from hybrid.protocols import Vectors
from hybrid.types import Chat, Generation


class _Around:
    """Everything that a wrapper does not change is the inner part's."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class Rewritten(_Around):
    """A generator whose answers are changed on their way out."""

    def __init__(self, inner: Any, change: Callable[[Chat, str], str]) -> None:
        super().__init__(inner)
        self._change = change

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        made = self._inner.generate(chats, max_new_tokens=max_new_tokens)
        return [replace(g, text=self._change(chat, g.text)) for chat, g in zip(chats, made, strict=True)]


class Asked(_Around):
    """A generator that is asked something else than was meant."""

    def __init__(self, inner: Any, change: Callable[[Chat], Chat]) -> None:
        super().__init__(inner)
        self._change = change

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        made: list[Generation] = self._inner.generate(list(map(self._change, chats)), max_new_tokens=max_new_tokens)
        return made


class Reversed(_Around):
    """A store whose first `width` hits come worst first."""

    def __init__(self, inner: Any, width: int) -> None:
        super().__init__(inner)
        self._width = width

    def search(
        self, vectors: Vectors, k: int, among: AbstractSet[str] | None = None
    ) -> tuple[list[list[str]], list[list[float]]]:
        ids, scores = self._inner.search(vectors, max(k, self._width), among)
        turned = [[*row[: self._width][::-1], *row[self._width :]][:k] for row in ids]
        return turned, [row[:k] for row in scores]
