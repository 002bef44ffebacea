"""Vectors in Milvus: a server or cluster by its URI, or a milvus-lite file with the same client."""

import base64
import json
import logging
import os
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.artifacts import write_text
from hybrid.config_store import StoreConfig
from hybrid.errors import EndpointError, InputError, MissingError
from hybrid.protocols import Vectors
from hybrid.retrieval.shards import parts
from hybrid.retrieval.vector_checks import check_new, check_vectors

LOCATOR = "locator.json"
MOST_HITS = 16_384
"""Milvus gives no more hits of a query, nor takes more queries at once."""
_ROWS = 1000
"""Sent or fetched at once: Milvus takes messages of 64 MB, which are 4,000 rows of 4,096 numbers."""
_QUERIES = 100
_ID_BYTES = 1024
_IDS = 10_000
"""Named in a filter at once."""
Ranked = list[tuple[float, str]]
"""Negative scores and ids, best first, ties by id."""


def is_installed() -> bool:
    """Whether the extra `milvus` is there."""
    return find_spec("pymilvus") is not None


class MilvusStore:
    """A collection of ids, vectors and the SHA-256 of their texts; made at the first use where it is not there yet.

    Calls are repeated with growing pauses until `milvus_timeout_s` is over, then `EndpointError` names server and
    cause. Rows are upserted, so that a repeated call doubles none. With FLAT scores and ties are exact as the server
    computes them; other index types search approximately.
    """

    def __init__(self, options: StoreConfig, collection: str, dim: int) -> None:
        if not is_installed():
            raise MissingError(
                "index.store is milvus, which is not installed",
                "install hybrid with its extra `milvus`; in a checkout: pip install -e '.[milvus]'",
            )
        self._options = options
        self.collection = collection
        self._dim = dim
        self._num: int | None = None

    def add(self, ids: Sequence[str], vectors: Vectors, digests: Sequence[str] | None = None) -> None:
        """Append vectors `(n, dim)` and what their texts hash to. Raises `ValueError` where counts differ, an id is
        there already or longer than 1,024 bytes, the dimension is another or a number is not finite.
        """
        if long := next((identity for identity in ids if len(identity.encode()) > _ID_BYTES), None):
            raise ValueError(f"ids must not be longer than {_ID_BYTES} bytes: {long[:80]}…")
        check_new(ids, vectors, self._dim, self.fetch(ids) if len(ids) else ())
        known = digests if digests is not None else [""] * len(ids)
        rows = [
            {"id": identity, "sha256": digest, "vector": vector}
            for identity, digest, vector in zip(ids, known, np.asarray(vectors, dtype=np.float32), strict=True)
        ]
        self._num = None
        for part in parts(rows, _ROWS):
            self._call("upsert", data=part)

    def fetch(self, ids: Sequence[str]) -> dict[str, tuple[str, Vectors]]:
        """What is there of some ids: the SHA-256 of the text and the vector `(dim,)`."""
        found = {}
        for part in parts(list(ids), _ROWS):
            for row in self._call("query", filter=_named(part), output_fields=["id", "sha256", "vector"]):
                found[row["id"]] = (row["sha256"], np.asarray(row["vector"], dtype=np.float32))
        return found

    def search(
        self, vectors: Vectors, k: int, among: AbstractSet[str] | None = None
    ) -> tuple[list[list[str]], list[list[float]]]:
        """The k nearest of each row, best first, ties broken by id; fewer where the store, or what of it is `among` the
        ids that are asked for, is smaller.

        Raises `ValueError` for k above 16,384, another dimension or numbers that are not finite.
        """
        if k > MOST_HITS:
            raise ValueError(f"Milvus gives at most {MOST_HITS} hits, not {k}")
        check_vectors(vectors, self._dim)
        k = min(k, len(self)) if among is None else min(k, len(self), len(among))
        found_ids: list[list[str]] = []
        found_scores: list[list[float]] = []
        for queries in parts(list(np.asarray(vectors, dtype=np.float32)), _QUERIES):
            for ranked in self._ranked_among(queries, k, among) if k else [[] for _ in queries]:
                found_ids.append([identity for _, identity in ranked])
                found_scores.append([-negative for negative, _ in ranked])
        return found_ids, found_scores

    def vectors(self) -> tuple[list[str], Vectors]:
        """All ids and their vectors `(n, dim)`, in the server's order."""
        ids: list[str] = []
        blocks = [np.zeros((0, self._dim), dtype=np.float32)]
        rows = self._call("query_iterator", batch_size=_ROWS, output_fields=["id", "vector"])
        try:
            while part := self._guarded(rows.next):
                ids += [row["id"] for row in part]
                blocks.append(np.array([row["vector"] for row in part], dtype=np.float32))
        finally:
            rows.close()
        return ids, np.concatenate(blocks)

    def remove(self, ids: Sequence[str]) -> None:
        """Forget vectors; unknown ids are passed over."""
        self._num = None
        for part in parts(list(ids), _ROWS):
            self._call("delete", filter=_named(part))

    def __len__(self) -> int:
        if self._num is None:
            (row,) = self._call("query", filter="", output_fields=["count(*)"])
            self._num = int(row["count(*)"])
        return self._num

    def locator(self) -> str:
        """The server's URI and the collection."""
        return f"{self._options.milvus_uri}#{self.collection}"

    def save(self, folder: Path) -> None:
        """Have the server write what it holds to its disk, and the collection's name into `folder`."""
        self._call("flush")
        held = {"collection": self.collection, "dim": self._dim}
        write_text(folder / LOCATOR, json.dumps(held, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path, options: StoreConfig) -> "MilvusStore":
        """The collection that was saved. Raises `MissingError` where the server does not hold it."""
        held = json.loads((folder / LOCATOR).read_text(encoding="utf-8"))
        store = cls(options, held["collection"], held["dim"])
        if not store.exists():
            raise MissingError(f"{store.locator()}: no such collection", "run `hybrid index`")
        return store

    def exists(self) -> bool:
        """Whether the server holds the collection."""
        return bool(self._guarded(self._client.has_collection, self.collection, timeout=self._options.milvus_timeout_s))

    def drop(self) -> None:
        """Delete the collection; none there is well too."""
        self._num = None
        self.__dict__.pop("_opened", None)
        self._guarded(self._client.drop_collection, self.collection, timeout=self._options.milvus_timeout_s)

    def _ranked(self, queries: Sequence[Vectors], k: int, only: Sequence[str] = ()) -> list[Ranked]:
        """Of each query the first k; of the ids `only`, where any are given."""
        num, width = len(only) or len(self), k
        while True:
            # widen until the cut does not fall between equal scores, so that ties at the border are broken by id too
            width = min(num, 2 * width, MOST_HITS)
            ranked = self._nearest(queries, width, only)
            if width in (num, MOST_HITS) or all(len(row) < width or row[k - 1][0] < row[-1][0] for row in ranked):
                return [row[:k] for row in ranked]

    def _ranked_among(self, queries: Sequence[Vectors], k: int, among: AbstractSet[str] | None) -> list[Ranked]:
        """Where the ids are a good part of the store, what is found without a filter holds enough of them; a query for
        which it does not is asked with them by name, so many at a time.
        """
        if among is None:
            return self._ranked(queries, k)
        width = 2 * k * len(self) // len(among) + 1
        found: list[Ranked | None] = [None] * len(queries)
        if width <= MOST_HITS:
            for place, row in enumerate(self._nearest(queries, min(width, len(self)))):
                kept = [hit for hit in row if hit[1] in among]
                if len(row) == len(self) or (len(kept) >= k and kept[k - 1][0] < row[-1][0]):
                    found[place] = kept[:k]
        open_places = [place for place, row in enumerate(found) if row is None]
        if open_places:
            asked, ids = [queries[place] for place in open_places], sorted(among)
            by_part = [self._ranked(asked, min(k, len(part)), part) for part in parts(ids, _IDS)]
            for place, *rows in zip(open_places, *by_part, strict=True):
                found[place] = sorted(hit for row in rows for hit in row)[:k]
        return [row or [] for row in found]

    def _nearest(self, queries: Sequence[Vectors], width: int, only: Sequence[str] = ()) -> list[Ranked]:
        """What the server finds."""
        hits = self._call(
            "search",
            data=queries,
            limit=width,
            anns_field="vector",
            output_fields=["id"],
            search_params={"metric_type": "IP", "params": dict(self._options.milvus_search)},
            filter=_named(only) if only else "",
        )
        # copies of a vector are ties, though a filtered block may be summed in another order: its seventh digit differs
        return [sorted((-round(float(hit["distance"]), 6), str(hit["id"])) for hit in row) for row in hits]

    def _call(self, method: str, **arguments: Any) -> Any:
        timeout = self._options.milvus_timeout_s
        call = partial(getattr(self._opened, method), self.collection, timeout=timeout, **arguments)
        return self._guarded(self._loaded, call)

    def _loaded(self, call: Callable[[], Any]) -> Any:
        """A server that was started anew knows its collections, but may not have loaded them."""
        from pymilvus.client.types import LoadState
        from pymilvus.exceptions import MilvusException

        timeout = self._options.milvus_timeout_s
        try:
            return call()
        except MilvusException as error:
            if _is_passing(error):
                raise
            state = self._client.get_load_state(self.collection, timeout=timeout)["state"]
            if state != LoadState.NotLoad:
                raise
        self._client.load_collection(self.collection, timeout=timeout)
        return call()

    def _guarded(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """pymilvus gives up at the first refused connection: calls are repeated until `milvus_timeout_s` is over."""
        from grpc import RpcError
        from pymilvus.exceptions import MilvusException
        from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential_jitter

        again = Retrying(
            retry=retry_if_exception(_is_passing),
            stop=stop_after_delay(self._options.milvus_timeout_s),
            wait=wait_exponential_jitter(initial=0.1, max=5),
            reraise=True,
        )
        try:
            return again(call, *arguments, **options)
        except (MilvusException, RpcError) as error:
            raise self._failure(error) from None

    @cached_property
    def _opened(self) -> Any:
        """The client, the collection made and loaded."""
        from pymilvus import DataType

        client = self._client
        if self.exists():
            self._guarded(client.load_collection, self.collection, timeout=self._options.milvus_timeout_s)
            return client
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=_ID_BYTES)
        schema.add_field("sha256", DataType.VARCHAR, max_length=64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self._dim)
        index = client.prepare_index_params()
        index.add_index(
            "vector",
            index_type=self._options.milvus_index,
            metric_type="IP",
            params=dict(self._options.milvus_build),
        )
        self._guarded(
            client.create_collection,
            self.collection,
            schema=schema,
            index_params=index,
            consistency_level="Strong",
            timeout=self._options.milvus_timeout_s,
        )
        return client

    @cached_property
    def _client(self) -> Any:
        from pymilvus import MilvusClient

        # it prints a traceback of every error that it raises
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        options = self._options
        # by default connections are shared by address and token, whatever their certificates
        given: dict[str, Any] = {"dedicated": True}
        if options.milvus_database:
            given["db_name"] = options.milvus_database
        if options.milvus_uri.startswith("https://"):
            given |= {"secure": True, **_certificates(options)}
        token = os.environ.get(options.milvus_token_env, "")
        return self._guarded(
            MilvusClient, uri=options.milvus_uri, token=token, timeout=options.milvus_timeout_s, **given
        )

    def _failure(self, error: Exception) -> EndpointError:
        """A server may echo the token that it refuses: it is cut out before the message is shortened."""
        told = str(getattr(error, "message", None) or error)
        token = os.environ.get(self._options.milvus_token_env)
        for secret in (token, base64.b64encode(token.encode()).decode()) if token else ():
            told = told.replace(secret, "…")
        return EndpointError(
            f"{self.locator()}: {' '.join(told.split())[:300]}",
            f"check index.milvus_uri, the token in {self._options.milvus_token_env} and that the server is up, then "
            "run the same command again",
        )


def _named(ids: Sequence[str]) -> str:
    """The filter that these ids pass: pymilvus itself puts ids between quotes without escaping those in them, and
    milvus-lite takes no parameters beside a filter.
    """
    return f"id in [{','.join(json.dumps(identity, ensure_ascii=False) for identity in ids)}]"


def _is_passing(error: BaseException) -> bool:
    """Whether the same call may succeed in a moment: the server is away, too slow, or asks for patience."""
    from grpc import RpcError, StatusCode
    from pymilvus.client.types import Status
    from pymilvus.exceptions import ErrorCode, MilvusException

    passing = (StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED, Status.CONNECT_FAILED, ErrorCode.RATE_LIMIT)
    if isinstance(error, MilvusException):
        return error.retriable or error.code in passing
    return isinstance(error, RpcError) and error.code() in passing


def _certificates(options: StoreConfig) -> dict[str, str]:
    given = {
        # pymilvus takes the authority alone under another name than beside a client's certificate
        "ca_pem_path" if options.milvus_client_cert else "server_pem_path": options.milvus_ca_file,
        "client_pem_path": options.milvus_client_cert,
        "client_key_path": options.milvus_client_key,
    }
    for file in given.values():
        if file is not None and not file.is_file():
            raise InputError(file, "no such certificate", "check index.milvus_ca_file and its neighbours")
    name = {"server_name": options.milvus_server_name} if options.milvus_server_name else {}
    return {key: str(file) for key, file in given.items() if file is not None} | name
