"""Sentences of a text, by Punkt (Kiss and Strunk 2006) without training: NLTK's `PunktSentenceTokenizer()`, which the
sentence splitter of llama-index takes, gives the same ones. In scripts without blanks they end at a full stop besides.

To import NLTK takes seconds, more than all else that a few changed documents cost, and it matches a third as fast.
"""

import re
import string
import unicodedata
from collections.abc import Iterator

from hybrid.languages.words import is_unspaced

# NLTK matches by `regex`, for which the separators of ASCII are no white space
_SPACE = r"[^\S\x1c-\x1f]"
_SOLID = r"[\S\x1c-\x1f]"
_CLOSES = r"""[)";}\]*:@'({\[‘’“”«»?!]"""
"""Ends a word, whatever follows."""
_MULTIPLE = rf"(?:-{{2,}}|\.{{2,}}|(?:\.{_SPACE}){{2,}}\.)"
_CANDIDATE = re.compile(rf"[.?!](?=({_CLOSES}|{_SPACE}+({_SOLID}+)))")
"""Where a sentence may end: groups are what follows, and the next word where white space is between."""
_WORD = re.compile(
    rf"{_MULTIPLE}"
    rf"|(?=[^(\"`{{\[:;&#*@)}}\]\-,]){_SOLID}+?"
    rf"(?={_SPACE}|$|{_CLOSES}|{_MULTIPLE}|,(?=$|{_SPACE}|{_CLOSES}|{_MULTIPLE}))"
    rf"|{_SOLID}"
)
_CLOSING = re.compile(rf"""["')\]}}‘’“”«»]+?(?:{_SPACE}+|(?=--)|$)""", re.MULTILINE)
"""Belongs to the sentence before it."""
_NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*\.?$")
_FULL_STOP = re.compile(r"[。！？｡]+[」』）〉》”’)]*\s*")
_INSIDE = frozenset(";:,.!?")
"""No sentence starts with these."""


def split_sentences(text: str) -> list[str]:
    """Sentences with the white space that follows each: joined, they are the text from its first sentence on."""
    starts = [start for start, _ in _with_closing(text, _spans(text))]
    if starts and is_unspaced(text):
        # no blank follows a full stop of these scripts, and Punkt knows none of them
        length = len(text.rstrip())
        ends = (match.end() for match in _FULL_STOP.finditer(text, starts[0]))
        starts = sorted({*starts, *(end for end in ends if end < length)})
    return [text[start:end] for start, end in zip(starts, [*starts, len(text)][1:], strict=True)]


def _with_closing(text: str, spans: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans, each with the brackets and quotation marks that close it: those of the next one's beginning."""
    moved = 0
    start, end = next(spans)
    for following in spans:
        start += moved
        if found := _CLOSING.match(text[slice(*following)]):
            yield start, following[0] + len(found[0].rstrip())
            moved = found.end()
        else:
            moved = 0
            if text[start:end]:
                yield start, end
        start, end = following
    if text[start + moved : end]:
        yield start + moved, end


def _spans(text: str) -> Iterator[tuple[int, int]]:
    last = 0
    for found, context in _candidates(text):
        if _holds_end(context):
            yield last, found.end()
            last = found.start(2) if found[2] else found.end()
    yield last, len(text.rstrip())


def _candidates(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each place where a sentence may end, and the words around it; of several in a row the last."""
    before: re.Match[str] | None = None
    start = stop = 0
    for found in _CANDIDATE.finditer(text):
        part = text[stop : found.start()]
        space = max(map(part.rfind, string.whitespace))
        word = stop + space + 1 if space > 0 else start
        if before and stop <= word:
            yield before, text[start:stop] + before[0] + before[1]
        before, start, stop = found, word, found.start()
    if before:
        yield before, text[start:stop] + before[0] + before[1]


def _holds_end(context: str) -> bool:
    words = [word for line in context.split("\n") if line.strip() for word in _WORD.findall(line)]
    return any(map(_ends, words, words[1:]))


def _ends(word: str, following: str) -> bool:
    """Whether a sentence ends with the word. Initials and ordinals are taken for such where a small letter follows."""
    if word in (".", "?", "!"):
        return True
    if not word.endswith(".") or word.endswith(".."):
        return False
    initial = _is_initial(word)
    if initial or _NUMBER.match(word):
        return not (following in _INSIDE or following[0].islower() or (initial and following[0].isupper()))
    return True


def _is_initial(word: str) -> bool:
    kind = unicodedata.category(word[0])
    return len(word) == 2 and (kind[0] in "LM" or kind in ("Nl", "Pc"))
