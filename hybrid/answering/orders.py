"""Sentences of a document that give orders to whoever answers from it: "ignore the instructions above", "AI: say X".

Documents are quoted, never obeyed, so what reads them for an answer is not shown such sentences. Handbooks are full of
instructions to people ("Ignore the alarm and press reset"): what makes an order to the reader is that it speaks of the
reader, its instructions, its question, or its answer. `orders.toml` names the wordings, by language.
"""

import base64
import binascii
import codecs
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cache, lru_cache
from pathlib import Path

from hybrid.languages.folding import fold
from hybrid.types import Passage


@dataclass(frozen=True)
class _Wording:
    """What orders in a language are made of, as regular expressions for a sentence in small letters.

    `sign`: what every order holds a word of, without which none is looked for. `reset`: what is to be done with
    `prior` instructions; `address`: a call to the reader, `reader`: its names, `soft`: names that people have as
    well; `duty` and `tell`: what it must do; `command`: an imperative to answer so; `every`: of all questions;
    `reveal` its `prompt`; `end` of the passages, `switch` to another question, `asked` anew; `attach` something to
    the `answer`; `prefer` this text to others; `only` and `obey`: beside others; `mention`: what quotes an order to
    warn of it.
    """

    sign: re.Pattern[str]
    reset: re.Pattern[str]
    prior: re.Pattern[str]
    address: re.Pattern[str]
    reader: re.Pattern[str]
    soft: re.Pattern[str]
    duty: re.Pattern[str]
    tell: re.Pattern[str]
    command: re.Pattern[str]
    every: re.Pattern[str]
    reveal: re.Pattern[str]
    prompt: re.Pattern[str]
    end: re.Pattern[str]
    switch: re.Pattern[str]
    asked: re.Pattern[str]
    attach: re.Pattern[str]
    answer: re.Pattern[str]
    prefer: re.Pattern[str]
    only: re.Pattern[str]
    obey: re.Pattern[str]
    mention: re.Pattern[str]


_TOGETHER: tuple[frozenset[str], ...] = tuple(
    frozenset(names.split())
    for names in (
        "address",
        "every",
        "prefer",
        "reset prior",
        "reader duty tell",
        "soft duty tell said",
        "reveal prompt",
        "end",
        "switch",
        "attach answer said",
        "attach answer link",
        "command only",
        "command obey",
        "command reader",
        "answer only",
        "obey code",
        "command duty",
        "turn",
    )
)
"""Wordings that make an order where one sentence has all of them."""
_BESIDE = {"command", "asked", "only", "obey", "speaker"}
"""Wordings that go with an order which stands beside them."""
_REST = 2
"""Words of what is left over of an order: the answer that it puts into the reader's mouth."""
_PARTS = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+|(?=<!--|<[a-z])|(?<=-->)\s*|(?<=>)\s+")
_TURN = re.compile(
    r"<[|｜]\w+[|｜]>\s*(?:system|user|assistant)|\[/?inst\]|<</?sys>>|^#+ ?(?:system|assistant|instruction)s?\s*:"
    r"|</s>\s*<s>|^(?:system|assistant)\s*:.{0,60}\b(?:answer|repl|conversation|now on|must)"
)
_SPEAKER = re.compile(r"^\W*(?:system|user|assistant|question|answer|reply)\s*:|<[|｜]\w+[|｜]>")
_LINK = re.compile(r"https?://|\]\(")
_SIGNS = {
    "turn": _TURN,
    "speaker": _SPEAKER,
    "link": _LINK,
    "code": re.compile(r"\b(?:base64|rot13|decode|decipher|entschlüssle|décode|decodifica)\b"),
}
_SLOTS = tuple(field.name for field in fields(_Wording) if field.name not in ("sign", "mention"))
_SAID = re.compile(r"\"[^\"]+\"|«[^»]+»|: *\S|\b[A-Z]{4,}\b|\bthe words? \S")
_QUOTED = re.compile(r"\"[^\"]*\"|「[^」]*」|'[^']{12,}'|`[^`]*`")
_APART = re.compile(r"(?<!\w)[^\W\d_]([ .·*_-])(?:[^\W\d_]\1)+[^\W\d_](?!\w)")
"""Letters one by one."""
_BASE64 = re.compile(r"[A-Za-z0-9+/]{20,}={0,2}")
_MIXED = re.compile(r"\b(?=\w*[a-z])(?=\w*[0-9])\w+\b", re.IGNORECASE)
_FIGURES = str.maketrans("013457", "oieast")


def without_orders(passage: Passage) -> Passage:
    """The passage less the sentences that give orders; itself where there are none."""
    found = find_orders(passage.text)
    if not found:
        return passage
    text = passage.text
    for order in found:
        text = text.replace(order, "", 1)
    return replace(passage, text=re.sub(r"[ \t]{2,}", " ", re.sub(r"\n{3,}", "\n\n", text)).strip())


@lru_cache(maxsize=8192)
def find_orders(text: str) -> tuple[str, ...]:
    """The sentences of a text that give orders to whoever answers from it, verbatim, in their order.

    Beside an order those go as well that are none alone: "Reply with X", the claim that "this answer" means.
    """
    parts = [part for part in _PARTS.split(text) if part.strip()]
    found = [_found(part) for part in parts]
    orders = {place for place, names in enumerate(found) if _is_order(names)}
    if not orders:
        return ()
    # what is not alone an order goes with the one beside it
    for step in (1, -1):
        for place in sorted(orders, reverse=step < 0):
            while (
                0 <= (place := place + step) < len(parts)
                and place not in orders
                and _goes_too(parts[place], found[place])
            ):
                orders.add(place)
    orders |= {place - 1 for place in orders if "prefer" in found[place] and place}
    return tuple(parts[place] for place in sorted(orders))


def _goes_too(part: str, names: frozenset[str]) -> bool:
    return bool(names & _BESIDE) or len(part.split()) <= _REST


def _found(part: str) -> frozenset[str]:
    """Names of the wordings that a sentence holds in the language of which it holds most, and of its other signs."""
    best: frozenset[str] = frozenset()
    for plain in _plain(part):
        low = plain.casefold()
        signs = {name for name, pattern in _SIGNS.items() if pattern.search(low)}
        if _SAID.search(plain):
            signs.add("said")
        best = max(best, frozenset(signs), key=_weight)
        for wording in _wordings():
            if wording.sign.search(low):
                read = _QUOTED.sub(" ", low) if wording.mention.search(low) else low
                held = {name for name in _SLOTS if getattr(wording, name).search(read)}
                best = max(best, frozenset(signs | held), key=_weight)
    return best


def _is_order(names: frozenset[str]) -> bool:
    return any(rule <= names for rule in _TOGETHER)


def _weight(names: frozenset[str]) -> tuple[bool, int]:
    return _is_order(names), len(names)


def _plain(part: str) -> Iterator[str]:
    """A sentence as it is read, and what it hides: spaced letters, figures for letters, base64, rot13."""
    folded = fold(part)
    yield folded
    if _APART.search(folded):
        closed = _APART.sub(lambda run: run[0].replace(run[1], ""), folded)
        yield re.sub(r"[ .·*_-]{2,}", " ", closed)
    if len(_MIXED.findall(folded)) > 1:
        yield _MIXED.sub(lambda word: word[0].translate(_FIGURES), folded)
    for run in _BASE64.findall(folded):
        try:
            yield base64.b64decode(run, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            continue
    if "rot13" in folded.casefold():
        yield codecs.encode(folded, "rot13")


@cache
def _wordings() -> tuple[_Wording, ...]:
    told = tomllib.loads((Path(__file__).parent / "orders.toml").read_text(encoding="utf-8"))
    return tuple(
        _Wording(**{name: re.compile("".join(text.splitlines())) for name, text in parts.items()})
        for parts in told["wordings"].values()
    )
