"""Sentences of the documents that say the same of the same thing, but for their figures."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hybrid.answering.sources import sentences
from hybrid.audit.wording import WORD
from hybrid.types import Passage

MIN_WORDS = 5
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Conflict:
    """`said` holds each version once, with a passage in which it stands."""

    said: tuple[tuple[str, str], ...]


def conflicts(passages: Iterable[Passage]) -> list[Conflict]:
    """Sentences that differ in figures only and name what they speak of (C40, TB-1140, Siskin), in document order.

    Without a name in the sentence nobody knows whether two of them mean the same thing: those are passed over.
    """
    versions: dict[str, dict[tuple[str, ...], tuple[str, str]]] = {}
    for passage in passages:
        for sentence in sentences(passage.text):
            words = WORD.findall(sentence)
            figures = tuple(word for word in words if _FIGURE.fullmatch(word))
            if len(words) < MIN_WORDS or not figures or not _names(words):
                continue
            frame = " ".join("#" if _FIGURE.fullmatch(word) else word.lower() for word in words)
            versions.setdefault(frame, {}).setdefault(figures, (passage.id, sentence))
    return [Conflict(tuple(said.values())) for said in versions.values() if len(said) > 1]


def _names(words: list[str]) -> bool:
    """Whether a word has letters and digits, or a capital within the sentence."""
    mixed = any(re.search(r"[A-Za-z]", word) and re.search(r"\d", word) for word in words)
    return mixed or any(word[0].isupper() for word in words[1:])
