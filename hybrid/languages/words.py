"""Words of a text in every script, found by ICU (icu.unicode.org) where blanks do not part them."""

import re

UNSPACED = (
    r"\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    r"\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uf900-\ufaff\U00020000-\U0003134f"
)
"""Characters, as in a class of `re`, of scripts without blanks between words: Han, Kana, Thai and its neighbours."""
_LETTERS = re.compile(r"\w+")
_ANY = re.compile(rf"[{UNSPACED}]")


def is_unspaced(text: str) -> bool:
    """Whether a text holds characters of a script without blanks."""
    return not text.isascii() and _ANY.search(text) is not None


def split_run(run: str) -> list[str]:
    """The words of a run of characters between blanks: whole where its script parts words by blanks."""
    if not is_unspaced(run):
        return [run]
    from icu4py.breakers import WordBreaker

    return [part for part in WordBreaker(run, "en") if any(map(str.isalnum, part))]


def find_words(text: str) -> list[str]:
    """All words of a text, in order: runs of letters, digits and underscores, parted where the script has no blanks."""
    return [word for run in _LETTERS.findall(text) for word in split_run(run)]


def bordered(pattern: str, text: str) -> str:
    """A regular expression for whole words: `pattern`, made of `text`, with no letter or digit on either side.

    A letter of a script without blanks ends no word by standing there, and neither does a particle behind Hangul.
    """
    left = "" if _open(text[:1]) else rf"(?<![^\W{UNSPACED}])"
    right = "" if _open(text[-1:]) else rf"(?![^\W{UNSPACED}])"
    return left + pattern + right


def _open(char: str) -> bool:
    return bool(_ANY.match(char)) or "\uac00" <= char <= "\ud7a3"
