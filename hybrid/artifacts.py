"""Artefacts: folders that exist whole or not at all, with a manifest that says what they were made from.

A build happens beside its target in a folder named after the artefact's id, so that a killed build is found again and
resumed. `manifest.json` is written last, then the folder is renamed into place.
"""

import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from hybrid.digests import sha256_file as sha256_file
from hybrid.errors import IntegrityError, MissingError, UserError

MANIFEST = "manifest.json"
PRIVATE = "private"
"""Sub-folder for resume state; it is removed when the artefact is published."""

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
    """The manifest of a published artefact, or None where there is none."""
    _finish_rename(path)
    file = path / MANIFEST
    if not file.is_file():
        return None
    try:
        return Manifest(**json.loads(file.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, TypeError, UnicodeDecodeError) as error:
        raise IntegrityError(
            f"{file}: not a readable manifest", f"delete {path} and run the same command again"
        ) from error


def current(
    target: Path, kind: str, version: int, config: Mapping[str, Any], inputs: Mapping[str, str]
) -> Manifest | None:
    """The verified manifest at `target` if it was made from just this; None where there is work to do."""
    manifest = read_manifest(target)
    if manifest is None or manifest.id != artifact_id(kind, version, config, inputs):
        return None
    verify(target, manifest)
    return manifest


def require(path: Path, command: str) -> Manifest:
    """The verified manifest of an artefact that must exist; `command` makes it."""
    manifest = read_manifest(path)
    if manifest is None:
        raise MissingError(f"{path}: not made yet", f"run `{command}`")
    verify(path, manifest)
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

    The build folder of the same id is reused after a kill or an error; those of other ids are removed.
    """
    identity = artifact_id(kind, version, config, inputs)
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.parent / f".{target.name}.building-{identity[:16]}"
    for other in target.parent.glob(f".{target.name}.building-*"):
        if other != folder:
            shutil.rmtree(other)
    folder.mkdir(exist_ok=True)
    # one that a kill before the renames left: it must not vouch for files that are being rewritten
    (folder / MANIFEST).unlink(missing_ok=True)
    build = Build(folder)
    yield build
    shutil.rmtree(folder / PRIVATE, ignore_errors=True)
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    manifest = Manifest(
        kind=kind,
        id=identity,
        version=version,
        config=dict(config),
        inputs=dict(inputs),
        counts=build.counts,
        facts=build.facts,
        files={p.relative_to(folder).as_posix(): sha256_file(p) for p in files},
        packages={name: _installed(name) for name in _PACKAGES},
    )
    write_text(folder / MANIFEST, json.dumps(asdict(manifest), indent=1, sort_keys=True, default=str) + "\n")
    _swap(folder, target)


@contextmanager
def one_builder(target: Path) -> Iterator[None]:
    """For artefacts that processes share, outside of any workspace: waits while another process builds `target`, which
    is then there. Look whether it is current inside.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f".{target.name}.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
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
    partial.rename(target)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _swap(folder: Path, target: Path) -> None:
    if target.exists():
        old = target.parent / f".{target.name}.old"
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
        folder.rename(target)
        shutil.rmtree(old)
    else:
        folder.rename(target)


def _finish_rename(target: Path) -> None:
    """A kill between the two renames of `_swap` leaves a whole build without its name: give it the name."""
    if target.exists():
        return
    for folder in target.parent.glob(f".{target.name}.building-*"):
        if (folder / MANIFEST).is_file():
            folder.rename(target)
            return


def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
