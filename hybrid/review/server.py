"""The review page, served to this machine alone.

Another page in the same browser could send requests here, too, or have its own name point here. Therefore an address
holds a random token, the `Host` must be this machine's, and a label is taken only as JSON from the page's own origin.
"""

import errno
import json
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from hybrid.errors import HybridError, UserError
from hybrid.evaluation.report import page_environment
from hybrid.review.labels import REASONS
from hybrid.review.session import Session

LOCAL = "127.0.0.1"
MAX_BODY = 1_000_000
"""Bytes of a label: the longest answer is far below."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_NAMES = {LOCAL, "localhost"}
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Reply:
    """What a request is answered with."""

    status: HTTPStatus
    kind: str
    body: bytes


class ReviewServer(ThreadingHTTPServer):
    """Serves one session at `url` from the moment it is made. Raises `UserError` where the port cannot be had."""

    daemon_threads = True

    def __init__(self, session: Session, *, file: str, reviewer: str, port: int = 0) -> None:
        self.session = session
        self.token = secrets.token_urlsafe(16)
        self.page = _page(file, reviewer)
        try:
            super().__init__((LOCAL, port), _Handler)
        except OSError as error:
            why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
            raise UserError(f"port {port} {why}", "give --port another one, or leave it out") from None

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://{LOCAL}:{self.server_port}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away in the middle."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        name = self._name()
        if name is None:
            self._send(_refusal(HTTPStatus.FORBIDDEN, "not for you"))
        elif name in self.server.page:
            self._send(self.server.page[name])
        elif name == "overview":
            self._answer(self.server.session.overview)
        elif name.startswith("items/") and name[6:].isascii() and name[6:].isdecimal() and len(name) < 16:
            self._answer(lambda: self.server.session.item(int(name[6:])))
        else:
            self._send(_refusal(HTTPStatus.NOT_FOUND, "there is nothing here"))

    def do_POST(self) -> None:
        name = self._name()
        if name is None or self.headers.get("Origin") != f"http://{self.headers.get('Host')}":
            self._refuse(HTTPStatus.FORBIDDEN, "not for you")
        elif self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send JSON")
        elif (body := self._body()) is None:
            self._refuse(HTTPStatus.BAD_REQUEST, f"send one JSON object of at most {MAX_BODY} bytes")
        elif name == "labels":
            self._answer(lambda: self.server.session.decide(body))
        elif name == "undo":
            self._answer(self.server.session.undo)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _name(self) -> str | None:
        """What is asked for below the token; None for a stranger."""
        parts = self.path.partition("?")[0].split("/", 2)
        if len(parts) < 3 or self.headers.get("Host", "").partition(":")[0].lower() not in _NAMES:
            return None
        known = secrets.compare_digest(parts[1].encode(), self.server.token.encode())
        return parts[2] if known else None

    def _body(self) -> Mapping[str, Any] | None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or len(length) > 9 or int(length) > MAX_BODY:
            return None
        try:
            value = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def _answer(self, call: Callable[[], object]) -> None:
        try:
            value = call()
        except HybridError as error:
            self._send(_refusal(HTTPStatus.BAD_REQUEST, error.problem))
        except OSError as error:
            self._send(_refusal(HTTPStatus.INTERNAL_SERVER_ERROR, f"the label could not be written: {error.strerror}"))
        else:
            self._send(_json(HTTPStatus.OK, value))

    def _refuse(self, status: HTTPStatus, problem: str) -> None:
        """Refuse a request whose body may not have been read: the connection cannot be used again."""
        self.close_connection = True
        self._send(_refusal(status, problem))

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def version_string(self) -> str:
        return "hybrid"

    def log_message(self, *_: Any) -> None:
        """Say nothing: the terminal is the reviewer's."""


def _json(status: HTTPStatus, value: object) -> Reply:
    return Reply(status, "application/json", json.dumps(value).encode())


def _refusal(status: HTTPStatus, problem: str) -> Reply:
    return _json(status, {"error": problem})


def _page(file: str, reviewer: str) -> dict[str, Reply]:
    environment = page_environment(_TEMPLATES)
    html = environment.get_template("review.html").render(file=file, reviewer=reviewer, reasons=REASONS)
    style = environment.get_template("review.css").render()
    script = (_TEMPLATES / "review.js").read_text(encoding="utf-8")
    return {
        name: Reply(HTTPStatus.OK, f"{kind}; charset=utf-8", text.encode())
        for name, kind, text in (
            ("", "text/html", html),
            ("review.css", "text/css", style),
            ("review.js", "text/javascript", script),
        )
    }
