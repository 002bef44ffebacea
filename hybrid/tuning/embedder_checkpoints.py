"""Checkpoints of the embedder's training that a kill did not cut short."""

import json
import shutil
from pathlib import Path
from typing import Any

COMPLETE = "complete.json"
"""Written last into a checkpoint: sizes of its files, and its dev scores."""


def last_whole(checkpoints: Path) -> Path | None:
    """The latest checkpoint that was written to its end and whose best one is there too; broken ones are removed."""
    whole = []
    for folder in checkpoints.glob("checkpoint-*"):
        if _is_whole(folder):
            whole.append(folder)
        else:
            shutil.rmtree(folder)
    whole.sort(key=lambda folder: int(folder.name.removeprefix("checkpoint-")))
    for folder in reversed(whole):
        if folder.with_name(f"checkpoint-{read_state(folder)['best_global_step']}") in whole:
            return folder
    return None


def _is_whole(folder: Path) -> bool:
    try:
        mark = json.loads((folder / COMPLETE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return bool(mark["sizes"] == file_sizes(folder))


def file_sizes(folder: Path) -> dict[str, int]:
    """Bytes of every file but the mark itself."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(COMPLETE))
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def read_state(checkpoint: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    return state
