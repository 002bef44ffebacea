"""What an audit of a training file finds line by line, and what it tells of the file."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from hybrid.audit.requirements import Requirement
from hybrid.audit.wording import alike
from hybrid.types import Question


class Fault(StrEnum):
    """What is wrong with a line."""

    LEAK = "LEAK"
    EMPTY = "EMPTY"
    NEGATIVE_IS_POSITIVE = "NEGATIVE_IS_POSITIVE"
    FALSE_NEGATIVE = "FALSE_NEGATIVE"
    CONTRADICTION = "CONTRADICTION"
    UNGROUNDED = "UNGROUNDED"
    TOO_LONG = "TOO_LONG"
    DUPLICATE = "DUPLICATE"
    MAYBE_FALSE_NEGATIVE = "MAYBE_FALSE_NEGATIVE"


MEANINGS = {
    Fault.LEAK: "asked alike in the dev or test questions of the corpus",
    Fault.EMPTY: "a text that is needed is empty",
    Fault.NEGATIVE_IS_POSITIVE: "a negative says the same as the line's own positive",
    Fault.FALSE_NEGATIVE: "a negative is the positive of a query that asks alike",
    Fault.CONTRADICTION: "the same prompt is completed otherwise elsewhere",
    Fault.UNGROUNDED: "the answer does not stand in the passages that it cites",
    Fault.TOO_LONG: "longer than training reads",
    Fault.DUPLICATE: "the same again",
    Fault.MAYBE_FALSE_NEGATIVE: "a negative is the positive of a query in similar words: look at it, it is not dropped",
}
"""In the order of their weight."""
WORST = 100
TO_LOOK_AT = {Fault.MAYBE_FALSE_NEGATIVE}
"""Faults for which no line is left out of the proposed file."""


@dataclass(frozen=True, slots=True)
class RowFinding:
    """`line` starts at 1; `text` is what a person recognises the line by."""

    fault: Fault
    line: int
    detail: str
    text: str


@dataclass(frozen=True)
class FileAudit:
    """`figures`: counts and shares worth knowing, by name. `proposed` leaves out the lines in `dropped`."""

    num_rows: int
    requirements: tuple[Requirement, ...]
    figures: dict[str, float]
    findings: tuple[RowFinding, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def dropped(self) -> dict[int, str]:
        """By line, why it is left out of the proposed file."""
        gone: dict[int, str] = {}
        for finding in self.findings:
            if finding.fault not in TO_LOOK_AT:
                gone.setdefault(finding.line, f"{finding.fault}: {finding.detail}")
        return gone

    def told(self) -> dict[str, Any]:
        """What `--json` prints, the worst lines first."""
        order = list(MEANINGS)
        counts = Counter(fault for fault, _ in {(item.fault, item.line) for item in self.findings})
        short = [item for item in self.requirements if item.verdict == "short"]
        if short:
            sentence = f"Not ready: {'; '.join(f'{item.what}: {item.have:g} of {item.need:g}' for item in short)}."
        elif self.dropped:
            sentence = f"Mend the file first: {len(self.dropped)} of {self.num_rows} lines should not be trained on."
        else:
            sentence = f"Ready: {self.num_rows} lines, none that should go."
        return {
            "sentence": sentence,
            "ready": not short and not self.dropped,
            "num_rows": self.num_rows,
            "requirements": [asdict(item) for item in self.requirements],
            "figures": self.figures,
            "kinds": {fault.value: counts[fault] for fault in order if counts[fault]},
            "meanings": {fault.value: MEANINGS[fault] for fault in order if counts[fault]},
            "num_dropped": len(self.dropped),
            "notes": list(self.notes),
            "worst": [
                {"line": item.line, "kind": item.fault.value, "detail": item.detail, "text": item.text}
                for item in sorted(self.findings, key=lambda item: (order.index(item.fault), item.line))[:WORST]
            ],
        }


def asked_alike(asked: Mapping[int, str], held: Sequence[Question]) -> Iterator[tuple[int, Question | int]]:
    """Pairs of a line and what is worded like its question: a held-out question, or an earlier line."""
    lines = list(asked)
    texts = [Question(str(line), asked[line]) for line in lines]
    num = len(texts)
    for first, second in alike([*texts, *held]):
        if first < num <= second:
            yield lines[first], held[second - num]
        elif second < num:
            yield lines[second], lines[first]


def at_least(what: str, have: int, need: int, advice: str) -> Requirement:
    """A count against a threshold; `advice` has a place for how many are missing."""
    enough = have >= need
    return Requirement(what, have, need, "ok" if enough else "short", "" if enough else advice.format(need - have))
