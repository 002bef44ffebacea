"""Texts of like length encoded together: a batch is as long as its longest text, and what is padded is wasted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class TokenBatch:
    """Padded token ids and their mask, both int64 `(n, longest)`; `rows` says which texts they are."""

    rows: list[int]
    input_ids: npt.NDArray[np.int64]
    attention_mask: npt.NDArray[np.int64]


def token_batches(texts: Sequence[Sequence[int]], *, max_tokens: int, pad_id: int) -> Iterator[TokenBatch]:
    """All texts, longest first, in batches of at most `max_tokens` tokens, padding counted, or of one text.

    Longest first: memory that does not suffice is missed at once, and the last batches are small.
    """
    order = sorted(range(len(texts)), key=lambda row: (-len(texts[row]), row))
    start = 0
    while start < len(order):
        longest = max(1, len(texts[order[start]]))
        rows = order[start : start + max(1, max_tokens // longest)]
        start += len(rows)
        ids = np.full((len(rows), longest), pad_id, dtype=np.int64)
        mask = np.zeros((len(rows), longest), dtype=np.int64)
        for place, row in enumerate(rows):
            ids[place, : len(texts[row])] = texts[row]
            mask[place, : len(texts[row])] = 1
        yield TokenBatch(rows, ids, mask)
