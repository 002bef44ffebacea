"""Merging: what comes out is a plain model folder that does what the adapter did, in the measure asked for."""

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from hybrid.answering.local_generator import LocalGenerator
from hybrid.artifacts import sha256_file
from hybrid.config import Config
from hybrid.config_training import MergeConfig
from hybrid.errors import HybridError, StaleError
from hybrid.tuning import merging
from hybrid.tuning.generator import train_generator
from hybrid.tuning.merging import check_formula, merge_adapter
from hybrid.types import Message
from tests.tiny_generator import tiny_generator
from tests.tuning.test_generator_training import one_thread, raft_folder, settings

__all__ = ["one_thread"]

CHAT = (Message("user", "How heavy is the red pump?"),)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A base and an adapter, under a path with the characters that mergekit takes for separators."""
    folder = tmp_path_factory.mktemp("models") / "a+b@c d"
    folder.mkdir()
    base = tiny_generator(folder / "tiny+base")
    raft = raft_folder(folder / "raft")
    train_generator(base, raft, config=settings(epochs=2), target=folder / "adapter", inputs={})
    return base, folder / "adapter"


def merge(parts: tuple[Path, Path], target: Path, **changes: Any) -> Any:
    return merge_adapter(*parts, config=Config(merge=MergeConfig(**changes)), target=target, inputs={"adapter": "a"})


def beside(parts: tuple[Path, Path]) -> LocalGenerator:
    return LocalGenerator(parts[0], adapter=parts[1] / "adapter")


@pytest.mark.parametrize("method", ["linear", "slerp", "ties"])
@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_each_method_gives_a_folder_that_loads_and_generates(
    parts: tuple[Path, Path], tmp_path: Path, method: str, weight: float
) -> None:
    manifest = merge(parts, tmp_path / "x+y@z" / "merged", method=method, weight=weight)
    assert manifest.facts["method"] == method
    assert manifest.facts["weight"] == weight
    assert manifest.facts["parity_max_abs_logit_difference"] < 1e-4
    model = tmp_path / "x+y@z" / "merged" / "model"
    (answer,) = LocalGenerator(model).generate([CHAT], max_new_tokens=5)
    if weight == 1.0 and method != "ties":
        assert [answer] == beside(parts).generate([CHAT], max_new_tokens=5)


def test_the_folder_has_everything_but_nothing_local(parts: tuple[Path, Path], tmp_path: Path) -> None:
    merge(parts, tmp_path / "merged")
    model, base = tmp_path / "merged" / "model", parts[0]
    names = {path.name for path in model.iterdir()}
    assert names >= {"config.json", "generation_config.json", "chat_template.jinja", "tokenizer.json"}
    assert not [name for name in names if name.endswith((".bin", ".pt", ".md", ".yml"))]
    for name in ("generation_config.json", "chat_template.jinja", "tokenizer.json", "tokenizer_config.json"):
        assert sha256_file(model / name) == sha256_file(base / name)
    written = json.loads((model / "config.json").read_text())
    assert written["tie_word_embeddings"] is True
    assert written["dtype"] == "float32"
    assert not any(str(base.parent) in path.read_text() for path in model.glob("*.json"))
    assert not any("lm_head" in name for file in model.glob("*.safetensors") for name in load_file(file))
    assert [path.name for path in (tmp_path / "merged").iterdir() if path.is_dir()] == ["model"]


def test_linear_takes_the_share_of_the_change(parts: tuple[Path, Path], tmp_path: Path) -> None:
    for weight in (1.0, 0.25):
        merge(parts, tmp_path / str(weight), weight=weight)
    base, whole, part = (
        load_file(next(folder.glob("*.safetensors")))
        for folder in (parts[0], tmp_path / "1.0/model", tmp_path / "0.25/model")
    )
    name = "model.layers.1.mlp.up_proj.weight"
    change = whole[name] - base[name]
    assert float(change.abs().max()) > 1e-3
    assert float((part[name] - base[name] - 0.25 * change).abs().max()) < 1e-6


def test_ties_keeps_its_density_and_obeys_its_weight(parts: tuple[Path, Path], tmp_path: Path) -> None:
    merge(parts, tmp_path / "whole")
    merge(parts, tmp_path / "ties", method="ties", weight=0.5, density=0.4)
    base, whole, ties = (
        load_file(next(folder.glob("*.safetensors")))
        for folder in (parts[0], tmp_path / "whole/model", tmp_path / "ties/model")
    )
    name = "model.layers.0.self_attn.q_proj.weight"
    changed = ties[name] != base[name]
    assert float(changed.float().mean()) == pytest.approx(0.4, abs=0.05)
    assert ((ties[name] - base[name])[changed] / (whole[name] - base[name])[changed]).median() == pytest.approx(
        0.5, abs=0.01
    )


def test_bfloat16_weights(parts: tuple[Path, Path], tmp_path: Path) -> None:
    merge(parts, tmp_path / "merged", dtype="bfloat16", weight=0.7)
    model = tmp_path / "merged" / "model"
    assert {str(t.dtype) for t in load_file(next(model.glob("*.safetensors"))).values()} == {"torch.bfloat16"}
    assert json.loads((model / "config.json").read_text())["dtype"] == "bfloat16"


def test_no_connection_is_opened(parts: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError("merging asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    merge(parts, tmp_path / "merged", method="slerp", weight=0.5)


@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_an_adapter_scaled_by_a_weight_is_the_linear_merge_at_that_weight(
    parts: tuple[Path, Path], tmp_path: Path, weight: float
) -> None:
    merge(parts, tmp_path / "merged", method="linear", weight=weight)
    merged = LocalGenerator(tmp_path / "merged" / "model", dtype="float32").model.state_dict()
    scaled = LocalGenerator(parts[0], adapter=parts[1] / "adapter", adapter_weight=weight, dtype="float32")
    assert scaled.model.state_dict().keys() == merged.keys()
    for name, tensor in scaled.model.state_dict().items():
        assert float((tensor - merged[name]).abs().max()) < 1e-6, name
    assert scaled.fingerprint != LocalGenerator(parts[0], adapter=parts[1] / "adapter", adapter_weight=0.3).fingerprint


def test_a_retrained_adapter_is_not_answered_with_the_old_merge(parts: tuple[Path, Path], tmp_path: Path) -> None:
    base, adapter = parts[0], tmp_path / "adapter"
    raft = raft_folder(tmp_path / "raft")
    weights = []
    for rate in (1e-2, 5e-3):
        train_generator(base, raft, config=settings(epochs=1, learning_rate=rate), target=adapter, inputs={})
        merge((base, adapter), tmp_path / "merged")
        weights.append(sha256_file(next((tmp_path / "merged/model").glob("*.safetensors"))))
    assert weights[0] != weights[1]


def test_an_adapter_of_another_base_is_refused(parts: tuple[Path, Path], tmp_path: Path) -> None:
    other = tiny_generator(tmp_path / "other", seed=1)
    with pytest.raises(StaleError, match="hybrid train-raft"):
        merge((other, parts[1]), tmp_path / "merged")


def test_an_unfaithful_merge_is_not_published(
    parts: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "max_logit_difference", lambda *folders: float("nan"))
    with pytest.raises(HybridError, match="logits differ"):
        merge(parts, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_tensor_off_the_formula_is_found(parts: tuple[Path, Path], tmp_path: Path) -> None:
    merge(parts, tmp_path / "whole")
    whole = tmp_path / "whole" / "model"
    for method in ("linear", "slerp", "ties"):
        broken = shutil.copytree(whole, tmp_path / method)
        file = next(broken.glob("*.safetensors"))
        tensors = load_file(file)
        tensors["model.layers.1.mlp.down_proj.weight"][0, 0] += 0.3
        save_file(tensors, file)
        with pytest.raises(HybridError, match=r"model\.layers\.1\.mlp\.down_proj\.weight"):
            check_formula(parts[0], whole, broken, MergeConfig(method=method))
