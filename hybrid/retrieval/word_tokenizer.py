"""Text to the words that a lexical index counts: identifiers whole and in parts, common words left out, endings cut.

"SB-401" gives `sb-401`, `sb` and `401`, so that it is found by its whole name first and by what somebody remembers of
it second; the same for snake_case, paths, versions and model names with slashes. Scripts that do not part words by
blanks are parted by ICU.
"""

import re
import unicodedata
from collections.abc import Collection
from functools import cached_property
from typing import Any

from hybrid.languages.words import is_unspaced, split_run

NONE = "none"
_WHOLE = re.compile(r"\w+(?:[-./:@+#]+\w+)*")
_PART = re.compile(r"[^\W_]+")
_POSSESSIVE = re.compile(r"['’]s\b", re.IGNORECASE)


class WordTokenizer:
    """`stop_words` and `stemmer` are languages, or `none`. Whole identifiers are neither left out nor cut."""

    def __init__(self, *, stop_words: str = "english", stemmer: str = "english") -> None:
        self.settings = {"stop_words": stop_words, "stemmer": stemmer}

    def tokenize(self, text: str) -> list[str]:
        """Words in the order of the text, a whole identifier before its parts."""
        plain = _POSSESSIVE.sub("", unicodedata.normalize("NFKC", text)).casefold()
        words: list[str] = []
        for whole in _WHOLE.findall(plain):
            parts = [word for part in _PART.findall(whole) for word in split_run(part)]
            if parts and parts != [whole] and not is_unspaced(whole):
                words.append(whole)
            words += self._stemmed([part for part in parts if part not in self._stop_words])
        return words

    def _stemmed(self, words: list[str]) -> list[str]:
        return list(self._stemmer.stemWords(words)) if self._stemmer else words

    @cached_property
    def _stop_words(self) -> Collection[str]:
        language = self.settings["stop_words"]
        if language == NONE:
            return frozenset()
        from bm25s import stopwords

        # of the two English lists the longer one: better on dev of three sets of four, with the stemmer of all
        name = "EN_PLUS" if language == "english" else language.upper()
        return frozenset(word.casefold() for word in getattr(stopwords, f"STOPWORDS_{name}"))

    @cached_property
    def _stemmer(self) -> Any:
        """Snowball's (Porter 1980; snowballstem.org); None where words stay as they stand."""
        language = self.settings["stemmer"]
        if language == NONE:
            return None
        import Stemmer

        return Stemmer.Stemmer(language)
