"""Intervals and tests for paired, clustered scores.

Questions on the same passage are not independent, so the bootstrap draws clusters (gold passages or documents) with
replacement and keeps their questions together: Davison & Hinkley, *Bootstrap Methods*, 1997, §3.8; percentile
interval. Degenerate inputs, the same for every bootstrap function here:

- no question: value and bounds are nan, `num` is 0;
- one question: bounds are nan, for one value says nothing of spread;
- one cluster with several questions: questions are drawn instead of clusters, since drawing the only cluster would
  give an interval of no width. It then speaks for that one cluster only: `num_clusters` tells the caller to say so.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from hybrid.types import Interval

Floats = npt.NDArray[np.float64]

_MAX_CELLS = 4_000_000
"""Resampling weights held in memory at once (8 bytes each)."""


def mean_interval(
    values: npt.ArrayLike, clusters: Sequence[str], *, resamples: int = 10_000, seed: int, confidence: float = 0.95
) -> Interval:
    """Mean of `values` (n_questions,) with a clustered bootstrap interval."""
    column = _column(values, clusters)
    draws = cluster_resample_means(column[:, None], clusters, resamples=resamples, seed=seed)[:, 0]
    return percentile_interval(float(column.mean()) if len(column) else math.nan, draws, len(column), confidence)


def paired_interval(
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    clusters: Sequence[str],
    *,
    resamples: int = 10_000,
    seed: int,
    confidence: float = 0.95,
) -> Interval:
    """Mean of `after - before`, question by question; positive where `after` is higher."""
    gains = _column(after, clusters) - _column(before, clusters)
    return mean_interval(gains, clusters, resamples=resamples, seed=seed, confidence=confidence)


def cluster_resample_means(
    matrix: npt.ArrayLike, clusters: Sequence[str], *, resamples: int = 10_000, seed: int
) -> Floats:
    """Joint bootstrap of several means: `(n_questions, n_stats)` to `(resamples, n_stats)`.

    All statistics of a row come from the same resample, so that differences between columns are valid too. A
    resample's mean weighs questions, not clusters. nan throughout where there are fewer than two questions.
    """
    values = np.asarray(matrix, dtype=np.float64)
    if values.ndim != 2 or len(values) != len(clusters):
        raise ValueError(f"matrix of shape {values.shape} does not go with {len(clusters)} clusters")
    if len(values) < 2:
        return np.full((resamples, values.shape[1]), math.nan)
    ones = np.ones((len(values), 1))
    sums = _resampled_sums(np.hstack([values, ones]), clusters, resamples, seed)
    means: Floats = sums[:, :-1] / sums[:, -1:]
    return means


def percentile_interval(value: float, draws: Floats, num: int, confidence: float = 0.95) -> Interval:
    """The interval that holds the middle `confidence` of bootstrap `draws` (resamples,)."""
    if num < 2 or not len(draws) or bool(np.isnan(draws).any()):
        return Interval(value, math.nan, math.nan, num)
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(value, float(low), float(high), num)


def simultaneous_lower_bounds(
    gains: npt.ArrayLike, clusters: Sequence[str], *, resamples: int = 10_000, seed: int, confidence: float = 0.95
) -> list[float]:
    """Bounds below the mean of every column of `gains` (n_questions, n_candidates) that hold all at once.

    Whichever candidate is picked for its gain, the bound is as good as if it had been the only one: the bootstrap takes
    the largest of the studentised deviations (single-step max-T; Westfall & Young, *Resampling-Based Multiple Testing*,
    1993, §2). nan where there are fewer than two questions.
    """
    matrix = np.asarray(gains, dtype=np.float64)
    draws = cluster_resample_means(matrix, clusters, resamples=resamples, seed=seed)
    if len(matrix) < 2:
        return [math.nan] * matrix.shape[1]
    means, spread = matrix.mean(axis=0), draws.std(axis=0)
    varies = spread > 1e-12
    deviations = (draws[:, varies] - means[varies]) / spread[varies]
    width = float(np.quantile(deviations.max(axis=1), confidence)) if varies.any() else 0.0
    # what is alike in every question is not certain either: as many clusters as Wilson allows could still differ
    slack = wilson(0, num_clusters(clusters)).high
    return [
        float(mean - (width * sd if moves else slack)) for mean, sd, moves in zip(means, spread, varies, strict=True)
    ]


def num_clusters(clusters: Sequence[str]) -> int:
    """Distinct clusters. With one, intervals fall back to questions; with few, they speak for those alone."""
    return len(set(clusters))


def share_interval(
    hits: Sequence[bool], clusters: Sequence[str], *, resamples: int = 10_000, seed: int, confidence: float = 0.95
) -> Interval:
    """Share of true `hits`: clustered bootstrap, but Wilson over clusters where all or none are true.

    There the bootstrap has no width, as if nothing could ever differ; Wilson over the number of clusters does not
    take questions of one cluster for independent. A single cluster counts by its questions, as in the bootstrap.
    """
    num_true = sum(hits)
    if hits and num_true in (0, len(hits)):
        units = num_clusters(clusters) if num_clusters(clusters) > 1 else len(hits)
        bound = wilson(units if num_true else 0, units, confidence=confidence)
        return Interval(bound.value, bound.low, bound.high, len(hits))
    values = np.asarray(hits, dtype=np.float64)
    return mean_interval(values, clusters, resamples=resamples, seed=seed, confidence=confidence)


def wilson(successes: int, num: int, *, confidence: float = 0.95) -> Interval:
    """Score interval of a binomial share (Wilson 1927). `num` 0 gives value nan and bounds 0 and 1."""
    if not 0 <= successes <= num:
        raise ValueError(f"{successes} successes of {num}")
    if num == 0:
        return Interval(math.nan, 0.0, 1.0, 0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / num
    scale = 1 + z * z / num
    middle = (share + z * z / (2 * num)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / num + z * z / (4 * num * num))
    # At the ends the formula gives exactly 0 or 1, but for rounding.
    low = 0.0 if successes == 0 else middle - half
    high = 1.0 if successes == num else middle + half
    return Interval(share, low, high, num)


def mcnemar_exact(num_gained: int, num_lost: int) -> float:
    """Two-sided exact McNemar p: a binomial test of the discordant pairs against one half. No discordant pair: 1."""
    num = num_gained + num_lost
    if min(num_gained, num_lost) < 0:
        raise ValueError(f"negative counts: {num_gained}, {num_lost}")
    tail, term = 0, 1
    for index in range(min(num_gained, num_lost) + 1):
        tail += term
        term = term * (num - index) // (index + 1)
    return min(1.0, float(2 * tail / 2**num))


def holm(pvalues: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values (Holm 1979), in the order given: control of the family-wise error."""
    adjusted: dict[str, float] = {}
    running = 0.0
    for place, name in enumerate(sorted(pvalues, key=lambda name: pvalues[name])):
        running = max(running, min(1.0, (len(pvalues) - place) * pvalues[name]))
        adjusted[name] = running
    return {name: adjusted[name] for name in pvalues}


def _column(values: npt.ArrayLike, clusters: Sequence[str]) -> Floats:
    column = np.asarray(values, dtype=np.float64)
    if column.shape != (len(clusters),):
        raise ValueError(f"values of shape {column.shape} do not go with {len(clusters)} clusters")
    return column


def _resampled_sums(columns: Floats, clusters: Sequence[str], resamples: int, seed: int) -> Floats:
    """Column sums of each resample, `(resamples, n_columns)`: multinomial cluster counts times cluster sums."""
    names: dict[str, int] = {}
    codes = np.array([names.setdefault(cluster, len(names)) for cluster in clusters], dtype=np.int64)
    if len(names) == 1:
        codes = np.arange(len(columns), dtype=np.int64)
    num = int(codes.max()) + 1 if len(codes) else 0
    if num == 0:
        return np.full((resamples, columns.shape[1]), math.nan)
    totals = np.zeros((num, columns.shape[1]))
    np.add.at(totals, codes, columns)
    rng = np.random.default_rng(seed)
    chunk = max(1, _MAX_CELLS // num)
    parts = []
    for start in range(0, resamples, chunk):
        rows = min(chunk, resamples - start)
        draws = rng.integers(0, num, size=(rows, num))
        cells = (draws + num * np.arange(rows)[:, None]).ravel()
        counts = np.bincount(cells, minlength=rows * num).reshape(rows, num)
        parts.append(counts.astype(np.float64) @ totals)
    sums: Floats = np.concatenate(parts)
    return sums
