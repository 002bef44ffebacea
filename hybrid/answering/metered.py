"""A generator that remembers what its answers cost in tokens."""

from collections.abc import Sequence

from hybrid.protocols import Generator, Windowed
from hybrid.types import Chat, Generation


class MeteredGenerator:
    """Wraps a generator. `prompt_tokens` and `new_tokens` hold a figure an answer, in the order of asking."""

    def __init__(self, inner: Generator) -> None:
        self._inner = inner
        self.name = inner.name
        self.prompt_tokens: list[int] = []
        self.new_tokens: list[int] = []

    @property
    def fingerprint(self) -> str:
        """The wrapped generator's."""
        return self._inner.fingerprint

    @property
    def window(self) -> int | None:
        """The wrapped generator's."""
        return self._inner.window if isinstance(self._inner, Windowed) else None

    def count_tokens(self, chat: Chat) -> int:
        """The wrapped generator's count."""
        return self._inner.count_tokens(chat)

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        """As the wrapped generator."""
        found = self._inner.generate(chats, max_new_tokens=max_new_tokens)
        for chat, generation in zip(chats, found, strict=True):
            # a server need not say how many it read
            self.prompt_tokens.append(generation.num_prompt_tokens or self._inner.count_tokens(chat))
            self.new_tokens.append(generation.num_new_tokens)
        return found
