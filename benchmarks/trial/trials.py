"""A trial: an evaluation set with a known fault, what the diagnosis said of it, and what a rule of thumb would say."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from benchmarks.trial.baselines import RULES
from hybrid.evaluation.attribution import Diagnosis
from hybrid.evaluation.records import Record

HYBRID = "hybrid"
HEALTHY_FAMILY = "none"
SYSTEMS = (HYBRID, *RULES)
ENOUGH = 0.2
"""Dose from which the layer should be named."""
_SIDE = {
    "corpus": "embedder",
    "ranking": "embedder",
    "embedder": "embedder",
    "generator": "generator",
    "prompt": "generator",
}
"""How rules of thumb name a layer: they know two."""


@dataclass(frozen=True)
class Trial:
    """`family` is the broken part, `layer` what should be named (None: nothing), `dose` the share of answers it breaks.

    `broken` holds the truth by question, "" where nothing is broken; `expected` the headroom of sets like this one;
    `gain` how much more would be right without the fault, None where it is not known.
    """

    kind: str
    family: str
    layer: str | None
    corpus: str
    dose: float
    records: list[Record]
    broken: Mapping[str, str]
    expected: Mapping[str, float]
    gain: float | None
    diagnosis: Diagnosis

    @cached_property
    def picks(self) -> dict[str, str | None]:
        """The layer that each system names."""
        return {HYBRID: self.diagnosis.recommended, **{name: rule(self.records) for name, rule in RULES.items()}}

    def right(self, system: str) -> bool:
        """Whether it names what is broken. The diagnosis must name the very layer, a rule of thumb the right side."""
        wanted = self.layer if system == HYBRID or self.layer is None else _SIDE[self.layer]
        return self.picks[system] == wanted

    def right_side(self, system: str) -> bool:
        """Whether it names the right side, retrieval or generator: what all systems can be compared by."""
        if self.layer is None:
            return self.picks[system] is None
        return _SIDE.get(self.picks[system] or "") == _SIDE[self.layer]

    @property
    def is_enough(self) -> bool:
        """Whether a layer is at fault at a dose at which it should be named."""
        return self.layer is not None and self.dose >= ENOUGH
