"""The client against servers that are not what they should be."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
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
    monkeypatch.setattr(client, "_ACCEPT_S", 0.3)
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
        [{"accepted": True}, b'{"reply": {"rec'],
    ],
)
@pytest.mark.parametrize("hang", [False, True])
def test_without_a_reply_there_is_none_and_no_error(serve: Callable[..., Path], sent: list[Any], hang: bool) -> None:
    assert ask_served(serve(*sent, hang=hang), WANTED, "?") is None


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
