"""What past retunes really gained: the record from which transfer rates are learned."""

import json
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from hybrid.evaluation.moved import Moved
from hybrid.jsonl import read_jsonl

FILE = "retunes.jsonl"


def register(root: Path, before: str, after: str, moved: Moved) -> bool:
    """Add a comparison of two diagnoses (their ids) to the workspace's record; False where it is in it already."""
    path = root / FILE
    if any((row["before"], row["after"]) == (before, after) for row in _rows(path)):
        return False
    row = {
        "before": before,
        "after": after,
        "date": date.today().isoformat(),
        "retuned": moved.retuned,
        "num": moved.num,
        "realised": moved.realised.value,
        "predicted": moved.predicted.value if moved.predicted else None,
        "regressed": len(moved.regressed),
        "mended": len(moved.mended),
    }
    root.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    return True


def transfer_rates(root: Path) -> dict[str, float]:
    """By layer that was retuned: the sum of realised gains over the sum of predicted ones, not below 0."""
    sums: dict[str, tuple[float, float]] = {}
    for row in _rows(root / FILE):
        if row["predicted"] is not None and row["predicted"] > 0:
            realised, predicted = sums.get(row["retuned"], (0.0, 0.0))
            sums[row["retuned"]] = (realised + row["realised"], predicted + row["predicted"])
    return {layer: max(0.0, realised / predicted) for layer, (realised, predicted) in sums.items()}


def _rows(path: Path) -> list[Mapping[str, Any]]:
    return [row for _, row in read_jsonl(path)] if path.is_file() else []
