"""Which half of a fused retrieval missed: the vectors, the words, or both."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from hybrid.evaluation.labels import cause_of_miss
from hybrid.evaluation.records import Record
from hybrid.types import Layer

HALVES = ("dense", "lexical")


@dataclass(frozen=True, slots=True)
class MissedHalves:
    """Of the `missed` questions (failed, the gold in the index but not in the context), how many have their gold within
    the first `k` of the ranking by words (`lexical`), by vectors (`dense`), and by `neither`. Both may have it.
    """

    k: int
    missed: int
    lexical: int
    dense: int
    neither: int

    @property
    def sentence(self) -> str:
        """For people."""
        return (
            f"Of {self.missed} failed questions whose gold passage was not in the context, words alone find it within "
            f"the first {self.k} for {self.lexical}, vectors alone for {self.dense}, neither for {self.neither}."
        )


def missed_halves(records: Sequence[Record], k: int) -> MissedHalves | None:
    """Count. None where no question was missed by two rankings that are known."""
    missed = [r for r in records if cause_of_miss(r, rank_limit=k) in (Layer.RANKING, Layer.EMBEDDER)]
    ranks = [record.half_ranks for record in missed if all(name in record.half_ranks for name in HALVES)]
    if not ranks:
        return None
    found = {name: [_within(rank[name], k) for rank in ranks] for name in HALVES}
    neither = sum(not any(pair) for pair in zip(*found.values(), strict=True))
    return MissedHalves(k, len(ranks), sum(found["lexical"]), sum(found["dense"]), neither)


def gold_rank(ids: Iterable[str], positives: Collection[str]) -> int | None:
    """The rank of the best gold passage in a ranking, best first; None where there is none."""
    return next((rank for rank, identity in enumerate(ids, start=1) if identity in positives), None)


def reciprocal(rank: int | None) -> float:
    """1 ÷ rank; 0 where the gold is not in the ranking."""
    return 1 / rank if rank else 0.0


def _within(rank: int | None, k: int) -> bool:
    return rank is not None and rank <= k
