"""Milvus in earnest: a server in a process of its own that is killed, refuses tokens, speaks TLS."""

import base64
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from pydantic import ValidationError

from hybrid.config_store import StoreConfig
from hybrid.errors import EndpointError, InputError, MissingError
from hybrid.retrieval.milvus_store import MilvusStore, is_installed
from tests.retrieval.test_store_contract import DIM, names, unit_vectors

pytestmark = pytest.mark.skipif(not is_installed(), reason="needs the extra milvus")
TOKEN = "reader:a-secret-0123456789"


class Server:
    """milvus-lite's server over a folder, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = folder
        self.start()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "milvus_lite", "server", "--data-dir", str(self.folder)]
        self.process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise TimeoutError("the server did not start")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "data")
    yield running
    running.kill()


def options(uri: str, **more: Any) -> StoreConfig:
    return StoreConfig(store="milvus", milvus_uri=uri, **more)


def filled(uri: str, **more: Any) -> MilvusStore:
    store = MilvusStore(options(uri, **more), f"c{uuid4().hex}", DIM)
    store.add(names(50), unit_vectors(50))
    return store


def test_a_server_that_goes_away_between_queries_is_named_after_retries(server: Server) -> None:
    store = filled(server.uri, milvus_timeout_s=2)
    assert store.search(unit_vectors(1, 3), 5)[0]
    server.kill()
    started = time.monotonic()
    with pytest.raises(EndpointError, match=rf"127\.0\.0\.1:{server.port}#c") as caught:
        store.search(unit_vectors(1, 3), 5)
    assert 1.5 < time.monotonic() - started < 10
    assert "index.milvus_uri" in caught.value.remedy


def test_a_server_that_comes_back_in_time_goes_unnoticed(server: Server) -> None:
    store = filled(server.uri, milvus_timeout_s=30)
    store.save(server.folder.parent)
    before = store.search(unit_vectors(3, 3), 5)
    server.kill()
    server.start()
    assert store.search(unit_vectors(3, 3), 5) == before
    assert len(MilvusStore.load(server.folder.parent, options(server.uri))) == 50


def test_a_server_that_was_never_there_is_named() -> None:
    with pytest.raises(EndpointError, match=r"127\.0\.0\.1:9"):
        filled("http://127.0.0.1:9", milvus_timeout_s=1)


def test_numbers_that_are_not_finite_and_other_dimensions_are_refused_whole(tmp_path: Path) -> None:
    store = filled(str(tmp_path / "m.db"))
    bad = unit_vectors(3, 1)
    bad[1, 2] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        store.add(["x", "y", "z"], bad)
    with pytest.raises(ValueError, match="not finite"):
        store.search(bad, 3)
    with pytest.raises(ValueError, match=f"dimension {DIM}"):
        store.add(["x"], unit_vectors(1)[:, :8])
    with pytest.raises(ValueError, match=f"dimension {DIM}"):
        store.search(unit_vectors(1)[:, :8], 3)
    with pytest.raises(ValueError, match="16384"):
        store.search(unit_vectors(1), 20_000)
    with pytest.raises(ValueError, match="1024 bytes"):
        store.add(["ß" * 600], unit_vectors(1))
    assert len(store) == 50


def test_an_approximate_index_finds_nearly_all(tmp_path: Path) -> None:
    more: dict[str, Any] = {"milvus_index": "HNSW", "milvus_build": {"M": 16, "efConstruction": 100}}
    exact, quick = filled(str(tmp_path / "m.db")), filled(str(tmp_path / "m.db"), milvus_search={"ef": 64}, **more)
    for store, type_ in ((exact, "FLAT"), (quick, "HNSW")):
        assert store._client.describe_index(store.collection, "vector")["index_type"] == type_
    wanted, found = (store.search(unit_vectors(20, 3), 5)[0] for store in (exact, quick))
    kept = sum(len(set(a) & set(b)) for a, b in zip(wanted, found, strict=True))
    assert kept >= 95


def test_a_collection_that_is_gone_is_missed(tmp_path: Path) -> None:
    store = filled(str(tmp_path / "m.db"))
    store.save(tmp_path)
    store.drop()
    with pytest.raises(MissingError, match="no such collection") as caught:
        MilvusStore.load(tmp_path, options(str(tmp_path / "m.db")))
    assert "hybrid index" in caught.value.remedy


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "milvus_uri is needed"),
        ({"milvus_uri": "https://me:secret@host:1"}, "holds a secret"),
        ({"milvus_uri": "https://host:1", "milvus_client_cert": "a.pem"}, "need each other"),
        ({"milvus_uri": "https://host:1", "milvus_client_cert": "a", "milvus_client_key": "b"}, "needs milvus_ca_file"),
        ({"milvus_uri": "https://host:1", "milvus_prefix": "a-b"}, "pattern"),
    ],
)
def test_configurations_that_cannot_work_are_refused(fields: dict[str, str], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        StoreConfig(store="milvus", **fields)


class SecureServer:
    """milvus-lite's service behind TLS; calls without the token are refused, naming what they carried."""

    def __init__(self, folder: Path, *, ask_client: bool = False) -> None:
        import grpc
        from milvus_lite.adapter.grpc.servicer import MilvusServicer
        from milvus_lite.db import MilvusLite
        from pymilvus.grpc_gen import milvus_pb2_grpc

        wanted = base64.b64encode(TOKEN.encode()).decode()

        class Guard(grpc.ServerInterceptor):
            def intercept_service(self, continuation: Any, details: Any) -> Any:
                given = dict(details.invocation_metadata).get("authorization", "nothing")
                if given == wanted:
                    return continuation(details)

                def refuse(_: Any, context: Any) -> Any:
                    decoded = base64.b64decode(given).decode() if given != "nothing" else ""
                    context.abort(grpc.StatusCode.UNAUTHENTICATED, f"not allowed: {given} {decoded}")

                return grpc.unary_unary_rpc_method_handler(refuse)

        from concurrent.futures import ThreadPoolExecutor

        self.ca = certificate(folder, "localhost")
        self.db = MilvusLite(str(folder / "data"))
        self.grpc = grpc.server(ThreadPoolExecutor(4), interceptors=[Guard()])
        milvus_pb2_grpc.add_MilvusServiceServicer_to_server(MilvusServicer(self.db), self.grpc)
        pair = ((folder / "localhost.key").read_bytes(), self.ca.read_bytes())
        roots = self.ca.read_bytes() if ask_client else None
        credentials = grpc.ssl_server_credentials([pair], roots, ask_client)
        self.uri = f"https://127.0.0.1:{self.grpc.add_secure_port('127.0.0.1:0', credentials)}"
        self.grpc.start()

    def stop(self) -> None:
        self.grpc.stop(None).wait()
        self.db.close()


def certificate(folder: Path, host: str) -> Path:
    """A self-signed certificate and its key, `<host>.pem` and `<host>.key`."""
    who = ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
    files = ["-keyout", f"{folder}/{host}.key", "-out", f"{folder}/{host}.pem"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *who, *files]
    subprocess.run(command, check=True, capture_output=True)
    return folder / f"{host}.pem"


def secure(server: SecureServer, **more: Any) -> dict[str, Any]:
    names = {"milvus_ca_file": server.ca, "milvus_server_name": "localhost", "milvus_token_env": "TEST_MILVUS_TOKEN"}
    return {"milvus_timeout_s": 3, **names, **more}


def test_tls_and_a_token_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = SecureServer(tmp_path)
    try:
        monkeypatch.setenv("TEST_MILVUS_TOKEN", TOKEN)
        store = filled(server.uri, **secure(server))
        assert len(store) == 50 and TOKEN not in store.locator()
        other = certificate(tmp_path, "other")
        with pytest.raises(EndpointError):
            filled(server.uri, **secure(server, milvus_ca_file=other))
        with pytest.raises(InputError, match="no such certificate"):
            filled(server.uri, **secure(server, milvus_ca_file=tmp_path / "gone.pem"))
        wrong = "reader:another-secret-987654"
        monkeypatch.setenv("TEST_MILVUS_TOKEN", wrong)
        with pytest.raises(EndpointError, match="illegal connection params") as caught:
            filled(server.uri, **secure(server))
        assert wrong not in str(caught.value)
        assert base64.b64encode(wrong.encode()).decode() not in str(caught.value)
    finally:
        server.stop()


def test_a_token_that_a_server_echoes_is_cut_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Directly: pymilvus replaces what a server says while it connects, but not what it says later."""
    from pymilvus.exceptions import MilvusException

    monkeypatch.setenv("TEST_MILVUS_TOKEN", TOKEN)
    store = MilvusStore(options("http://127.0.0.1:9", milvus_token_env="TEST_MILVUS_TOKEN"), "c", DIM)
    encoded = base64.b64encode(TOKEN.encode()).decode()
    # where a message is shortened before, the second one is cut in two and not found
    echoed = f"not allowed: {encoded}\nwho is {'x' * 225} {TOKEN}?"
    for error in (MilvusException(message=echoed), ValueError(echoed)):
        told = str(store._failure(error))
        assert "http://127.0.0.1:9#c: not allowed: … who is xxx" in told and "TEST_MILVUS_TOKEN" in told
        assert not any(secret[:8] in told for secret in (TOKEN, encoded))


def test_a_server_that_asks_for_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = SecureServer(tmp_path, ask_client=True)
    try:
        monkeypatch.setenv("TEST_MILVUS_TOKEN", TOKEN)
        with pytest.raises(EndpointError):
            filled(server.uri, **secure(server))
        own = {"milvus_client_cert": server.ca, "milvus_client_key": tmp_path / "localhost.key"}
        assert len(filled(server.uri, **secure(server, **own))) == 50
    finally:
        server.stop()
