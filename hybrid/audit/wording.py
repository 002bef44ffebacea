"""Which questions are worded alike: the same figures and names, and nearly the same words."""

import difflib
import re
from collections.abc import Iterator, Sequence

import numpy as np

from hybrid.types import Question

CANDIDATE = 0.6
"""Cosine of character n-grams from which two questions are looked at."""
ALIKE = 0.75
"""Share of words in common from which they are alike."""
SPELLED_ALIKE = 0.8
"""Share of letters in common from which two words are one, inflected or mistyped."""
_STEM = 3
_ROWS = 2_000
WORD = re.compile(r"[^\W_]+(?:[-/.,'’][^\W_]+)*")
_FILLERS = frozenset(
    re.findall(
        r"\w+",
        "a an the of in on at to for from by with is are was were be do does did can could please tell me us i we you "
        "it that this there and or so then just exactly",
    )
)


def alike(questions: Sequence[Question]) -> Iterator[tuple[int, int]]:
    """Pairs of places (first < second) whose questions are worded alike, in order.

    Figures and identifiers must be the same: "the C40" and "the C50" are asked about different things.
    """
    if len(questions) < 2:
        return
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [" ".join(_words(question.question)) for question in questions]
    try:
        matrix = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), sublinear_tf=True).fit_transform(texts)
    except ValueError:
        # no text of three letters in any of them
        return
    words = [frozenset(text.split()) for text in texts]
    names = [_names(question.question) for question in questions]
    for start in range(0, len(questions), _ROWS):
        near = (matrix[start : start + _ROWS] @ matrix.T).tocoo()
        keep = near.data >= CANDIDATE
        pairs = np.stack([near.row[keep] + start, near.col[keep]], axis=1)
        for first, second in sorted(map(tuple, pairs[pairs[:, 0] < pairs[:, 1]].tolist())):
            if names[first] == names[second] and _same_words(words[first], words[second]):
                yield first, second


def copied_share(question: str, text: str) -> float:
    """Share of the question's words that stand in one run, in their order, in a text; 0 for fewer than five words."""
    words = [word.lower() for word in WORD.findall(question)]
    if len(words) < 5:
        return 0.0
    source = f" {' '.join(word.lower() for word in WORD.findall(text))} "
    longest = 0
    for start in range(len(words)):
        while start + longest < len(words) and f" {' '.join(words[start : start + longest + 1])} " in source:
            longest += 1
    return longest / len(words)


def shared_words(first: str, second: str) -> float:
    """Jaccard of the words of two questions, fillers aside."""
    one, other = frozenset(_words(first)), frozenset(_words(second))
    return len(one & other) / len(one | other) if one or other else 0.0


def _words(text: str) -> list[str]:
    found = [word.lower() for word in WORD.findall(text)]
    kept = [word for word in found if word not in _FILLERS]
    return kept or found


def _names(text: str) -> tuple[str, ...]:
    """Figures and identifiers, sorted."""
    return tuple(sorted(word.lower() for word in WORD.findall(text) if any(char.isdigit() for char in word)))


def _same_words(first: frozenset[str], second: frozenset[str]) -> bool:
    """Whether nearly all words are shared, and one question at most has words that the other has not.

    Where each has its own, one word stands for another, and something else is asked: "the Latin word", "the French
    word". Inflections and slips of the pen are the same word.
    """
    own, others = first - second, second - first
    for word in sorted(own):
        if twin := next((other for other in sorted(others) if _spelled_alike(word, other)), None):
            own, others = own - {word}, others - {twin}
    num_shared = len(first) - len(own)
    share = num_shared / (num_shared + len(own) + len(others))
    return share >= ALIKE and not (own and others)


def _spelled_alike(word: str, other: str) -> bool:
    # inflections differ at the end; at the beginning stands what turns a word round: disadvantage, nonstructural
    return word[:_STEM] == other[:_STEM] and difflib.SequenceMatcher(None, word, other).ratio() >= SPELLED_ALIKE
