"""What a short text states, taken apart: dates, times, addresses, versions, quantities, names, and words.

Every piece has one spelling, so that two texts that state the same have the same pieces: `1,200 mm` and `1.2 m`,
`5 March 2021` and `2021-03-05`, `SB-401` and `SB401`. What stands inside a figure or a name is never dropped: 1.5 is
not 15, 10:30 not 1030, and C++ not C.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from hybrid.languages.dates import find_dates
from hybrid.languages.numerals import in_digits
from hybrid.languages.quantities import find_quantities
from hybrid.languages.words import UNSPACED

_ADDRESS = re.compile(r"(?<![\w.])[vV]?(\d+(?:\.\d+){2,}(?::\d+|/\d+)?(?:-?[a-z]+\.?\d*)?)(?![\w])(?!\.\d)")
_GROUPED_POINTS = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+")
_VERSION = re.compile(r"(?<![\w.])[vV]?\.?\s?(\d+\.\d+(?:-?[a-z]+\d*)?)(?![\w])(?!\.\d)")
_VERSIONED = re.compile(
    r"version|release|\bpython\b|firmware|versión|versione|versão|версия|версии|版本|バージョン|버전|เวอร์ชัน|\bv\d",
    re.IGNORECASE,
)
_NAME = re.compile(
    rf"(?<![^\W{UNSPACED}])(?:[^\W\d_{UNSPACED}]+(?:[-–/._]?\d+)+(?:[-–/._]?[^\W_{UNSPACED}]+)*"
    r"|[A-Z]{2,5} \d+(?![\d%°])(?![.,]\d)(?!\s[A-Za-z%°])"
    rf"|\d+(?:[-/]?\d*[^\W\d_{UNSPACED}]+\d*)+)(?![^\W{UNSPACED}])"
)
_COUNTED = frozenset({"USD", "EUR", "GBP", "CHF", "JPY", "CNY", "RUB", "US"})
_WORD = re.compile(
    rf"[{UNSPACED}]|\.[A-Z][^\W\d_]+|[^\W\d_{UNSPACED}]+(?:\+\+|\#(?!\w))?(?:'[^\W\d_]+)?|\d+(?:[.,:]\d+)*|[%°§&@]"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text. `kind`: what it may contradict, as a quantity of the same unit does; empty of a word."""

    text: str
    kind: str = ""


@lru_cache(maxsize=16384)
def pieces(text: str, language: str = "en", *, versions: bool = False) -> tuple[Piece, ...]:
    """The pieces in the order of the text. `versions`: numbers with a point are versions, for which 3.1 is not 3.10."""
    plain = in_digits(text, language)
    versions = versions or bool(_VERSIONED.search(plain))
    taken: list[tuple[int, Piece]] = []
    covered = bytearray(len(plain))

    def take(start: int, end: int, piece: Piece) -> None:
        if not any(covered[start:end]):
            covered[start:end] = b"\1" * (end - start)
            taken.append((start, piece))

    for start, end, form in find_dates(plain, language):
        take(start, end, Piece(form, "time" if ":" in form else "date"))
    for match in _ADDRESS.finditer(plain):
        if not (_GROUPED_POINTS.fullmatch(match[1]) and language != "en"):
            take(*match.span(), Piece(match[1].lower(), "version"))
    if versions:
        for match in _VERSION.finditer(plain):
            take(*match.span(), Piece(match[1].lower(), "version"))
    found = find_quantities(plain, language)
    starts = {item.start for item in found}
    for match in _NAME.finditer(plain):
        if match[0].split(" ")[0] in _COUNTED or match.start() in starts:
            continue
        take(*match.span(), Piece(re.sub(r"[-–_ ]", "", match[0]).casefold(), "name"))
    for item in found:
        quantity = item.quantity.in_base()
        take(item.start, item.end, Piece(f"{quantity.value:.10g}", f"#{quantity.unit}"))
    for match in _WORD.finditer(plain):
        take(*match.span(), Piece(match[0].casefold()))
    return tuple(piece for _, piece in sorted(taken, key=lambda item: item[0]))
