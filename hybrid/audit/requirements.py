"""What a method asks of the data, in counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hybrid.types import Question

Method = Literal["embedder", "raft", "dpo", "grpo"]
METHODS: tuple[Method, ...] = ("embedder", "raft", "dpo", "grpo")
_UNDER, _PROOF, _PRODUCTION = 200, 500, 1_000
_EVALUATION = 30
_UNANSWERABLE_SHARE = 0.05
_AT_LEAST: dict[Method, tuple[int, str]] = {
    "raft": (100, "answerable train questions for RAFT examples"),
    "dpo": (2_000, "preference pairs for DPO"),
    "grpo": (1_000, "trajectories for GRPO"),
}


@dataclass(frozen=True)
class Requirement:
    """`verdict`: ok, thin (works as a proof) or short (do not tune)."""

    what: str
    have: float
    need: float
    verdict: Literal["ok", "thin", "short"]
    advice: str


def requirements(questions: Sequence[Question], methods: Sequence[Method]) -> list[Requirement]:
    """Counts against the thresholds of the method: no tuning without an evaluation set, none on too few pairs."""
    train = [q for q in questions if q.split == "train" and q.answerable and q.positives]
    found = []
    for split, why in (("dev", "checkpoints are chosen on it"), ("test", "gains are proven on it")):
        have = sum(q.split == split and q.answerable for q in questions)
        advice = "" if have >= _EVALUATION else f"write {_EVALUATION - have} more before anything is tuned: {why}"
        verdict: Literal["ok", "short"] = "ok" if have >= _EVALUATION else "short"
        found.append(Requirement(f"answerable {split} questions", have, _EVALUATION, verdict, advice))
    held = [q for q in questions if q.split != "train"]
    share = sum(not q.answerable for q in held) / len(held) if held else 0.0
    found.append(
        Requirement(
            "share of held-out questions that nothing answers",
            round(share, 3),
            _UNANSWERABLE_SHARE,
            "ok" if share >= _UNANSWERABLE_SHARE else "thin",
            "" if share >= _UNANSWERABLE_SHARE else "without them nobody sees whether it invents answers",
        )
    )
    for method in methods:
        found.append(_pairs(len(train)) if method == "embedder" else _counted(method, len(train)))
    return found


def _pairs(have: int) -> Requirement:
    what = "train questions with a gold passage for the embedder"
    if have < _UNDER:
        return Requirement(
            what, have, _UNDER, "short", f"collect or synthesise {_UNDER - have} more first: do not tune"
        )
    if have < _PROOF:
        return Requirement(what, have, _PROOF, "thin", "enough for a proof of concept")
    if have < _PRODUCTION:
        return Requirement(what, have, _PRODUCTION, "thin", "production systems use 1,000 to 3,000")
    return Requirement(what, have, _PRODUCTION, "ok", "")


def _counted(method: Method, have: int) -> Requirement:
    need, what = _AT_LEAST[method]
    short = have < need
    return Requirement(what, have, need, "short" if short else "ok", f"{need - have} more are needed" if short else "")
