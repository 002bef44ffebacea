"""How long a training step takes: what a later estimate of time is built on."""

import statistics
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class StepClock:
    """Seconds of the steps that this process made; evaluations and checkpoints between them are left out."""

    seconds: list[float] = field(default_factory=list)

    @property
    def seconds_per_step(self) -> float | None:
        """The median, to the hundredth: the first steps and those that the machine shared are no measure."""
        return round(statistics.median(self.seconds), 2) if self.seconds else None


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
