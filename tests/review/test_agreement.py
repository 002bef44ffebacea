"""Agreement of two reviewers: against scikit-learn, and where it is not defined."""

import math
import random

import pytest
from sklearn.metrics import cohen_kappa_score

from hybrid.review.agreement import agreements, kappa_interval
from hybrid.review.labels import Decision, Label, Review

A, E, R = Decision.ACCEPT, Decision.EDIT, Decision.REJECT


def review(name: str, decisions: list[Decision | None]) -> Review:
    return Review(name, {f"q{n}": Label(f"q{n}", "x", d) for n, d in enumerate(decisions) if d})


def test_the_bootstrap_is_that_of_scikit_learns_kappa() -> None:
    rng = random.Random(1)
    first = [rng.choice([A, A, E, R]) for _ in range(120)]
    second = [one if rng.random() < 0.7 else rng.choice([A, E, R]) for one in first]
    names = [f"q{n}" for n in range(120)]
    found = kappa_interval(first, second, names, resamples=4000, seed=2)
    assert found.value == pytest.approx(cohen_kappa_score([*map(str, first)], [*map(str, second)]))
    draws = []
    for _ in range(1500):
        drawn = [rng.randrange(120) for _ in range(120)]
        draws.append(cohen_kappa_score([str(first[i]) for i in drawn], [str(second[i]) for i in drawn]))
    draws.sort()
    assert found.low == pytest.approx(draws[37], abs=0.03)
    assert found.high == pytest.approx(draws[1462], abs=0.03)


def test_questions_of_one_document_are_not_independent() -> None:
    first = [A] * 20 + [R] * 20
    second = [A] * 10 + [R] * 20 + [A] * 10
    alone = kappa_interval(first, second, [f"q{n}" for n in range(40)], resamples=2000, seed=1)
    together = kappa_interval(first, second, [f"d{n // 10}" for n in range(40)], resamples=2000, seed=1)
    assert alone.value == together.value == 0
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_where_kappa_says_nothing() -> None:
    names = [f"q{n}" for n in range(30)]
    only = kappa_interval([A] * 30, [A] * 30, names, resamples=200, seed=1)
    assert math.isnan(only.value) and only.num == 30
    # one in 30 differs from the rest: a third of the resamples would not hold it
    rare = kappa_interval([A] * 29 + [R], [A] * 29 + [R], names, resamples=500, seed=1)
    assert rare.value == 1 and math.isnan(rare.low)
    opposed = kappa_interval([A] * 30, [R] * 30, names, resamples=200, seed=1)
    assert opposed.value == 0


def test_pairs_are_compared_on_what_both_have_reviewed() -> None:
    reviews = [review("anna", [A, A, R, None]), review("ben", [A, R, R, E]), review("cleo", [None, None, None, E])]
    found = agreements(reviews, {f"q{n}": f"d{n}" for n in range(4)}, resamples=100, seed=1)
    assert [(pair.reviewers, pair.same.num) for pair in found] == [(("anna", "ben"), 3), (("ben", "cleo"), 1)]
    assert found[0].same.value == pytest.approx(2 / 3)
    assert found[0].kappa.value == pytest.approx(0.4)
