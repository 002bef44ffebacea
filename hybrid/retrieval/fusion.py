"""One ranking out of two: by vectors and by words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from hybrid.protocols import Fuse
from hybrid.types import Hit, ranked

RRF_K = 60
"""Damps how much the first ranks outweigh the later ones; the value of the paper."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """How a question's passages are ranked. `weight` is that of the words where the mode is `weighted`, else None."""

    mode: Literal["dense", "lexical", "rrf", "weighted"]
    weight: float | None = None

    @property
    def fuse(self) -> Fuse | None:
        """What makes one ranking of two; None where one of them alone is taken."""
        if self.mode == "rrf":
            return reciprocal_rank
        return partial(weighted, weight=self.weight or 0.0) if self.mode == "weighted" else None

    @property
    def name(self) -> str:
        """For people: `rrf`, `weighted .3`."""
        return self.mode if self.weight is None else f"{self.mode} {self.weight:g}"


def reciprocal_rank(dense: Sequence[Hit], lexical: Sequence[Hit], *, k: int = RRF_K) -> list[Hit]:
    """Reciprocal rank fusion: the sum of 1 / (k + rank) over the rankings that hold a passage.

    Cormack, Clarke & Büttcher 2009, SIGIR, doi:10.1145/1571941.1572114. Ties are broken by id.
    """
    return _ranked(*({hit.passage_id: 1 / (k + hit.rank) for hit in hits} for hits in (dense, lexical)))


def weighted(dense: Sequence[Hit], lexical: Sequence[Hit], *, weight: float) -> list[Hit]:
    """Convex combination: `weight` · lexical + (1 − `weight`) · dense, each ranking's scores brought to [0, 1].

    Bruch, Gai & Ingber 2023, ACM TOIS 42(1), doi:10.1145/3596512, with min-max normalisation. A passage that a ranking
    does not hold scores 0 there, as its last one does. Ties are broken by id.
    """
    parts = ((dense, 1 - weight), (lexical, weight))
    return _ranked(*({id_: share * score for id_, score in _normalised(hits).items()} for hits, share in parts))


def _normalised(hits: Sequence[Hit]) -> dict[str, float]:
    """Passage to (score − least) / (most − least); 1 for all where all score alike."""
    scores = [hit.score for hit in hits]
    least, most = min(scores, default=0.0), max(scores, default=0.0)
    return {hit.passage_id: (hit.score - least) / (most - least) if most > least else 1.0 for hit in hits}


def _ranked(*parts: Mapping[str, float]) -> list[Hit]:
    totals: dict[str, float] = {}
    for scores in parts:
        for identity, score in scores.items():
            totals[identity] = totals.get(identity, 0.0) + score
    ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    return ranked([identity for identity, _ in ordered], [score for _, score in ordered])
