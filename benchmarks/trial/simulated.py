"""Evaluation sets with a known fault, drawn at random: the statistics on trial without a model.

A question has a latent state: whether its gold is found, whether it is read when alone, and whether it is still read
among other passages. Healthy questions have all three. A fault of dose d breaks one of them for each question with
probability d, passages together (a passage that is lost is lost for all its questions). Every answer then flips by
chance, more alike within a question than between questions, as passage order flips real ones. Nothing here knows the
label rules: truth is which latent state was broken.
"""

from dataclasses import dataclass

import numpy as np

from hybrid.evaluation.records import Record
from hybrid.types import Arm, Outcome

FAULTS = ("documents", "reading", "distraction", "both")
K_RANK = 3
"""Rank of a gold that is found."""
LOST_RANK = 60
"""Rank of one that is not."""

DECLINES_WITHOUT, DECLINES_WITH = 0.7, 0.2
"""Share of wrong answers that decline, without and with the gold in context."""


@dataclass(frozen=True, slots=True)
class Design:
    """An evaluation set. `flip`: chance that a right answer comes out wrong (and a wrong one right a tenth as often);
    `alike`: share of that chance that all orders of a question have in common.
    """

    num: int = 200
    per_passage: int = 2
    orders: int = 3
    flip: float = 0.085
    alike: float = 0.5


@dataclass(frozen=True)
class Drawn:
    """Records with the truth behind them: the broken part by question ("" where healthy), and the expected headroom of
    perfect documents (D − R) and of a perfect reader after them (1 − D).
    """

    records: list[Record]
    broken: dict[str, str]
    retrieval: float
    generator: float


def draw(fault: str, dose: float, design: Design, seed: int) -> Drawn:
    """An evaluation set in which `fault` breaks each passage's questions with probability `dose`."""
    rng = np.random.default_rng(seed)
    records, broken = [], {}
    for number in range(design.num):
        name, passage = f"q{number}", number // design.per_passage
        # one draw a passage: its questions are broken together
        hit = bool(np.random.default_rng([seed, passage]).random() < dose)
        parts = {"both": ("documents", "reading")}.get(fault, (fault,)) if hit else ()
        found, reads = "documents" not in parts, "reading" not in parts
        reads_in_noise = reads and "distraction" not in parts
        broken[name] = fault if hit else ""
        right = {
            Arm.RETRIEVED: found and reads_in_noise,
            Arm.ORACLE_IN_DISTRACTORS: reads_in_noise,
            Arm.ORACLE: reads,
            Arm.CLOSED_BOOK: False,
        }
        outcomes = _outcomes(name, right, found, design, rng)
        rank = K_RANK if found else LOST_RANK
        records.append(Record(name, "", f"p{passage}", True, True, rank, outcomes))
    # a right answer stays right with 1 − flip, a wrong one comes out right with a tenth of flip
    keep, luck = 1 - design.flip, design.flip / 10
    answers_broken = dose if fault in ("reading", "distraction", "both") else 0.0
    return Drawn(
        records,
        broken,
        retrieval=dose * (keep - luck) if fault == "documents" else 0.0,
        generator=1 - ((1 - answers_broken) * keep + answers_broken * luck),
    )


def _outcomes(
    name: str, right: dict[Arm, bool], found: bool, design: Design, rng: np.random.Generator
) -> tuple[Outcome, ...]:
    made: list[Outcome] = []
    for arm, ok in right.items():
        chance = design.flip if ok else design.flip / 10
        num_orders = design.orders if arm in (Arm.RETRIEVED, Arm.ORACLE_IN_DISTRACTORS) else 1
        together = rng.random() < chance
        for order in range(num_orders):
            flipped = together if rng.random() < design.alike else rng.random() < chance
            correct = ok != flipped
            gold = found if arm is Arm.RETRIEVED else arm is not Arm.CLOSED_BOOK
            declines = not correct and rng.random() < (DECLINES_WITHOUT if not gold else DECLINES_WITH)
            made.append(Outcome(name, arm, order, float(correct), correct, declines, gold, ""))
    return tuple(made)
