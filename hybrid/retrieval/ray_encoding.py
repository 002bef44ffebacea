"""A corpus encoded by Ray Data: shards of passages spread over actors, on this machine or a cluster."""

import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from hybrid.config_store import StoreConfig
from hybrid.errors import EndpointError, HybridError, MissingError
from hybrid.protocols import Embedder, Vectors

_Batch = Mapping[str, npt.NDArray[Any]]


def is_installed() -> bool:
    """Whether the extra `ray` is there."""
    return find_spec("ray") is not None


class RayEmbedder:
    """An embedder whose shards of passages are encoded by actors; queries are encoded in this process.

    `load` makes the same embedder in an actor, once for each. Ray starts a killed actor again and repeats its shard;
    shards come back in their order, each once, with the bytes that the embedder gives in one process of as many
    threads.
    """

    def __init__(self, inner: Embedder, load: Callable[[], Embedder], options: StoreConfig) -> None:
        if not is_installed():
            raise MissingError(
                "index.encode_with is ray, which is not installed",
                "install hybrid with its extra `ray`; in a checkout: pip install -e '.[ray]'",
            )
        self._inner = inner
        self._load = load
        self._options = options
        self.name = inner.name

    @property
    def fingerprint(self) -> str:
        """The embedder's: who encodes changes nothing."""
        return self._inner.fingerprint

    @property
    def dim(self) -> int:
        """The embedder's."""
        return self._inner.dim

    @property
    def max_tokens(self) -> int:
        """The embedder's."""
        return self._inner.max_tokens

    def count_tokens(self, text: str) -> int:
        """The embedder's count."""
        return self._inner.count_tokens(text)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """In this process."""
        return self._inner.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """In this process."""
        return self._inner.encode_passages(texts)

    def encode_shards(self, shards: Sequence[Sequence[str]]) -> Iterator[Vectors]:
        """Vectors `(n, dim)` of each shard, in their order. Raises `EndpointError` where no cluster answers at
        `ray_address`, `HybridError` with the cause where actors fail otherwise than by dying.
        """
        if not shards:
            return
        import ray
        from ray.exceptions import RayError

        options = self._options
        started = not ray.is_initialized()
        if started:
            _start(options)
        try:
            for place, row in enumerate(self._rows(shards)):
                vectors = np.frombuffer(row["vectors"][0], dtype=np.float32).reshape(-1, self.dim)
                if row["place"][0] != place or len(vectors) != len(shards[place]):
                    raise HybridError(f"Ray gave shard {row['place'][0]} instead of {place}", "run the command again")
                yield vectors
        except RayError as error:
            raise HybridError(
                f"encoding by Ray failed: {_cause(error)}", "each worker needs the model's folder and this package"
            ) from None
        finally:
            if started:
                ray.shutdown()

    def _rows(self, shards: Sequence[Sequence[str]]) -> Iterator[_Batch]:
        import ray.data

        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        options = self._options
        items = [{"place": place, "texts": list(texts)} for place, texts in enumerate(shards)]
        encoded = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
            _Encoder,
            fn_constructor_args=(self._load, self.fingerprint),
            compute=ray.data.ActorPoolStrategy(size=options.encode_workers),
            batch_size=1,
            num_cpus=options.encode_cpus,
            num_gpus=options.encode_gpus or None,
        )
        batches: Iterator[_Batch] = iter(encoded.iter_batches(batch_size=1, prefetch_batches=0))
        return batches


class _Encoder:
    """What an actor runs: one embedder, a shard at a call."""

    def __init__(self, load: Callable[[], Embedder], fingerprint: str) -> None:
        with _told_in_one_line():
            self._embedder = load()
        if self._embedder.fingerprint != fingerprint:
            raise ValueError(f"the weights of {self._embedder.name} on this worker are others than where it was asked")

    def __call__(self, batch: _Batch) -> dict[str, list[Any]]:
        with _told_in_one_line():
            vectors = [self._embedder.encode_passages(list(texts)).tobytes() for texts in batch["texts"]]
        return {"place": list(batch["place"]), "vectors": vectors}


def _cause(error: Exception) -> str:
    """The last line of what the worker raised."""
    from ray.exceptions import UserCodeException

    told = str(error).strip()
    if isinstance(error, UserCodeException):
        # what a call raised stands above what Ray Data says of it, and nowhere else
        told = told.rpartition("\n\nThe above exception was the direct cause")[0] or told
    return (told.splitlines() or [type(error).__name__])[-1][:300]


@contextmanager
def _told_in_one_line() -> Iterator[None]:
    try:
        yield
    except HybridError as error:
        # its constructor takes other arguments than its message: it would not arrive
        raise RuntimeError(" ".join(str(error).split())) from None


def _start(options: StoreConfig) -> None:
    import ray

    # no report to its maker, no log of every step
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    address = options.ray_address or "local"
    here: dict[str, Any] = {}
    if address == "local":
        here = {"num_cpus": options.encode_workers * options.encode_cpus, "include_dashboard": False}
    host, _, port = address.rpartition(":")
    try:
        if port.isdigit():
            # Ray itself would try for minutes
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **here)
    except (OSError, RuntimeError, ValueError) as error:
        raise EndpointError(
            f"no Ray cluster at {address}: {(str(error).splitlines() or [''])[0][:200]}",
            "check index.ray_address; empty starts one on this machine",
        ) from None
