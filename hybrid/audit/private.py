"""Secrets and personal data in the documents: to be looked at before anything is indexed or trained on."""

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from hybrid.types import Passage

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
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+(?!\w)")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?!\w)")
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w.-])")


@dataclass(frozen=True, slots=True)
class Private:
    """`shown` is masked: an audit must not spread what it warns of."""

    passage: str
    kind: str
    shown: str


def private_data(passages: Sequence[Passage]) -> list[Private]:
    """Secrets, e-mail addresses, telephone numbers (with country code), IBANs and card numbers, in corpus order."""
    with _settings():
        return [
            Private(passage.id, kind, _masked(text))
            for passage in passages
            for kind, text in dict.fromkeys(_found(passage.text))
        ]


def _found(text: str) -> Iterator[tuple[str, str]]:
    from detect_secrets.core.scan import scan_line
    from phonenumbers import PhoneNumberMatcher
    from stdnum import iban, luhn

    for line in text.splitlines():
        for secret in scan_line(line):
            yield f"secret ({secret.type})", str(secret.secret_value)
    for match in _EMAIL.finditer(text):
        yield "e-mail address", match[0]
    for number in PhoneNumberMatcher(text, None):
        yield "telephone number", number.raw_string
    for match in _IBAN.finditer(text):
        if iban.is_valid(match[0]):
            yield "IBAN", match[0]
    for match in _CARD.finditer(text):
        if luhn.is_valid(re.sub(r"\D", "", match[0])):
            yield "card number", match[0]


def _masked(text: str) -> str:
    return f"{text[:2]}…" if len(text) > 2 else "…"


def _settings() -> AbstractContextManager[object]:
    from detect_secrets.settings import transient_settings

    made: AbstractContextManager[object] = transient_settings({"plugins_used": [{"name": name} for name in _DETECTORS]})
    return made
