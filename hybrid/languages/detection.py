"""Which language a short text is in, among those whose numbers and units are known here."""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from hybrid.languages.folding import fold
from hybrid.languages.words import is_unspaced

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "da", "ru", "zh", "ja", "ko", "th", "ar")
"""ISO 639-1 codes."""
_ENGLISH_WORDS = """
the what which how who when where is are does of and in an at for to many much was
"""
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_LEAST = 2
"""English words that are enough to say so without a model."""
_FEW = 12
"""Letters of words in ASCII, below which a text is too short to tell."""


@lru_cache(maxsize=4096)
def language_of(*texts: str) -> str:
    """The ISO 639-1 code of the texts taken together; English where they are too short to tell."""
    text = fold(" ".join(texts))
    if is_unspaced(text):
        return _of_script(text)
    words = text.casefold().split()
    # units and names in capitals are of no language
    letters = sum(map(len, re.findall(r"\b[^\W\d_]*[a-z\u00df-\uffff][^\W\d_]*", text)))
    if text.isascii() and (len(_ENGLISH.intersection(words)) >= _LEAST or letters < _FEW):
        return "en"
    if not letters:
        return "en"
    code, _ = identifier(LANGUAGES).classify(text)
    return str(code)


def _of_script(text: str) -> str:
    if any("\u0e00" <= char <= "\u0e7f" for char in text):
        return "th"
    return "ja" if any("\u3040" <= char <= "\u30ff" for char in text) else "zh"


@cache
def identifier(languages: Sequence[str] = ()) -> Any:
    """py3langid's, with probabilities; among these languages, or all that it knows."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if languages:
        found.set_languages(list(languages))
    return found
