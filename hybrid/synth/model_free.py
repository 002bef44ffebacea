"""Training questions for the embedder that need no model and no person: what the documents themselves say of a passage.

Each question points to the passage that it was made from and has no answer, so that it trains a retriever and is left
out of everything that grades. The designs, from the most to the least like a question that a person would ask:

- asked: a question that stands in the passage;
- abbreviation: "What does SARS stand for?", where the long form stands before it;
- definition: "What is a wear ring?", where a sentence says "A wear ring is …";
- figure: a sentence with its figure asked for, "How many …";
- heading: title and section;
- keywords: the rarest words of a sentence, as typed into a search box.
"""

import itertools
import math
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hybrid.artifacts import sha256_json
from hybrid.synth.split import split_of
from hybrid.types import Evidence, Passage, Question

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"“(])|\n+")
_WORD = re.compile(r"[^\W_]+(?:[-/.'’][^\W_]+)*")
_ASKED = re.compile(r"\A[A-Z][^.!?\n]{12,200}\?\Z")
_ABBREVIATION = re.compile(r"((?:[\w-]+\s+){1,8}?[\w-]+)\s+\(([A-Z][A-Za-z]*[A-Z])\)")
_DEFINITION = re.compile(r"\A(An?|The)?\s?([A-Za-z][\w -]{2,50}?)\s+(is|are)\s+(?:an?|the|any|one|a type|a kind)\s")
_FIGURE = re.compile(r"(?<![\w.,-])\d+(?:[.,]\d+)*(?![\w-]|[.,]\d)")
_PRONOUNS = frozenset(
    re.findall(r"\w+", "this that these those it they he she there here which who what such all both each")
)
_MIN_WORDS, _MAX_WORDS = 6, 40
_KEYWORDS = (4, 7)


@dataclass(frozen=True)
class _Made:
    """A question and the sentence that it was made from; "" for the heading."""

    design: str
    text: str
    quote: str


def make_questions(
    passages: Sequence[Passage], *, per_passage: int, dev_share: float, seed: int, designs: Sequence[str] = ()
) -> list[Question]:
    """Up to `per_passage` questions a passage, by the first designs of `designs` (all by default) that it allows.

    Documents go to dev with the chance `dev_share`, so that no document is in both splits. Questions that came out
    alike for several passages are left out: they point to none. The topic of each is its design.
    """
    rarity = _rarity(passages)
    chosen = designs or tuple(_DESIGNS)
    found: list[tuple[Passage, _Made]] = []
    for passage in passages:
        rng = random.Random(sha256_json([seed, passage.id]))
        mine: dict[str, _Made] = {}
        for made in itertools.chain.from_iterable(_DESIGNS[design](passage, rarity, rng) for design in chosen):
            mine.setdefault(made.text.lower(), made)
            if len(mine) >= per_passage:
                break
        found += [(passage, made) for made in mine.values()]
    times = Counter(made.text.lower() for _, made in found)
    return [
        Question(
            id=f"free-{sha256_json([passage.id, made.text])[:16]}",
            question=made.text,
            positives=(passage.id,),
            split=split_of(passage, dev_share, seed),
            topic=made.design,
            evidence=(Evidence(passage.document_id, made.quote or _first(passage)),) if passage.document_id else (),
        )
        for passage, made in found
        if times[made.text.lower()] == 1
    ]


def _asked(passage: Passage, _: Mapping[str, float], __: random.Random) -> Iterator[_Made]:
    for sentence in _sentences(passage.text):
        if _ASKED.match(sentence):
            yield _Made("asked", sentence, sentence)


def _abbreviation(passage: Passage, _: Mapping[str, float], __: random.Random) -> Iterator[_Made]:
    for sentence in _sentences(passage.text):
        for match in _ABBREVIATION.finditer(sentence):
            if _long_form(match[1].split(), match[2]):
                yield _Made("abbreviation", f"What does {match[2]} stand for?", sentence)


def _definition(passage: Passage, _: Mapping[str, float], __: random.Random) -> Iterator[_Made]:
    for sentence in _sentences(passage.text):
        match = _DEFINITION.match(sentence)
        if match and match[2].split()[0].lower() not in _PRONOUNS and len(match[2].split()) <= 6:
            article = f"{match[1].lower()} " if match[1] else ""
            yield _Made("definition", f"What {match[3]} {article}{match[2]}?", sentence)


def _figure(passage: Passage, _: Mapping[str, float], rng: random.Random) -> Iterator[_Made]:
    usable = []
    for sentence in _sentences(passage.text):
        figures = _FIGURE.findall(sentence)
        words = _WORD.findall(sentence)
        if len(figures) == 1 and _MIN_WORDS <= len(words) <= 25 and words[0].lower() not in _PRONOUNS:
            usable.append(sentence)
    rng.shuffle(usable)
    for sentence in usable:
        yield _Made("figure", f"{_FIGURE.sub('how many', sentence).rstrip('.!')}?", sentence)


def _heading(passage: Passage, _: Mapping[str, float], __: random.Random) -> Iterator[_Made]:
    if len(_WORD.findall(passage.heading)) >= 2:
        yield _Made("heading", passage.heading.replace(" › ", ": "), "")


def _keywords(passage: Passage, rarity: Mapping[str, float], rng: random.Random) -> Iterator[_Made]:
    usable = [s for s in _sentences(passage.text) if _MIN_WORDS <= len(_WORD.findall(s)) <= _MAX_WORDS]
    rng.shuffle(usable)
    for sentence in usable:
        words = list(dict.fromkeys(word.lower() for word in _WORD.findall(sentence) if len(word) > 2))
        num = rng.randint(*_KEYWORDS)
        kept = set(sorted(words, key=lambda word: (-rarity[word], word))[:num])
        if len(kept) >= _KEYWORDS[0]:
            yield _Made("keywords", " ".join(word for word in words if word in kept), sentence)


_DESIGNS: dict[str, Callable[[Passage, Mapping[str, float], random.Random], Iterator[_Made]]] = {
    "asked": _asked,
    "abbreviation": _abbreviation,
    "definition": _definition,
    "figure": _figure,
    "heading": _heading,
    "keywords": _keywords,
}
DESIGNS = tuple(_DESIGNS)


def _rarity(passages: Sequence[Passage]) -> dict[str, float]:
    """Inverse passage frequency of every word; what stands once in the whole corpus counts as a slip, not as rare."""
    counts = Counter(word for p in passages for word in {word.lower() for word in _WORD.findall(p.text)})
    return {word: math.log(len(passages) / num) if num > 1 else 0.0 for word, num in counts.items()}


def _first(passage: Passage) -> str:
    return next(iter(_sentences(passage.text)), passage.text)


def _sentences(text: str) -> list[str]:
    return [sentence for part in _SENTENCE_END.split(text) if (sentence := " ".join(part.split()))]


def _long_form(words: Sequence[str], short: str) -> bool:
    """Whether the last words' initials spell the abbreviation."""
    initials = [part[0].upper() for word in words for part in word.split("-") if part]
    return "".join(initials).endswith(short.upper()) and len(short) >= 2
