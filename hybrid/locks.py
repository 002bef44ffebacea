"""Locks between processes: files that the system lets go of when their holder ends, however it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hybrid.errors import UserError


@contextmanager
def in_turn(file: Path) -> Iterator[None]:
    """Waits for the lock file. Raises `OSError` where it cannot be made."""
    # it takes longer to import than a question has time for, and who only reads locks nothing
    from filelock import FileLock

    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file, thread_local=False):
        yield


@contextmanager
def alone(file: Path, problem: str, remedy: str) -> Iterator[None]:
    """Raises `UserError` of that problem and remedy where another process holds the lock file."""
    from filelock import FileLock, Timeout

    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(problem, remedy) from None
    try:
        yield
    finally:
        lock.release()
