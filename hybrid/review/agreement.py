"""How far two reviewers agree: the share of equal decisions, and Cohen's kappa, each with a bootstrap interval."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from hybrid.evaluation.statistics import Floats, cluster_resample_means, percentile_interval, share_interval
from hybrid.review.labels import Decision, Review
from hybrid.types import Interval

_MAX_UNDEFINED = 0.05


@dataclass(frozen=True)
class Agreement:
    """Two reviewers on the questions that both have reviewed. `kappa` is nan where both decided one thing only."""

    reviewers: tuple[str, str]
    same: Interval
    kappa: Interval


def agreements(reviews: Sequence[Review], clusters: Mapping[str, str], *, resamples: int, seed: int) -> list[Agreement]:
    """Every pair that shares a question. `clusters` names, by question id, what varies together."""
    found = []
    for one, other in combinations(reviews, 2):
        shared = [name for name in clusters if name in one.labels and name in other.labels]
        if shared:
            first, second = ([review.labels[name].decision for name in shared] for review in (one, other))
            units = [clusters[name] for name in shared]
            same = [a is b for a, b in zip(first, second, strict=True)]
            found.append(
                Agreement(
                    (one.reviewer, other.reviewer),
                    share_interval(same, units, resamples=resamples, seed=seed),
                    kappa_interval(first, second, units, resamples=resamples, seed=seed),
                )
            )
    return found


def kappa_interval(
    first: Sequence[Decision], second: Sequence[Decision], clusters: Sequence[str], *, resamples: int, seed: int
) -> Interval:
    """Cohen's kappa (Cohen 1960) of two reviewers' decisions, with a clustered percentile bootstrap.

    Kappa is a function of means over questions (equal decisions, and each decision's share by reviewer), so that means
    of resamples give its draws. A resample in which both decided one thing only has none and is left out; where that
    is more than one of 20, bounds are nan. With a single decision throughout the value is nan, too.
    """
    columns = [[a is b for a, b in zip(first, second, strict=True)]]
    columns += [[a is decision for a in side] for decision in Decision for side in (first, second)]
    matrix = np.array(columns, dtype=np.float64).T
    value = float(_kappas(matrix.mean(axis=0, keepdims=True))[0])
    draws = _kappas(cluster_resample_means(matrix, clusters, resamples=resamples, seed=seed))
    defined = draws[~np.isnan(draws)]
    if len(defined) < (1 - _MAX_UNDEFINED) * len(draws):
        return Interval(value, math.nan, math.nan, len(first))
    return percentile_interval(value, defined, len(first))


def _kappas(means: Floats) -> Floats:
    """Kappa of each row: the share of equal decisions, then each decision's two shares."""
    observed = means[:, 0]
    by_chance = np.sum(means[:, 1::2] * means[:, 2::2], axis=1)
    undefined = by_chance > 1 - 1e-12
    kappas: Floats = np.where(undefined, math.nan, (observed - by_chance) / np.where(undefined, 1.0, 1 - by_chance))
    return kappas
