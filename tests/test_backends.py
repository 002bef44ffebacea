"""What a configuration makes."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hybrid.answering.local_generator import LocalGenerator
from hybrid.answering.openvino_generator import OpenVINOGenerator
from hybrid.backends import make_generator
from hybrid.config import Config
from hybrid.precision import has_accelerator
from hybrid.types import Message
from tests.tiny_generator import tiny_generator


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_generator(tmp_path_factory.mktemp("tiny"))


def config(**generator: Any) -> Config:
    return Config.model_validate({"generator": {"dtype": "float32", **generator}})


@pytest.mark.skipif(has_accelerator(), reason="OpenVINO is the engine of a CPU")
def test_eight_bits_are_openvino_s_where_it_answers_and_no_bits_are_lost_where_it_does_not(folder: Path) -> None:
    whole, int8 = (make_generator(config(quantization=bits), folder) for bits in ("none", "8bit"))
    assert isinstance(whole, OpenVINOGenerator) and isinstance(int8, OpenVINOGenerator)
    assert whole.fingerprint != int8.fingerprint
    # what training measures once is not exported, and is the model that was trained
    measured = [
        make_generator(config(quantization=bits), folder, engine="transformers").fingerprint
        for bits in ("none", "8bit")
    ]
    assert measured[0] == measured[1]


@pytest.mark.skipif(has_accelerator(), reason="OpenVINO is the engine of a CPU")
@pytest.mark.parametrize("machine", ["x86 with bfloat16", "x86 without", "another"])
def test_openvino_holds_weights_in_eight_bits_where_that_was_measured(
    folder: Path, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybrid.precision.processor_has_bfloat16", lambda: machine == "x86 with bfloat16")
    monkeypatch.setattr("platform.machine", lambda: "aarch64" if machine == "another" else "x86_64")

    def made(**options: Any) -> str:
        return make_generator(config(**options), folder).fingerprint

    default, whole, int8 = made(), made(quantization="none"), made(quantization="8bit")
    assert default == made(quantization="auto") != int8
    assert (default != whole) is (machine == "x86 without")
    # emulated, it was not measured
    assert made(dtype="bfloat16") == made(dtype="bfloat16", quantization="none")


@pytest.mark.skipif(has_accelerator(), reason="OpenVINO is the engine of a CPU")
def test_transformers_hold_weights_whole_unless_told(folder: Path) -> None:
    """What training measures among them."""
    kept = {
        make_generator(config(quantization=bits, engine=engine), folder, engine="transformers").fingerprint
        for bits in ("auto", "none")
        for engine in ("auto", "openvino", "transformers")
    }
    assert kept == {make_generator(config(engine="transformers"), folder).fingerprint}


def test_eight_bits_of_transformers_are_those_of_bitsandbytes(folder: Path) -> None:
    import bitsandbytes

    generator = make_generator(config(engine="transformers", quantization="8bit"), folder)
    assert isinstance(generator, LocalGenerator)
    assert any(isinstance(module, bitsandbytes.nn.Linear8bitLt) for module in generator.model.modules())
    (answer,) = generator.generate([(Message("user", "x"),)], max_new_tokens=2)
    assert answer.num_new_tokens


def test_openvino_has_no_four_bits() -> None:
    with pytest.raises(ValidationError, match="8bit is, or leave engine auto"):
        config(engine="openvino", quantization="4bit")
    assert config(quantization="4bit").generator.quantization == "4bit"
