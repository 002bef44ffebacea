"""Where an answer stands: each of its statements traced to a passage that was shown, after it was written.

A statement is looked for word for word first, then in the sentence that holds most of its words, rare ones counting
more. Of several places the one is taken whose surroundings say most of what was asked: "20 days" may stand anywhere,
but beside "annual leave" only once. A bare yes or no stands nowhere; its source is the sentence that the question is
about. What a model says of its own sources decides between places that are as good, and nothing else.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from hybrid.languages.detection import language_of
from hybrid.languages.folding import fold
from hybrid.languages.numerals import close_up, read_number, readings, spell_out
from hybrid.languages.stop_words import stop_words
from hybrid.types import Passage

Similar = Callable[[str, Sequence[str]], Sequence[float]]
"""How alike a question and each of some texts are by the embedder, at most 1."""

SUPPORTED = 0.6
"""Share of a statement's words, weighed by rarity, that a passage must hold where it does not hold it word for word."""
ALIKE = 0.55
"""Similarity of a statement to a sentence from which on it is a source in other words. The question stays out of it:
beside a fitting question any answer would look alike."""
_CLAIMED = 0.15
_RANK = 0.02
"""What a rank further down costs, against places that say as much of the question."""
_TOKEN = re.compile(
    r"\d+(?:[.,:]\d+)*|[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]|[^\W\d_]+(?:['’][^\W\d_]+)?"
)
"""Figures, words, and the single characters of scripts that do not part words by blanks."""
_SHORTEST = 4
"""Different words of a sentence that a yes or no may rest on: headings and links say less."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
_WRAPPED = re.compile(
    r"^(?![#|>])([^\n]{50,}(?:[^\s.!?:;|。！？,](?=\n[a-zß-öø-ÿа-я(`\"'“])|,(?=\n[^\W_])))\n", re.MULTILINE
)
"""A line of a paragraph that goes on in the next: a long one without a stop, before one that begins no sentence."""
_LONGEST_SHORT = 12
_SHORT = re.compile(
    r"(?:^|[\s(\v])(?:Drs?|Mrs?|Ms|Prof|St|Nr|vs|approx|ca|bzw|Abs|Art|Abb|Figs?|Sec|Sect|Jr|Sr|cf|e\.g|i\.e|"
    r"z\. ?B|d\. ?h|u\. ?a|p\. ?ex|U\.S|U\.K|[A-Z])\.$"
)
"""A short form that ends with a stop, or the initial of a name."""
_ORDINAL = re.compile(r"\b\d{1,2}\.")
_COUNT_WITH_STOP = frozenset({"de", "da", "nb", "nn", "no", "cs", "sk", "pl", "fi", "hu", "sl", "hr", "et", "lv", "tr"})
"""Languages in which "8." is the eighth."""
_STATEMENT_END = re.compile(r"(?<=[.!?;])\s+(?=\S)|(?<=[。！？；])|\n+")
_LABEL = re.compile(r"(?:yes|no|maybe|ja|nein|oui|non|sí|si|true|false|是|否|不是|是的)", re.IGNORECASE)
NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    )
}
"""Figures that are usually written in words."""
_ARTICLES = frozenset({"a", "an", "the"})
_COMMON = frozenset(
    _TOKEN.findall(
        "a an the of in on at to for from by with and or is are was were be been do does did what which who whom whose "
        "when where why how that this these those it its as i you we they he she can could would should will my your "
        "our me if there have has had not no yes any some much many long often get gets got"
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence of a passage, verbatim. `marker` is the passage's number in the prompt, from 1.

    `support`: 1 where the statement stands there word for word, else the share of its words, weighed by rarity.
    `fit`: the share of the question's words, weighed alike, that stand there or nearby; both in [0, 1].
    """

    marker: int
    span: str
    support: float
    fit: float


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of an answer, and where it stands; None where no passage that was shown holds it."""

    text: str
    place: Place | None


def trace(
    plain: str,
    question: str,
    shown: Sequence[str],
    claimed: Collection[int] = (),
    similar: Similar | None = None,
    headings: Sequence[str] = (),
) -> tuple[Statement, ...]:
    """Each statement of an answer without markers, with its place among the passages as they were shown, best first.

    `headings` of the passages, "" for none, are read before them and are no spans. `claimed`: numbers of the passages
    that the model named, from 1. `similar` finds the sentence that a yes or no is about, and sources in other words;
    without it words alone do.
    """
    readings = [_read(text, heading) for text, heading in zip(shown, headings or [""] * len(shown), strict=True)]
    rarity = _Rarity(readings)
    asked = {_stem(token) for token in tokens(question)} - _common(question)
    return tuple(
        Statement(
            text,
            (None if is_label(text) else _find(text, asked, readings, rarity, claimed))
            or _find_alike(text, question, asked, readings, rarity, similar),
        )
        for text in statements(plain)
        if tokens(text)
    )


def statements(plain: str) -> list[str]:
    """The sentences of an answer, and its lines where they end without a stop."""
    return _divided(plain, _STATEMENT_END)


def sentences(text: str) -> list[str]:
    """The sentences of a text, and its lines where they end without a stop; a paragraph may be wrapped into lines."""
    # verbatim, so that they are found again
    wrapped = _WRAPPED.sub("\\1\v", text.replace("\v", " "))
    return [part.replace("\v", "\n") for part in _divided(wrapped, _SENTENCE_END)]


def _divided(text: str, ends: re.Pattern[str]) -> list[str]:
    counts = _ORDINAL.search(text) is not None and language_of(text) in _COUNT_WITH_STOP
    parts, start = [], 0
    for end in ends.finditer(text):
        before = text[max(start, end.start() - _LONGEST_SHORT) : end.start()]
        is_count = counts and _ORDINAL.fullmatch(before.rpartition(" ")[2])
        if "\n" not in end[0] and (is_count or _SHORT.search(before)):
            continue
        parts.append(text[start : end.start()])
        start = end.end()
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def tokens(text: str) -> list[str]:
    """Figures and words in one form: case, width, thousands separators, and small numbers in words aside."""
    folded = spell_out(close_up(fold(text)), language_of(text)).casefold()
    return [
        _plain_figure(token) if token[0].isdigit() else NUMBER_WORDS.get(token, token)
        for token in _TOKEN.findall(folded)
    ]


def content_words(text: str) -> set[str]:
    """Its tokens less those that stand in any text; all where there are no others."""
    found = set(tokens(text))
    return found - _common(text) or found


def _common(text: str) -> frozenset[str]:
    """Stems of the words that stand in any text of its language, English ones included."""
    return _common_in(language_of(text))


@cache
def _common_in(language: str) -> frozenset[str]:
    return _COMMON | frozenset(map(_stem, stop_words(language)))


def is_label(text: str) -> bool:
    """Whether a text is a bare yes, no or the like."""
    return len(tokens(text)) == 1 and begins_with_label(text)


def begins_with_label(text: str) -> bool:
    """Whether a text begins with yes, no or the like."""
    words = tokens(text)
    return bool(words) and _LABEL.fullmatch(words[0]) is not None


def supporting_sentence(plain: str, passage: Passage) -> str:
    """The verbatim sentence of the passage that shares most words with the answer; the first one on a tie."""
    candidates = sentences(passage.text)
    if not candidates:
        return ""
    words = set(tokens(plain))
    exact = [sentence for sentence in candidates if plain.rstrip(".").lower() in sentence.lower()]
    return max(exact or candidates, key=lambda sentence: len(words & set(tokens(sentence))))


@dataclass(frozen=True)
class _Reading:
    """A passage as it was shown, in sentences. `titled`: the first is its heading. `owner`: the sentence of a token;
    `values`: every value that a figure of it may have.
    """

    sentences: tuple[str, ...]
    titled: bool
    stems: tuple[frozenset[str], ...]
    words: tuple[str, ...]
    owner: tuple[int, ...]
    every: frozenset[str]
    values: frozenset[float]

    def span(self, place: int) -> str:
        """The sentence that is quoted; of a heading the one below it."""
        return self.sentences[max(place, int(self.titled))]


@lru_cache(maxsize=4096)
def _read(text: str, heading: str) -> _Reading:
    parts = [*([heading] if heading else []), *sentences(text)]
    found = [tokens(part) for part in parts]
    stems = tuple(frozenset(map(_stem, words)) for words in found)
    return _Reading(
        tuple(parts),
        bool(heading) and len(parts) > 1,
        stems,
        tuple(word for words in found for word in words),
        tuple(number for number, words in enumerate(found) for _ in words),
        frozenset().union(*stems),
        frozenset(value for words in found for word in words if word[0].isdigit() for value in readings(word)),
    )


class _Rarity:
    """Weights of stems: the logarithm of the inverse share of sentences that hold them."""

    def __init__(self, readings: Sequence[_Reading]) -> None:
        self._count = Counter(stem for reading in readings for stems in reading.stems for stem in stems)
        self._total = sum(len(reading.stems) for reading in readings)

    def of(self, stems: Collection[str]) -> float:
        return sum(math.log(1 + (1 + self._total) / (1 + self._count[stem])) for stem in stems)


def _find(
    text: str, asked: set[str], readings: Sequence[_Reading], rarity: _Rarity, claimed: Collection[int]
) -> Place | None:
    words = tokens(text)
    while len(words) > 1 and words[0] in _ARTICLES:
        words = words[1:]
    stems = {_stem(word) for word in words}
    content = stems - _common(text) or stems
    best: tuple[float, Place] | None = None
    for number, reading in enumerate(readings, start=1):
        verbatim = set(_runs(words, reading))
        for place in range(len(reading.sentences)):
            if place in verbatim:
                support = 1.0
            else:
                near = reading.stems[place] | (reading.stems[place - 1] if place else frozenset())
                support = rarity.of(content & near) / rarity.of(content) if content & reading.stems[place] else 0.0
                if support < SUPPORTED or not _figures_held(set(words) - asked, reading):
                    continue
            fit = _fit(asked, reading, place, rarity)
            score = support + fit + _CLAIMED * (number in claimed) - _RANK * number
            if best is None or score > best[0]:
                best = score, Place(number, reading.span(place), support, fit)
    return best[1] if best else None


def _find_alike(
    text: str,
    question: str,
    asked: set[str],
    readings: Sequence[_Reading],
    rarity: _Rarity,
    similar: Similar | None,
) -> Place | None:
    """The sentence that the question is about, for an answer that begins with yes or no; for others one that says the
    same in other words.
    """
    label = begins_with_label(text)
    rows = [
        (number, place)
        for number, reading in enumerate(readings, start=1)
        for place, stems in enumerate(reading.stems)
        if len(stems) >= _SHORTEST and _figures_held(set(tokens(text)) - asked, reading)
    ]
    if not rows or not (label or similar):
        return None
    fits = [_fit(asked, readings[number - 1], place, rarity) for number, place in rows]
    # with the sentence before: what "it" or "they" are stands there
    windows = [" ".join(readings[number - 1].sentences[max(0, place - 1) : place + 1]) for number, place in rows]
    alike = list(similar(question if label else text, windows)) if similar else [0.0] * len(rows)
    scores = [near + fit / 2 - _RANK * number for near, fit, (number, _) in zip(alike, fits, rows, strict=True)]
    best = max(range(len(rows)), key=scores.__getitem__)
    if not label and alike[best] < ALIKE:
        return None
    number, place = rows[best]
    support = 1.0 if label else alike[best]
    return Place(number, readings[number - 1].span(place), support, max(fits[best], alike[best]))


def _fit(asked: set[str], reading: _Reading, place: int, rarity: _Rarity) -> float:
    if not asked:
        return 0.0
    here = asked & reading.stems[place]
    around = range(max(0, place - 1), min(len(reading.stems), place + 2))
    near = asked & frozenset().union(*(reading.stems[i] for i in around)) - here
    far = asked & reading.every - here - near
    return (rarity.of(here) + 0.8 * rarity.of(near) + 0.6 * rarity.of(far)) / rarity.of(asked)


def _figures_held(words: Collection[str], reading: _Reading) -> bool:
    return all(word in reading.words or readings(word) & reading.values for word in words if word[0].isdigit())


def _runs(words: Sequence[str], reading: _Reading) -> list[int]:
    """Sentences in which the words begin one after the other."""
    width = len(words)
    starts = (start for start, word in enumerate(reading.words) if word == words[0])
    return [reading.owner[start] for start in starts if list(reading.words[start : start + width]) == list(words)]


def _stem(word: str) -> str:
    """The first letters: enough to match plurals and tenses."""
    return word if word[0].isdigit() else word[:6]


def _plain_figure(token: str) -> str:
    """`1,200` and `1200` are one figure, `6.50` and `6.5` too; `6,5` stays apart from `65`, and `10:30` is as it is."""
    value = read_number(token)
    return token if value is None else f"{value:.12g}"
