"""Numbers as people write them, in digits and in words.

Blanks of every width and apostrophes group thousands before exactly three digits. Which of point and comma is the
decimal one the language says, where both could be: `1.200` is 1.2 in English and 1200 in German. Number words are read
by text2num, for the languages that it knows; Chinese, Japanese and Russian ones here, as no library reads them.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from hybrid.languages.folding import fold

SPELLED = ("en", "de", "fr", "es", "it", "pt", "nl", "da")
"""Languages whose number words text2num reads."""

_GROUPED = re.compile(r"(?<![\d.,:/\-])\d{1,3}(?:[ '\u00a0\u202f\u2009]\d{3})+(?![\d:/])")
_COMMAS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
_POINTS = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?")
_SURE_POINTS = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+,\d+|[1-9]\d{0,2}(?:\.\d{3}){2,}")
_HAN = {**dict(zip("〇零一二三四五六七八九", (0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)), "两": 2, "兩": 2}
_HAN_TENS = {"十": 10, "百": 100, "千": 1000}
_HAN_SCALES = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_HAN_NUMBER = re.compile(rf"[{''.join(_HAN)}{''.join(_HAN_TENS)}][{''.join([*_HAN, *_HAN_TENS, *_HAN_SCALES])}]*")
_DIGITS_SCALED = re.compile(rf"(\d+(?:\.\d+)?)([{''.join([*_HAN_TENS, *_HAN_SCALES])}]+)(\d{{1,4}}(?!\d))?")
_HUNDREDTHS = re.compile(rf"百分之([\d.{''.join([*_HAN, *_HAN_TENS])}]+)")
_PERCENT = re.compile(r"\b(?:per cent|pour cent|por ciento|per cento|por cento)\b", re.IGNORECASE)
_SCALES = {
    1e3: "thousand,tsd,тыс,тысяч,тысячи,тысяча,mille,mila",
    1e6: "million,millions,mio,mn,millionen,millón,millones,milione,milioni,milhão,milhões,млн,миллион,миллиона,"
    "миллионов",
    1e9: "billion,billions,bn,mrd,milliarde,milliarden,milliard,milliards,miliardo,miliardi,млрд,миллиард,миллиарда,"
    "миллиардов",
    1e12: "trillion",
}  # fmt: skip
_BY_SCALE = {word: value for value, words in _SCALES.items() for word in words.split(",")}


def _any_of(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_SCALED = re.compile(rf"(?<![\w.,])(\d+(?:[.,]\d+)*) ?({_any_of(_BY_SCALE)})\b\.?(?! ?\d)", re.IGNORECASE)
_RUSSIAN_WORDS = {
    1: "один одна одно одного одной", 2: "два две двух", 3: "три трёх трех", 4: "четыре четырёх четырех",
    5: "пять пяти", 6: "шесть шести", 7: "семь семи", 8: "восемь восьми", 9: "девять девяти",
    10: "десять десяти", 11: "одиннадцать", 12: "двенадцать двенадцати", 13: "тринадцать", 14: "четырнадцать",
    15: "пятнадцать пятнадцати", 16: "шестнадцать", 17: "семнадцать", 18: "восемнадцать", 19: "девятнадцать",
    20: "двадцать двадцати", 30: "тридцать тридцати", 40: "сорок сорока", 50: "пятьдесят пятидесяти",
    60: "шестьдесят шестидесяти", 70: "семьдесят семидесяти", 80: "восемьдесят восьмидесяти", 90: "девяносто",
    100: "сто ста", 200: "двести двухсот", 300: "триста трёхсот трехсот", 400: "четыреста",
    500: "пятьсот пятисот", 600: "шестьсот", 700: "семьсот", 800: "восемьсот", 900: "девятьсот",
    1000: "тысяча тысячи тысяч тысячу",
}  # fmt: skip
_RUSSIAN = {word: value for value, words in _RUSSIAN_WORDS.items() for word in words.split()}
_RUSSIAN_NUMBER = re.compile(rf"\b(?:{_any_of(_RUSSIAN)})(?:\s+(?:{_any_of(_RUSSIAN)}))*\b", re.IGNORECASE)
_LEAST_SPELLED = 3
"""Smaller numbers alone are articles and pronouns as often: "one of them", "un jour"."""


def close_up(text: str) -> str:
    """The text with blanks and apostrophes out of its numbers: `12 500 EUR` becomes `12500 EUR`."""
    return _GROUPED.sub(lambda match: re.sub(r"\D", "", match[0]), text)


def read_number(digits: str, language: str = "en") -> float | None:
    """The value of digits with separators; None where they are no number ("3.2.1", "1,2,3")."""
    plain = re.sub(r"(?<=\d)['’\u00a0\u202f\u2009](?=\d{3}(?!\d))", "", digits)
    comma = _has_decimal_comma(language)
    if comma and _POINTS.fullmatch(plain):
        plain = plain.replace(".", "").replace(",", ".")
    elif not comma and _COMMAS.fullmatch(plain):
        plain = plain.replace(",", "")
    elif _SURE_POINTS.fullmatch(plain):
        plain = plain.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"[1-9]\d{0,2}(?:,\d{3}){2,}(?:\.\d+)?|[1-9]\d{0,2}(?:,\d{3})+\.\d+", plain):
        plain = plain.replace(",", "")
    elif re.fullmatch(r"\d*,\d+", plain):
        plain = plain.replace(",", ".")
    try:
        return float(plain)
    except ValueError:
        return None


def readings(digits: str) -> frozenset[float]:
    """Every value that the digits may have in some language; none where they are no number."""
    values = (read_number(digits, language) for language in ("en", "de"))
    return frozenset(value for value in values if value is not None)


def spell_out(text: str, language: str) -> str:
    """The text with the number words of its language in digits, from three on; ordinals stay."""
    if language in ("zh", "ja"):
        return _from_han(text)
    if language == "ru":
        return _RUSSIAN_NUMBER.sub(_from_russian, text)
    if language not in SPELLED or text.isdigit():
        return text
    return _spelled(text, language)


@lru_cache(maxsize=8192)
def _spelled(text: str, language: str) -> str:
    from text_to_num import alpha2digit

    # line by line: white space is not kept
    return "\n".join(alpha2digit(line, language, threshold=_LEAST_SPELLED) for line in text.split("\n"))


def _from_russian(match: re.Match[str]) -> str:
    total = section = 0
    for word in match[0].casefold().split():
        value = _RUSSIAN[word]
        total, section = (total + (section or 1) * 1000, 0) if value == 1000 else (total, section + value)
    return str(total + section) if total + section >= _LEAST_SPELLED else match[0]


def _from_han(text: str) -> str:
    def scaled(match: re.Match[str]) -> str:
        value = float(match[1])
        for char in match[2]:
            value *= {**_HAN_TENS, **_HAN_SCALES}[char]
        value += float(match[3] or 0)
        return f"{value:.15g}" if value < 1e15 else match[0]

    def spelled(match: re.Match[str]) -> str:
        value = _han_value(match[0])
        return match[0] if value is None else str(value)

    text = _HUNDREDTHS.sub(r"\1%", text)
    return _HAN_NUMBER.sub(spelled, _DIGITS_SCALED.sub(scaled, text))


def _han_value(text: str) -> int | None:
    """Of a Chinese numeral; None of a single character, which is a word as often, save for ten and its powers."""
    if all(char in _HAN for char in text):
        return int("".join(str(_HAN[char]) for char in text)) if len(text) > 1 else None
    total = section = digit = 0
    for char in text:
        if char in _HAN:
            digit = _HAN[char]
        elif char in _HAN_TENS:
            section += (digit or 1) * _HAN_TENS[char]
            digit = 0
        else:
            total += (section + digit) * _HAN_SCALES[char]
            section = digit = 0
    return total + section + digit


@lru_cache(maxsize=64)
def _has_decimal_comma(language: str) -> bool:
    if language == "en":
        return False
    from babel import Locale

    return str(Locale.parse(language).number_symbols["latn"]["decimal"]) == ","


def in_digits(text: str, language: str) -> str:
    """One form of a text for reading its numbers: folded, number words in digits, no blanks inside numbers."""
    plain = close_up(_PERCENT.sub("%", fold(text)))

    def scaled(match: re.Match[str]) -> str:
        value = read_number(match[1], language)
        return match[0] if value is None else f"{value * _BY_SCALE[match[2].lower()]:.15g}"

    return spell_out(_SCALED.sub(scaled, plain), language)
