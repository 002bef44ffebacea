"""What the tests of the preflight share: how a situation is made, and what may lie in its workspace."""

import json
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hybrid.artifacts import publish
from hybrid.preflight.answers import Found, Situation

Make = Callable[..., Situation]


def told(found: Found | None) -> str:
    assert found is not None
    return " | ".join(part.text for part in found.evidence)


def artefact(situation: Situation, name: str, file: str, content: dict[str, Any], passages: str = "") -> None:
    """Of the base as configured; of the situation's passages unless others are named."""
    inputs = {**situation.base_inputs, "passages": passages or situation.passages.manifest.id}
    config = situation.config
    settings = {"retrieval": config.retrieval.settings(), "answering": config.answering.model_dump(mode="json")}
    with publish(situation.root / name, "x", 1, settings, inputs) as build:
        (build.path / file).write_text(json.dumps(content), encoding="utf-8")


def model(folder: Path, shape: tuple[int, ...] = (10, 20), **files: str) -> str:
    """A folder with weights of this shape; `README_md` is written as README.md."""
    folder.mkdir()
    size = 4 * math.prod(shape)
    header = json.dumps({"w": {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}}).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        # zeros that take no room on the disk
        file.truncate(file.tell() + size)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return str(folder)
