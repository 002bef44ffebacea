"""What every backend of an embedder must do: the vectors of torch in float32, up to what its precision loses."""

from abc import ABC, abstractmethod
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid.errors import ConfigError
from hybrid.protocols import Vectors
from hybrid.retrieval.encoder_choice import EncoderChoice
from hybrid.retrieval.sentence_embedder import SentenceEmbedder
from tests.tiny_models import tiny_embedder

needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="the extra openvino is not installed")
needs_onnx = pytest.mark.skipif(find_spec("onnxruntime") is None, reason="the extra onnx is not installed")
TEXT = "the pump seal must be checked when oil leaks from motor valve gauge or hose at start"
WORDS = TEXT.split()
TEXTS = [
    "oil",
    "",
    "the pump must be checked",
    "unknownword pump",
    " ".join(WORDS * 5),
    *(" ".join(np.random.default_rng(n).choice(WORDS, 3 + n % 20)) for n in range(60)),
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # in int8, OpenVINO 2026 computes wrongly with widths of 32 on processors with AMX; real models are wider
    return tiny_embedder(tmp_path_factory.mktemp("tiny") / "model", [TEXT], hidden=64)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports, made once for all tests."""
    return tmp_path_factory.mktemp("encoders")


@pytest.fixture(scope="module")
def reference(tiny: Path) -> Vectors:
    return SentenceEmbedder(tiny).encode_passages(TEXTS)


def cosines(a: Vectors, b: Vectors) -> Any:
    return np.sum(a * b, axis=1)


class EmbedderContract(ABC):
    """The suite. `choice` is the backend, `least` the cosine with torch that the worst text must reach."""

    least: float

    @property
    @abstractmethod
    def choice(self) -> EncoderChoice: ...

    def make(self, folder: Path, cache: Path, **options: Any) -> SentenceEmbedder:
        return SentenceEmbedder(folder, encoder=self.choice, cache=cache, **options)

    def test_vectors_are_those_of_torch_in_the_order_of_the_texts(
        self, tiny: Path, cache: Path, reference: Vectors
    ) -> None:
        found = self.make(tiny, cache).encode_passages(TEXTS)
        assert found.dtype == np.float32 and found.shape == reference.shape
        assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
        assert float(cosines(found, reference).min()) >= self.least
        # of other texts the vectors differ by more, so that the order shows
        assert float(cosines(found, np.roll(reference, 1, axis=0)).mean()) < self.least

    def test_a_text_alone_has_the_vector_that_it_has_among_others(self, tiny: Path, cache: Path) -> None:
        embedder = self.make(tiny, cache)
        alone = np.concatenate([embedder.encode_queries([text]) for text in TEXTS[:8]])
        assert float(cosines(alone, embedder.encode_queries(TEXTS)[:8]).min()) >= self.least

    def test_prompts_limits_and_dimensions_count(self, tiny: Path, cache: Path) -> None:
        options: dict[str, Any] = {"dim": 8, "max_tokens": 16, "passage_prompt": "pump ", "query_prompt": "oil "}
        ours, torch = self.make(tiny, cache, **options), SentenceEmbedder(tiny, **options)
        assert ours.dim == 8 and ours.max_tokens == 16
        # a mean of eight numbers forgives less than one of all
        assert float(cosines(ours.encode_passages(TEXTS), torch.encode_passages(TEXTS)).min()) >= 1 - 4 * (
            1 - self.least
        )
        assert float(cosines(ours.encode_queries(TEXTS), torch.encode_queries(TEXTS)).min()) >= 1 - 4 * (1 - self.least)

    def test_nothing_gives_nothing_and_too_many_dimensions_are_refused(self, tiny: Path, cache: Path) -> None:
        assert self.make(tiny, cache).encode_queries([]).shape == (0, 64)
        with pytest.raises(ConfigError, match="gives 64"):
            self.make(tiny, cache, dim=128).encode_passages(["oil"])

    def test_only_8_bits_make_another_index(self, tiny: Path, cache: Path) -> None:
        ours, torch = self.make(tiny, cache), SentenceEmbedder(tiny)
        assert (ours.fingerprint == torch.fingerprint) == (self.choice.precision != "int8")


class TestTorch(EmbedderContract):
    choice = EncoderChoice("torch", "float32", must=True)
    least = 0.999999


class TestTorchBfloat16(EmbedderContract):
    choice = EncoderChoice("torch", "bfloat16", must=True)
    least = 0.999


@needs_openvino
class TestOpenVINO(EmbedderContract):
    choice = EncoderChoice("openvino", "float32", must=True)
    least = 0.999999


@needs_openvino
class TestOpenVINOBfloat16(EmbedderContract):
    choice = EncoderChoice("openvino", "bfloat16", must=True)
    least = 0.999


@needs_openvino
class TestOpenVINOInt8(EmbedderContract):
    choice = EncoderChoice("openvino", "int8", must=True)
    least = 0.99


@needs_onnx
class TestONNX(EmbedderContract):
    choice = EncoderChoice("onnx", "float32", must=True)
    least = 0.999999


@needs_onnx
class TestONNXInt8(EmbedderContract):
    choice = EncoderChoice("onnx", "int8", must=True)
    least = 0.98
