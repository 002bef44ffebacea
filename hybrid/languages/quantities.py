"""Numbers with units, read out of running text in its language.

Digits that belong to a name (SB-401, C42, DN 65, ISO 9906) are not quantities. Which separator is the decimal one, how
numbers are spelled and what units are called is of the language (see `numerals`, `units`).
"""

import math
import re
import unicodedata
from dataclasses import dataclass, replace

from hybrid.languages.numerals import in_digits, read_number
from hybrid.languages.units import in_base, match_unit
from hybrid.languages.words import UNSPACED

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
NUMBER_WORDS: dict[str, int] = {word: value for value, word in enumerate(_SMALL.split())} | {
    word: 10 * tens for tens, word in enumerate(_TENS.split(), 2)
}
_CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₽": "RUB", "₩": "KRW"}
_CODE_BEFORE = re.compile(r"\b(?:US)?(USD|EUR|GBP|CHF|JPY|CNY|RUB)\s?$|(?:US)([$])\s?$")

_VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_DIGITS = r"(?:\d+(?:[.,'’\u00a0\u202f\u2009]\d+)*|[.,]\d+)(?:[eE][+-]?\d+(?!\w))?"
_NUMBER = re.compile(
    rf"(?<![^\W{UNSPACED}])(?<![\d.][.,])(?<![.,](?=\d))(?:(?P<whole>\d+)?(?:\s?(?P<vulgar>[{_VULGAR}])|(?<=\d)\s(?P<mixed>\d/\d+)(?![/\d]))"
    rf"|(?P<fraction>\d{{1,2}}/\d{{1,2}})(?![/\d\w])|(?P<digits>{_DIGITS})"
    rf"|(?P<word>{'|'.join(sorted(NUMBER_WORDS, key=len, reverse=True))})(?:[- ](?P<ones>one|two|three|four|five|six|"
    r"seven|eight|nine))?(?!\w))",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"([kKM])(?![\w/²³])|(k|M|B)(?=\s?[$€£]|\s(?:USD|EUR|GBP|CHF|dollars?|euros?)\b)")
"""Glued to digits: 3k, $2.5M."""
_SUFFIXES = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9}
_JOIN = re.compile(r"\s*(?:-|–|—|…|\.\.+|±|\+/-|[x×]|to|and|or|through|until)\s*$", re.IGNORECASE)
_DESIGNATOR = re.compile(
    r"(?:\b(?i:no|nr|section|clause|chapter|table|figure|fig|page|step|form|bulletin|grade|class|type|model|part|item|"
    r"code|rev|revision|version|article|appendix|annex|option)\.?|\b[A-Z]{2,})\s*$"
)
_TOLERANCE = re.compile(r"(?:±|\+/-)\s*$")
_GLUED_NAME = re.compile(r"(?:[A-Za-z]\w*[-–/.]|[A-Za-z]\w*-\d+[-–/.]|[#№_])$")


_NEGATIVE = re.compile(
    r"(?:^|[\s(\[:=,;]|[^\w\s.-])-\s?$|\b(?:minus|moins|menos|meno|negative|минус)\s+$|(?:零下|氷点下|マイナス|负|負|영하\s?)$",
    re.IGNORECASE,
)
_CURRENCY_END = re.compile(r"(?:US|[$€£¥₽])+\s?$")
_DENIED = re.compile(
    r"(?:[,;(]\s*|\b(?:and|but|und|et|y|e)\s+|^)"
    r"(?:not|never|rather than|instead of|nicht|kein\w*|pas|non|no|não|не|而不是|不是|而非)\s?"
    r"(?=[\d$€£-])[^,;.]*?(?=$|[,;)]|\.(?!\d)|\bbut\b|\bsondern\b)",
    re.IGNORECASE,
)
"""A figure that is named to be denied: "18 bar, not 20 bar"."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value and its canonical unit; "" where no known unit follows, a leading ± for a tolerance."""

    value: float
    unit: str

    def in_base(self) -> "Quantity":
        """The same in the base unit of its dimension."""
        return Quantity(*in_base(self.value, self.unit))


@dataclass(frozen=True, slots=True)
class Found:
    """A quantity and where it stands. `weak`: it may be a mere label, as after "step"."""

    quantity: Quantity
    start: int
    end: int
    weak: bool


def quantities(text: str, language: str = "en") -> list[Quantity]:
    """All quantities of a text, in order. Numbers after words like "step" count only where there are no others."""
    found = find_quantities(in_digits(text, language), language)
    strong = [item.quantity for item in found if not item.weak]
    return strong or [item.quantity for item in found]


def without_denied(text: str) -> str:
    """The text less figures that it names to deny them, beside others; as it is where there are no others."""
    rest = _DENIED.sub(" ", text)
    return rest if any(map(str.isdigit, rest)) else text


def find_quantities(text: str, language: str = "en") -> list[Found]:
    """All quantities of a text in the form of `in_digits`, with where they stand."""
    found: list[Found] = []
    for match in _NUMBER.finditer(text):
        last = found[-1] if found else None
        item = _read(text, match, language, follows=last is not None and last.end >= match.start() - 1)
        if item is None:
            continue
        unit = item.quantity.unit.lstrip("±")
        if last and unit and not last.quantity.unit and _JOIN.match(text[last.end : item.start]):
            # "20 to 25 °C", "35 ± 2 Nm", "40 x 60 mm": the unit holds for both numbers.
            found[-1] = replace(last, quantity=Quantity(last.quantity.value, unit), weak=False)
        found.append(item)
    return found


def same_quantities(answer: str, gold: str, language: str = "en") -> bool | None:
    """Whether an answer states the quantities of `gold` and no others of the same units; None if gold has none.

    The first candidate with the unit must be the gold one and no other may contradict it, which for one quantity is
    the same as: the distinct candidates with that unit are the gold ones, in order. Relative tolerance 1e-6. A gold
    number without a known unit ("15 starts") is compared with numbers without one, or with all where every number of
    the answer has one. A missing unit is a wrong answer.
    """
    wanted = _distinct([item.in_base() for item in quantities(gold, language)])
    if not wanted:
        return None
    given = [item.in_base() for item in quantities(without_denied(answer), language)]
    units = {item.unit for item in wanted}
    candidates = _distinct([item for item in given if item.unit in units])
    if not candidates and units == {""}:
        candidates = _distinct([Quantity(item.value, "") for item in given])
    return len(candidates) == len(wanted) and all(map(_equal, candidates, wanted))


def _equal(a: Quantity, b: Quantity) -> bool:
    return a.unit == b.unit and math.isclose(a.value, b.value, rel_tol=1e-6, abs_tol=1e-12)


def _distinct(items: list[Quantity]) -> list[Quantity]:
    kept: list[Quantity] = []
    for item in items:
        if not any(_equal(item, other) for other in kept):
            kept.append(item)
    return kept


def _read(text: str, match: re.Match[str], language: str, *, follows: bool) -> Found | None:
    """The quantity at a match, or None where the digits are part of a name.

    `follows` says that the match stands right after another quantity, as in "10 mm–20 mm": no name, then.
    """
    start, end = match.span()
    before = text[max(0, start - 40) : start]
    value = _value(match, language)
    if value is None or (_GLUED_NAME.search(before) and not follows):
        return None
    currency = _currency(before)
    suffix = _SUFFIX.match(text, end)
    if suffix and (currency or suffix[0] not in ("K", "M")):
        value, end = value * _SUFFIXES[suffix[0]], suffix.end()
    elif currency and text[end : end + 1] == "B" and not text[end + 1 : end + 2].isalnum():
        value, end = value * 1e9, end + 1
    unit, after = match_unit(text, end, language)
    if not unit and suffix and suffix[0] in ("K", "M") and end == match.end():
        value, end = value * _SUFFIXES[suffix[0]], suffix.end()
        after = end
    if currency and not unit.startswith(currency):
        unit = currency
    elif unit == "s" and after == end + 1 and re.fullmatch(r"\d{3}0", match[0]):
        return None  # the 1990s
    if not unit and re.match(rf"[^\W\d_{UNSPACED}\uac00-\ud7a3]|-(?:[A-Z]|[A-Za-z]\w*\d)\b", text[end:]):
        return None  # 2B, 4th, 401-B
    if _TOLERANCE.search(before):
        return Found(Quantity(value, "±" + unit), start, after, False)
    if _NEGATIVE.search(_CURRENCY_END.sub("", before)):
        value = -value
    weak = not unit and (match["word"] is not None or bool(_DESIGNATOR.search(before)))
    if weak and match["word"] and before.strip():
        return None  # "one of them": a number word counts with a unit, or at the start
    return Found(Quantity(value, unit), start, after, weak)


def _currency(before: str) -> str:
    code = _CODE_BEFORE.search(before)
    if code:
        return code[1] or "USD"
    return _CURRENCIES.get(before.rstrip()[-1:], "")


def _value(match: re.Match[str], language: str) -> float | None:
    if match["word"]:
        return float(NUMBER_WORDS[match["word"].lower()] + NUMBER_WORDS.get((match["ones"] or "zero").lower(), 0))
    whole = float(match["whole"] or 0)
    if match["vulgar"]:
        return whole + unicodedata.numeric(match["vulgar"])
    ratio = match["mixed"] or match["fraction"]
    if ratio:
        above, below = (int(part) for part in ratio.split("/"))
        return whole + above / below if below else None
    return read_number(match["digits"], language)
