"""A count of what must not happen, with the interval of its share."""

from hybrid.evaluation.statistics import wilson
from hybrid.types import Interval


def count(seen: int, num: int) -> Interval:
    """`seen` of `num`; the bounds are those of the share, times `num`."""
    share = wilson(seen, num)
    return Interval(value=share.value * num, low=share.low * num, high=share.high * num, num=num)
