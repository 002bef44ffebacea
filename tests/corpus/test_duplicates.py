"""A sketch is datasketch's."""

import random
from typing import Any

import numpy as np
import pytest
from datasketch import MinHash

from hybrid.corpus import duplicates
from hybrid.corpus.duplicates import sketch


@pytest.mark.parametrize("num_words", [20, 300, 40_000])
def test_a_sketch_is_that_of_datasketch(num_words: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(num_words)
    seen = []
    plain = duplicates._minhash

    def noted(shingles: duplicates.Shingles) -> Any:
        seen.append(shingles)
        return plain(shingles)

    monkeypatch.setattr(duplicates, "_minhash", noted)
    found = sketch(" ".join(rng.choice("abcdefghij") + str(rng.randrange(1000)) for _ in range(num_words)), "Title")
    reference = MinHash(num_perm=duplicates._PERMUTATIONS, scheme="affine32", hashfunc=int)
    reference.update_batch(seen[0].tolist())
    assert len(seen[0]) > num_words / 2
    assert np.array_equal(np.frombuffer(bytes.fromhex(found.minhash), dtype=np.uint32), reference.hashvalues)
