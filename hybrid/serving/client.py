"""The client's side of a resident process. Only the standard library is imported: being quick is what it is for.

A request is one line of JSON. Replies are lines of JSON: `accepted` with the number of those `before`, at once and as
long as there are any; then `text` for every piece of the answer that may be shown already, at last `reply` or
`error`; or `refused` instead, where this process cannot answer as the caller's own would.
"""

import json
import os
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hybrid import __version__
from hybrid.errors import HybridError

PROTOCOL = 3
SOCKET = "serve.sock"
"""Its name in a workspace."""
_SLOW_S = 3.0
"""Seconds without a first sign, after which that is told."""
_TURN_S = 3600.0
"""Seconds until a question's turn must have come."""
_PATIENCE_S = 300.0
"""Seconds without a sign of a process that is there, after which it is taken for dead. It cannot give one while the
generator reads a long prompt on a machine with other work: that holds the interpreter's lock."""


class ServedError(HybridError):
    """What a resident process tells of a question that cannot be answered."""

    def __init__(self, problem: str, remedy: str, exit_code: int) -> None:
        super().__init__(problem, remedy)
        self.exit_code = exit_code


def describe(
    root: Path, corpus: Path, config_path: Path | None, overrides: tuple[str, ...], system: str, cache: Path
) -> dict[str, Any]:
    """What a request says of the system that is to answer, so that another one does not."""
    return {
        "protocol": PROTOCOL,
        "version": __version__,
        "folder": str(Path.cwd()),
        "workspace": os.path.realpath(root),
        "corpus": os.path.realpath(corpus),
        "config": str(config_path.absolute()) if config_path else None,
        "overrides": list(overrides),
        "system": system,
        "cache": os.path.realpath(cache),
    }


def ask_served(
    path: Path,
    wanted: Mapping[str, Any],
    question: str,
    *,
    where: Sequence[str] = (),
    ranks: bool = False,
    on_text: Callable[[str], None] | None = None,
) -> dict[str, Any] | None:
    """The reply of the process that serves at `path`; None where none does, or not for the system that is wanted.

    Raises `ServedError` where the question itself is at fault.
    """
    asked = {"question": question, "where": list(where), "ranks": ranks, "stream": on_text is not None}
    request = {**wanted, **asked}
    queue = _Queue()
    for line in _converse(path, request):
        if "accepted" in line:
            if not queue.goes_on(int(line.get("before") or 0)):
                return None
        elif "text" in line and on_text is not None:
            on_text(line["text"])
        elif "error" in line:
            raise ServedError(**line["error"])
        else:
            found: dict[str, Any] | None = line.get("reply")
            return found
    return None


class _Queue:
    """What is said of waiting: the place at first, and again when half of those before are through."""

    def __init__(self) -> None:
        self._end = time.monotonic() + _TURN_S
        self._told = 0

    def goes_on(self, before: int) -> bool:
        """Whether to wait on."""
        if before and (not self._told or before <= self._told // 2):
            self._told = before
            _say(f"the server is busy, {before} before you")
        if before and time.monotonic() > self._end:
            _say(f"after {_TURN_S / 60:.0f} minutes the server still has {before} before you: answering without it")
            return False
        return True


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _converse(path: Path, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The lines that come back; none any more from where something goes wrong."""
    try:
        # another user's process may say what it likes
        if path.stat().st_uid != os.getuid():
            return
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE_S)
            _connect(connection, os.fspath(path))
            connection.sendall(json.dumps(request).encode() + b"\n")
            if not select.select([connection], [], [], _SLOW_S)[0]:
                _say("the server is busy: waiting for it (--no-daemon answers without it)")
            with connection.makefile("rb") as stream:
                for line in stream:
                    value = json.loads(line)
                    if not isinstance(value, dict):
                        return
                    yield value
    except (TimeoutError, BlockingIOError):
        _say(f"the server at {path} gives no sign: answering without it")
    except (OSError, ValueError, RecursionError):
        return


def _connect(connection: socket.socket, path: str) -> None:
    """Raises `BlockingIOError` where as many clients as the system lets wait have waited for long."""
    end, pause = time.monotonic() + _PATIENCE_S, 0.01
    while True:
        try:
            connection.connect(path)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                raise
            time.sleep(pause)
            pause = min(2 * pause, 0.5)
