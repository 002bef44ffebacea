"""A resident process that answers questions over a Unix domain socket, with its models loaded.

Each connection is one question. It is read in a thread of its own, so that a client that hangs keeps nobody waiting;
questions are answered one at a time, in the order in which they came.
"""

import json
import os
import select
import socketserver
import stat
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from hybrid import __version__
from hybrid.answering.streaming import OnText
from hybrid.config import Config
from hybrid.config_file import load_config
from hybrid.digests import cache_folder
from hybrid.errors import HybridError, UserError
from hybrid.lifecycle.workspace import SystemName, Workspace
from hybrid.locks import alone
from hybrid.models import Role, embedded_as, find_local
from hybrid.serving.asking import Asker
from hybrid.serving.client import PROTOCOL
from hybrid.serving.turns import Turns

_REQUEST_BYTES = 1 << 20
_REQUEST_S = 5.0
_REST_S = 30.0
_REASON = 200
"""Characters of what is told of a request that is none."""
_PATH_BYTES = 103
"""Of a socket's path, on every system."""
_PARTS = ("passages", "index-*", "lexical", "fusion-*", "prompt", "embedder", "adapter", "generator")
"""What of a workspace answers rest on."""


class RefusedError(Exception):
    """The question is one for the client's own process."""


class Asked(BaseModel):
    """A request, as `client.describe` and `client.ask_served` write it."""

    model_config = ConfigDict(strict=True, frozen=True)

    protocol: int
    version: str
    folder: str
    workspace: str
    corpus: str
    config: str | None
    overrides: list[str]
    system: Literal["live"] | SystemName
    cache: str
    question: str
    where: list[str]
    ranks: bool
    stream: bool


def read_request(line: bytes) -> Asked:
    """Raises `RefusedError` for what is no request."""
    try:
        request = Asked.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise RefusedError(f"not a request: {'.'.join(map(str, first['loc']))} {first['msg']}"[:_REASON]) from None
    if (request.protocol, request.version) != (PROTOCOL, __version__):
        raise RefusedError("another release")
    if any("\0" in path for path in (request.folder, request.config or "")):
        raise RefusedError("not a request: a path with a NUL")
    return request


class Resident:
    """A system of a workspace, loaded. It is loaded anew when what it rests on has changed; `live` follows a tuning."""

    def __init__(self, workspace: Workspace, choice: Literal["live"] | SystemName, note: Callable[[str], None]) -> None:
        self._workspace = workspace
        self._choice = choice
        self._note = note
        self._lock = threading.Lock()
        self._state = self._on_disk()
        self._asker: Asker | None = self._load()

    @property
    def system(self) -> SystemName:
        """The system that answers."""
        return self._workspace.choose(self._choice)

    def ask(self, request: Asked, on_text: OnText) -> dict[str, Any]:
        """What `Asker.ask` tells. Raises `RefusedError` where the client's own process would use another system, or
        say that the index is stale; `HybridError` where it would say that the question cannot be answered.
        """
        with self._lock:
            try:
                self._check(request)
                asker = self._current()
            except HybridError as error:
                raise RefusedError(error.problem) from None
            on_piece = on_text if request.stream else None
            return asker.ask(request.question, where=request.where, ranks=request.ranks, on_text=on_piece)

    def rest(self) -> None:
        """Until the answer that is being written is finished; no other is begun."""
        self._lock.acquire(timeout=_REST_S)

    def _check(self, request: Asked) -> None:
        workspace = self._workspace
        places = {"workspace": workspace.root, "corpus": workspace.corpus.folder, "cache": cache_folder()}
        if any(getattr(request, name) != os.path.realpath(place) for name, place in places.items()):
            raise RefusedError("another workspace")
        config = load_config(Path(request.config) if request.config else None, tuple(request.overrides))
        if config != workspace.config or _models(config, Path(request.folder)) != _models(config, Path.cwd()):
            raise RefusedError("another configuration")
        if workspace.choose(request.system) != self.system:
            raise RefusedError("another system")

    def _current(self) -> Asker:
        state = self._on_disk()
        if self._asker is None or state != self._state:
            self._asker = None
            # nothing that the old one has read counts any more
            self._workspace = replace(self._workspace)
            self._state, self._asker = state, self._load()
            self._note("loaded anew, as the index or a model changed")
        return self._asker

    def _load(self) -> Asker:
        asker = Asker(self._workspace.pipeline(self.system))
        # the first question must not wait for what is loaded at first use
        asker.warm()
        return asker

    def _on_disk(self) -> list[Any]:
        """Changes when a file changes that an answer rests on."""
        config, root = self._workspace.config, self._workspace.root
        folders = [folder for name in _PARTS for folder in sorted(root.glob(name))]
        folders += [folder for name, role in _named(config) if (folder := find_local(name, role))]
        files = [file for folder in folders for file in sorted(folder.rglob("*"))]
        states = [(str(file), file.stat()) for file in files]
        content = self._workspace.corpus.content_id(config.corpus)
        return [content, *((name, s.st_size, s.st_mtime_ns, s.st_ino) for name, s in states)]


def _named(config: Config) -> list[tuple[str, Role]]:
    """The models that a configuration names and their roles; not those of a server."""
    local: list[tuple[str, Role]] = [(config.generator.model, "generator")] if config.generator.kind == "local" else []
    if config.retrieval.reranker:
        local.append((config.retrieval.reranker, "reranker"))
    return [(config.embedder.model, "embedder"), *local]


def _models(config: Config, folder: Path) -> list[str]:
    """What those names mean in a folder: names, or places."""
    return [
        os.path.realpath(folder / name) if not embedded_as(name, role) and (folder / name).is_dir() else name
        for name, role in _named(config)
    ]


class _Handler(socketserver.StreamRequestHandler):
    server: "QuestionServer"
    timeout = _REQUEST_S

    def handle(self) -> None:
        """Read the question, answer it. A client that is gone, even in the middle of an answer, is forgotten."""
        try:
            self._tell(**self._reply())
        except OSError:
            return

    def _reply(self) -> dict[str, Any]:
        try:
            request = read_request(self._line())
            with self.server.turns.turn(self._tell_place):
                return {"reply": self.server.resident.ask(request, lambda piece: self._tell(text=piece))}
        except RefusedError as refused:
            return {"refused": str(refused)}
        except HybridError as error:
            return {"error": {"problem": error.problem, "remedy": error.remedy, "exit_code": error.exit_code}}
        except OSError:
            raise
        except Exception:
            traceback.print_exc()
            return {"refused": "a fault of hybrid's"}

    def _line(self) -> bytes:
        line = self.rfile.readline(_REQUEST_BYTES)
        if len(line) == _REQUEST_BYTES and not line.endswith(b"\n"):
            # a client that is still sending would not see why it is refused
            end = time.monotonic() + _REQUEST_S
            with suppress(TimeoutError):
                while time.monotonic() < end and (rest := self.rfile.readline(_REQUEST_BYTES)):
                    if rest.endswith(b"\n"):
                        break
            raise RefusedError(f"not a request: longer than {_REQUEST_BYTES:,} bytes")
        return line

    def _tell_place(self, before: int) -> None:
        """Raises `ConnectionError` where the client is gone: what it asked is not answered to nobody."""
        hung_up = select.poll()
        hung_up.register(self.connection, 0)
        if hung_up.poll(0):
            raise ConnectionAbortedError
        self._tell(accepted=True, before=before)

    def _tell(self, **line: Any) -> None:
        self.wfile.write(json.dumps(line).encode() + b"\n")


class QuestionServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves a resident system at a socket that only its user can open; `open_server` makes one."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, path: Path, resident: Resident) -> None:
        self.resident = resident
        self.turns = Turns()
        before = os.umask(0o177)
        try:
            super().__init__(os.fspath(path), _Handler)
        finally:
            os.umask(before)


@contextmanager
def open_server(path: Path, make: Callable[[], Resident]) -> Iterator[QuestionServer]:
    """A server at `path` of what `make` loads; the socket is removed at the end, one that a killed server left first.

    Raises `UserError` where another process serves there, or where no socket can be.
    """
    if len(os.fsencode(path)) > _PATH_BYTES:
        raise UserError(f"{path}: longer than a socket's path may be", "name a shorter one by --socket")
    try:
        lock = ExitStack()
        problem = f"another process serves at {path}"
        lock.enter_context(alone(path.with_name(path.name + ".lock"), problem, "use that one, or stop it first"))
    except OSError as error:
        raise _no_socket(path, error) from None
    with lock:
        if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
            raise UserError(f"{path} is there and is no socket", "name another place by --socket")
        path.unlink(missing_ok=True)
        resident = make()
        try:
            server = QuestionServer(path, resident)
        except OSError as error:
            raise _no_socket(path, error) from None
        try:
            yield server
        finally:
            path.unlink(missing_ok=True)
            server.server_close()
            resident.rest()


def _no_socket(path: Path, error: OSError) -> UserError:
    return UserError(f"{path}: no socket can be made there ({error.strerror})", "name another by --socket")
