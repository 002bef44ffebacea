"""Several torch devices at once: a process each, every one with the model."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.errors import HybridError
from hybrid.protocols import Vectors

_PARTS = 4
"""Parts of the texts that each device gets in turn: who is done sooner takes the next."""
_own: dict[str, Any] = {}


class TorchPool:
    """sentence-transformers on each of `devices` (torch names), started at the first texts and kept."""

    def __init__(self, folder: Path, devices: Sequence[str], *, max_tokens: int | None, dtype: str) -> None:
        context = multiprocessing.get_context("spawn")
        queue: Any = context.Queue()
        for device in devices:
            queue.put(device)
        self.devices = tuple(devices)
        self._pool = ProcessPoolExecutor(
            len(devices), context, initializer=_start, initargs=(str(folder), queue, max_tokens, dtype)
        )

    def encode(self, texts: Sequence[str], batch_size: int) -> Vectors:
        """float32 `(n, dim)` in the order of `texts`. Raises `HybridError` where a worker was lost."""
        # longest first, dealt round: each part has texts of all lengths, and the parts are alike
        order = sorted(range(len(texts)), key=lambda row: (-len(texts[row]), row))
        num = min(len(texts), _PARTS * len(self.devices))
        parts = [order[start::num] for start in range(num)]
        try:
            done = list(self._pool.map(_encode, [[texts[row] for row in part] for part in parts], [batch_size] * num))
        except BrokenProcessPool as error:
            raise HybridError(
                f"a process that encodes on {', '.join(self.devices)} ended before its texts were done",
                "check embedder.devices and the memory, then run the same command again: finished shards are kept",
            ) from error
        vectors = np.empty((len(texts), done[0].shape[1]), dtype=np.float32)
        for part, found in zip(parts, done, strict=True):
            vectors[part] = found
        return vectors

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown(cancel_futures=True)


def _start(folder: str, queue: Any, max_tokens: int | None, dtype: str) -> None:
    from hybrid.progress import give_stacks_on_request
    from hybrid.retrieval.torch_encoding import load_model

    # on a terminal the signal goes to every process of the command
    give_stacks_on_request()
    _own.update(model=load_model(Path(folder), max_tokens, device=queue.get()), dtype=dtype)


def _encode(texts: Sequence[str], batch_size: int) -> Vectors:
    from hybrid.retrieval.torch_encoding import encode

    return encode(_own["model"], texts, batch_size=batch_size, dtype=_own["dtype"])
