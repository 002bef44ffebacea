"""What `answering.min_support` costs and saves on questions that were asked, and which one suits them.

From the rows of an evaluation, so no question is asked again. For dev: a threshold chosen on test tells nothing more.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hybrid.evaluation.figure import Row
from hybrid.types import Withheld

MOST_WITHHELD = 0.03
"""Share of the right answers that may be withheld for the rest."""
FEWEST = 20
"""Right answers below which no threshold is chosen by them."""


@dataclass(frozen=True, slots=True)
class GuardAt:
    """With a least support: right answers that are withheld, unanswerable questions that are declined, wrong answers to
    answerable ones that are served; each of so many.
    """

    min_support: float | None
    right_withheld: int
    num_right: int
    declined: int
    num_unanswerable: int
    wrong_served: int
    num_answerable: int

    @property
    def sentence(self) -> str:
        """For people."""
        least = "no least support" if self.min_support is None else f"answering.min_support={self.min_support:g}"
        return (
            f"{least}: {self.right_withheld} of {self.num_right} right answers withheld, {self.declined} of "
            f"{self.num_unanswerable} unanswerable questions declined, {self.wrong_served} of {self.num_answerable} "
            "answerable ones answered wrongly"
        )


def guard_at(rows: Sequence[Row], min_support: float | None) -> GuardAt:
    """Count."""
    answerable = [row for row in rows if row["answerable"]]
    right = [row for row in answerable if row["correct"]]
    others = [row for row in rows if not row["answerable"]]
    return GuardAt(
        min_support,
        sum(_is_withheld(row, min_support) for row in right),
        len(right),
        sum(row["abstained"] or _is_withheld(row, min_support) for row in others),
        len(others),
        sum(not row["correct"] and not row["abstained"] and not _is_withheld(row, min_support) for row in answerable),
        len(answerable),
    )


def suggest(rows: Sequence[Row]) -> GuardAt | None:
    """The highest least support, in hundredths, that withholds no more than `MOST_WITHHELD` of the right answers; None
    where there are fewer right ones than `FEWEST`.
    """
    right = [row for row in rows if row["answerable"] and row["correct"]]
    if len(right) < FEWEST:
        return None
    supports = sorted(row["support"] for row in right if not _is_withheld(row, None))
    spare = int(MOST_WITHHELD * len(right)) - (len(right) - len(supports))
    place = min(max(spare, 0), len(supports) - 1)
    return guard_at(rows, math.floor(100 * supports[place]) / 100) if supports else None


def _is_withheld(row: Row, least: float | None) -> bool:
    if row["abstained"]:
        return False
    return row["reason"] not in (None, Withheld.OFF_TOPIC) or (least is not None and row["support"] < least)
