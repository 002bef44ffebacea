"""The adapter's way into a plain model folder, by mergekit, with proof that the merge is what was asked for."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hybrid.artifacts import MANIFEST, Manifest, current, publish, require
from hybrid.config import Config
from hybrid.config_training import MergeConfig
from hybrid.errors import HybridError, IntegrityError
from hybrid.tuning.generator import ADAPTER, check_adapter_base

VERSION = 1
"""Of the way models are merged: part of a merged model's id."""

MODEL = "model"
"""Sub-folder of the artefact: an ordinary model folder."""

_PROMPTS = (
    "Answer the question using only the numbered passages.\n\n[1] The pump weighs 20 kg.\n\nQuestion: How heavy is it?",
    "Name three things that are kept in a workshop.",
    "def area(radius):\n    return",
)
_COPIED = ("*.json", "*.jinja", "*.model", "*.txt")
_NOT_COPIED = {MANIFEST, "config.json"}


def merge_adapter(base: Path, adapter: Path, *, config: Config, target: Path, inputs: Mapping[str, str]) -> Manifest:
    """Merge the adapter artefact `adapter` into the model folder `base`; `target/model` is a plain model folder.

    With `w` = `config.merge.weight`, linear and slerp go from the base (0) to base + adapter (1); ties adds `w` times
    the largest `density` share of each matrix's change. Two things are checked, with `HybridError` where one fails: at
    weight 1 the logits equal those of the adapter beside its base, and at `w` the tensors follow the method's formula.
    Raises `StaleError` where the adapter belongs to another base.
    """
    check_adapter_base(adapter, base)
    # a retrained adapter lies at the same path: its id must decide, whatever the caller names
    inputs = {**inputs, "adapter": require(adapter, "hybrid train-raft").id}
    settings = config.merge
    decisive = {"merge": settings.model_dump(mode="json")}
    if done := current(target, "merged", VERSION, decisive, inputs):
        return done
    with publish(target, "merged", VERSION, decisive, inputs) as build:
        scratch, model = build.private / "merge", build.path / MODEL
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        # absolute: mergekit takes anything else that is not there for a hub name
        tuned = _run_mergekit(base.resolve(), (adapter / ADAPTER).resolve(), settings, scratch.resolve(), model)
        _complete_folder(base, model, settings.dtype)
        check_formula(base, tuned, model, settings)
        # ties drops changes, a rounded copy rounds: there, what entered the merge is compared
        exact = settings.weight == 1.0 and settings.method != "ties" and settings.dtype == "float32"
        difference = max_logit_difference(base, adapter / ADAPTER, model if exact else tuned)
        if not difference <= settings.parity_tolerance:
            raise HybridError(
                f"merged at weight 1 the logits differ by {difference:.2g} from the adapter beside its base",
                f"more than merge.parity_tolerance = {settings.parity_tolerance:g}: serve the adapter instead",
            )
        build.facts.update(method=settings.method, weight=settings.weight, parity_max_abs_logit_difference=difference)
    return require(target, "hybrid merge")


def max_logit_difference(base: Path, adapter: Path, merged: Path) -> float:
    """Largest absolute difference of logits, over a few fixed prompts, between base + adapter and a merged folder."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    batches = [tokenizer(prompt, return_tensors="pt") for prompt in _PROMPTS]

    def logits(model: Any) -> list[Any]:
        model.eval()
        with torch.inference_mode():
            return [model(**batch).logits for batch in batches]

    def load(folder: Path) -> Any:
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)

    beside = logits(PeftModel.from_pretrained(load(base), adapter))
    return max(float((a - b).abs().max()) for a, b in zip(beside, logits(load(merged)), strict=True))


def check_formula(base: Path, tuned: Path, merged: Path, settings: MergeConfig) -> None:
    """Raise `HybridError` where a tensor of `merged` is not what the method makes of `base` and `tuned`.

    linear: base + w·change. ties: each number is either base or base + w·change. slerp: the tuned model at weight 1;
    below, no farther from base + w·change than the change is long, as an arc is flat over small angles.
    """
    import torch

    before, after, result = (_Tensors(folder) for folder in (base, tuned, merged))
    rounding = 1e-5 if settings.dtype == "float32" else 2.0**-7
    for name in result:
        start = before[name].float()
        change = after[name].float() - start
        wanted, found = start + settings.weight * change, result[name].float()
        slack = rounding * (1 + start.abs())
        wrong = (found - wanted).abs() > slack
        if settings.method == "ties":
            wrong &= (found - start).abs() > slack
        elif settings.method == "slerp" and settings.weight < 1:
            wrong = (found - wanted).norm() > change.norm() + slack.norm()
        if bool(torch.any(wrong)) or not bool(torch.isfinite(found).all()):
            raise HybridError(
                f"merging by {settings.method} at weight {settings.weight}: {name} is not what the method should give",
                "report it with the versions in the manifest; until then serve the adapter",
            )


def _run_mergekit(base: Path, adapter: Path, settings: MergeConfig, scratch: Path, out: Path) -> Path:
    """Write weights to `out`; returns the folder of base + adapter as mergekit merged it on the way."""
    from mergekit.common import ModelPath, ModelReference
    from mergekit.config import InputModelDefinition, MergeConfiguration
    from mergekit.io.tasks import LoaderCache
    from mergekit.merge import MergeOptions, run_merge

    # built from parts: mergekit's own parser splits paths at `+` and `@`
    plain = ModelReference(model=ModelPath(path=str(base)))
    tuned = ModelReference(model=ModelPath(path=str(base)), lora=ModelPath(path=str(adapter)))
    weight = settings.weight
    models = [InputModelDefinition(model=tuned, parameters={"weight": weight})]
    parameters: dict[str, Any] = {}
    if settings.method == "linear":
        models.insert(0, InputModelDefinition(model=plain, parameters={"weight": 1.0 - weight}))
    elif settings.method == "slerp":
        models = [InputModelDefinition(model=plain), InputModelDefinition(model=tuned)]
        parameters = {"t": weight}
    else:
        models = [InputModelDefinition(model=tuned, parameters={"weight": weight, "density": settings.density})]
        # normalised, the only weight would always count as 1
        parameters = {"normalize": False}
    recipe = MergeConfiguration(
        merge_method=settings.method,
        models=models,
        base_model=None if settings.method == "linear" else plain,
        parameters=parameters or None,
        dtype="float32",
        out_dtype=settings.dtype,
    )
    options = MergeOptions(
        # keyed on paths, not on content: a fresh folder each time
        lora_merge_cache=str(scratch),
        lora_merge_dtype="float32",
        copy_tokenizer=False,
        write_model_card=False,
        quiet=True,
    )
    # open files are kept for the life of the process, keyed on paths: a retrained adapter would be merged as it was
    LoaderCache.loaders.clear()
    try:
        with _offline():
            run_merge(recipe, str(out), options=options)
    finally:
        LoaderCache.loaders.clear()
    folder = Path(tuned.merged(cache_dir=str(scratch)).model.path)
    if not (folder / "config.json").is_file():
        raise HybridError(f"mergekit left no merged adapter in {scratch}", "use the mergekit version of the lock file")
    return folder


def _complete_folder(base: Path, model: Path, dtype: str) -> None:
    """Tokenizer, chat template and generation settings of the base, and its configuration with the new dtype."""
    for pattern in _COPIED:
        for file in base.glob(pattern):
            if file.name not in _NOT_COPIED and not file.name.endswith(".index.json"):
                shutil.copyfile(file, model / file.name)
    settings = json.loads((base / "config.json").read_text(encoding="utf-8"))
    for key in ("torch_dtype", "_name_or_path"):
        settings.pop(key, None)
    settings["dtype"] = dtype
    (model / "config.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")


class _Tensors(Mapping[str, Any]):
    """Tensors of a model folder, read one at a time by name; a tied output matrix is found under the embedding's."""

    def __init__(self, folder: Path) -> None:
        from safetensors import safe_open

        self._where: dict[str, Any] = {}
        for file in sorted(folder.glob("*.safetensors")):
            opened: Any = safe_open(file, "pt")
            self._where.update(dict.fromkeys(opened.keys(), opened))
        if not self._where:
            raise IntegrityError(f"{folder}: no safetensors weights", "name a model folder saved as safetensors")

    def __getitem__(self, name: str) -> Any:
        if name == "lm_head.weight" and name not in self._where:
            name = "model.embed_tokens.weight"
        return self._where[name].get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._where)

    def __len__(self) -> int:
        return len(self._where)


@contextmanager
def _offline() -> Iterator[None]:
    """No request to the hub: huggingface_hub reads its environment variable at import only."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
