"""Texts that are the same, or nearly: MinHash over word sequences (Broder 1997), searched by datasketch.

A sketch is made without it: datasketch imports SciPy, for which a worker would take most of a second.
"""

import hashlib
import re
import zlib
from collections.abc import Sequence
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hybrid.languages.words import find_words
from hybrid.types import Passage

ALIKE = 0.8
"""Share of word sequences in common (Jaccard) from which two passages are near-duplicates."""
_PERMUTATIONS = 128
_SHINGLE = 4
_FEWEST_WORDS = 20
"""Texts of fewer are never nearly the same: one word is the difference between two facts."""
_DIGIT = re.compile(r"\d")
_AT_ONCE = 1 << 14
"""Hashes that are permuted together: some megabytes."""
_MIX = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio: Fibonacci hashing."""

Shingles = npt.NDArray[np.uint64]


class Sketch(NamedTuple):
    """What is compared of a text: a digest of all of it, and its MinHash as hexadecimal digits ("" for short texts)."""

    digest: str
    minhash: str


def sketch(text: str, title: str = "") -> Sketch:
    """The sketch of a text. Texts with different titles or figures share no word sequence: two data sheets that differ
    in the name of the machine or in one figure are never nearly the same."""
    words = find_words(text.lower())
    digest = hashlib.sha256(f"{title}\n{' '.join(text.split())}".encode()).hexdigest()
    if len(words) < _FEWEST_WORDS:
        return Sketch(digest, "")
    figures = " ".join(sorted(filter(_DIGIT.search, set(words))))
    shingles = _shingles(words, zlib.crc32(f"{title.lower()}\n{figures}".encode()))
    return Sketch(digest, _minhash(shingles).tobytes().hex())


class Earlier:
    """Texts seen so far; the first of those that are the same is kept."""

    def __init__(self, *, near: float | None) -> None:
        """`near`: Jaccard from which texts are nearly the same; None compares whole texts only."""
        self._near = near
        self._whole: dict[str, str] = {}
        self._signatures: dict[str, bytes] = {}

    @cached_property
    def _index(self) -> Any:
        # workers are at it already when the first text comes: to import the library takes most of a second
        return _lsh(self._near)

    def find(self, name: str, of: Sketch, *, exact_only: bool = False) -> tuple[str, bool] | None:
        """The earlier text that this one repeats, and whether wholly; None and remembered where there is none."""
        if (same := self._whole.get(of.digest)) is not None:
            return same, True
        if self._near is not None and of.minhash and not exact_only:
            signature = bytes.fromhex(of.minhash)
            own = _from(signature)
            # the index answers by bands and is too generous: the estimate over all permutations decides
            near = [
                other for other in self._index.query(own) if own.jaccard(_from(self._signatures[other])) >= self._near
            ]
            if near:
                return min(near), False
            self._index.insert(name, own)
            self._signatures[name] = signature
        self._whole[of.digest] = name
        return None


def near_duplicates(passages: Sequence[Passage], alike: float = ALIKE) -> list[tuple[str, ...]]:
    """Groups of ids, each candidate pair checked against the true Jaccard of its word sequences."""
    index = _lsh(alike)
    shingles: dict[str, frozenset[int]] = {}
    leader: dict[str, str] = {}
    for passage in passages:
        words = find_words(passage.text.lower())
        if not words:
            continue
        hashes = _shingles(words)
        own = frozenset(hashes.tolist())
        found = _from(_minhash(hashes).tobytes())
        near = [other for other in index.query(found) if _jaccard(own, shingles[other]) >= alike]
        # a passage joins a group by any member that is near; of several groups always the same one
        leader[passage.id] = min((leader[other] for other in near), default=passage.id)
        shingles[passage.id] = own
        index.insert(passage.id, found)
    groups: dict[str, list[str]] = {}
    for name, first in leader.items():
        groups.setdefault(first, []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _shingles(words: Sequence[str], salt: int = 0) -> Shingles:
    """Distinct 32-bit hashes of all sequences of `_SHINGLE` words."""
    hashes = np.array([zlib.crc32(word.encode(), salt) for word in words], dtype=np.uint64)
    width = min(_SHINGLE, len(words))
    num = len(words) - width + 1
    total = np.zeros(num, dtype=np.uint64)
    for place in range(width):
        # multiply and add, with wrap-around: the order of the words counts
        total = total * _MIX + hashes[place : place + num]
    return np.unique((total * _MIX) >> np.uint64(32))


def _minhash(shingles: Shingles) -> npt.NDArray[np.uint32]:
    """`(_PERMUTATIONS,)`, as datasketch has it by its scheme `affine32`: the least of a · h + b mod 2^32 over all h,
    which the last steps of MurmurHash3 have mixed."""
    mixed = shingles.astype(np.uint32)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        mixed ^= mixed >> np.uint32(shift)
        mixed *= np.uint32(factor)
    mixed ^= mixed >> np.uint32(16)
    factors, addends = _permutations()
    parts = np.array_split(mixed, range(_AT_ONCE, len(mixed), _AT_ONCE))
    least = [(factors[:, None] * part + addends[:, None]).min(axis=1) for part in parts]
    found: npt.NDArray[np.uint32] = np.minimum.reduce(least)
    return found


@cache
def _permutations() -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    drawn = np.random.RandomState(1)
    factors = drawn.randint(0, 1 << 31, _PERMUTATIONS, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return factors, drawn.randint(0, 1 << 32, _PERMUTATIONS, dtype=np.uint32)


@cache
def _blank() -> Any:
    """A MinHash without contents; drawing the permutations anew would take longer than hashing a document."""
    from datasketch import MinHash

    return MinHash(num_perm=_PERMUTATIONS, scheme="affine32", hashfunc=int)


def _from(signature: bytes) -> Any:
    found = _blank().copy()
    found.hashvalues = np.frombuffer(signature, dtype=np.uint32)
    return found


def _lsh(threshold: float | None) -> Any:
    from datasketch import MinHashLSH

    # a digest of a band takes a third of the band's memory
    return MinHashLSH(threshold=threshold, num_perm=_PERMUTATIONS, hashfunc=_short)


def _short(band: bytes) -> bytes:
    return hashlib.blake2b(band, digest_size=8).digest()


def _jaccard(first: frozenset[int], second: frozenset[int]) -> float:
    return len(first & second) / len(first | second)
