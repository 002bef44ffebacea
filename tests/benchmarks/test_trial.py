"""Simulated faults: the truth that is told is the truth that was drawn, and the rules of thumb do what they say."""

import numpy as np
import pytest

from benchmarks.trial.baselines import RULES
from benchmarks.trial.simulated import Design, draw
from hybrid.types import Arm

STEADY = Design(num=400, per_passage=4, flip=0.0)


@pytest.mark.parametrize(
    ("fault", "r", "d", "o"),
    [("documents", 0, 1, 1), ("reading", 0, 0, 0), ("distraction", 0, 0, 1), ("both", 0, 0, 0)],
)
def test_a_fault_breaks_its_part_and_no_other(fault: str, r: int, d: int, o: int) -> None:
    drawn = draw(fault, 0.3, STEADY, seed=1)
    for record in drawn.records:
        wanted = (r, d, o) if drawn.broken[record.question_id] else (1, 1, 1)
        arms = (Arm.RETRIEVED, Arm.ORACLE_IN_DISTRACTORS, Arm.ORACLE)
        assert tuple(int(record.correct(arm)) for arm in arms) == wanted
        lost = bool(drawn.broken[record.question_id]) and fault in ("documents", "both")
        assert record.gold_in_context is not lost


def test_questions_of_one_passage_break_together_at_the_dose() -> None:
    drawn = draw("documents", 0.3, Design(num=4_000, per_passage=4, flip=0.0), seed=2)
    by_passage: dict[str, set[str]] = {}
    for record in drawn.records:
        by_passage.setdefault(record.cluster, set()).add(drawn.broken[record.question_id])
    assert all(len(parts) == 1 for parts in by_passage.values())
    assert np.mean([bool(part) for part in drawn.broken.values()]) == pytest.approx(0.3, abs=0.04)


@pytest.mark.parametrize("fault", ["documents", "reading", "distraction", "both"])
def test_the_expected_headroom_is_what_many_draws_show(fault: str) -> None:
    sets = [draw(fault, 0.2, Design(num=2_000, per_passage=1), seed=seed) for seed in range(3)]
    records = [record for drawn in sets for record in drawn.records]
    r, d = (np.mean([record.accuracy(arm) for record in records]) for arm in (Arm.RETRIEVED, Arm.ORACLE_IN_DISTRACTORS))
    assert d - r == pytest.approx(sets[0].retrieval, abs=0.02)
    assert 1 - d == pytest.approx(sets[0].generator, abs=0.02)


def test_rules_of_thumb() -> None:
    documents = draw("documents", 0.4, STEADY, seed=3).records
    reading = draw("reading", 0.4, STEADY, seed=3).records
    healthy = draw("none", 0.0, STEADY, seed=3).records
    picks = {name: [rule(records) for records in (documents, reading, healthy)] for name, rule in RULES.items()}
    assert picks["gold in top k?"] == ["embedder", "generator", None]
    assert picks["fixed thresholds"] == ["embedder", "generator", None]
    assert picks["refused?"] == ["embedder", "generator", None]
    assert picks["always retrieval"] == ["embedder"] * 3
