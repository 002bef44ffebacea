"""The words of the house: which term is right, and which others must not stand for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hybrid.config_file import read_yaml
from hybrid.errors import InputError


@dataclass(frozen=True)
class Glossary:
    """`terms` maps each right term to the variants that are wrong."""

    terms: Mapping[str, tuple[str, ...]]

    def wrong(self, text: str) -> list[str]:
        """The wrong variants that a text uses, in the order of the glossary. A variant within its own right term, as
        "ring" in "wear ring", does not count.
        """
        found = []
        for term, (right, variants) in self._patterns.items():
            rest = right.sub(" ", text)
            found += [name for name, pattern in zip(self.terms[term], variants, strict=True) if pattern.search(rest)]
        return found

    def mixed(self, text: str) -> list[str]:
        """The terms that stand in a text beside one of their variants."""
        return [
            term
            for term, (right, variants) in self._patterns.items()
            if right.search(text) and any(pattern.search(right.sub(" ", text)) for pattern in variants)
        ]

    def concerns(self, text: str) -> bool:
        """Whether a text uses a term of the glossary, rightly or wrongly."""
        return any(right.search(text) for right, _ in self._patterns.values()) or bool(self.wrong(text))

    @cached_property
    def _patterns(self) -> dict[str, tuple[re.Pattern[str], list[re.Pattern[str]]]]:
        return {term: (_word(term), [_word(variant) for variant in variants]) for term, variants in self.terms.items()}


def read_glossary(path: Path) -> Glossary:
    """A YAML file, `right term: [wrong variant, …]`. Raises `InputError` where it is anything else."""
    remedy = "write one line a term: mechanical seal: [gland, stuffing box]"
    if not path.is_file():
        raise InputError(path, "no such file", "name the glossary by a path from where `hybrid` is called")
    value = read_yaml(path)
    if not isinstance(value, dict) or not value:
        raise InputError(path, "not a list of terms with their variants", remedy)
    for term, variants in value.items():
        texts = isinstance(variants, list) and all(isinstance(item, str) and item.strip() for item in variants)
        if not isinstance(term, str) or not texts:
            raise InputError(path, f"the variants of {term!r} are not a list of texts", remedy)
    return Glossary({term: tuple(variants) for term, variants in value.items()})


def _word(term: str) -> re.Pattern[str]:
    """The term as whole words, with any blanks between them and a plural s."""
    words = r"\s+".join(map(re.escape, term.split()))
    return re.compile(rf"(?<!\w){words}s?(?!\w)", re.IGNORECASE)
