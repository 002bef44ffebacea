"""The words and short phrases of an answer, with those of its question masked, for telling refusals from answers.

"I don't know who leads the team" and "I don't know when it opens" share the phrase "don't know Q", whatever was asked;
and an answer that denies what was asked ("not Q") differs from one that denies that it is told ("Q not given").
"""

import itertools
import re

from hybrid.languages.folding import fold

_CJK = "\u3040-\u30ff\u3400-\u9fff"
_TOKEN = re.compile(
    rf"[{_CJK}]|[^\W\d_{_CJK}]+(?:['’][^\W\d_]+)?|\d+|[?!.:;,\"«»“”„「」『』《》{{}}\[\]()。、，？]",
)
_ASIAN = re.compile(rf"[{_CJK}]")
STEM = 5
"""Letters by which words of question and answer are compared, so that inflected forms are the same."""
_SHORTEST = 4
"""Letters of a word that may be masked: shorter ones are articles, negations and the like."""
_MOST = 80
"""Words of an answer that are read."""


def phrases(text: str, question: str = "") -> set[str]:
    """One, two and three words in a row, two with one between them, and beginnings of words; asked ones are `Q`.

    The text is in small letters.
    """
    words = ["^", *_masked(text, question)[:_MOST], "$"]
    found = {f"~{word}" for word in words}
    found |= {f"~{word[:STEM]}*" for word in words if len(word) > STEM}
    found |= {f"~{a} {b}" for a, b in itertools.pairwise(words)}
    found |= {f"~{a} {b} {c}" for a, b, c in zip(words, words[1:], words[2:], strict=False)}
    found |= {f"~{a} _ {b}" for a, b in zip(words, words[2:], strict=False)}
    return found


def _masked(text: str, question: str) -> list[str]:
    """The words of a text, figures as `0`; each run of words that the question holds, too, as `Q`."""
    words = _TOKEN.findall(text)
    asked = _TOKEN.findall(fold(question).casefold())
    stems = {word[:STEM] for word in asked if len(word) >= _SHORTEST}
    pairs = {a + b for a, b in itertools.pairwise(asked) if _ASIAN.match(a) and _ASIAN.match(b)}
    masked = [len(word) >= _SHORTEST and word[:STEM] in stems for word in words]
    for place, (a, b) in enumerate(itertools.pairwise(words)):
        if a + b in pairs:
            masked[place] = masked[place + 1] = True
    told: list[str] = []
    for word, is_asked in zip(words, masked, strict=True):
        token = "Q" if is_asked else "0" if word.isdigit() else word
        if token != "Q" or told[-1:] != ["Q"]:
            told.append(token)
    return told
