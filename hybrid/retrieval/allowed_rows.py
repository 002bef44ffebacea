"""Which rows of a store a search may find: those of the ids that a filter leaves."""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


class Allowed(NamedTuple):
    """`mask`: for each row, whether it may be found; `num`: of how many that is true."""

    mask: Mask
    num: int


class AllowedRows:
    """Turns sets of ids into masks of rows. The last one is kept: the same filter is asked for question by question,
    and to go through all ids of a large store takes longer than a search.
    """

    def __init__(self) -> None:
        self._last: tuple[AbstractSet[str], Allowed] | None = None

    def of(self, among: AbstractSet[str], ids: Callable[[], Iterable[str]], gone: Mask | None = None) -> Allowed:
        """The rows whose id is `among` them and that are not `gone`; `ids` of all rows, in their order."""
        if self._last is None or self._last[0] is not among:
            mask = np.fromiter((identity in among for identity in ids()), dtype=np.bool_)
            if gone is not None:
                mask &= ~gone
            self._last = among, Allowed(mask, int(mask.sum()))
        return self._last[1]

    def forget(self) -> None:
        """Rows came or went."""
        self._last = None
