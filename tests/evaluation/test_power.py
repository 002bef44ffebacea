"""The planned number of questions shows the difference as often as it says."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hybrid.cli.main import cli
from hybrid.evaluation.power import Assumptions, assumptions, questions_needed
from hybrid.evaluation.statistics import mcnemar_exact
from tests.evaluation.test_attribution import many, record


def shown(num: int, difference: float, discordant: float, trials: int, seed: int) -> float:
    """Share of simulated evaluations in which McNemar's test finds the difference."""
    rng = np.random.default_rng(seed)
    gained = (discordant + difference) / 2
    counts = rng.multinomial(num, [gained, discordant - gained, 1 - discordant], size=trials)
    return float(np.mean([mcnemar_exact(int(a), int(b)) < 0.05 for a, b, _ in counts]))


@pytest.mark.parametrize(("difference", "discordant"), [(0.05, 0.2), (0.1, 0.3), (0.15, 0.25)])
def test_the_planned_number_has_the_power_that_it_claims(difference: float, discordant: float) -> None:
    num = questions_needed(difference, Assumptions(discordant=discordant))
    # the exact test is a little conservative
    assert 0.73 <= shown(num, difference, discordant, 2_000, 1) <= 0.84
    assert shown(num // 2, difference, discordant, 2_000, 2) < 0.62


def test_connors_formula_by_hand() -> None:
    """ψ = .25, δ = .1: (1.95996·.5 + .84162·√.24)² ÷ .01 = 193.98."""
    assert questions_needed(0.1, Assumptions(discordant=0.25)) == 194


def test_questions_on_one_passage_tell_less() -> None:
    alone = questions_needed(0.1, Assumptions())
    together = questions_needed(0.1, Assumptions(per_passage=5, correlation=0.5))
    assert together == pytest.approx(3 * alone, abs=3)
    assert questions_needed(0.1, Assumptions(per_passage=5, correlation=0.0)) == alone


def test_a_difference_beyond_the_discordance_needs_no_fewer_than_it() -> None:
    assert questions_needed(0.4, Assumptions(discordant=0.1)) >= 1
    with pytest.raises(ValueError, match="between 0 and 1"):
        questions_needed(0.0, Assumptions())


def test_assumptions_are_measured_where_there_is_a_diagnosis() -> None:
    records = [*many(30, "a"), *many(70, "b", r=(1, 1, 1), in_context=True)]
    found = assumptions(records)
    assert found.measured and found.discordant == pytest.approx(0.3)
    assert found.per_passage == 1.0
    assert assumptions([]) == Assumptions()


def test_the_correlation_of_questions_on_one_passage_is_measured() -> None:
    alike = [record(f"{c}{i}", cluster=f"c{c}", r=(c % 2,) * 3) for c in range(20) for i in range(4)]
    mixed = [record(f"{c}{i}", cluster=f"c{c}", r=((c + i) % 2,) * 3) for c in range(20) for i in range(4)]
    assert assumptions(alike).correlation == pytest.approx(1.0)
    assert assumptions(mixed).correlation == pytest.approx(0.0, abs=0.01)
    assert assumptions(alike).per_passage == 4.0


def test_the_plan_is_told_before_anything_is_built(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["diagnose", "--corpus", str(repository / "corpora" / "pumps"), "--plan"]
    outcome = CliRunner().invoke(cli, [*arguments, "--json"])
    assert outcome.exit_code == 0, outcome.output
    plan = json.loads(outcome.output)
    assert plan["have"] > 30 and not plan["assumptions"]["measured"]
    assert plan["needed"]["0.1"] == 194
    assert plan["needed"]["0.15"] > plan["have"] * 0.9 and 0.1 < plan["able"] < 0.2
    text = CliRunner().invoke(cli, arguments)
    assert text.exit_code == 0 and "10 points" in text.output and "assumptions" in text.output
