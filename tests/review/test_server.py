"""Who is answered by the review server, and what it takes."""

import json
import socket
import struct
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from hybrid.errors import UserError
from hybrid.review.evidence import Shelf
from hybrid.review.labels import Decision, Label, open_log
from hybrid.review.server import MAX_BODY, ReviewServer
from hybrid.review.session import Session
from tests.review.conftest import PASSAGES, Desk, row


@pytest.fixture
def running(desk: Desk) -> Iterator[ReviewServer]:
    with desk.serve() as server:
        yield server


def ask(
    server: ReviewServer, name: str, body: Any = None, *, token: str | None = None, **headers: str | None
) -> tuple[int, Any]:
    """Status and answer of a request as the page makes it, with headers replaced or, by None, left out."""
    own = f"127.0.0.1:{server.server_port}"
    sent: dict[str, str | None] = {"Host": own}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    if body is not None:
        sent |= {"Origin": f"http://{own}", "Content-Type": "application/json", "Content-Length": str(len(content))}
    sent |= {key.replace("_", "-"): value for key, value in headers.items()}
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    path = f"/{server.token if token is None else token}/{name}"
    connection.putrequest("GET" if body is None else "POST", path, skip_host=True, skip_accept_encoding=True)
    for key, value in sent.items():
        if value is not None:
            connection.putheader(key, value)
    connection.endheaders(None if body is None else content)
    reply = connection.getresponse()
    text = reply.read()
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    connection.close()
    return reply.status, json.loads(text) if reply.headers["Content-Type"] == "application/json" else text.decode()


def accepting(server: ReviewServer, **changed: Any) -> dict[str, Any]:
    item = server.session.item(0)
    return {"id": item["id"], "record": item["record"], "decision": "accept", **changed}


def test_the_page_and_its_parts(running: ReviewServer) -> None:
    status, page = ask(running, "")
    assert status == 200 and "reviewed by anna" in page and "http" not in page
    for name in ("review.js", "review.css"):
        status, text = ask(running, name)
        assert status == 200 and "http" not in text
    assert ask(running, "overview")[1]["decisions"] == [None] * 4
    assert ask(running, "items/3")[1]["id"] == "q3"
    assert running.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "name", ["items/4", "items/-1", "items/x", "items/", f"items/{10**20}", "nothing", "../overview"]
)
def test_what_is_not_there(running: ReviewServer, name: str) -> None:
    assert ask(running, name)[0] in (400, 404)


def test_a_stranger_is_told_nothing(running: ReviewServer, desk: Desk) -> None:
    own = f"127.0.0.1:{running.server_port}"
    strangers: list[dict[str, Any]] = [
        {"token": "guess"},
        {"token": ""},
        # another name that was made to point here
        {"Host": f"evil.example:{running.server_port}", "Origin": f"http://evil.example:{running.server_port}"},
        {"Host": None},
    ]
    for one in strangers:
        assert ask(running, "overview", **one) == (403, {"error": "not for you"})
        assert ask(running, "labels", accepting(running), **one)[0] == 403
    # other pages in the same browser
    for origin in ("http://evil.example", "null", None, f"https://{own}", "http://127.0.0.1:1"):
        assert ask(running, "labels", accepting(running), Origin=origin)[0] == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", None):
        assert ask(running, "labels", accepting(running), Content_Type=kind)[0] == 415
    assert desk.labels("anna") == []
    # a forwarded port keeps its own number
    forwarded = {"Host": "localhost:9999", "Origin": "http://localhost:9999"}
    assert ask(running, "labels", accepting(running), **forwarded)[0] == 200


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", {}),
        (b"[]", {}),
        (b"\xff\xfe", {}),
        (b"[" * 100_000, {}),
        (b"{}", {"Content_Length": str(MAX_BODY + 1)}),
        (b"{}", {"Content_Length": "-1"}),
        (b"{}", {"Content_Length": None}),
    ],
)
def test_bodies_that_are_no_object(running: ReviewServer, body: bytes, headers: dict[str, Any]) -> None:
    status, told = ask(running, "labels", body, **headers)
    assert status == 400 and "JSON object" in told["error"]


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"id": "q9"}, "no question"),
        ({"id": ["q0"]}, "no question"),
        ({"record": "older"}, "reload"),
        ({"decision": "undo"}, "no decision"),
        ({"decision": None}, "no decision"),
        ({"decision": "reject"}, "no reason"),
        ({"decision": "reject", "reason": "mood"}, "no reason"),
        ({"decision": "reject", "reason": ["other"]}, "no reason"),
        ({"decision": "reject", "reason": "other", "note": " "}, "note"),
        ({"decision": "edit", "question": " ", "answers": ["x"]}, "wording"),
        ({"decision": "edit", "question": "Why?", "answers": ["", 5]}, "had an answer"),
        ({"decision": "edit", "question": "Why?", "answers": "40 kg"}, "had an answer"),
    ],
)
def test_labels_that_are_refused(running: ReviewServer, desk: Desk, changed: dict[str, Any], word: str) -> None:
    status, told = ask(running, "labels", accepting(running, **changed))
    assert status == 400 and word in told["error"]
    assert desk.labels("anna") == []


def test_an_edit_that_changes_nothing_accepts(running: ReviewServer, desk: Desk) -> None:
    shown = running.session.item(0)
    same = {"decision": "edit", "question": f" {shown['question']}", "answers": [*shown["answers"], ""]}
    status, told = ask(running, "labels", accepting(running, **same))
    assert status == 200 and told["decisions"][0] == "accept"
    # half of a surrogate pair, as a browser may send it
    assert ask(running, "labels", accepting(running, decision="edit", question="\ud800?", answers=["1"]))[0] == 200
    assert [label.question for label in desk.labels("anna")] == ["", "??"]


def test_nothing_to_undo(running: ReviewServer) -> None:
    assert ask(running, "undo", {}) == (400, {"error": "there is nothing to undo among these questions"})


def test_a_label_that_is_not_on_the_page_is_not_undone(desk: Desk) -> None:
    desk.label("anna", Label("q1", "", Decision.ACCEPT), Label("q0", "", Decision.ACCEPT))
    with open_log(desk.path("anna")) as log:
        session = Session(desk.items()[1:], log, Shelf(PASSAGES))
        with pytest.raises(UserError, match="nothing to undo among these questions"):
            session.undo()
        assert desk.labels("anna") == log.labels and len(log.labels) == 2
    with open_log(desk.path("anna")) as log:
        undone = Session(desk.items()[:1], log, Shelf(PASSAGES)).undo()
    assert undone == {"decisions": [None], "counts": {"accept": 0, "edit": 0, "reject": 0}, "place": 0}
    assert [label.id for label in desk.labels("anna")] == ["q1"]


def test_a_question_without_an_answer_gets_none_by_an_edit(desk: Desk) -> None:
    (item,) = desk.write(row(0, answers=[], evidence=[], answerable=False))
    wanted = {"id": "q0", "record": item.digest, "decision": "edit", "question": "Who built it?"}
    with open_log(desk.path("anna")) as log:
        session = Session([item], log, Shelf(PASSAGES))
        with pytest.raises(UserError, match="reject it"):
            session.decide({**wanted, "answers": ["40 kg"]})
        assert session.decide({**wanted, "answers": [" "]})["decisions"] == ["edit"]


def test_a_browser_that_goes_away_is_no_news(running: ReviewServer, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_connection(("127.0.0.1", running.server_port)) as browser:
        browser.sendall(f"GET /{running.token}/overview HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        browser.recv(10)
        # closed by a reset
        browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert ask(running, "overview")[0] == 200
    time.sleep(0.2)
    assert capfd.readouterr().err == ""


def test_a_port_that_is_taken(running: ReviewServer) -> None:
    with pytest.raises(UserError, match=f"port {running.server_port} is taken"):
        ReviewServer(running.session, file="made.jsonl", reviewer="ben", port=running.server_port)
