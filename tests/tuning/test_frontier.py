"""The choice of a merge weight, and its record."""

from pathlib import Path

import pytest

from hybrid.config import Config
from hybrid.tuning.frontier import Point, choose, sweep_weights

BASE = Point(0.0, 0.10, 0.60)


@pytest.mark.parametrize(
    ("points", "weight"),
    [
        ([Point(0.5, 0.3, 0.60), Point(1.0, 0.5, 0.60)], 1.0),
        ([Point(0.5, 0.3, 0.60), Point(1.0, 0.5, 0.58)], 0.5),
        ([Point(0.5, 0.3, 0.60), Point(1.0, 0.3, 0.61)], 0.5),
        ([Point(0.5, 0.3, 0.55), Point(1.0, 0.5, 0.50)], 0.5),
        ([Point(0.5, 0.3, 0.595), Point(0.85, 0.4, 0.59), Point(1.0, 0.5, 0.589)], 0.85),
    ],
)
def test_the_best_task_score_that_the_world_can_afford(points: list[Point], weight: float) -> None:
    assert choose(BASE, points, max_general_loss=0.01).weight == weight


def test_a_sweep_is_measured_once_and_recorded(tmp_path: Path) -> None:
    asked: list[float] = []

    def measure(weight: float) -> Point:
        asked.append(weight)
        return Point(weight, weight / 2, 0.6 - weight / 50)

    values = {"merge": {"sweep": [1.0, 0.5], "max_general_loss": 0.01}, "evaluation": {"general_dev_share": 0.2}}
    config = Config.model_validate(values)
    for _ in range(2):
        manifest = sweep_weights(measure, config=config, target=tmp_path / "frontier", inputs={"adapter": "a"})
        assert manifest.facts["weight"] == 0.5
    assert asked == [0.0, 0.5, 1.0]
    assert [point["weight"] for point in manifest.facts["points"]] == [0.0, 0.5, 1.0]


def test_a_sweep_without_items_to_choose_by_is_refused() -> None:
    with pytest.raises(ValueError, match="general_dev_share"):
        Config.model_validate({"merge": {"sweep": [0.5]}})
