"""Prose to parts within a token budget, cut between paragraphs, else sentences, phrases, words, letters.

The parts are those of llama-index's `SentenceSplitter` (MIT licence), with which tests compare them. To import that
takes every process most of two seconds, as long as hundreds of short documents take.
"""

import re
from collections.abc import Callable, Iterator

from hybrid.corpus.sentences import split_sentences

_PHRASE = re.compile(r"[^,.;。？！]+[,.;。？！]?|[,.;。？！]")


def pack(text: str, count: Callable[[str], int], budget: int, overlap: int = 0) -> list[str]:
    """Parts of at most `budget` tokens by `count`, as many units in each as fit, without the white space around them.
    Each begins with the last units of the one before, up to `overlap` tokens. A letter of more tokens stays whole.
    """
    parts: list[str] = []
    units: list[tuple[str, int]] = []
    used = 0
    # what overlaps alone makes no part
    has_new = False
    for unit, size in _units(text, count, budget):
        if has_new and used + size > budget:
            parts.append("".join(part for part, _ in units))
            units, used = _last(units, overlap)
            has_new = False
        while not has_new and units and used + size > budget:
            used -= units.pop(0)[1]
        units.append((unit, size))
        used += size
        has_new = True
    if has_new:
        parts.append("".join(part for part, _ in units))
    return [part.strip() for part in parts if part.strip()]


def _units(text: str, count: Callable[[str], int], budget: int) -> Iterator[tuple[str, int]]:
    """Parts that fit the budget, each as large as the kinds of border allow, with their tokens."""
    if (size := count(text)) <= budget:
        yield text, size
        return
    found = _cut(text)
    if len(found) == 1:
        yield text, size
        return
    for part in found:
        yield from _units(part, count, budget)


def _cut(text: str) -> list[str]:
    """The text at the first kind of border that it has; what parts paragraphs or words begins the latter one."""
    ways: tuple[Callable[[str], list[str]], ...] = (_paragraphs, split_sentences, _PHRASE.findall, _words)
    return next((found for way in ways if len(found := way(text)) > 1), list(text))


def _paragraphs(text: str) -> list[str]:
    return _at(text, "\n\n")


def _words(text: str) -> list[str]:
    return _at(text, " ")


def _at(text: str, border: str) -> list[str]:
    first, *others = text.split(border)
    return [part for part in (first, *(border + part for part in others)) if part]


def _last(units: list[tuple[str, int]], most: int) -> tuple[list[tuple[str, int]], int]:
    """As many of the last units as have at most so many tokens together, and how many they have."""
    used = 0
    place = len(units)
    while place and used + units[place - 1][1] <= most:
        place -= 1
        used += units[place][1]
    return units[place:], used
