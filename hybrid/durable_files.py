"""Files that outlast a kill, a full disk and a power cut: whole under their names or not there, and provably so.

A rename alone survives a kill; that the bytes are on the disk before the name is takes an fsync of file and folder.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybrid.digests import sha256_file

COMPLETE = "complete.json"
"""Written last into a folder that an interrupted build may leave to the next one: digests of its files."""


def sync(path: Path) -> None:
    """Have the system write a file's bytes, or a folder's names, to the disk. Windows does not know the latter."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """`sync` of everything below a folder, and of itself."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def put_in_place(partial: Path, path: Path) -> None:
    """Give a file that is written to its end its name."""
    sync(partial)
    partial.replace(path)
    sync(path.parent)


def seal(file: Path) -> None:
    """Write the digest of a file beside it: the proof, for a build that goes on from it, that it is whole."""
    sync(file)
    partial = _seal_of(file).with_suffix(".partial")
    partial.write_text(sha256_file(file), encoding="utf-8")
    put_in_place(partial, _seal_of(file))


def is_sealed(file: Path) -> bool:
    """Whether a file is there with the bytes that it was sealed with."""
    try:
        return _seal_of(file).read_text(encoding="utf-8") == sha256_file(file)
    except (OSError, ValueError):
        return False


def seal_folder(folder: Path, **told: Any) -> None:
    """Write digests of a folder's files into it, and what else is to be told."""
    sync_tree(folder)
    partial = folder / f"{COMPLETE}.partial"
    partial.write_text(json.dumps({"files": _digests(folder), **told}), encoding="utf-8")
    put_in_place(partial, folder / COMPLETE)


def read_sealed(folder: Path) -> Mapping[str, Any] | None:
    """What `seal_folder` was told; None unless all files are there with the bytes of then."""
    try:
        told: dict[str, Any] = json.loads((folder / COMPLETE).read_text(encoding="utf-8"))
        return told if told["files"] == _digests(folder) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _seal_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


def _digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(COMPLETE))
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}
