"""What a teacher is asked to write each question from: kind, persona, and the sentences that will answer it.

The sentences are chosen here, not by the teacher: the quote of every question is then verbatim by construction, and the
questions are spread over all documents instead of over what a model finds easy.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import get_args

from hybrid.answering.sources import sentences
from hybrid.artifacts import sha256_json
from hybrid.config import SynthKind
from hybrid.languages.quantities import quantities
from hybrid.types import Passage

KINDS: tuple[SynthKind, ...] = get_args(SynthKind)
_MIN_WORDS, _MAX_WORDS = 6, 45
_NEGATES = re.compile(r"\b(?:not|never|no|nor|without|cannot|except|unless|neither|none|[a-z]+n['’]t)\b", re.IGNORECASE)
_INSTRUCTS = re.compile(
    r"\b(?:must|shall|should|before|after|first|then|until|always|press|turn|open|close|check|fill)\b"
)
_LEANS = re.compile(r"\A(?:it|they|this|that|these|those|he|she|there|here|both|such)\b", re.IGNORECASE)
_WORD = re.compile(r"\b(?=\w*\d)(?=\w*[^\W\d])\w{2,}\b|[^\W\d_]{4,}")
"""Identifiers, and words of some length."""
_COMMON = 0.05
"""Share of the passages above which a word is too common to tie two of them together."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One question to be written. `quotes` are sentences of `passages`, one of each; none for the unanswerable kind."""

    id: str
    kind: SynthKind
    persona: str
    passages: tuple[Passage, ...]
    quotes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sentence:
    passage: Passage
    text: str


def assign(
    passages: Sequence[Passage],
    *,
    num: int,
    shares: Mapping[SynthKind, float],
    personas: Sequence[str],
    side: Callable[[Passage], str],
    seed: int,
) -> list[Assignment]:
    """At most `num` assignments in the given shares, fewer of a kind for which the documents have no sentences.

    A passage is used again only when all that fit the kind were used. Two passages of one question are of one `side`
    (train or dev). The order mixes kinds, so that a run that is cut short has all of them.
    """
    rng = random.Random(sha256_json([seed, "assignments"]))
    ordered = sorted(passages, key=lambda passage: passage.id)
    rng.shuffle(ordered)
    usable = [_Sentence(passage, text) for passage in ordered for text in _usable(passage)]
    assigned: list[Assignment] = []
    for kind, count in _counts(num, shares).items():
        found = [source for source in _SOURCES[kind](ordered, usable) if len({side(p) for p in source[0]}) == 1]
        for place, (sources, quotes) in zip(range(count), _spread(found, rng), strict=False):
            persona = personas[place % len(personas)]
            key = sha256_json([seed, kind, persona, [passage.id for passage in sources], quotes])[:16]
            assigned.append(Assignment(key, kind, persona, sources, quotes))
    rng.shuffle(assigned)
    return assigned


_Source = tuple[tuple[Passage, ...], tuple[str, ...]]


def _counts(num: int, shares: Mapping[SynthKind, float]) -> dict[SynthKind, int]:
    """By largest remainder; shares need not add up to 1."""
    total = sum(shares.values())
    exact: dict[SynthKind, float] = {kind: num * shares.get(kind, 0.0) / total for kind in KINDS}
    counts = {kind: int(value) for kind, value in exact.items()}
    rest = sorted(KINDS, key=lambda kind: counts[kind] - exact[kind])
    for kind in rest[: num - sum(counts.values())]:
        counts[kind] += 1
    return counts


def _spread(sources: Sequence[_Source], rng: random.Random) -> Iterator[_Source]:
    """Every first passage once, then every one a second time, and so on, each time with another sentence."""
    by_passage: dict[str, list[_Source]] = {}
    for source in sources:
        by_passage.setdefault(source[0][0].id, []).append(source)
    groups = list(by_passage.values())
    rng.shuffle(groups)
    for group in groups:
        rng.shuffle(group)
    for turn in range(max(map(len, groups), default=0)):
        yield from (group[turn] for group in groups if turn < len(group))


def _usable(passage: Passage) -> list[str]:
    """Sentences of a fair length that do not lean on the one before."""
    return [
        sentence
        for sentence in sentences(passage.text)
        if _MIN_WORDS <= len(sentence.split()) <= _MAX_WORDS and not _LEANS.match(sentence)
    ]


def _single(fits: Callable[[str], object]) -> Callable[[Sequence[Passage], Sequence[_Sentence]], list[_Source]]:
    def sources(_: Sequence[Passage], usable: Sequence[_Sentence]) -> list[_Source]:
        return [((item.passage,), (item.text,)) for item in usable if fits(item.text)]

    return sources


def _pairs(
    passages: Sequence[Passage], usable: Sequence[_Sentence], fit: Callable[[str, str], object] = lambda *_: True
) -> list[_Source]:
    """Sentences of two passages that share a word which few passages have; a sentence is in one pair at most."""
    limit = max(2, int(_COMMON * len(passages)))
    with_word: dict[str, list[_Sentence]] = {}
    for item in usable:
        for word in sorted({word.lower() for word in _WORD.findall(item.text)}):
            with_word.setdefault(word, []).append(item)
    found: list[_Source] = []
    taken: set[_Sentence] = set()
    for word in sorted(with_word, key=lambda word: (len(with_word[word]), word)):
        group = with_word[word]
        if not 2 <= len({item.passage.id for item in group}) <= limit:
            continue
        for one, other in combinations(group, 2):
            if one.passage.id != other.passage.id and not taken & {one, other} and fit(one.text, other.text):
                taken |= {one, other}
                found.append(((one.passage, other.passage), (one.text, other.text)))
    return found


def _comparable(passages: Sequence[Passage], usable: Sequence[_Sentence]) -> list[_Source]:
    """Pairs whose sentences give quantities of one unit."""
    units = {item.text: {quantity.unit for quantity in quantities(item.text) if quantity.unit} for item in usable}
    with_units = [item for item in usable if units[item.text]]
    return _pairs(passages, with_units, lambda one, other: units[one] & units[other])


def _whole(passages: Sequence[Passage], _: Sequence[_Sentence]) -> list[_Source]:
    return [((passage,), ()) for passage in passages]


_SOURCES: dict[SynthKind, Callable[[Sequence[Passage], Sequence[_Sentence]], list[_Source]]] = {
    "lookup": _single(lambda text: True),
    "procedure": _single(_INSTRUCTS.search),
    "negation": _single(_NEGATES.search),
    "comparison": _comparable,
    "multi_passage": _pairs,
    "unanswerable": _whole,
}
