"""What refusals are made of in fifteen languages: the expressions of `refusals.toml`, by language and by letters."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Wording:
    """What refusals in a language are made of, as regular expressions for a clause in small letters.

    `no`: negation; `lack`: absence in one word; `documents`, `facts`: what is read and what it would hold; `tell`: what
    documents do, `know`: what an answerer does; `me`: the answerer; `ask`: question and answer; `fail`: what makes an
    answer impossible; `given`: what a missing fact is not, `given_last` at the end of a clause; `may`: rules, which
    refuse otherwise; `whole`: a whole refusal.
    """

    no: re.Pattern[str]
    lack: re.Pattern[str]
    documents: re.Pattern[str]
    facts: re.Pattern[str]
    tell: re.Pattern[str]
    me: re.Pattern[str]
    know: re.Pattern[str]
    ask: re.Pattern[str]
    fail: re.Pattern[str]
    given: re.Pattern[str]
    given_last: re.Pattern[str]
    may: re.Pattern[str]
    whole: re.Pattern[str]


_SCRIPTS = {
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "zh ja": re.compile(r"[\u3400-\u9fff]"),
    "ko": re.compile(r"[\uac00-\ud7a3]"),
    "ru": re.compile(r"[\u0400-\u04ff]"),
    "th": re.compile(r"[\u0e00-\u0e7f]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
}
"""Languages by their letters; all others are written in Latin ones."""
_LATIN = "en de fr es it pt nl pl tr"
_VERB_BEFORE_NO = ("ja", "ko")


def script(clause: str) -> str:
    """The languages that are written in the letters of a clause, with blanks between them."""
    return next((languages for languages, letters in _SCRIPTS.items() if letters.search(clause)), _LATIN)


@cache
def wordings(languages: str) -> tuple[Wording, ...]:
    """Of each of the languages, which have blanks between them."""
    made = []
    for language in languages.split():
        own = {name: "".join(text.splitlines()) for name, text in _file()["wordings"][language].items()}
        first, last = ("given", "no") if language in _VERB_BEFORE_NO else ("no", "given")
        own["given_last"] = rf"(?:{own[first]})[^,]{{0,12}}(?:{own[last]})\W*$"
        made.append(Wording(**{name: re.compile(pattern) for name, pattern in own.items()}))
    return tuple(made)


@cache
def beside() -> re.Pattern[str]:
    """Clauses beside a refusal that state nothing of what was asked."""
    return re.compile("|".join(f"(?:{''.join(pattern.splitlines())})" for pattern in _file()["beside"]["patterns"]))


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "refusals.toml").read_text(encoding="utf-8"))
