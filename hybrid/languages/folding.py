"""Texts in one form, so that two that a reader takes for the same are the same.

Unicode's compatibility form (NFKC: ligatures, widths, combined letters) less what is not seen (soft hyphens, zero-width
characters, marks of direction); blanks, quotation marks and dashes of every kind are the plain ones.
"""

import re
import unicodedata
from functools import lru_cache

_SINGLE = "'`´‘’‚‛′‹›ʼ＇"
_DOUBLE = '"“”„‟″«»〝〞＂'
_DASHES = "‐‑‒–—―−﹘﹣－"
_BLANKS = re.compile(r"[^\S\n]")
_FRACTION = re.compile(r"(?<=\d)\s?(?=[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])")
_LETTER = re.compile(
    r"\d(?:[⁰¹²³⁴-⁹]+|\s?[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])"
    r"|.[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f\u1160-\u11ff\u3099\u309a\ufe00-\ufe0f\uff9e\uff9f]*",
    re.DOTALL,
)
"""A character with the marks and parts of a syllable that are combined with it; a digit with its power or fraction."""
_UNSEEN = re.compile(r"[\u034f\u0640\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Joiners, selectors of variants and stretched lines, which no category of Unicode tells."""
_POWER = re.compile(r"(?<=\d)(?=[⁰¹²³⁴-⁹])")
_TABLE = str.maketrans({**dict.fromkeys(_SINGLE, "'"), **dict.fromkeys(_DOUBLE, '"'), **dict.fromkeys(_DASHES, "-")})


def letter_end(text: str, place: int) -> int:
    """The place behind the character at `place` and what is combined with it."""
    found = _LETTER.match(text, place)
    return found.end() if found else place + 1


def fold_with_places(text: str) -> tuple[str, list[int]]:
    """The folded text, and for each of its characters the place in `text` that it comes from."""
    if text.isascii():
        return text, list(range(len(text)))
    folded: list[str] = []
    places: list[int] = []
    for match in _LETTER.finditer(text):
        part = match[0] if match[0].isascii() else fold(match[0])
        folded.append(part)
        places += [match.start()] * len(part)
    return "".join(folded), places


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """The text in its one form; line ends stay, letters keep their case."""
    if text.isascii():
        return text
    # 2½ is not 21/2, nor 10² 102
    apart = _POWER.sub("^", _FRACTION.sub(" ", text))
    # quotation marks first: NFKC makes a blank and an accent of some
    plain = unicodedata.normalize("NFKC", apart.translate(_TABLE)).replace("\u2044", "/")
    seen = "".join(char for char in _UNSEEN.sub("", plain) if unicodedata.category(char) != "Cf")
    return _BLANKS.sub(" ", seen)
