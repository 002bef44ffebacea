"""The client against servers that are not what they should be."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hybrid.serving import client
from hybrid.serving.client import ServedError, ask_served

pytestmark = pytest.mark.posix
WANTED = {"protocol": client.PROTOCOL}
REPLY = {"reply": {"record": {"answer": "20 kg"}}}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_SLOW_S", 0.3)
    monkeypatch.setattr(client, "_PATIENCE_S", 0.6)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Starts a server that sends the given bytes after a request; where `hang`, it then keeps the connection."""
    path = tmp_path / "s"
    listening = socket.socket(socket.AF_UNIX)
    over = threading.Event()

    def started(*sent: Any, hang: bool = False) -> Path:
        listening.bind(str(path))
        listening.listen()

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1 << 16)
                for line in sent:
                    connection.sendall(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
                if hang:
                    over.wait(20)

        threading.Thread(target=answer, daemon=True).start()
        return path

    yield started
    over.set()
    listening.close()


def test_the_reply_and_pieces_before_it(serve: Callable[..., Path]) -> None:
    path = serve({"accepted": True}, {"text": "20"}, {"text": " kg"}, REPLY)
    pieces: list[str] = []
    assert ask_served(path, WANTED, "?", on_text=pieces.append) == REPLY["reply"]
    assert pieces == ["20", " kg"]


@pytest.mark.parametrize(
    "sent",
    [
        [],
        [{"accepted": True}],
        [{"accepted": True}, {"text": "20"}],
        [{"refused": "another release"}],
        [{"accepted": True}, {"refused": "the index is stale"}],
        [b"\x00\xff garbage\n"],
        [b"[1, 2]\n"],
        [b'{"reply": ' + b"[" * 100_000 + b"\n"],
        [{"accepted": True}, b'{"reply": {"rec'],
    ],
)
@pytest.mark.parametrize("hang", [False, True])
def test_without_a_reply_there_is_none_and_no_error(serve: Callable[..., Path], sent: list[Any], hang: bool) -> None:
    assert ask_served(serve(*sent, hang=hang), WANTED, "?") is None


def test_a_full_backlog_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_PATIENCE_S", 20.0)
    path, num = tmp_path / "s", 8
    with socket.socket(socket.AF_UNIX) as listening, ThreadPoolExecutor(num) as crowd:
        listening.bind(str(path))
        listening.listen(1)
        asked = [crowd.submit(ask_served, path, WANTED, "?") for _ in range(num)]
        time.sleep(0.3)
        for _ in range(num):
            connection, _ = listening.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(json.dumps(REPLY).encode() + b"\n")
        assert [one.result() for one in asked] == [REPLY["reply"]] * num


def test_who_waits_is_told_its_place_and_not_for_each_step(
    serve: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    places = [{"accepted": True, "before": before} for before in (9, 8, 5, 4, 3, 2, 1, 0)]
    assert ask_served(serve(*places, REPLY), WANTED, "?") == REPLY["reply"]
    assert capsys.readouterr().err.splitlines() == [f"the server is busy, {n} before you" for n in (9, 4, 2, 1)]


def test_waiting_has_an_end_and_that_is_told(
    serve: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(client, "_TURN_S", 0.0)
    assert ask_served(serve({"accepted": True, "before": 3}, hang=True), WANTED, "?") is None
    assert "answering without it" in capsys.readouterr().err


def test_a_server_without_a_sign_is_told(serve: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert ask_served(serve(hang=True), WANTED, "?") is None
    busy, given_up = capsys.readouterr().err.splitlines()
    assert "the server is busy" in busy and "gives no sign" in given_up


def test_an_error_of_the_question_s_is_raised(serve: Callable[..., Path]) -> None:
    error = {"problem": "too long", "remedy": "shorten it", "exit_code": 2}
    with pytest.raises(ServedError) as raised:
        ask_served(serve({"accepted": True}, {"error": error}), WANTED, "?")
    assert raised.value.exit_code == 2
    assert str(raised.value) == "too long\n  → shorten it"


def test_an_error_of_the_caller_s_own_screen_is_not_swallowed(serve: Callable[..., Path]) -> None:
    def closed(_: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        ask_served(serve({"text": "20"}, REPLY), WANTED, "?", on_text=closed)


def test_where_nobody_serves_there_is_no_reply(tmp_path: Path) -> None:
    dead = tmp_path / "dead"
    socket.socket(socket.AF_UNIX).bind(str(dead))
    (tmp_path / "file").write_text("", encoding="utf-8")
    for path in (dead, tmp_path / "file", tmp_path / "nothing", tmp_path / ("x" * 200)):
        assert ask_served(path, WANTED, "?") is None


def test_another_user_s_socket_is_not_asked(serve: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = serve({"accepted": True}, REPLY)
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    assert ask_served(path, WANTED, "?") is None
