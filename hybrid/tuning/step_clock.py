"""How long training steps take on this machine: a log in the workspace, from which a later estimate is made.

`training-speed.jsonl` is no artefact, and no artefact holds what is in it: times differ from run to run.
"""

import json
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hybrid.artifacts import sha256_tree, write_text
from hybrid.jsonl import read_jsonl

FILE = "training-speed.jsonl"


@dataclass
class StepClock:
    """Seconds of the steps that this process made; evaluations and checkpoints between them are left out."""

    seconds: list[float] = field(default_factory=list)

    def record(self, folder: Path, base: Path, examples_per_step: int) -> None:
        """Add the median step of training the model folder `base`; nothing where no step was made."""
        if not self.seconds:
            return
        path = folder / FILE
        row = {
            "model": sha256_tree(base),
            "examples_per_step": examples_per_step,
            "steps": len(self.seconds),
            "seconds_per_step": round(statistics.median(self.seconds), 3),
        }
        # whole or not at all: half a line would spoil the log
        write_text(path, (path.read_text(encoding="utf-8") if path.is_file() else "") + json.dumps(row) + "\n")


def seconds_per_step(folder: Path, base: Path, examples_per_step: int) -> float | None:
    """Of the last recorded training of that model in steps of that size; None where there was none."""
    path = folder / FILE
    if not path.is_file():
        return None
    wanted = (sha256_tree(base), examples_per_step)
    found = [row for _, row in read_jsonl(path) if (row["model"], row["examples_per_step"]) == wanted]
    return float(found[-1]["seconds_per_step"]) if found else None


def step_clock(trainer: Any) -> StepClock:
    """A clock that a transformers trainer keeps from now on."""
    from transformers import TrainerCallback

    clock = StepClock()

    class Keep(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.started = time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            clock.seconds.append(time.perf_counter() - self.started)

    trainer.add_callback(Keep())
    return clock
