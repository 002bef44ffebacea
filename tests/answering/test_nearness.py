"""What is near is near by every embedder, however high its cosines are."""

from collections.abc import Sequence

import numpy as np
import pytest

from hybrid.answering.nearness import nearness, unrelated_cosine
from hybrid.protocols import Vectors
from tests.words_embedder import Words

QUESTION = "How much does the pump weigh?"
TEXTS = ("The pump weighs 25 kg.", "Ask for leave two weeks before.")


class High(Words):
    """The same with .6 of every vector in one direction: unrelated texts are as near as others' related ones."""

    dim = Words.dim + 1

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        # queries come this way too
        vectors = super().encode_passages(texts)
        common = np.full((len(vectors), 1), np.sqrt(0.6), dtype=np.float32)
        return np.hstack([vectors * np.float32(np.sqrt(0.4)), common])


def near(embedder: Words) -> list[float]:
    unrelated = unrelated_cosine(embedder)
    cosines = embedder.encode_passages(TEXTS) @ embedder.encode_queries([QUESTION])[0]
    return [nearness(float(cosine), unrelated) for cosine in cosines]


def test_it_is_the_same_by_an_embedder_whose_cosines_are_all_high() -> None:
    assert unrelated_cosine(High()) == pytest.approx(0.6 + 0.4 * unrelated_cosine(Words()), abs=1e-5)
    assert near(High()) == pytest.approx(near(Words()), abs=1e-4)
    pump, leave = near(Words())
    assert pump > 0.2 > leave


def test_the_same_text_is_1_and_an_unrelated_one_0() -> None:
    assert nearness(1.0, 0.4) == pytest.approx(1) and nearness(0.4, 0.4) == 0
    assert nearness(0.1, 0.4) < 0


@pytest.mark.real
def test_the_embedded_embedder_holds_other_subjects_far_apart() -> None:
    from hybrid.backends import make_embedder
    from hybrid.config import Config

    assert 0 <= unrelated_cosine(make_embedder(Config())) < 0.1
