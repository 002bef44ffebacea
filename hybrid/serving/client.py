"""The client's side of a resident process. Only the standard library is imported: being quick is what it is for.

A request is one line of JSON. Replies are lines of JSON: `accepted`, then `text` for every piece of the answer that may
be shown already, at last `reply` or `error`; or `refused` instead, where this process cannot answer as the caller's own
would.
"""

import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hybrid import __version__
from hybrid.errors import HybridError

PROTOCOL = 2
SOCKET = "serve.sock"
"""Its name in a workspace."""
_ACCEPT_S = 2.0
_PATIENCE_S = 300.0
"""Seconds without a sign of a process that accepted, after which it is taken for dead."""


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
    for line in _converse(path, request):
        if "text" in line and on_text is not None:
            on_text(line["text"])
        elif "error" in line:
            raise ServedError(**line["error"])
        elif "accepted" not in line:
            found: dict[str, Any] | None = line.get("reply")
            return found
    return None


def _converse(path: Path, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The lines that come back; none any more from where something goes wrong."""
    try:
        # another user's process may say what it likes
        if path.stat().st_uid != os.getuid():
            return
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ACCEPT_S)
            connection.connect(os.fspath(path))
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as stream:
                for line in stream:
                    value = json.loads(line)
                    if not isinstance(value, dict):
                        return
                    connection.settimeout(_PATIENCE_S)
                    yield value
    except (OSError, ValueError):
        return
