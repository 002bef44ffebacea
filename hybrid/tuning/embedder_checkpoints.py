"""Checkpoints of the embedder's training that a kill did not cut short."""

import json
import shutil
from pathlib import Path
from typing import Any

from hybrid.durable_files import read_sealed


def last_whole(checkpoints: Path) -> Path | None:
    """The latest checkpoint that was written to its end and whose best one is there too; broken ones are removed."""
    whole = []
    for folder in checkpoints.glob("checkpoint-*"):
        if folder.is_dir() and read_sealed(folder) is not None:
            whole.append(folder)
        else:
            shutil.rmtree(folder)
    whole.sort(key=lambda folder: int(folder.name.removeprefix("checkpoint-")))
    for folder in reversed(whole):
        if folder.with_name(f"checkpoint-{read_state(folder)['best_global_step']}") in whole:
            return folder
    return None


def read_state(checkpoint: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    return state
