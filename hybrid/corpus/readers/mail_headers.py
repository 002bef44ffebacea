"""What stands above an e-mail: its headers, decoded, and the letters of its parts."""

from collections.abc import Mapping
from contextlib import suppress
from email.message import Message
from typing import Any

from hybrid.corpus.readers.content import UnreadableError
from hybrid.corpus.readers.decoding import Notes, declared_encoding, decode, storable
from hybrid.types import MetadataValue

_LONGEST = 4_000
"""Characters of a header that are read: Python's parser takes a second for ten times as many."""
_MOST_FOREIGN = 0.2
"""Of the letters of a text in a western language, those with accents."""


class Headers:
    """The headers of a message; of equal ones the first."""

    def __init__(self, message: Message) -> None:
        self._raw: dict[str, str] = {}
        for name, value in message.raw_items():
            self._raw.setdefault(name.lower(), str(value))

    def text(self, name: str) -> str:
        """On one line; "" where there is none."""
        return one_line(name, self._raw.get(name, ""))

    def metadata(self) -> Mapping[str, MetadataValue]:
        """`from`, `to`, `cc` and `date` (ISO), those that are there."""
        found: dict[str, MetadataValue] = {"from": self.text("from")}
        for name in ("to", "cc"):
            people = tuple(
                storable(str(one)) for one in getattr(_parsed(name, self._raw.get(name, "")), "addresses", ())
            )
            found[name] = people if len(people) > 1 else (people[0] if people else self.text(name))
        moment = getattr(_parsed("date", self._raw.get("date", "")), "datetime", None)
        found["date"] = moment.isoformat() if moment is not None else ""
        return {name: value for name, value in found.items() if value}


def one_line(name: str, value: str) -> str:
    """The value of a header, decoded."""
    return " ".join(storable(str(_parsed(name, value))).split())


def _parsed(name: str, value: str) -> Any:
    from email import policy

    # what is no ASCII stands there as it came
    raw = value.encode("utf-8", errors="surrogateescape")
    value = decoded(raw, "")[0].replace("\n", " ").strip()
    if len(value) > _LONGEST:
        value = value[:_LONGEST].rpartition(",")[0] or value[:_LONGEST]
    try:
        return policy.default.header_factory(name, value)
    except (RecursionError, ValueError, IndexError, AttributeError, TypeError):  # what its parser did not foresee
        return value


def decoded(data: bytes, charset: str) -> tuple[str, Notes]:
    """The text: UTF-8 where it is that, whatever is declared, for no other text is so by chance; else as declared."""
    name = declared_encoding(charset) or "utf-8"
    for encoding in dict.fromkeys([name] if data.isascii() else ["utf-8", name]):
        with suppress(UnicodeDecodeError):
            return storable(data.decode(encoding)), ()
    try:
        return decode(data)
    except UnreadableError:
        pass
    western = data.decode("cp1252", errors="replace")
    foreign = sum(letter.isalpha() for letter in western if not letter.isascii())
    # of other scripts nearly all letters would be beyond ASCII
    if foreign <= _MOST_FOREIGN * sum(map(str.isalpha, western)) and "\ufffd" not in western:
        return storable(western), ((0, "not in the encoding that it declares: read as cp1252"),)
    text = data.decode("utf-8", errors="replace")
    return storable(text), ((0, f"{text.count(chr(0xFFFD))} letters are not in the encoding that it declares"),)
