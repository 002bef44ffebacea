"""Generations on disk, keyed by content: a rerun or a second diagnosis pays only for prompts that changed."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar, cast, runtime_checkable

from hybrid.answering.turn_tokens import chat_as_text
from hybrid.artifacts import sha256_json
from hybrid.checked_store import CheckedStore
from hybrid.progress import track
from hybrid.protocols import Generator, Preloading, Streaming, Windowed
from hybrid.types import Chat, Generation

T = TypeVar("T")


@runtime_checkable
class CompletionSource(Protocol):
    """A generator whose answers come one by one, in any order."""

    def completions(self, chats: Sequence[Chat], *, max_new_tokens: int) -> Iterator[tuple[int, Generation]]:
        """Places in `chats` with their answers."""
        ...


_FEW = 8
"""Prompts that one question may take."""
_OLD_TABLE = "generations"
"""Of releases whose answers had no checksum. They are taken over: to answer again may take hours of a model, and
what is JSON of the right form was good enough for the release that stored it."""


class CachedGenerator:
    """Wraps a generator. Equal prompts run once; each slice is stored as soon as it is done, so a kill loses one slice.

    Slices are cut from the sorted distinct prompts, so an interrupted run resumes with the same batches and answers.
    Of a server that answers out of order each answer is stored as it comes.
    """

    def __init__(self, inner: Generator, path: Path, *, slice_size: int = 16) -> None:
        self._inner = inner
        self._slice_size = slice_size
        # a question is answered without the file where it cannot be written
        self._store = CheckedStore(path if _can_be_written(path) else None)
        self._store.take_over(_OLD_TABLE, _with_checksum)
        self.name = inner.name

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
        """As the wrapped generator, with a progress bar over what is not stored yet."""
        keys = [self._key(chat, max_new_tokens) for chat in chats]
        distinct = dict(zip(keys, chats, strict=True))
        ordered = sorted(distinct, key=lambda key: (sum(len(m.content) for m in distinct[key]), key))
        slices = [ordered[i : i + self._slice_size] for i in range(0, len(ordered), self._slice_size)]
        found = self._read(ordered)
        left = [key for key in ordered if key not in found]
        if not left:
            return [found[key] for key in keys]
        if isinstance(self._inner, CompletionSource):
            coming = self._inner.completions([distinct[key] for key in left], max_new_tokens=max_new_tokens)
            for place, answer in _shown(coming, len(left), len(left)):
                found[left[place]] = answer
                self._write([left[place]], [answer])
            return [found[key] for key in keys]
        todo = [missing for part in slices if (missing := [key for key in part if key not in found])]
        for part in _shown(todo, len(todo), len(left)):
            fresh = self._inner.generate([distinct[key] for key in part], max_new_tokens=max_new_tokens)
            found.update(zip(part, fresh, strict=True))
            self._write(part, fresh)
        return [found[key] for key in keys]

    def stream(self, chat: Chat, *, max_new_tokens: int, on_text: Callable[[str], None]) -> Generation:
        """As the wrapped generator; in one piece what is stored, or what it cannot tell in pieces."""
        key = self._key(chat, max_new_tokens)
        if not isinstance(self._inner, Streaming) or self._read([key]):
            (generation,) = self.generate([chat], max_new_tokens=max_new_tokens)
            on_text(generation.text)
            return generation
        generation = self._inner.stream(chat, max_new_tokens=max_new_tokens, on_text=on_text)
        self._write([key], [generation])
        return generation

    def preload(self, *, alone: bool, several: bool = False) -> None:
        """Load the wrapped generator, if it can be."""
        if isinstance(self._inner, Preloading):
            self._inner.preload(alone=alone, several=several)

    def missing(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Chat]:
        """Those that `generate` would pay for, in their order."""
        keyed = {self._key(chat, max_new_tokens): chat for chat in chats}
        known = self._read(list(keyed))
        return [chat for key, chat in keyed.items() if key not in known]

    def _key(self, chat: Chat, max_new_tokens: int) -> str:
        said = [[m.role, m.content] for m in chat_as_text(chat)]
        return sha256_json([self.fingerprint, said, max_new_tokens, "greedy, logprob"])

    def _read(self, keys: Sequence[str]) -> dict[str, Generation]:
        found = {}
        for key in keys:
            if text := self._store.find(bytes.fromhex(key)):
                found[key] = Generation(*json.loads(text))
        self._store.tell_damage()
        return found

    def _write(self, keys: Sequence[str], generations: Sequence[Generation]) -> None:
        values = {
            bytes.fromhex(key): json.dumps([g.text, g.finish_reason, g.num_prompt_tokens, g.num_new_tokens, g.logprob])
            for key, g in zip(keys, generations, strict=True)
        }
        self._store.put(values)


def _with_checksum(key: object, value: object) -> tuple[bytes, str] | None:
    """An entry of `_OLD_TABLE` as it is stored now; None where it is damaged to the eye."""
    try:
        text = cast(bytes, value).decode()
        match json.loads(text):
            case [str(), str(), int(), int(), float() | int() | None]:
                return bytes.fromhex(cast(bytes, key).decode()), text
    except (ValueError, AttributeError):
        pass
    return None


def _can_be_written(path: Path) -> bool:
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def _shown(work: Iterable[T], total: int, num_answers: int) -> Iterable[T]:
    """Work under a bar; nobody needs one for a single question."""
    return track(work, total=total, description="answering") if num_answers > _FEW else work
