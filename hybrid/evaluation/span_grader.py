"""Whether a short answer states the gold answer, by what both state: figures exactly, words mostly.

SQuAD's token F1 (Rajpurkar et al. 2016) calls "the right valve" half of "the left valve" and 1.5 the same as 15. Here
figures, dates, names and versions must be the gold ones, with no other of their kind beside them, and no word of the
gold may be exchanged for another.
"""

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

from hybrid.languages.facts import Piece, pieces
from hybrid.languages.folding import fold
from hybrid.languages.quantities import without_denied
from hybrid.languages.words import is_unspaced

LEAST_F1 = 0.5
_LONG, _LONG_F1 = 8, 0.8
"""Characters of a gold answer without blanks, from which on it need not stand in one run; and their F1 then."""

_UNIMPORTANT_WORDS = """
a an the г года год der die das den dem des ein eine einen einem einer le la les l un une el los las lo una unos
unas il i gli uno o os as um uma de het een is are was of's
"""
_UNIMPORTANT = frozenset(_UNIMPORTANT_WORDS.split())
_QUALIFIERS_WORDS = """
not no non never without north south east west northern southern eastern western new old upper lower left right
first second third inner outer deputy vice former ex pre post un anti front rear before after early late min max
minimum maximum nicht kein keine ohne nord süd ost neu alt links rechts linke rechte vor nach stellvertretende
obere untere pas sans sud est ouest nouveau ancien gauche droite avant après sin norte sur nuevo viejo antes
después senza nuovo vecchio prima dopo sinistra destra sem novo velho não не без северный южный новый старый
"""
_QUALIFIERS = frozenset(_QUALIFIERS_WORDS.split())
"""Words that make another thing of what they stand beside."""
_DENIAL = re.compile(
    r"(?:\b(?:not|never|n't|isn't|wasn't|aren't|nicht|kein\w*|niemals|pas|jamais|non|no|nunca|mai|não|не|neither)(?:\s+\w+){0,2}\s*|不是|并非|並非|而非|没有|不在|非)$",
    re.IGNORECASE,
)
_DENIED_AFTER = re.compile(
    r"^\s*(?:ではな|じゃな|ではあり|でな|이 아니|가 아니|не\b|ist es nicht|n'est pas)", re.IGNORECASE
)
_OR = re.compile(
    r"\b(?:or|oder|ou|o|или|або|either|entweder|possibly|maybe)\b|或|または|もしくは|还是|또는", re.IGNORECASE
)


def states(text: str, gold: str, question: str, language: str) -> tuple[float, bool, bool]:
    """Score in [0, 1], whether right, and whether the same."""
    versions = bool(re.search(r"version|release|版本|バージョン|верси", question, re.IGNORECASE))
    plain = without_denied(fold(text))
    given = _important(pieces(plain, language, versions=versions))
    wanted = _important(pieces(gold, language, versions=versions))
    if not wanted or not given:
        return 0.0, False, False
    if _texts(given) == _texts(wanted) or "".join(_texts(given)) == "".join(_texts(wanted)):
        return 1.0, not denies(plain, gold), True
    score = _f1(given, wanted)
    if not _same_figures(given, wanted, question, language):
        return 0.0, False, False
    return score, _right(plain, gold, given, wanted, question, language, score), False


def _right(
    plain: str, gold: str, given: Sequence[Piece], wanted: Sequence[Piece], question: str, language: str, score: float
) -> bool:
    if denies(plain, gold):
        return False
    said, asked_for = _texts(given), _texts(wanted)
    if _OR.search(plain) and not _OR.search(gold) and not _OR.search(question) and len(said) > len(asked_for):
        return False
    asked = set(_texts(pieces(question, language)))
    words = [piece.text for piece in wanted if not piece.kind]
    if not words:
        return True
    if any(map(is_unspaced, words)):
        if _holds_run(plain, gold) or _begins(gold, plain):
            return True
        return len(asked_for) >= _LONG and score >= _LONG_F1 and not _exchanged(said, asked_for, asked)
    start = _start(said, asked_for)
    if start >= 0:
        around = said[max(0, start - 1) : start]
        return not (set(around) & _QUALIFIERS - asked) and len(said) <= 4 * len(asked_for) + 12
    if _exchanged(said, asked_for, asked):
        return False
    lacking = set(asked_for) - set(said)
    if lacking & _QUALIFIERS or {w for w in set(said) - set(asked_for) - asked if w in _QUALIFIERS}:
        return False
    return score >= LEAST_F1


def _important(found: Sequence[Piece]) -> list[Piece]:
    kept = [piece for piece in found if piece.kind or piece.text not in _UNIMPORTANT]
    return kept or list(found)


def _texts(found: Sequence[Piece]) -> list[str]:
    return [piece.text + piece.kind for piece in found]


def _f1(given: Sequence[Piece], wanted: Sequence[Piece]) -> float:
    shared = sum((Counter(_texts(given)) & Counter(_texts(wanted))).values())
    return 2 * shared / (len(given) + len(wanted)) if shared else 0.0


def _same_figures(given: Sequence[Piece], wanted: Sequence[Piece], question: str, language: str) -> bool:
    """Whether all figures of the gold are there and none of their kinds besides, those of the question aside."""
    figures = {(piece.text, piece.kind) for piece in wanted if piece.kind}
    said = {(piece.text, piece.kind) for piece in given if piece.kind}
    # a day is of its month
    said |= {figure for figure in figures if figure[1] == "date" and any(_within(other, figure) for other in said)}
    if not figures <= said:
        return False
    said = {other for other in said if other in figures or not any(_within(other, figure) for figure in figures)}
    asked = {(piece.text, piece.kind) for piece in pieces(question, language)}
    kinds = {kind for _, kind in figures}
    return not any(kind in kinds for _, kind in said - figures - asked)


def _within(day: tuple[str, str], month: tuple[str, str]) -> bool:
    return day[1] == month[1] == "date" and day[0].startswith(f"{month[0]}-")


def _alike(one: str, other: str) -> bool:
    """Whether two words are forms of one: they begin alike and differ in their ending only."""
    if one == other:
        return True
    if "\uac00" <= other[:1] <= "\ud7a3":
        # particles stand behind a word of Hangul
        return one.startswith(other) and len(one) - len(other) <= 3
    if min(len(one), len(other)) < 4 or not (one.isalpha() and other.isalpha()):
        return False
    common = next(
        (n for n, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
    )
    longest = 3 if "\u0400" <= other[0] <= "\u04ff" else 2
    return common >= 4 and max(len(one), len(other)) - common <= longest and common >= 0.6 * max(len(one), len(other))


def _start(said: Sequence[str], wanted: Sequence[str]) -> int:
    """Where the wanted words stand in a row, in whatever form; -1 where they do not."""
    width = len(wanted)
    for start in range(len(said) - width + 1):
        if all(map(_alike, said[start : start + width], wanted)):
            return start
    return -1


def _exchanged(said: Sequence[str], wanted: Sequence[str], asked: set[str]) -> bool:
    """Whether a word of the gold stands replaced by another one that the question does not hold."""
    for kind, a, b, c, d in SequenceMatcher(None, wanted, said, autojunk=False).get_opcodes():
        if kind != "replace":
            continue
        new = [word for word in said[c:d] if word not in asked and not any(_alike(word, old) for old in wanted[a:b])]
        old = [word for word in wanted[a:b] if not any(_alike(word, other) for other in said[c:d])]
        if new and old:
            return True
    return False


def denies(plain: str, gold: str) -> bool:
    """Whether an answer names the gold answer only to deny it."""
    place = plain.casefold().find(fold(gold).casefold())
    if place < 0:
        return False
    end = place + len(fold(gold))
    before, after = plain[:place], plain[end:]
    denied = bool(_DENIAL.search(before)) and not _DENIAL.search(gold)
    return denied or bool(_DENIED_AFTER.match(after))


def _holds_run(plain: str, gold: str) -> bool:
    """Whether a text without blanks holds the gold answer as words, not within the name of another thing."""
    text, wanted = fold(plain).casefold(), fold(gold).casefold().strip()
    borders = _borders(text)
    place = text.find(wanted)
    while place >= 0:
        if place in borders and _ends_word(text, place + len(wanted), borders):
            return True
        place = text.find(wanted, place + 1)
    return False


def _begins(gold: str, plain: str) -> bool:
    """Whether the answer is the gold answer less its last character, as 北京 of 北京市."""
    wanted, said = (re.sub(r"\W", "", fold(text).casefold()) for text in (gold, plain))
    return len(said) > 1 and len(wanted) == len(said) + 1 and wanted.startswith(said)


def _borders(text: str) -> set[int]:
    from icu4py.breakers import WordBreaker

    return {start for start, _ in WordBreaker(text, "en").segments()} | {len(text)}


def _ends_word(text: str, place: int, borders: set[int]) -> bool:
    # 北京|市: a suffix of one character makes no other thing, but a whole word of Kana does
    return place in borders or (place + 1 in borders and not "\u30a0" <= text[place] <= "\u30ff")
