"""The OpenAI-compatible generator against servers that stumble, and a real one that is killed and comes back."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from hybrid.answering.generation_cache import CachedGenerator
from hybrid.answering.local_generator import LocalGenerator
from hybrid.answering.openai_generator import OpenAIGenerator
from hybrid.config import Config
from hybrid.corpus.passages import CorpusFolder
from hybrid.errors import EndpointError
from hybrid.lifecycle.workspace import Workspace
from hybrid.types import Chat, Message
from tests.tiny_generator import tiny_generator

CHATS: list[Chat] = [(Message("user", f"How heavy is pump {n}?"),) for n in range(12)]
Reply = tuple[int, dict[str, Any], dict[str, str]]


def answer(body: dict[str, Any]) -> Reply:
    message = {"role": "assistant", "content": f"{body['model']} to {body['messages'][-1]['content']}"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return 200, {"id": "1", "object": "chat.completion", "created": 0, "choices": [choice], "usage": usage}, {}


class Stumbling:
    """A server that asks `script` what to reply to the n-th request (from 0); None is a real answer."""

    def __init__(self, script: Callable[[int], Reply | None]) -> None:
        self.times: list[float] = []
        self.models: list[str] = []
        self.most_at_once = self.now = 0
        lock, outer = threading.Lock(), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    number = len(outer.times)
                    outer.times.append(time.monotonic())
                    outer.models.append(body["model"])
                    outer.now += 1
                    outer.most_at_once = max(outer.most_at_once, outer.now)
                status, value, headers = script(number) or answer(body)
                with lock:
                    outer.now -= 1
                content = json.dumps(value).encode()
                try:
                    self.send_response(status)
                    for name, text in {"Content-Type": "application/json", **headers}.items():
                        self.send_header(name, text)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except (BrokenPipeError, ConnectionResetError):
                    pass

            def log_message(self, *_: Any) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def __enter__(self) -> "Stumbling":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.http.server_close()


def ask(url: str, num: int = 1, **options: Any) -> list[str]:
    given: dict[str, Any] = {"timeout_s": 5, "total_timeout_s": 20, **options}
    generator = OpenAIGenerator(url, "m", api_key_env="TEST_MODEL_KEY", **given)
    return [generation.text for generation in generator.generate(CHATS[:num], max_new_tokens=4)]


def failing(status: int, code: str = "", **headers: str) -> Reply:
    return status, {"error": {"message": "not now", "code": code}}, headers


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_errors_that_pass_are_asked_again(status: int) -> None:
    with Stumbling(lambda number: failing(status) if number < 2 else None) as server:
        assert ask(server.url) == ["m to How heavy is pump 0?"]
        assert len(server.times) == 3


def test_the_pause_that_the_server_asks_for_is_kept() -> None:
    with Stumbling(lambda number: None if number else failing(429, **{"Retry-After": "1.5"})) as server:
        ask(server.url)
        assert server.times[1] - server.times[0] >= 1.5


def test_a_request_that_takes_too_long_is_asked_again() -> None:
    def script(number: int) -> Reply | None:
        time.sleep(0 if number else 2)
        return None

    with Stumbling(script) as server:
        assert ask(server.url, timeout_s=0.5) == ["m to How heavy is pump 0?"]


@pytest.mark.parametrize(("status", "code"), [(400, ""), (401, ""), (404, ""), (429, "insufficient_quota")])
def test_errors_that_stay_are_told_at_once(status: int, code: str) -> None:
    with Stumbling(lambda _: failing(status, code)) as server:
        with pytest.raises(EndpointError, match="not now"):
            ask(server.url)
        assert len(server.times) == 1


def test_a_server_that_stays_away_is_given_up_in_time_and_once_for_all() -> None:
    started = time.monotonic()
    with Stumbling(lambda _: failing(503)) as server:
        with pytest.raises(EndpointError, match=r"tried \d+ times"):
            ask(server.url, num=12, total_timeout_s=1.0, concurrency=2)
        assert len(set(server.models)) == 1
    # not once for each pair of requests
    assert time.monotonic() - started < 5


def test_as_many_requests_at_once_as_configured() -> None:
    def script(_: int) -> None:
        time.sleep(0.1)

    with Stumbling(script) as server:
        texts = ask(server.url, num=12, concurrency=4)
        assert texts == [f"m to How heavy is pump {n}?" for n in range(12)] and server.most_at_once == 4


def test_what_was_answered_before_a_failure_is_kept_and_not_paid_again(tmp_path: Path) -> None:
    broken = threading.Event()
    broken.set()
    with Stumbling(lambda number: failing(400) if broken.is_set() and number >= 7 else None) as server:
        inner = OpenAIGenerator(server.url, "m", api_key_env="TEST_MODEL_KEY", concurrency=3)
        with pytest.raises(EndpointError):
            CachedGenerator(inner, tmp_path / "c.sqlite").generate(CHATS, max_new_tokens=4)
        cached = CachedGenerator(inner, tmp_path / "c.sqlite")
        assert len(cached.missing(CHATS, max_new_tokens=4)) == 5
        broken.clear()
        before = len(server.times)
        texts = [generation.text for generation in cached.generate(CHATS, max_new_tokens=4)]
        assert texts == [f"m to How heavy is pump {n}?" for n in range(12)]
        assert len(server.times) - before == 5


def test_the_tuned_model_answers_under_its_own_name_at_the_server(tmp_path: Path) -> None:
    served = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "base"}

    def workspace(**more: str) -> Workspace:
        config = Config.model_validate({"generator": {**served, **more}})
        return Workspace(tmp_path, CorpusFolder(tmp_path), config)

    tuned = workspace(tuned_model="my-adapter")
    assert tuned.live == "tuned" and workspace().live == "base"
    names = {system: tuned.generator(system).name for system in ("base", "embedder", "adapter", "tuned")}
    assert names == {"base": "base", "embedder": "base", "adapter": "my-adapter", "tuned": "my-adapter"}
    assert tuned.generator("tuned").fingerprint != tuned.generator("base").fingerprint
    assert workspace().generator("tuned").name == "base"


class TransformersServe:
    """`transformers serve` in a process of its own."""

    def __init__(self, model: Path, log: Path) -> None:
        self.model, self.log = model, log
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.start()

    def start(self) -> None:
        command = Path(sys.executable).with_name("transformers")
        options = ["--device", "cpu", "--dtype", "float32", "--host", "127.0.0.1", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [command, "serve", str(self.model), *options],
                stdout=log,
                stderr=log,
                env={**os.environ, "HF_HUB_OFFLINE": "1"},
            )
        for _ in range(1500):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=1):
                    return
            except OSError:
                time.sleep(0.2)
        self.kill()
        raise TimeoutError(self.log.read_text())

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TransformersServe]:
    if find_spec("fastapi") is None:
        pytest.skip("needs transformers[serving]")
    folder = tmp_path_factory.mktemp("served")
    running = TransformersServe(tiny_generator(folder / "tiny"), folder / "serve.log")
    yield running
    running.kill()


def test_transformers_serve_answers_as_the_same_model_here(served: TransformersServe) -> None:
    local = LocalGenerator(served.model, dtype="float32", batch_size=1)
    remote = OpenAIGenerator(served.url, str(served.model), api_key_env="TEST_MODEL_KEY", concurrency=3)
    assert remote.generate(CHATS[:6], max_new_tokens=8) == local.generate(CHATS[:6], max_new_tokens=8)


def test_a_server_killed_among_requests_loses_no_answer_and_the_rest_is_asked_when_it_is_back(
    served: TransformersServe, tmp_path: Path
) -> None:
    def cached(total_timeout_s: float) -> CachedGenerator:
        inner = OpenAIGenerator(
            served.url,
            str(served.model),
            api_key_env="TEST_MODEL_KEY",
            timeout_s=30,
            total_timeout_s=total_timeout_s,
            concurrency=2,
        )
        return CachedGenerator(inner, tmp_path / "c.sqlite")

    class Killing(CachedGenerator):
        def _write(self, keys: Any, generations: Any) -> None:
            super()._write(keys, generations)
            if self.kills and len(self.missing(CHATS, max_new_tokens=8)) <= 8:
                self.kills = False
                served.kill()

        kills = True

    killing = Killing(cached(2)._inner, tmp_path / "c.sqlite")
    with pytest.raises(EndpointError, match=rf"127\.0\.0\.1:{served.port}") as caught:
        killing.generate(CHATS, max_new_tokens=8)
    assert "only what is not answered yet" in caught.value.remedy
    left = len(cached(2).missing(CHATS, max_new_tokens=8))
    assert 0 < left <= 8
    # the server comes back while the command is asking: nothing is noticed
    threading.Timer(0.5, served.start).start()
    answers = cached(120).generate(CHATS, max_new_tokens=8)
    assert answers == LocalGenerator(served.model, dtype="float32", batch_size=1).generate(CHATS, max_new_tokens=8)
