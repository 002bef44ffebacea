"""Words that a line's end divided made whole again."""

import re
from collections import Counter
from collections.abc import Iterable

from hybrid.corpus.readers.pdf_pieces import HYPHEN

_WORDS = re.compile(r"[^\W\d_]+(?:[-‐][^\W\d_]+)*")
_TAIL = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*$")
_SUSPENDED = frozenset(
    ("und", "oder", "bzw", "sowie", "and", "or", "to", "et", "ou", "y", "o", "of", "en", "och", "og")
)
"""Behind these a hyphen stands for the end of a later word: "Ein- und Ausgang", "two- or threefold"."""
_COMPOUNDS = frozenset(("half", "high", "low", "self", "three", "two", "well"))
"""First halves that are written with a hyphen far more often than a line's end divides a word behind them."""
_SHORTEST = 4
"""Letters of a second half."""
_HEAD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


def words_inside(lines: Iterable[str]) -> Counter[str]:
    """The words of lines, with their hyphens; what a line's end divides is none of them."""
    words: Counter[str] = Counter()
    for line in lines:
        whole = line.rstrip()
        if whole.endswith(HYPHEN):
            whole = _TAIL.sub("", whole[:-1])
        words.update(found.lower() for found in _WORDS.findall(whole))
    return words


def join_lines(lines: Iterable[str], words: Counter[str]) -> str:
    """Lines as one text. `words`: those of the whole document."""
    text = ""
    for line in lines:
        if text.endswith(HYPHEN):
            text = text[:-1] + _between(text[:-1], line.lstrip("\f"), words) + line
        else:
            text = f"{text} {line}" if text else line
    return text[:-1] + "-" if text.endswith(HYPHEN) else text


def _between(text: str, following: str, words: Counter[str]) -> str:
    """What stands between two halves: nothing, a hyphen, or a hyphen and a blank.

    The document decides where it has the word in another place, joined or hyphenated. Else a small letter goes on with
    the word: of 960 words that 31 manuals divide and have elsewhere too, 93 % are joined there, and that both halves
    are words themselves tells little. After "well", "high" and a few others, before a capital or a digit, and beside a
    second hyphen it is the author's own ("GS-Prüfung", "COVID-19", "state-of-the-art"); before anything else, a dash.
    """
    tail, head = _TAIL.search(text), _HEAD.match(following)
    if tail and head:
        if head[0] in _SUSPENDED:
            return "- "
        joined = words[f"{tail[0]}{head[0]}".lower()]
        parted = words[f"{tail[0]}-{head[0]}".lower()]
        if joined or parted:
            return "" if joined >= parted else "-"
        own = not head[0][0].islower() or tail[0].isupper() or "-" in tail[0] + head[0]
        # "low-er" and "self-ish" are divided words
        own = own or (tail[0].lower() in _COMPOUNDS and len(head[0]) >= _SHORTEST)
        return "-" if own else ""
    return "-" if text[-1:].isalnum() and following[:1].isalnum() else "- "
