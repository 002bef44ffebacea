"""How many questions it takes to tell a difference, before anyone writes them.

Two arms (or two systems) answer the same questions; a question is discordant where exactly one of them is right. With
the share ψ of discordant questions and a difference δ of accuracies, McNemar's test of level α has power 1 − β at
n = (z(1 − α/2)·√ψ + z(1 − β)·√(ψ − δ²))² ÷ δ² questions (Connor 1987, Biometrics 43:207). Questions on the same passage
tell less: n grows by the design effect 1 + (m − 1)·ρ for m questions a passage with intra-class correlation ρ
(Kish 1965).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from hybrid.evaluation.records import Record
from hybrid.types import Arm

DIFFERENCES = (0.02, 0.05, 0.1, 0.15, 0.2)
DISCORDANT = 0.25
"""Share of discordant questions where nothing was measured yet: between what a good and a poor system show."""
CORRELATION = 0.3
"""Of two questions on one passage, where nothing was measured yet."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the plan rests on; `measured` says that it comes from a diagnosis."""

    discordant: float = DISCORDANT
    per_passage: float = 1.0
    correlation: float = CORRELATION
    measured: bool = False


def questions_needed(difference: float, assumed: Assumptions, *, power: float = 0.8, confidence: float = 0.95) -> int:
    """Answerable questions that show a difference of this size with probability `power`.

    A difference cannot be larger than the share of discordant questions: there it stands for that share. Raises
    `ValueError` for a difference or a probability outside (0, 1).
    """
    if not all(0 < value < 1 for value in (difference, power, confidence)):
        raise ValueError(f"difference {difference}, power {power} and confidence {confidence} lie between 0 and 1")
    discordant = max(assumed.discordant, difference)
    level, chance = NormalDist().inv_cdf((1 + confidence) / 2), NormalDist().inv_cdf(power)
    spread = math.sqrt(max(discordant - difference**2, 0.0))
    alone = (level * math.sqrt(discordant) + chance * spread) ** 2 / difference**2
    effect = 1 + (assumed.per_passage - 1) * assumed.correlation
    return math.ceil(alone * max(effect, 1.0))


def smallest_difference(num: int, assumed: Assumptions) -> float | None:
    """The smallest difference, in whole thousandths, that `num` questions show with power .8; None where none is."""
    return next((d / 1000 for d in range(1, 1000) if questions_needed(d / 1000, assumed) <= num), None)


def assumptions(records: Sequence[Record]) -> Assumptions:
    """Measured on the answerable records of a diagnosis; what they cannot tell keeps its default.

    Discordance is between the arms retrieved and oracle_in_distractors, by majority over orders; the correlation is the
    one-way analysis-of-variance estimate for their difference, not below 0.
    """
    paired = [r for r in records if r.answerable and r.of(Arm.RETRIEVED) and r.of(Arm.ORACLE_IN_DISTRACTORS)]
    if not paired:
        return Assumptions()
    changes = [float(r.correct(Arm.ORACLE_IN_DISTRACTORS)) - float(r.correct(Arm.RETRIEVED)) for r in paired]
    groups: dict[str, list[float]] = {}
    for record, change in zip(paired, changes, strict=True):
        groups.setdefault(record.cluster, []).append(change)
    correlation = _correlation(list(groups.values()))
    return Assumptions(
        discordant=max(sum(change != 0 for change in changes) / len(changes), 1 / len(changes)),
        per_passage=len(paired) / len(groups),
        correlation=CORRELATION if correlation is None else correlation,
        measured=True,
    )


def _correlation(groups: Sequence[Sequence[float]]) -> float | None:
    """Intra-class correlation, one-way random effects; None where no group has two members or nothing varies."""
    num, total = len(groups), sum(len(group) for group in groups)
    if num < 2 or total == num:
        return None
    mean = sum(map(sum, groups)) / total
    between = sum(len(g) * (float(np.mean(g)) - mean) ** 2 for g in groups) / (num - 1)
    within = sum(float(np.var(g)) * len(g) for g in groups) / (total - num)
    size = (total - sum(len(g) ** 2 for g in groups) / total) / (num - 1)
    if between + (size - 1) * within <= 0:
        return None
    return float(np.clip((between - within) / (between + (size - 1) * within), 0, 1))
