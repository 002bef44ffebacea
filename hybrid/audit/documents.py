"""What is wrong with the passages themselves: near-duplicates, other languages, broken encodings, private data."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from hybrid.audit.private import Private, private_data
from hybrid.types import Passage

ALIKE = 0.8
"""Share of word sequences in common (Jaccard) from which two passages are near-duplicates."""
SURE = 0.9
"""Probability from which a language counts as known."""
RARE = 0.1
"""Share of the passages below which a language is told as foreign."""
_PERMUTATIONS = 64
_SHINGLE = 4
_LETTERS = 40
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Passages:
    """`duplicates`: groups of ids whose texts are nearly the same, exact copies among them. `languages`: passages by
    ISO 639-1 code, those too short or too unsure left out; `foreign`: ids and languages of the rare ones.
    `garbled`: ids and what is wrong with their letters; `private`: secrets and personal data, masked.
    """

    duplicates: tuple[tuple[str, ...], ...]
    languages: dict[str, int]
    foreign: tuple[tuple[str, str], ...]
    garbled: tuple[tuple[str, str], ...]
    private: tuple[Private, ...]

    @property
    def notes(self) -> list[str]:
        """One line for each kind that was found."""
        told = []
        if self.duplicates:
            spare = sum(len(group) - 1 for group in self.duplicates)
            first = ", ".join(self.duplicates[0][:2])
            told.append(f"{spare} passages are near-duplicates of others: they push gold out of the top k ({first}).")
        if self.foreign:
            name, language = self.foreign[0]
            told.append(f"{len(self.foreign)} passages are in a language of few others ({name}: {language}).")
        if self.garbled:
            name, text = self.garbled[0]
            told.append(f"{len(self.garbled)} passages hold letters that were decoded wrongly ({name}: {text}).")
        if self.private:
            kinds = Counter(item.kind for item in self.private)
            some = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
            told.append(f"Secrets or personal data are in the documents: {some} (first in {self.private[0].passage}).")
        return told


def look_at(passages: Sequence[Passage]) -> Passages:
    """All checks, in corpus order."""
    languages = [(passage.id, language(passage.text)) for passage in passages]
    known = Counter(code for _, code in languages if code)
    foreign = tuple((name, code) for name, code in languages if code and known[code] < RARE * known.total())
    return Passages(
        duplicates=tuple(near_duplicates(passages)),
        languages=dict(known.most_common()),
        foreign=foreign,
        garbled=tuple((passage.id, wrong) for passage in passages if (wrong := garbled(passage.text))),
        private=tuple(private_data(passages)),
    )


def near_duplicates(passages: Sequence[Passage]) -> list[tuple[str, ...]]:
    """Groups by MinHash (Broder 1997), each candidate pair checked against the true Jaccard of its word sequences."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=ALIKE, num_perm=_PERMUTATIONS)
    shingles: dict[str, frozenset[str]] = {}
    leader: dict[str, str] = {}
    for passage in passages:
        own = _shingles(passage.text)
        if not own:
            continue
        sketch = MinHash(num_perm=_PERMUTATIONS)
        sketch.update_batch([part.encode() for part in sorted(own)])
        near = [other for other in index.query(sketch) if _jaccard(own, shingles[other]) >= ALIKE]
        # a passage joins a group by any member that is near; of several groups always the same one
        leader[passage.id] = min((leader[other] for other in near), default=passage.id)
        shingles[passage.id] = own
        index.insert(passage.id, sketch)
    groups: dict[str, list[str]] = {}
    for name, first in leader.items():
        groups.setdefault(first, []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def language(text: str) -> str:
    """ISO 639-1 code; "" where a text is too short to tell or holds no running words."""
    if sum(map(str.isalpha, text)) < _LETTERS:
        return ""
    code, probability = _identifier().classify(text)
    return str(code) if probability >= SURE and code != "zxx" else ""


def garbled(text: str) -> str:
    """What is wrong with the letters of a text: "Ã¼" for "ü", replacement characters; "" where nothing is."""
    from ftfy.badness import badness

    if "\ufffd" in text:
        return "replacement characters"
    return "text in a wrong encoding" if badness(text) > 0 else ""


def _shingles(text: str) -> frozenset[str]:
    words = [word.lower() for word in _WORD.findall(text)]
    width = min(_SHINGLE, len(words))
    return frozenset(" ".join(words[i : i + width]) for i in range(len(words) - width + 1)) if words else frozenset()


def _jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    return len(first & second) / len(first | second)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
