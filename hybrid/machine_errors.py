"""What the machine refuses, told from the error that says so: no room, no permission, too many open files."""

import errno
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from hybrid.errors import UserError

_OF_SQLITE = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_PERM: errno.EACCES,
}
_IN_RUST = re.compile(r"\(os error (\d+)\)")
"""How libraries in Rust, such as safetensors, name an error of the system in theirs."""
_OF_STREAMS = "iostream error"
"""All that C++ streams, such as OpenVINO's, say. It takes its files away again, so that the disk looks as if it had
room."""
_AGAIN = "then run the same command again; what was done is kept"
_ELSEWHERE = "--workspace for artefacts, HYBRID_CACHE for models and caches"


def machine_limit(error: BaseException) -> UserError | None:
    """The error to show where a limit of the machine, or a right that is not given, is behind `error`; else None."""
    for cause in _chain(error):
        number, file = _errno_of(cause)
        if _OF_STREAMS in str(cause):
            return UserError(
                "a library could not write a file and does not say why: most likely there is no space left on the disk",
                f"look at it with `df`; free some, or use another disk ({_ELSEWHERE}), {_AGAIN}",
            )
        if number is not None and (told := _told(number, file)):
            return told
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _errno_of(error: BaseException) -> tuple[int | None, str]:
    """The number of the system's error and the file that it is about, where these are known."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno, "" if error.filename is None else os.fsdecode(error.filename)
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        return (None if code is None else _OF_SQLITE.get(code & 0xFF)), "a database of the workspace or the cache"
    found = _IN_RUST.search(str(error))
    return (int(found[1]) if found else None), ""


def _told(number: int, file: str) -> UserError | None:
    if number == errno.ENOSPC:
        return UserError(
            f"no space left on {_device(file)}{f' while writing {file}' if file else ''}",
            f"free some there, or use another disk ({_ELSEWHERE}), {_AGAIN}",
        )
    if number == errno.EDQUOT:
        return UserError(
            f"your disk quota on {_device(file)} is used up{f': {file} cannot be written' if file else ''}",
            f"free some space there, or use another disk ({_ELSEWHERE}), {_AGAIN}",
        )
    if number == errno.EFBIG:
        return UserError(
            f"{file or 'a file'} may not become so large: the file system or `ulimit -f` forbids it",
            f"raise the limit, or use another disk ({_ELSEWHERE}), {_AGAIN}",
        )
    if number in (errno.EMFILE, errno.ENFILE):
        return UserError(
            f"too many open files{f' to open {file}' if file else ''}",
            f"raise the limit (`ulimit -n 4096`), {_AGAIN}",
        )
    if number == errno.EIO:
        return UserError(f"{file or 'a file'}: the disk cannot read or write it", f"check the disk, {_AGAIN}")
    if not file:
        return None
    if number == errno.EROFS:
        return UserError(f"{file}: the file system is read-only", f"name folders that can be written: {_ELSEWHERE}")
    if number in (errno.EACCES, errno.EPERM):
        return UserError(
            f"{file}: no permission", f"give yourself the right to it, or name other folders: {_ELSEWHERE}"
        )
    return None


def _device(file: str) -> str:
    """Where the disk of a file is mounted."""
    place = Path(file).absolute()
    if not file or not place.parent.exists():
        return "the disk"
    while not place.is_mount() and place != place.parent:
        place = place.parent
    return f"the disk at {place}"
