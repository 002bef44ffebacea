"""Numbers with units, read out of running text for the number grader.

Digits that belong to a name (SB-401, C42, DN 65, ISO 9906) are not quantities. English reading of separators: a comma
before exactly three digits groups thousands, any other comma is a decimal comma; a point is decimal unless a comma or
a second point follows it.
"""

import math
import re
import unicodedata
from dataclasses import dataclass, replace

from hybrid.evaluation.units import match_unit

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
NUMBER_WORDS: dict[str, int] = {word: value for value, word in enumerate(_SMALL.split())} | {
    word: 10 * tens for tens, word in enumerate(_TENS.split(), 2)
}
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP"}

_VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_DIGITS = r"\d+(?:[.,'’\u00a0\u202f\u2009]\d+)*(?:[eE][+-]?\d+(?!\w))?"
_NUMBER = re.compile(
    rf"(?<![\w.,])(?:(?P<whole>\d+)?(?:\s?(?P<vulgar>[{_VULGAR}])|(?<=\d)\s(?P<mixed>\d/\d+)(?![/\d]))"
    rf"|(?P<fraction>\d{{1,2}}/\d{{1,2}})(?![/\d\w])|(?P<digits>{_DIGITS})"
    rf"|(?P<word>{'|'.join(sorted(NUMBER_WORDS, key=len, reverse=True))})(?:[- ](?P<ones>one|two|three|four|five|six|"
    r"seven|eight|nine))?(?!\w))",
    re.IGNORECASE,
)
_SCALE = re.compile(rf"\s*({'|'.join(_SCALES)})\b", re.IGNORECASE)
_JOIN = re.compile(r"\s*(?:-|–|—|…|\.\.+|±|\+/-|[x×]|to|and|or|through|until)\s*$", re.IGNORECASE)
_DESIGNATOR = re.compile(
    r"(?:\b(?i:no|nr|section|clause|chapter|table|figure|fig|page|step|form|bulletin|grade|class|type|model|part|item|"
    r"code|rev|revision|version|article|appendix|annex|option)\.?|\b[A-Z]{2,})\s*$"
)
_TOLERANCE = re.compile(r"(?:±|\+/-)\s*$")
_GLUED_NAME = re.compile(r"(?:[A-Za-z]\w*[-–/.]|[A-Za-z]\w*-\d+[-–/.]|[#№_])$")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value and its canonical unit; "" where no known unit follows, a leading ± for a tolerance."""

    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class _Found:
    quantity: Quantity
    start: int
    end: int
    weak: bool


def quantities(text: str) -> list[Quantity]:
    """All quantities of a text, in order. Numbers after words like "step" count only where there are no others."""
    text = text.replace("−", "-")
    found: list[_Found] = []
    for match in _NUMBER.finditer(text):
        last = found[-1] if found else None
        item = _read(text, match, follows=last is not None and last.end >= match.start() - 1)
        if item is None:
            continue
        unit = item.quantity.unit.lstrip("±")
        if last and unit and not last.quantity.unit and _JOIN.match(text[last.end : item.start]):
            # "20 to 25 °C", "35 ± 2 Nm", "40 x 60 mm": the unit holds for both numbers.
            found[-1] = replace(last, quantity=Quantity(last.quantity.value, unit), weak=False)
        found.append(item)
    strong = [item.quantity for item in found if not item.weak]
    return strong or [item.quantity for item in found]


def same_quantities(answer: str, gold: str) -> bool | None:
    """Whether an answer states the quantities of `gold` and no others of the same units; None if gold has none.

    The first candidate with the unit must be the gold one and no other may contradict it, which for one quantity is
    the same as: the distinct candidates with that unit are the gold ones, in order. Relative tolerance 1e-6. A gold
    number without a known unit ("15 starts") is compared with numbers without one, or with all where every number of
    the answer has one. A missing unit is a wrong answer.
    """
    wanted = _distinct(quantities(gold))
    if not wanted:
        return None
    given = quantities(answer)
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


def _read(text: str, match: re.Match[str], *, follows: bool) -> _Found | None:
    """The quantity at a match, or None where the digits are part of a name.

    `follows` says that the match stands right after another quantity, as in "10 mm–20 mm": no name, then.
    """
    start, end = match.span()
    before = text[max(0, start - 40) : start]
    value = _value(match)
    if value is None or (_GLUED_NAME.search(before) and not follows):
        return None
    scale = _SCALE.match(text, end)
    if scale:
        value, end = value * _SCALES[scale[1].lower()], scale.end()
    unit, after = match_unit(text, end)
    currency = _CURRENCIES.get(before.rstrip()[-1:])
    if not unit and currency:
        unit = currency
    elif unit == "s" and after == end + 1 and re.fullmatch(r"\d{3}0", match[0]):
        return None  # the 1990s
    if not unit and re.match(r"[^\W\d_]|-(?:[A-Z]|[A-Za-z]\w*\d)\b", text[end:]):
        return None  # 2B, 4th, 401-B
    if _TOLERANCE.search(before):
        return _Found(Quantity(value, "±" + unit), start, after, False)
    if re.search(r"(?:^|[\s(\[:=,;])-$", before) or re.search(r"\bminus\s+$", before, re.IGNORECASE):
        value = -value
    weak = not unit and (match["word"] is not None or bool(_DESIGNATOR.search(before)))
    if weak and match["word"] and before.strip():
        return None  # "one of them": a number word counts with a unit, or at the start
    return _Found(Quantity(value, unit), start, after, weak)


def _value(match: re.Match[str]) -> float | None:
    if match["word"]:
        return float(NUMBER_WORDS[match["word"].lower()] + NUMBER_WORDS.get((match["ones"] or "zero").lower(), 0))
    whole = float(match["whole"] or 0)
    if match["vulgar"]:
        return whole + unicodedata.numeric(match["vulgar"])
    ratio = match["mixed"] or match["fraction"]
    if ratio:
        above, below = (int(part) for part in ratio.split("/"))
        return whole + above / below if below else None
    return read_number(match["digits"])


def read_number(digits: str) -> float | None:
    """The value of digits with separators; None where they are no number ("3.2.1", "1,2,3")."""
    plain = re.sub(r"(?<=\d)['’\u00a0\u202f\u2009](?=\d{3}(?!\d))", "", digits)
    if re.fullmatch(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?", plain):
        plain = plain.replace(",", "")
    elif re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3})+,\d+|[1-9]\d{0,2}(?:\.\d{3}){2,}", plain):
        plain = plain.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"\d+,\d+", plain):
        plain = plain.replace(",", ".")
    try:
        return float(plain)
    except ValueError:
        return None
