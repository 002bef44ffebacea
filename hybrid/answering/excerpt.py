"""What of a passage the generator sees: chosen fields of a record, and no more tokens than a budget.

Retrieval is not touched by this: it ranks whole passages. Records are texts of the form `key: value | key: value`; of
plain text the sentences that share most words with the question are kept, in their order.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hybrid.answering.orders import without_orders
from hybrid.answering.sources import sentences
from hybrid.languages.folding import fold
from hybrid.languages.words import bordered, find_words
from hybrid.types import Passage

GAP = "…"
"""Stands where text was left out."""

_FIELD = re.compile(r"^([A-Za-z_][\w -]{0,40}): ")
_STOP = frozenset(
    find_words(
        "a an the of in on at to for from by with and or is are was were be been do does did what which who whom when "
        "where why how that this these those it its as i you we they he she can could would should will my your our"
    )
)


def count_words(text: str) -> int:
    """Words between blanks: the measure of length where no tokenizer is at hand."""
    return len(text.split())


@dataclass(frozen=True)
class Excerpts:
    """How passages are shown. `fields`: keys of a record to keep, in this order (empty: all). `max_tokens`: of one
    passage, by `count`; None shows it whole. `omit_orders`: sentences that give orders to whoever answers are left out.
    """

    fields: tuple[str, ...] = ()
    max_tokens: int | None = None
    count: Callable[[str], int] = count_words
    omit_orders: bool = True
    _cache: dict[tuple[str, str], str] = field(default_factory=dict, compare=False, repr=False)

    def show(self, passage: Passage, question: str) -> str:
        """The text of `passage` as the generator reads it beside `question`."""
        if self.omit_orders:
            passage = without_orders(passage)
        if not self.fields and self.max_tokens is None:
            return passage.full_text
        key = (passage.full_text, question)
        if key not in self._cache:
            self._cache[key] = self._make(passage, question)
        return self._cache[key]

    def _make(self, passage: Passage, question: str) -> str:
        head = f"{passage.heading}\n" if passage.heading else ""
        record = _parse(passage.text)
        if self.fields and record:
            kept = [(key, record[key]) for key in self.fields if key in record]
            return head + self._fit_record(head, kept)
        if self.max_tokens is None or self.count(head + passage.text) <= self.max_tokens:
            return head + passage.text
        return head + self._fit_text(passage.text, question, self.max_tokens - self.count(head))

    def _fit_record(self, head: str, kept: list[tuple[str, str]]) -> str:
        """Shorten the longest value from its end until the record fits; the last field, the one that answers, stays."""
        words = {key: value.split() for key, value in kept[:-1]}
        short: set[str] = set()

        def text() -> str:
            parts = ((key, f"{' '.join(words[key])} {GAP}" if key in short else value) for key, value in kept)
            return " | ".join(f"{key}: {value}" for key, value in parts)

        while self.max_tokens is not None and self.count(head + text()) > self.max_tokens:
            longest = max(words, key=lambda key: len(words[key]), default="")
            if len(words.get(longest, ())) <= 3:
                break
            cut = max(1, len(words[longest]) // 8)
            words[longest] = words[longest][:-cut]
            short.add(longest)
        return text()

    def _fit_text(self, text: str, question: str, budget: int) -> str:
        found = sentences(text)
        scores = _relevance(found, question)
        costs = [self.count(sentence) for sentence in found]
        nearest = sorted(range(len(found)), key=lambda i: (-scores[i], i))
        if not nearest or costs[nearest[0]] > budget:
            return self._cut(found[nearest[0]] if nearest else text, budget)
        kept: set[int] = set()
        left = budget
        for place in nearest:
            if costs[place] <= left:
                kept.add(place)
                left -= costs[place]
        parts: list[str] = []
        for place in sorted(kept):
            if place and place - 1 not in kept:
                parts.append(GAP)
            parts.append(found[place])
        return " ".join(parts)

    def _cut(self, text: str, budget: int) -> str:
        words = text.split()
        low, high = 1, len(words)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.count(" ".join(words[:middle])) <= budget else (low, middle - 1)
        return f"{' '.join(words[:low])} {GAP}"


WHOLE = Excerpts()
"""Every passage as it is, but for orders."""


HELD = 0.6
"""Share of the words of a long answer that its passage must hold."""


def contains_answer(text: str, answer: str) -> bool:
    """Whether the answer stands in the text as whole words; case, spacing and forms of Unicode aside."""
    wanted = fold(answer).split()
    pattern = r"\s+".join(map(re.escape, wanted))
    return bool(pattern) and bool(re.search(bordered(pattern, "".join(wanted)), fold(text), re.IGNORECASE))


def words_held(text: str, answer: str) -> float:
    """Share of an answer's words that stand in a text, in any order; 0 of an answer without words."""
    words, held = find_words(answer.lower()), set(find_words(text.lower()))
    return sum(word in held for word in words) / max(1, len(words))


def answer_survives(answers: Sequence[str], whole: str, shown: str) -> bool:
    """Whether an excerpt still holds an answer that the whole passage holds; True where that cannot be looked for."""
    held = [answer for answer in answers if contains_answer(whole, answer)]
    return not held or any(contains_answer(shown, answer) for answer in held)


def _parse(text: str) -> dict[str, str]:
    """Key to value of a record; empty for plain text. A part without a key belongs to the value before it."""
    record: dict[str, str] = {}
    key = ""
    for part in text.split(" | "):
        match = _FIELD.match(part)
        if match:
            key = match[1]
            record[key] = part[match.end() :]
        elif key:
            record[key] += f" | {part}"
        else:
            return {}
    return record if len(record) > 1 else {}


def _relevance(sentences: Sequence[str], question: str) -> list[float]:
    """Per sentence the summed rarity (inverse sentence frequency) of the question's words that it holds."""
    bags = [{_stem(word) for word in find_words(sentence.lower())} for sentence in sentences]
    wanted = {_stem(word) for word in find_words(question.lower()) if word not in _STOP}
    frequency = Counter(word for bag in bags for word in bag & wanted)
    return [sum(math.log(1 + len(bags) / frequency[word]) for word in bag & wanted) for bag in bags]


def _stem(word: str) -> str:
    """The first letters: enough to match plurals and tenses."""
    return word[:6]
