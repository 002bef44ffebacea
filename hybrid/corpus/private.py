"""Secrets and personal data in the documents: to be looked at before anything is indexed or trained on."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

_DETECTORS = (
    "AWSKeyDetector",
    "ArtifactoryDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "JwtTokenDetector",
    "KeywordDetector",
    "MailchimpDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TelegramBotTokenDetector",
    "TwilioKeyDetector",
)
"""Of detect-secrets, without those that go by entropy alone: part numbers have that, too."""
_IN_KEYWORDS = ("key", "pass", "pwd", "secret", "contrase")
"""One of these is in each word that the detector of keywords looks for; to look for them first is ten times as fast."""
_IN_SECRETS = {
    r'(?:\s|=|:|"|^)AKC[a-zA-Z0-9]{10,}(?:\s|"|$)': "AKC",
    r'(?:\s|=|:|"|^)AP[\dABCDEF][a-zA-Z0-9]{8,}(?:\s|"|$)': "AP",
    r"[0-9a-z]{32}-us[0-9]{1,2}": "-us",
    r"(?:r|s)k_live_[0-9a-zA-Z]{24}": "k_live_",
}
"""What every match of a slow pattern of detect-secrets holds; a pattern that another release writes otherwise is only
searched as slowly as ever."""
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+(?!\w)")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?!\w)")
_CARD = re.compile(
    r"(?<![\w.-])(?:[2-6]\d{12,18}|[2-6]\d{3}([ -])\d{4}\1\d{4}\1\d{1,7}|3\d{3}([ -])\d{6}\2\d{5})(?![\w.-])"
)
"""As issuers begin and group them: rows of single digits have valid check sums, too."""
_IN_IBAN = re.compile(r"[A-Z]{2}\d{2}")
_IN_CARD = re.compile(r"[2-6]\d{3}[ -]?\d{4}")


class PrivateSpan(NamedTuple):
    """`text` is the secret itself: it must not be stored or shown. `line` starts at 1."""

    kind: str
    text: str
    line: int


def private_spans(text: str) -> list[PrivateSpan]:
    """Secrets, e-mail addresses, telephone numbers (with country code), IBANs and card numbers, one of each kind."""
    found: dict[tuple[str, str], int] = {}
    for kind, shown, line in _found(text):
        found.setdefault((kind, shown), line)
    return [PrivateSpan(kind, shown, line) for (kind, shown), line in found.items()]


def masked(text: str) -> str:
    """Enough to find it again, too little to use it."""
    return f"{text[:2]}…" if len(text) > 2 else "…"


def _found(text: str) -> Iterator[tuple[str, str, int]]:
    yield from _secrets(text)
    ends = [found.start() for found in re.finditer("\n", text)]
    for kind, shown, place in _personal(text):
        yield kind, shown, bisect_left(ends, place) + 1


def _secrets(text: str) -> Iterator[tuple[str, str, int]]:
    """Line by line, as detect-secrets does, but only where its patterns are in the text at all: that is rare, and the
    lines of a document cost it milliseconds."""
    patterns, keywords = _patterns()
    whole = any(part in text and pattern.search(text) for part, pattern in patterns)
    if not whole and not (_may_hold_keyword(text) and keywords.search(text)):
        return
    from detect_secrets.core.scan import scan_line

    with _settings():
        for number, line in enumerate(text.splitlines(), start=1):
            if whole or keywords.search(line):
                for secret in scan_line(line):
                    yield f"secret ({secret.type})", str(secret.secret_value), number


def _may_hold_keyword(text: str) -> bool:
    folded = text.casefold()
    return any(part in folded for part in _IN_KEYWORDS)


def _personal(text: str) -> Iterator[tuple[str, str, int]]:
    from stdnum import iban, luhn

    # most texts lack what every match begins with or holds: to see that takes less than to look for the whole
    for match in _EMAIL.finditer(text) if "@" in text else ():
        yield "e-mail address", match[0], match.start()
    # without a country code, a part number looks the same
    if "+" in text or "\uff0b" in text:
        from phonenumbers import PhoneNumberMatcher

        for number in PhoneNumberMatcher(text, None):
            yield "telephone number", number.raw_string, number.start
    for match in _IBAN.finditer(text) if _IN_IBAN.search(text) else ():
        if iban.is_valid(match[0]):
            yield "IBAN", match[0], match.start()
    for match in _CARD.finditer(text) if _IN_CARD.search(text) else ():
        if luhn.is_valid(re.sub(r"\D", "", match[0])):
            yield "card number", match[0], match.start()


@cache
def _patterns() -> tuple[tuple[tuple[str, re.Pattern[str]], ...], re.Pattern[str]]:
    """The patterns of the detectors, each after what its matches hold ("" where that is not known), and one for the
    words that the detector of keywords looks for.

    Over a whole text a pattern finds what it finds in one of its lines: none of them reaches over a line end, and a
    line's border is white space to those that want one.
    """
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.plugins.keyword import DENYLIST

    with _settings():
        classes = {c.__name__: c for c in get_mapping_from_secret_type_to_class().values()}
    patterns = []
    for name in _DETECTORS:
        for pattern in getattr(classes[name], "denylist", ()):
            found = pattern if isinstance(pattern, re.Pattern) else re.compile(re.escape(pattern))
            patterns.append((_IN_SECRETS.get(found.pattern, ""), found))
    return tuple(patterns), re.compile("|".join(DENYLIST), re.IGNORECASE)


def _settings() -> Any:
    from detect_secrets.settings import transient_settings

    return transient_settings({"plugins_used": [{"name": name} for name in _DETECTORS]})
