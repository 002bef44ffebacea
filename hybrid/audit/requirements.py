"""What a method asks of the data, in counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hybrid.config import Config
from hybrid.types import Question

Method = Literal["embedder", "raft", "dpo", "grpo"]
_PROOF, _PRODUCTION = 500, 1_000
_UNANSWERABLE_SHARE = 0.05
AT_LEAST: dict[Method, tuple[int, str]] = {
    "dpo": (2_000, "answerable train questions, for a preference pair each (DPO)"),
    "grpo": (1_000, "answerable train questions, for a trajectory each (GRPO)"),
}
"""Preference pairs and trajectories: fewer do not move a model."""


@dataclass(frozen=True)
class Requirement:
    """`verdict`: ok, thin (works as a proof) or short (do not tune)."""

    what: str
    have: float
    need: float
    verdict: Literal["ok", "thin", "short"]
    advice: str


def requirements(questions: Sequence[Question], methods: Sequence[Method], config: Config) -> list[Requirement]:
    """Counts against the thresholds that training itself enforces, and those of the method beyond them."""
    train = sum(q.split == "train" and q.answerable and bool(q.positives) for q in questions)
    found = []
    for split, why in (("dev", "checkpoints are chosen on it"), ("test", "gains are proven on it")):
        have = sum(q.split == split and q.answerable for q in questions)
        advice = f"write {{}} more before anything is tuned: {why}"
        found.append(_count(f"answerable {split} questions", have, config.train_embed.min_dev_questions, advice))
    held = [q for q in questions if q.split != "train"]
    share = sum(not q.answerable for q in held) / len(held) if held else 0.0
    enough = share >= _UNANSWERABLE_SHARE
    found.append(
        Requirement(
            "share of held-out questions that nothing answers",
            round(share, 3),
            _UNANSWERABLE_SHARE,
            "ok" if enough else "thin",
            "" if enough else "without them nobody sees whether it invents answers",
        )
    )
    for method in methods:
        if method == "embedder":
            found.append(_pairs(train, config.train_embed.min_pairs))
        elif method == "raft":
            what = "answerable train questions for RAFT examples"
            found.append(_count(what, train, config.raft.min_examples, "{} more are needed"))
        else:
            need, what = AT_LEAST[method]
            found.append(_count(what, train, need, "{} more are needed"))
    return found


def _pairs(have: int, need: int) -> Requirement:
    what = "train questions with a gold passage for the embedder"
    if have < need:
        return _count(what, have, need, "collect or synthesise {} more first: do not tune")
    if have < _PROOF:
        return Requirement(what, have, _PROOF, "thin", "enough for a proof of concept")
    if have < _PRODUCTION:
        return Requirement(what, have, _PRODUCTION, "thin", "production systems use 1,000 to 3,000")
    return Requirement(what, have, _PRODUCTION, "ok", "")


def _count(what: str, have: int, need: int, advice: str) -> Requirement:
    """`advice` has a place for how many are missing."""
    if have < need:
        return Requirement(what, have, need, "short", advice.format(need - have))
    return Requirement(what, have, need, "ok", "")
