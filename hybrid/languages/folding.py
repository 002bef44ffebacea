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
_POWER = re.compile(r"(?<=\d)(?=[⁰¹²³⁴-⁹])")
_TABLE = str.maketrans({**dict.fromkeys(_SINGLE, "'"), **dict.fromkeys(_DOUBLE, '"'), **dict.fromkeys(_DASHES, "-")})


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """The text in its one form; line ends stay, letters keep their case."""
    if text.isascii():
        return text
    # 2½ is not 21/2, nor 10² 102
    apart = _POWER.sub("^", _FRACTION.sub(" ", text))
    # quotation marks first: NFKC makes a blank and an accent of some
    plain = unicodedata.normalize("NFKC", apart.translate(_TABLE)).replace("\u2044", "/")
    seen = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    return _BLANKS.sub(" ", seen)
