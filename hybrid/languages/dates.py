"""Dates and times of day in one form each: `2021-03-05`, `2021-03`, `--03-05` without its year, `16:45`."""

import re
from functools import cache

_ISO = re.compile(r"(?<!\d)(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?!\d)")
_HAN = re.compile(r"(?:(?P<y>\d{4})\s?[年년]\s?)?(?P<m>\d{1,2})\s?[月월]\s?(?P<d>\d{1,2})\s?[日号號일]")
_DOTTED = re.compile(r"(?<![\d.])(?P<d>\d{1,2})\. ?(?P<m>\d{1,2})\. ?(?P<y>\d{4})(?![\d.])")
_SLASHED = re.compile(r"(?<![\d/])(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>\d{4})(?![\d/])")
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th|er|re|\.|º|°)?"
_OF = r"(?:\s*(?:of|de|del|di|do|,)\s*|\s+)"
_TIME = re.compile(
    r"(?<![\d:.])(?P<pre>上午|下午|午前|午後|오전|오후|晚上|早上)?\s?(?P<h>[01]?\d|2[0-4])"
    r"(?:(?P<sep>:|\s?h\s?|\s?[点點時时시]\s?|\s?(?:Uhr)\s?)(?P<min>[0-5]\d)(?:\s?[分분])?(?::[0-5]\d)?|(?P<dot>\.[0-5]\d)(?=\s?(?:Uhr\b|[ap]\.?m)))?"
    r"(?:\s?(?P<half>[ap])\.?\s?m\b\.?|\s?(?P<clock>Uhr\b|o'clock\b|[点點時时시](?!間|间)))?(?![\d:])",
    re.IGNORECASE,
)
_AFTERNOON = ("下午", "午後", "오후", "晚上")


def find_dates(text: str, language: str) -> list[tuple[int, int, str]]:
    """Start, end and form of every date and time of day, in order."""
    found: list[tuple[int, int, str]] = []

    covered = bytearray(len(text))

    def add(start: int, end: int, form: str | None) -> None:
        if form and not any(covered[start:end]):
            covered[start:end] = b"\1" * (end - start)
            found.append((start, end, form))

    for pattern in (_ISO, _HAN, _DOTTED, *_named(language), *(_named("en") if language != "en" else ())):
        for match in pattern.finditer(text):
            given = match.groupdict()
            name = given.get("name") or ""
            if name[:1].islower() and language in ("en", "de") and not given.get("y"):
                continue  # "it may 5 times"
            month = given.get("m") or str(_month(name, language))
            add(match.start(), match.end(), _date(given.get("y"), month, given.get("d")))
    for match in _SLASHED.finditer(text):
        first, second = int(match["a"]), int(match["b"])
        day, month_number = (second, first) if language == "en" and first <= 12 else (first, second)
        add(match.start(), match.end(), _date(match["y"], str(month_number), str(day)))
    for match in _TIME.finditer(text):
        add(match.start(), match.end(), _time(match))
    return sorted(found)


def _date(year: str | None, month: str, day: str | None) -> str | None:
    if not (1 <= int(month) <= 12 and 1 <= int(day or 1) <= 31):
        return None
    if day is None:
        return f"{year}-{int(month):02}"
    return f"{year or '-'}-{int(month):02}-{int(day):02}"


def _time(match: re.Match[str]) -> str | None:
    if not (match["min"] or match["dot"] or match["half"] or match["clock"]):
        return None
    hour, minute = int(match["h"]), int(match["min"] or (match["dot"] or ".0")[1:])
    late = (match["half"] or "").lower() == "p" or match["pre"] in _AFTERNOON
    if late and hour < 12:
        hour += 12
    elif (match["half"] or "").lower() == "a" and hour == 12:
        hour = 0
    return f"{hour}:{minute:02}"


def _month(name: str, language: str) -> int:
    bare = name.casefold().rstrip(".")
    return _months(language).get(bare) or _months("en").get(bare, 0)


@cache
def _months(language: str) -> dict[str, int]:
    from babel import Locale

    locale = Locale.parse(language)
    return {
        str(name).casefold().rstrip("."): number
        for context in ("format", "stand-alone")
        for width in ("wide", "abbreviated")
        for number, name in locale.months[context][width].items()
        if any(map(str.isalpha, str(name))) and not str(name)[0].isdigit()
    }


@cache
def _named(language: str) -> tuple[re.Pattern[str], ...]:
    names = sorted(_months(language), key=len, reverse=True)
    if not names:
        return ()
    name = rf"(?P<name>{'|'.join(map(re.escape, names))})\.?"
    year = rf"(?:{_OF}(?P<y>\d{{4}}))?(?!\d)"
    return (
        re.compile(rf"(?<![\w.,]){_DAY}{_OF}{name}(?!\w){year}", re.IGNORECASE),
        re.compile(rf"(?<!\w){name}\s+{_DAY}(?!\d)(?:(?:,\s*|\s+)(?P<y>\d{{4}}))?(?!\d)", re.IGNORECASE),
        re.compile(rf"(?<!\w){name}{_OF}(?P<y>\d{{4}})(?!\d)", re.IGNORECASE),
    )
