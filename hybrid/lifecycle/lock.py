"""One writer at a time in a workspace."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hybrid.errors import UserError


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Raises `UserError` where another process holds the folder."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another hybrid command is working in {root}", "wait for it, or stop it") from None
        yield
