"""What is made of every document, by several processes where there is much to do, in the order of the documents."""

import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from typing import Any, NamedTuple

from hybrid.corpus.memo import Memo
from hybrid.types import Document

_FEW = 512
"""Documents that are made before processes are started: these take a second or two until they work."""
_CHUNK = 32
"""Documents that go to a process together."""
_CHARACTERS = 1_000_000
"""Characters of documents from which a chunk is closed early: so many chunks are in memory as processes twice."""
_MOST = 8

_IMPORTS = ["datasketch", "py3langid.langid", "detect_secrets.core.scan", "llama_index.core.node_parser", "tokenizers"]
"""What the work needs: imported once for all processes."""

Make = Callable[[Document], Any]
"""A function that can be pickled, of a document to plain JSON."""


class Workers:
    """Processes that are started when there is much to do, and end with the block.

    Killed ones cost time, not results: their documents are done in this process.
    """

    def __init__(self, memo: Memo) -> None:
        self._memo = memo
        self._pool: ProcessPoolExecutor | None = None
        self._num = min(os.cpu_count() or 1, _MOST)
        self._made = 0

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def each(
        self, documents: Iterable[Document], *, parts: Callable[[Document], object], make: Make
    ) -> Iterator[tuple[Document, Any]]:
        """Each document with its value, in order: the memo's of `parts`, or by `make`. Some are drawn ahead."""
        waiting: deque[_Chunk] = deque()
        for chunk in _chunks(documents):
            of = [parts(document) for document in chunk]
            found = [self._memo.find(part) for part in of]
            todo = [document for document, value in zip(chunk, found, strict=True) if value is None]
            waiting.append(_Chunk(chunk, of, found, self._submit(make, todo)))
            while len(waiting) > 2 * self._num or (waiting and waiting[0].future is None):
                yield from self._finish(make, waiting.popleft())
        while waiting:
            yield from self._finish(make, waiting.popleft())

    def _submit(self, make: Make, todo: Sequence[Document]) -> "Future[list[Any]] | None":
        """None where the documents are done in this process."""
        self._made += len(todo)
        if not todo or self._num == 1 or self._made <= _FEW:
            return None
        try:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(self._num, _context(), _begin)
            return self._pool.submit(_make_all, pickle.dumps(make), list(todo))
        except BrokenProcessPool:
            self._num = 1
            return None

    def _finish(self, make: Make, chunk: "_Chunk") -> Iterator[tuple[Document, Any]]:
        made: Iterator[Any] | None = None
        if chunk.future is not None:
            try:
                made = iter(chunk.future.result())
            except BrokenProcessPool:
                self._num = 1
        for document, part, value in zip(chunk.documents, chunk.parts, chunk.found, strict=True):
            if value is None:
                value = self._memo.put(part, make(document) if made is None else next(made))
            yield document, value


class _Chunk(NamedTuple):
    documents: Sequence[Document]
    parts: Sequence[object]
    found: Sequence[Any]
    future: Future[list[Any]] | None


def _chunks(documents: Iterable[Document]) -> Iterator[list[Document]]:
    chunk: list[Document] = []
    size = 0
    for document in documents:
        chunk.append(document)
        size += len(document.text)
        if len(chunk) == _CHUNK or size > _CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _context() -> Any:
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload(_IMPORTS)
    return context


def _begin() -> None:
    """A worker leaves interrupts to its parent, and goes when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _make_all(make: bytes, documents: Sequence[Document]) -> list[Any]:
    return [_loaded(make)(document) for document in documents]


@lru_cache(maxsize=4)
def _loaded(make: bytes) -> Make:
    """What is pickled, loaded once in a process: a tokenizer takes its time."""
    loaded: Make = pickle.loads(make)
    return loaded
