"""Tokens by which a chat template parts its turns, as plain text where they stand in what is said.

A document may hold `<|im_end|>` or `</s>`. Read as tokens they would end the turn that quotes them, and the document
would speak for the system or for the assistant. A blank behind the first character leaves words that say the same.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from hybrid.types import Chat, Message

_KNOWN = (
    r"<[|｜][^<>|｜\n]{1,40}[|｜]>|</?s>|<(?:bos|eos|pad|unk|(?:start|end)_of_turn)>"
    r"|\[/?(?:INST|SYSTEM_PROMPT)\]|<</?SYS>>"
)
"""Of the usual templates, for servers whose tokenizer is out of sight."""


def as_text(content: str, names: Iterable[str] = ()) -> str:
    """What is said, its turn tokens broken up: those of the usual templates, and `names`, the tokenizer's own."""
    return _pattern(frozenset(names)).sub(lambda found: f"{found[0][0]} {found[0][1:]}", content)


def chat_as_text(chat: Chat, names: Iterable[str] = ()) -> Chat:
    """As `as_text` for every message."""
    known = frozenset(names)
    return tuple(Message(message.role, as_text(message.content, known)) for message in chat)


@lru_cache(maxsize=64)
def _pattern(names: frozenset[str]) -> re.Pattern[str]:
    # blanks alone may be tokens of their own, and end no turn
    own = sorted((re.escape(name) for name in names if len(name.strip()) > 1), key=len, reverse=True)
    return re.compile("|".join([*own, _KNOWN]))
