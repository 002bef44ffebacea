"""What the OpenVINO generator does beyond the contract: its export, prompt lookup, 8 bits."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hybrid.answering.local_generator import LocalGenerator
from hybrid.answering.openvino_generator import OpenVINOGenerator
from hybrid.types import Message
from tests.answering.test_generators import CHATS


def test_an_export_holds_the_adapter_and_is_made_once(folder: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    tuned = get_peft_model(AutoModelForCausalLM.from_pretrained(folder), LoraConfig(r=2, target_modules="all-linear"))
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(std=0.5)
    tuned.save_pretrained(tmp_path / "adapter")
    with_adapter = LocalGenerator(folder, dtype="float32", adapter=tmp_path / "adapter")
    exported = OpenVINOGenerator(with_adapter, tmp_path / "cache")
    plain = LocalGenerator(folder, dtype="float32").generate(CHATS, max_new_tokens=8)
    assert exported.generate(CHATS, max_new_tokens=8) == with_adapter.generate(CHATS, max_new_tokens=8) != plain
    (made,) = (tmp_path / "cache" / "openvino").glob("*/openvino_model.bin")
    before = made.stat().st_mtime_ns
    again = OpenVINOGenerator(LocalGenerator(folder, dtype="float32", adapter=tmp_path / "adapter"), tmp_path / "cache")
    assert again.fingerprint == exported.fingerprint
    again.generate(CHATS[:1], max_new_tokens=2)
    assert made.stat().st_mtime_ns == before


def test_an_export_holds_equal_constants_once(folder: Path, tmp_path: Path) -> None:
    """The time of a load is that of the graph's nodes."""
    import openvino

    OpenVINOGenerator(LocalGenerator(folder, dtype="float32"), tmp_path).generate(CHATS[:1], max_new_tokens=1)
    (file,) = (tmp_path / "openvino").glob("*/openvino_model.xml")
    small = [
        (str(node.get_element_type()), str(node.get_output_shape(0)), node.get_data().tobytes())
        for node in openvino.Core().read_model(file).get_ops()
        if node.get_type_name() == "Constant" and node.get_byte_size() <= 4096
    ]
    assert len(small) == len(set(small)) > 10


def loaded(generator: OpenVINOGenerator) -> set[str]:
    """The pipelines that it has loaded."""
    return {"_alone", "_many"} & set(vars(generator))


def test_eight_bits_answer_nearly_as_the_model_does(smollm_folder: Path, tmp_path: Path) -> None:
    """An embedded model, whose products are as wide as those that int8 is meant for."""
    local = LocalGenerator(smollm_folder, dtype="float32")
    int8 = OpenVINOGenerator(local, tmp_path, bits="int8")
    assert int8.fingerprint != OpenVINOGenerator(local, tmp_path).fingerprint
    chat = (Message("user", "Copy this line: The pump P3 weighs 25 kg and lifts 12 metres."),)
    assert "The pump P3 weighs 25 kg" in int8.generate([chat], max_new_tokens=24)[0].text
    (model,) = (tmp_path / "openvino").glob("*/openvino_model.xml")
    text = model.read_text(encoding="utf-8")
    # 576 and 1,536 values go into its products
    assert 'element_type="i8"' in text and '<DYNAMIC_QUANTIZATION_GROUP_SIZE value="96"' in text


def test_weights_held_in_eight_bits_are_near_the_model(smollm_folder: Path, tmp_path: Path) -> None:
    """An embedded model, whose products are as wide as those that groups of weights are meant for."""
    local = LocalGenerator(smollm_folder, dtype="float32")
    held = OpenVINOGenerator(local, tmp_path, bits="int8 weights")
    (answer,) = held.generate([CHATS[0]], max_new_tokens=4)
    assert answer.num_new_tokens
    (model,) = (tmp_path / "openvino").glob("*/openvino_model.xml")
    assert '<DYNAMIC_QUANTIZATION_GROUP_SIZE value="0"' in model.read_text(encoding="utf-8")
    # 134.5 million weights, those that are looked up in and multiplied with held once, and a scale for 64 of them
    assert 134e6 < model.with_suffix(".bin").stat().st_size < 150e6
    prompt = "The pump P3 weighs 25 kg and lifts water 12 metres. It was made in Graz, where its maker still lives."
    tokens = np.array([local.encode(prompt)])
    whole = _log_shares(local.model(torch.tensor(tokens)).logits[0].detach().numpy())
    near = _log_shares(_logits(model, tokens))
    divergence = (np.exp(whole) * (whole - near)).sum(axis=1)
    assert divergence.mean() < 0.01
    assert (whole.argmax(axis=1) == near.argmax(axis=1)).mean() > 0.9


def _logits(model: Path, tokens: Any) -> Any:
    import openvino

    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    inputs = {
        "input_ids": tokens,
        "attention_mask": np.ones_like(tokens),
        "position_ids": np.arange(tokens.shape[1])[None],
        "beam_idx": np.zeros(1, np.int32),
    }
    return compiled.create_infer_request().infer(inputs)["logits"][0]


def _log_shares(logits: Any) -> Any:
    return torch.log_softmax(torch.tensor(logits, dtype=torch.float64), dim=1).numpy()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is looked up in /proc")
def test_the_mapped_file_takes_no_memory_after_an_answer(smollm_folder: Path, tmp_path: Path) -> None:
    held = OpenVINOGenerator(LocalGenerator(smollm_folder, dtype="float32"), tmp_path, bits="int8 weights")
    first = held.generate(CHATS[:1], max_new_tokens=4)
    (weights,) = (tmp_path / "openvino").glob("*/openvino_model.bin")

    def resident() -> int:
        """Kilobytes of the mapped file."""
        total, inside = 0, False
        for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
            name, *values = line.split()
            inside = line.endswith(str(weights)) if not name.endswith(":") else inside
            total += int(values[0]) if inside and name == "Rss:" else 0
        return total

    assert resident() < 2_000
    # rows of the embedding are read again
    assert held.generate(CHATS[:1], max_new_tokens=4) == first
    assert resident() < 2_000


def test_one_prompt_alone_looks_tokens_up_and_many_do_not(local: LocalGenerator, tmp_path: Path) -> None:
    first, second = (OpenVINOGenerator(local, tmp_path) for _ in range(2))
    alone = [first.generate([chat], max_new_tokens=24)[0] for chat in CHATS]
    assert loaded(first) == {"_alone"}
    assert second.generate(CHATS, max_new_tokens=24) == alone
    assert second.generate(CHATS[:1], max_new_tokens=24) == alone[:1]
    assert loaded(second) == {"_many"}, "one left over is not worth a second pipeline"
    second.preload(alone=True)
    assert loaded(second) == {"_alone", "_many"}
    assert second.generate(CHATS[:1], max_new_tokens=24) == alone[:1]


@pytest.mark.parametrize(
    "call",
    ["generate(chats, max_new_tokens=1)", "stream(chats[0], max_new_tokens=1, on_text=print)", "preload(alone=True)"],
)
def test_the_converter_does_not_report_to_its_maker(call: str, folder: Path, tmp_path: Path) -> None:
    """In a process of its own: what OpenVINO is imported with first stays."""
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from hybrid.answering.local_generator import LocalGenerator\n"
        "from hybrid.answering.openvino_generator import OpenVINOGenerator\n"
        "from hybrid.types import Message\n"
        f"local, chats = LocalGenerator(Path({str(folder)!r}), dtype='float32'), [(Message('user', 'x'),)]\n"
        f"OpenVINOGenerator(local, Path({str(tmp_path)!r})).{call}\n"
        "print('BY', sys.modules['openvino.tools.ovc.telemetry_utils'].tm.__name__)\n"
    )
    exported = OpenVINOGenerator(LocalGenerator(folder, dtype="float32"), tmp_path)
    exported.generate(CHATS[:1], max_new_tokens=1)
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.endswith("BY openvino.tools.ovc.telemetry_stub\n")
