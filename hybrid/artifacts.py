"""Artefacts: folders that exist whole or not at all, with a manifest that says what they were made from.

A build happens beside its target in a folder named after the artefact's id, so that a killed build is found again. Of
what it left only `private/` is kept, whose users prove that a file is whole before they go on from it. `manifest.json`
is written last, when all else is on the disk: a folder that holds one is whole, and only lacks its name.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from hybrid.digests import sha256_file as sha256_file
from hybrid.durable_files import put_in_place, sync, sync_tree
from hybrid.errors import HybridError, IntegrityError, MissingError, UserError
from hybrid.locks import in_turn

MANIFEST = "manifest.json"
PRIVATE = "private"
"""Sub-folder for resume state; it is removed when the artefact is published."""
_NAMING = ".naming.lock"
"""Held in the folder of an artefact while it gets its name: by the one who built it, or who finds it built."""
_NO_ROOM = 1 << 16
"""Bytes free on a disk that count as none."""

_PACKAGES = ("torch", "transformers", "sentence-transformers", "faiss-cpu", "peft", "trl", "mergekit")


@dataclass(frozen=True)
class Manifest:
    """What an artefact is. `id` hashes kind, version, config and inputs; `files` maps relative paths to SHA-256."""

    kind: str
    id: str
    version: int
    config: dict[str, Any]
    inputs: dict[str, str]
    counts: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)


@dataclass
class Build:
    """An artefact in the making: write files into `path`, notes into `counts` and `facts`."""

    path: Path
    counts: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def private(self) -> Path:
        """Where resume state may live."""
        folder = self.path / PRIVATE
        folder.mkdir(exist_ok=True)
        return folder


def sha256_json(value: object) -> str:
    """Hexadecimal SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def text_digest(title: str, text: str) -> str:
    """What tells the texts of documents apart: SHA-256 of title and text."""
    return sha256_json([title, text])


def sha256_tree(folder: Path, *, skip_suffix: str = ".md") -> str:
    """SHA-256 over the relative names and bytes of a folder's files; hidden ones and manifests are left out.

    By default Markdown is skipped too: a model card does not change a model.
    """
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST and p.name[0] != ".")
    return sha256_json([(p.relative_to(folder).as_posix(), sha256_file(p)) for p in files if p.suffix != skip_suffix])


def artifact_id(kind: str, version: int, config: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """What decides an artefact's content: never a path, never a date."""
    return sha256_json({"kind": kind, "version": version, "config": config, "inputs": inputs})


def read_manifest(path: Path) -> Manifest | None:
    """The manifest of a published artefact, or None where there is none.

    Who comes while a writer exchanges the old artefact for the new one waits for the new one.
    """
    file = path / MANIFEST
    try:
        text = _read(file)
        if text is None and _is_named(path):
            text = _read(file)
        return None if text is None else Manifest(**json.loads(text))
    except (json.JSONDecodeError, TypeError, UnicodeDecodeError) as error:
        raise IntegrityError(
            f"{file}: not a readable manifest", f"delete {path} and run the same command again"
        ) from error


def current(
    target: Path, kind: str, version: int, config: Mapping[str, Any], inputs: Mapping[str, str]
) -> Manifest | None:
    """The verified manifest at `target` if it was made from just this; None where there is work to do."""
    identity = artifact_id(kind, version, config, inputs)
    built = _build_folder(target, identity)
    if (built / MANIFEST).is_file():
        # a kill took the writer when all but the name was done
        with in_turn(target.parent / _NAMING):
            if (built / MANIFEST).is_file():
                _put_in_place(built, target)
    manifest = read_manifest(target)
    if manifest is None or manifest.id != identity:
        return None
    verify(target, manifest)
    return manifest


def require(path: Path, command: str) -> Manifest:
    """The verified manifest of an artefact that must exist; `command` makes it."""
    manifest = read_manifest(path)
    if manifest is None:
        raise MissingError(f"{path}: not made yet", f"run `{command}`")
    try:
        verify(path, manifest)
    except (IntegrityError, FileNotFoundError):
        # a writer may have published anew meanwhile
        if read_manifest(path) == manifest:
            raise
        return require(path, command)
    return manifest


def verify(path: Path, manifest: Manifest) -> None:
    """Check every file's SHA-256. Raises `IntegrityError` naming the first file that is truncated, edited or gone."""
    for name, digest in manifest.files.items():
        file = path / name
        remedy = f"delete {path} and run the command that made it again"
        if not file.is_file():
            raise IntegrityError(f"{file}: missing from the artefact", remedy)
        if sha256_file(file) != digest:
            raise IntegrityError(f"{file}: truncated or changed since it was published", remedy)


@contextmanager
def publish(
    target: Path, kind: str, version: int, config: Mapping[str, Any], inputs: Mapping[str, str]
) -> Iterator[Build]:
    """Build an artefact beside its target and rename it into place when the block ends without an error.

    The build folder of the same id is found again after a kill or an error, with nothing but its `private` in it; those
    of other ids are removed.
    """
    identity = artifact_id(kind, version, config, inputs)
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = _build_folder(target, identity)
    with in_turn(target.parent / _NAMING):
        _remove_leftovers(folder, target)
    build = Build(folder)
    try:
        yield build
    except OSError as error:
        # a write that fails does not know of which file
        error.filename = error.filename or str(target)
        raise
    except Exception as error:
        # libraries have errors of their own for a write that failed, and do not say why
        if isinstance(error, HybridError) or shutil.disk_usage(folder).free > _NO_ROOM:
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target)) from error
    built = sorted(p for p in folder.rglob("*") if p.is_file() and folder / PRIVATE not in p.parents)
    manifest = Manifest(
        kind=kind,
        id=identity,
        version=version,
        config=dict(config),
        inputs=dict(inputs),
        counts=build.counts,
        facts=build.facts,
        files={p.relative_to(folder).as_posix(): sha256_file(p) for p in built},
        packages={name: _installed(name) for name in _PACKAGES},
    )
    sync_tree(folder)
    with in_turn(target.parent / _NAMING):
        write_text(folder / MANIFEST, json.dumps(asdict(manifest), indent=1, sort_keys=True, default=str) + "\n")
        _put_in_place(folder, target)


@contextmanager
def one_builder(target: Path) -> Iterator[None]:
    """For artefacts that processes share, outside of any workspace: waits while another process builds `target`, which
    is then there. Look whether it is current inside.
    """
    with in_turn(target.parent / f".{target.name}.lock"):
        yield


def publish_once(
    target: Path,
    kind: str,
    version: int,
    config: Mapping[str, Any],
    inputs: Mapping[str, str],
    make: Callable[[Build], None],
) -> Manifest:
    """The artefact as `make` builds it, unless it is current or another process has just built it."""
    if done := current(target, kind, version, config, inputs):
        return done
    with one_builder(target):
        if current(target, kind, version, config, inputs) is None:
            with publish(target, kind, version, config, inputs) as build:
                make(build)
    return require(target, "the same command again")


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to write into that gets the name `target` when the block ends without an error, and is removed else.

    Raises `UserError` where `target` exists: nothing is overwritten.
    """
    if target.exists():
        raise UserError(f"{target} exists", "name a folder that does not, or delete it first")
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial)
        raise
    sync_tree(partial)
    partial.rename(target)
    sync(target.parent)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    put_in_place(partial, path)


def _build_folder(target: Path, identity: str) -> Path:
    return target.parent / f".{target.name}.building-{identity[:16]}"


def _remove_leftovers(folder: Path, target: Path) -> None:
    """Make the build folder, or empty it but for its `private`; remove those of other ids."""
    for other in target.parent.glob(f".{target.name}.building-*"):
        if other != folder:
            _remove(other)
    folder.mkdir(exist_ok=True)
    # first of all: it must not vouch for files that are gone
    (folder / MANIFEST).unlink(missing_ok=True)
    for leftover in folder.iterdir():
        if leftover.name != PRIVATE:
            _remove(leftover)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _put_in_place(folder: Path, target: Path) -> None:
    """Give a folder that is whole its name. The caller holds the lock for it."""
    _remove(folder / PRIVATE)
    old = target.parent / f".{target.name}.old"
    _remove(old)
    if target.exists():
        target.rename(old)
    folder.rename(target)
    sync(target.parent)
    _remove(old)


def _is_named(target: Path) -> bool:
    """Whether there is an artefact after all, for one who has just found none.

    Between the two renames there is none under the name, and a kill leaves it so: who gets the lock then finishes.
    """
    if not any(_whole(target)):
        return (target / MANIFEST).is_file()
    try:
        with in_turn(target.parent / _NAMING):
            if not target.exists() and (built := next(_whole(target), None)):
                _put_in_place(built, target)
    except OSError as error:
        raise UserError(
            f"{target}: a kill left it without its name, which cannot be given to it now ({error.strerror})",
            "run the command that makes it again where the folder can be written",
        ) from error
    return (target / MANIFEST).is_file()


def _whole(target: Path) -> Iterator[Path]:
    """Builds of an artefact that lack nothing but its name."""
    return (f for f in target.parent.glob(f".{target.name}.building-*") if (f / MANIFEST).is_file())


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None


def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
