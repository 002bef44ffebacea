"""The merge weight, chosen on dev: what the domain gains against what the world loses.

Between the base (weight 0) and the tuned model (1) both scores move; the sweep measures some weights in between. A
linear merge at weight w is the base with the adapter scaled by w, so that no model has to be written to be measured.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hybrid.artifacts import Manifest, current, publish, require
from hybrid.config import Config

VERSION = 1


@dataclass(frozen=True, slots=True)
class Point:
    """Scores on dev at a merge weight, both in [0, 1]: of the task, and of general multiple-choice items."""

    weight: float
    task: float
    general: float


def sweep_weights(
    measure: Callable[[float], Point], *, config: Config, target: Path, inputs: Mapping[str, str]
) -> Manifest:
    """Measure the base and every weight of `merge.sweep`; publish the points and the chosen weight as facts."""
    settings = {
        "sweep": list(config.merge.sweep),
        "max_general_loss": config.merge.max_general_loss,
        "general": config.evaluation.model_dump(mode="json", include={"general_dev_share", "general_dev_items"}),
        "max_new_tokens": config.generator.max_new_tokens,
        "seed": config.seed,
    }
    if done := current(target, "frontier", VERSION, settings, inputs):
        return done
    with publish(target, "frontier", VERSION, settings, inputs) as build:
        base, *points = [measure(weight) for weight in (0.0, *sorted(config.merge.sweep))]
        chosen = choose(base, points, max_general_loss=config.merge.max_general_loss)
        build.facts.update(weight=chosen.weight, points=[asdict(point) for point in (base, *points)])
    return require(target, "hybrid merge")


def choose(base: Point, points: Sequence[Point], *, max_general_loss: float) -> Point:
    """The highest task score among the points that lose at most `max_general_loss`; of equal ones the lowest weight.

    Where every point loses more, the one that loses least.
    """
    affordable = [point for point in points if base.general - point.general <= max_general_loss + 1e-9]
    if not affordable:
        return min(points, key=lambda point: (base.general - point.general, point.weight))
    return min(affordable, key=lambda point: (-point.task, point.weight))
