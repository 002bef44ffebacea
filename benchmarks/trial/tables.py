"""The figures of a trial of the diagnosis, the same for simulated and for generated answers."""

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from benchmarks.trial.baselines import RULES
from benchmarks.trial.trials import HEALTHY_FAMILY, HYBRID, SYSTEMS, Trial
from hybrid.config import DiagnosisConfig
from hybrid.evaluation.moved import what_moved
from hybrid.evaluation.records import Record
from hybrid.evaluation.statistics import percentile_interval, wilson
from hybrid.types import Interval

Line = tuple[str, str, Interval]
"""Metric, system, value."""

SAID = {
    "MISSING": "missing",
    "RANKED_LOW": "documents",
    "WRONG_DOCUMENTS": "documents",
    "WRONG_DOCUMENTS+DISTRACTED": "documents",
    "WRONG_ANSWER": "reading",
    "DISTRACTED": "distraction",
    "BOTH": "both",
    "WRONG_PROMPT": "prompt",
}
"""The broken part that a label names; other labels name none."""
FAMILIES = ("documents", "reading", "distraction", "both", "missing", "prompt")
COVERED = {"retrieval": ("documents",), "generator": ("reading", "distraction")}
"""Headroom terms, with the families whose expected headroom of that term is known."""
_RESAMPLES = 2_000


def layer_accuracy(trials: Sequence[Trial]) -> Iterator[Line]:
    """Share of sets with a single fault of dose 20 % or more whose layer is named: over all, by family, and by kind."""
    enough = [trial for trial in trials if trial.is_enough]
    yield from _shares("diagnosis/layer-accuracy", enough)
    for family in dict.fromkeys(trial.family for trial in enough):
        part = [trial for trial in enough if trial.family == family]
        yield from _shares(f"diagnosis/layer-accuracy/{family}", part)
        kinds = list(dict.fromkeys(trial.kind for trial in part))
        for kind in kinds if len(kinds) > 1 else ():
            yield from _shares(f"diagnosis/layer-accuracy/{family}/{kind}", [t for t in part if t.kind == kind])


def named(trials: Sequence[Trial]) -> Iterator[Line]:
    """Of the layers that the diagnosis named, at any dose and in healthy sets too, the share that were the broken
    one, and the share that were on its side.
    """
    said = [trial for trial in trials if trial.picks[HYBRID] and (trial.layer or trial.family == HEALTHY_FAMILY)]
    yield "diagnosis/named/layer", HYBRID, wilson(sum(trial.right(HYBRID) for trial in said), len(said))
    yield "diagnosis/named/side", HYBRID, wilson(sum(trial.right_side(HYBRID) for trial in said), len(said))


def macro_average(trials: Sequence[Trial]) -> Iterator[Line]:
    """Mean over the families, the healthy sets among them, of the share of sets whose side is named rightly; and how
    far the diagnosis is ahead of each rule of thumb, on it and on each family. The bootstrap draws sets of a family.
    """
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        if trial.is_enough or trial.family == HEALTHY_FAMILY:
            groups.setdefault(trial.family, []).append(trial)
    rng = np.random.default_rng(0)
    right = {
        family: np.array([[trial.right_side(system) for system in SYSTEMS] for trial in group], dtype=float)
        for family, group in groups.items()
    }
    draws = {
        family: np.stack([values[rng.integers(len(values), size=len(values))].mean(axis=0) for _ in range(_RESAMPLES)])
        for family, values in right.items()
    }
    means = {family: values.mean(axis=0) for family, values in right.items()}
    means["all"] = np.mean(list(means.values()), axis=0)
    draws["all"] = np.mean(list(draws.values()), axis=0)
    num = sum(len(values) for values in right.values())
    for place, system in enumerate(SYSTEMS):
        yield "diagnosis/macro-average", system, percentile_interval(means["all"][place], draws["all"][:, place], num)
    for family in ("all", *right):
        metric = "diagnosis/macro-average" if family == "all" else f"diagnosis/side-accuracy/{family}"
        size = num if family == "all" else len(right[family])
        for place, rule in enumerate(RULES, start=1):
            lead = means[family][0] - means[family][place]
            spread = draws[family][:, 0] - draws[family][:, place]
            name = "diagnosis/false-alarm" if family == HEALTHY_FAMILY else metric
            if family == HEALTHY_FAMILY:
                lead, spread = -lead, -spread
            yield name, f"{HYBRID} − {rule}", percentile_interval(float(lead), spread, size)


def alarms(trials: Sequence[Trial]) -> Iterator[Line]:
    """Share of healthy sets for which some layer is named, and of pairs of healthy sets that are told apart.

    Healthy means that chance turns fewer answers than the smallest gain that is worth a retune: a reader that is wrong
    more often, by whatever chance, is rightly named.
    """
    sets = [trial for trial in trials if trial.family == HEALTHY_FAMILY]
    for system in SYSTEMS:
        named = sum(trial.picks[system] is not None for trial in sets)
        yield "diagnosis/false-alarm", system, wilson(named, len(sets))


def told_apart(pairs: Sequence[tuple[list[Record], list[Record]]], resamples: int) -> Line:
    """Share of pairs of healthy sets of the same questions between which a comparison proves a move."""
    options, moves = DiagnosisConfig(), 0
    for before, after in pairs:
        found = what_moved(
            before,
            after,
            retuned="nothing",
            rank_limit=options.rank_limit,
            minimum_effect=options.minimum_effect,
            resamples=resamples,
            seed=0,
        )
        proven = not found.realised.low <= 0 <= found.realised.high
        moves += proven and found.arms["retrieved"].p < 0.05
    return "diagnosis/false-alarm/a-a-comparison", HYBRID, wilson(moves, len(pairs))


def coverage(trials: Sequence[Trial]) -> Iterator[Line]:
    """Share of 95 % intervals of headroom that hold the expected headroom."""
    for term, families in COVERED.items():
        sets = [trial for trial in trials if trial.family in families and term in trial.expected]
        hits = sum(_covers(trial, term) for trial in sets)
        yield f"diagnosis/coverage/{term}", HYBRID, wilson(hits, len(sets))


def _covers(trial: Trial, term: str) -> bool:
    if term == "retrieval":
        interval = trial.diagnosis.headroom["retrieval"]
        return interval.low <= trial.expected[term] <= interval.high
    interval = trial.diagnosis.arms["oracle_in_distractors"]
    return interval.low <= 1 - trial.expected[term] <= interval.high


def label_f1(trials: Sequence[Trial]) -> Iterator[Line]:
    """F1 of each broken part's labels over the questions of all sets, and their mean."""
    scores = []
    for part in FAMILIES:
        verdicts = [
            (SAID.get(name) == part, trial.broken[question] == part)
            for trial in trials
            for question, name in trial.diagnosis.labels.items()
        ]
        if any(true for _, true in verdicts):
            found = f1(verdicts)
            scores.append(found.value)
            yield f"diagnosis/label-f1/{part}", HYBRID, found
    mean = sum(scores) / len(scores)
    yield "diagnosis/macro-f1", HYBRID, Interval(mean, min(scores), max(scores), len(scores))


def f1(verdicts: Sequence[tuple[bool, bool]]) -> Interval:
    """F1 of pairs (said, true); the interval is Wilson's for as large a share of the true ones."""
    right = sum(said and true for said, true in verdicts)
    num_said, num_true = sum(said for said, _ in verdicts), sum(true for _, true in verdicts)
    score = 2 * right / max(1, num_said + num_true)
    bound = wilson(round(score * num_true), num_true)
    return Interval(score, bound.low, bound.high, num_true)


def confusion(trials: Sequence[Trial]) -> Iterator[Line]:
    """By broken part, the share of its questions to which each part was attributed."""
    counts = {part: dict.fromkeys((*FAMILIES, "nothing"), 0) for part in (*FAMILIES, "nothing")}
    for trial in trials:
        for question, name in trial.diagnosis.labels.items():
            counts[trial.broken[question] or "nothing"][SAID.get(name, "nothing")] += 1
    for true, said in counts.items():
        num = sum(said.values())
        for part, hits in said.items() if num else ():
            yield f"diagnosis/confusion/{true}", part, wilson(hits, num)


def slope(trials: Sequence[Trial]) -> Iterator[Line]:
    """Slope of the gain without the fault on the predicted headroom of its layer, by least squares.

    The bootstrap draws kinds of faults within corpora, for the sets of one kind share their answers.
    """
    points: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for trial in trials:
        if trial.gain is not None and trial.layer is not None:
            points.setdefault((trial.corpus, trial.kind), []).append((predicted(trial), trial.gain))
    if not points:
        return
    groups = [np.array(group) for group in points.values()]
    rng = np.random.default_rng(0)
    draws = np.array(
        [_fit(np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])) for _ in range(1_000)]
    )
    whole = np.concatenate(groups)
    yield "diagnosis/slope", HYBRID, percentile_interval(_fit(whole), draws, len(whole))


def predicted(trial: Trial) -> float:
    """What repairing the broken layer alone would gain, by the diagnosis."""
    if trial.family in ("documents", "missing"):
        return trial.diagnosis.headroom["retrieval"].value
    return trial.diagnosis.generator_first["generator"].value


def monotone(trials: Sequence[Trial]) -> Line:
    """Share of the kinds of faults whose mean predicted headroom grows with every dose."""
    means: dict[tuple[str, str], dict[float, list[float]]] = {}
    for trial in trials:
        if trial.layer is not None:
            means.setdefault((trial.corpus, trial.kind), {}).setdefault(trial.dose, []).append(predicted(trial))
    ladders = [[float(np.mean(doses[dose])) for dose in sorted(doses)] for doses in means.values() if len(doses) > 1]
    growing = sum(all(low < high for low, high in itertools.pairwise(row)) for row in ladders)
    return "diagnosis/monotone", HYBRID, wilson(growing, len(ladders))


def _fit(points: np.ndarray) -> float:
    return float(np.polyfit(points[:, 0], points[:, 1], 1)[0])


def _shares(metric: str, trials: Sequence[Trial]) -> Iterable[Line]:
    for system in SYSTEMS:
        yield metric, system, wilson(sum(trial.right(system) for trial in trials), len(trials))
