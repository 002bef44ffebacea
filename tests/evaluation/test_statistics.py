"""Intervals against simulation and against small cases worked by hand."""

import math

import numpy as np
import pytest

from hybrid.evaluation.statistics import (
    cluster_resample_means,
    holm,
    mcnemar_exact,
    mean_interval,
    paired_interval,
    share_interval,
    simultaneous_lower_bounds,
    wilson,
)


def test_the_clustered_interval_covers_the_truth_and_the_naive_one_does_not() -> None:
    rng = np.random.default_rng(0)
    clusters = [str(index // 6) for index in range(240)]
    names = [str(index) for index in range(240)]
    clustered = naive = 0
    for trial in range(200):
        values = np.repeat(rng.normal(size=40), 6) + 0.5 * rng.normal(size=240)
        wide = mean_interval(values, clusters, resamples=500, seed=trial)
        narrow = mean_interval(values, names, resamples=500, seed=trial)
        clustered += wide.low <= 0 <= wide.high
        naive += narrow.low <= 0 <= narrow.high
    assert 0.89 <= clustered / 200 <= 0.99
    assert naive / 200 < 0.75


def test_the_bootstrap_error_of_independent_questions_is_the_textbook_one() -> None:
    values = np.arange(100) % 2
    draws = cluster_resample_means(values[:, None], [str(i) for i in range(100)], resamples=20_000, seed=1)[:, 0]
    assert draws.mean() == pytest.approx(0.5, abs=0.002)
    assert draws.std() == pytest.approx(0.05, rel=0.03)


def test_columns_are_resampled_together() -> None:
    matrix = np.random.default_rng(2).random((50, 2))
    matrix = np.column_stack([matrix, matrix[:, 0] - matrix[:, 1]])
    draws = cluster_resample_means(matrix, [str(i // 3) for i in range(50)], resamples=300, seed=3)
    assert draws.shape == (300, 3)
    np.testing.assert_allclose(draws[:, 2], draws[:, 0] - draws[:, 1], atol=1e-12)


def test_chunks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix, clusters = np.random.default_rng(4).random((30, 1)), [str(i) for i in range(30)]
    whole = cluster_resample_means(matrix, clusters, resamples=200, seed=5)
    monkeypatch.setattr("hybrid.evaluation.statistics._MAX_CELLS", 100)
    np.testing.assert_allclose(cluster_resample_means(matrix, clusters, resamples=200, seed=5), whole)


def test_a_seed_decides_the_interval() -> None:
    values, clusters = np.random.default_rng(6).random(40), [str(i) for i in range(40)]
    assert mean_interval(values, clusters, seed=7) == mean_interval(values, clusters, seed=7)
    assert mean_interval(values, clusters, seed=7) != mean_interval(values, clusters, seed=8)


def test_resamples_weigh_questions_not_clusters() -> None:
    """Two clusters of 1 and 3 questions: the mean is one of 0, .75 and 1, with probability 1/4, 1/2, 1/4."""
    draws = cluster_resample_means([[0.0], [1.0], [1.0], [1.0]], ["a", "b", "b", "b"], resamples=8_000, seed=9)[:, 0]
    shares = [float(np.mean(np.isclose(draws, value))) for value in (0, 0.75, 1)]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.02)


def test_paired_interval_is_narrower_than_its_parts() -> None:
    rng = np.random.default_rng(10)
    before = rng.random(100)
    after = before + 0.1
    gain = paired_interval(before, after, [str(i) for i in range(100)], resamples=500, seed=1)
    assert gain.value == pytest.approx(0.1) and gain.low == pytest.approx(0.1) and gain.num == 100


def test_degenerate_inputs() -> None:
    empty = mean_interval([], [], seed=1)
    assert empty.num == 0 and all(math.isnan(x) for x in (empty.value, empty.low, empty.high))
    single = mean_interval([0.4], ["a"], seed=1)
    assert single.value == 0.4 and math.isnan(single.low) and math.isnan(single.high)
    one_cluster = mean_interval([0, 1, 0, 1], ["a"] * 4, seed=1)
    by_question = mean_interval([0, 1, 0, 1], list("abcd"), seed=1)
    assert one_cluster == by_question and one_cluster.low < one_cluster.high
    with pytest.raises(ValueError, match="2 clusters"):
        mean_interval([1.0], ["a", "b"], seed=1)


def test_wilson_by_hand() -> None:
    """Known values for 1 of 10 (Newcombe 1998, method 3: 0.0179 to 0.4042)."""
    interval = wilson(1, 10)
    assert (interval.low, interval.high) == pytest.approx((0.0179, 0.4042), abs=1e-4)
    assert wilson(0, 10).low == 0 and wilson(0, 10).high == pytest.approx(0.2775, abs=1e-4)
    assert wilson(10, 10).high == 1
    assert math.isnan(wilson(0, 0).value) and wilson(0, 0).high == 1
    with pytest.raises(ValueError, match="3 successes"):
        wilson(3, 2)


def test_a_share_of_none_still_has_a_width() -> None:
    none = share_interval([False] * 20, [str(i // 2) for i in range(20)], seed=1)
    assert none.value == 0 and none.low == 0 and none.high == wilson(0, 10).high and none.num == 20
    some = share_interval([True] * 5 + [False] * 15, [str(i) for i in range(20)], seed=1)
    assert 0 < some.low < 0.25 < some.high < 0.6


def test_mcnemar_by_hand() -> None:
    assert mcnemar_exact(0, 0) == 1
    assert mcnemar_exact(5, 0) == pytest.approx(2 / 32)
    assert mcnemar_exact(1, 6) == mcnemar_exact(6, 1) == pytest.approx(2 * (1 + 7) / 128)
    assert mcnemar_exact(4, 4) == 1
    assert 0 < mcnemar_exact(900, 1100) < 1e-4
    with pytest.raises(ValueError, match="negative"):
        mcnemar_exact(-1, 2)


def test_holm_by_hand() -> None:
    assert holm({"a": 0.04, "b": 0.01, "c": 0.03}) == pytest.approx({"a": 0.06, "b": 0.03, "c": 0.06})
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_simultaneous_bounds_of_one_column_are_those_of_a_normal_mean() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0.1, 1.0, size=400)
    (low,) = simultaneous_lower_bounds(values[:, None], [str(n) for n in range(400)], resamples=4_000, seed=1)
    assert low == pytest.approx(values.mean() - 1.645 * values.std() / 20, abs=0.006)
    twice = simultaneous_lower_bounds(np.stack([values, values], 1), [str(n) for n in range(400)], seed=1)
    assert twice[0] == twice[1] == pytest.approx(low, abs=0.006), "the same thing twice is looked at once"
    other = np.stack([values, rng.normal(0.0, 1.0, size=400)], 1)
    assert simultaneous_lower_bounds(other, [str(n) for n in range(400)], seed=1)[0] < low


def test_whichever_of_many_is_picked_its_bound_holds() -> None:
    # eleven candidates that gain nothing, as alike as weights are: how often is one of them proven better?
    rng = np.random.default_rng(7)
    clusters = [str(n) for n in range(80)]
    wrong = 0
    for seed in range(200):
        shared = rng.normal(size=(80, 1))
        gains = 0.7 * shared + 0.7 * rng.normal(size=(80, 11))
        wrong += max(simultaneous_lower_bounds(gains, clusters, resamples=300, seed=seed)) > 0
    # 5 % of 200 are 10; with 11 bounds one by one there would be some 35
    assert wrong <= 20


def test_simultaneous_bounds_of_degenerate_gains() -> None:
    assert all(math.isnan(low) for low in simultaneous_lower_bounds([[1.0, 0.0]], ["a"], seed=1))
    alike = simultaneous_lower_bounds([[0.0, 1.0]] * 10, [str(n) for n in range(10)], resamples=100, seed=1)
    assert alike == pytest.approx([-0.2775, 0.7225], abs=1e-3), "ten clusters can hide as much"
