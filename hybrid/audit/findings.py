"""What an audit finds in a question, and how bad it is."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is wrong."""

    DUPLICATE = "DUPLICATE"
    CONTRADICTION = "CONTRADICTION"
    LEAK = "LEAK"
    WRONG_GOLD = "WRONG_GOLD"
    NO_ANSWER = "NO_ANSWER"
    FORMAT = "FORMAT"
    LENGTH = "LENGTH"
    COPIED = "COPIED"
    SHARED = "SHARED"
    SAME_ANSWER = "SAME_ANSWER"
    CLOSED_BOOK = "CLOSED_BOOK"
    LANGUAGE = "LANGUAGE"


SEVERITY = {
    Kind.CONTRADICTION: 1.0,
    Kind.LEAK: 1.0,
    Kind.WRONG_GOLD: 0.9,
    Kind.NO_ANSWER: 0.9,
    Kind.DUPLICATE: 0.5,
    Kind.FORMAT: 0.4,
    Kind.COPIED: 0.3,
    Kind.SHARED: 0.3,
    Kind.CLOSED_BOOK: 0.3,
    Kind.LANGUAGE: 0.3,
    Kind.SAME_ANSWER: 0.2,
    Kind.LENGTH: 0.2,
}
"""Share of a question's worth that a finding takes."""
MEANINGS = {
    Kind.CONTRADICTION: "asked alike elsewhere, answered otherwise",
    Kind.LEAK: "held out, but asked alike in train",
    Kind.WRONG_GOLD: "the gold passage holds none of its answers",
    Kind.NO_ANSWER: "answerable, but without a gold passage, or held out for test without an answer",
    Kind.DUPLICATE: "asked alike in its own split",
    Kind.FORMAT: "the answer looks like few others of its type",
    Kind.COPIED: "the question is copied from its passage: words alone would find it",
    Kind.SHARED: "held out, but its gold passage is gold in train: gains there overstate what is learned",
    Kind.CLOSED_BOOK: "answered without any passage: worth little for a retriever, in training and in measuring",
    Kind.LANGUAGE: "in a language that few others are in",
    Kind.SAME_ANSWER: "held out, but its rare answer is an answer in train too",
    Kind.LENGTH: "far longer or shorter than the others",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`others` are the questions that it is seen beside."""

    kind: Kind
    question: str
    detail: str
    others: tuple[str, ...] = ()


def scores(questions: Iterable[str], findings: Sequence[Finding]) -> dict[str, float]:
    """The worth of each question in [0, 1]: 1 where nothing was found; each kind takes its share once."""
    worth = dict.fromkeys(questions, 1.0)
    for question, kind in {(finding.question, finding.kind) for finding in findings}:
        worth[question] *= 1 - SEVERITY[kind]
    return worth


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """Questions by kind, the worst kinds first."""
    pairs = {(finding.kind, finding.question) for finding in findings}
    found = Counter(kind for kind, _ in pairs)
    return {kind.value: found[kind] for kind in SEVERITY if found[kind]}
