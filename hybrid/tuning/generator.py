"""LoRA and QLoRA on RAFT examples with TRL, resumable, the best checkpoint published as safetensors.

The loss is taken over completions only, and the prompt of an example is tokenised exactly as it is served.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hybrid.artifacts import Manifest, current, publish, require, sha256_tree, write_text
from hybrid.config import Config
from hybrid.errors import HybridError, StaleError
from hybrid.models import embedded_as
from hybrid.tuning.generator_course import run_course
from hybrid.tuning.raft_trainer import WEIGHTS, read_examples
from hybrid.tuning.step_clock import StepClock

VERSION = 3
"""Of the way adapters are trained: part of an adapter's id."""

ADAPTER = "adapter"
"""Sub-folder of the artefact that PEFT reads."""

_PEFT_CONFIG = "adapter_config.json"


Score = Callable[[Path | None], float]
"""A folder with an adapter (None: the base alone) to its score on the task, higher is better."""


def train_generator(
    base: Path,
    raft: Path,
    *,
    config: Config,
    target: Path,
    inputs: Mapping[str, str],
    score: Score | None = None,
    overridden: Sequence[str] = (),
) -> Manifest:
    """Train an adapter of the model folder `base` on `raft/train.jsonl`; publish the best one on dev.

    Training stops by the loss on `dev.jsonl`. The best checkpoint is the one with the highest `score`, of equal ones
    that with the lowest loss; without `score` the loss alone decides.

    The losses are nats per completion token; on dev every example counts equally. `facts` hold the history, the base's
    own loss (step 0) and the verdict: "kept base" where no checkpoint is better by the same rule. A killed run resumes
    at its last whole checkpoint. Raises `InputError` for an unreadable line, `HybridError` for one that the model
    would see truncated or otherwise than served.
    """
    decisive = {
        "train_raft": config.train_raft.settings(),
        "generator": {"model": config.generator.model, "dtype": config.generator.dtype},
        "seed": config.seed,
    }
    if done := current(target, "adapter", VERSION, decisive, inputs):
        return done
    examples = {split: read_examples(raft / f"{split}.jsonl") for split in ("train", "dev")}
    with publish(target, "adapter", VERSION, decisive, inputs) as build:
        checkpoints = build.private / "checkpoints"
        course = run_course(base, raft, config, checkpoints)
        options = config.train_raft
        examples_per_step = options.processes * options.batch_size * options.gradient_accumulation
        StepClock(course.seconds).record(target.parent, base, examples_per_step)
        history = [{"step": entry["step"], "eval_loss": entry["eval_loss"]} for entry in course.log_history]
        base_loss = next(entry["eval_loss"] for entry in history if entry["step"] == 0)
        if not course.best_global_step:
            raise HybridError("the loss on dev is not a number: training diverged", "lower train_raft.learning_rate")
        losses = {entry["step"]: entry["eval_loss"] for entry in history if entry["step"]}
        scores = _scores(checkpoints, losses, score) if score else {}
        # a dict keeps the order of training: of equal checkpoints the earlier one
        best_step = max(losses, key=lambda step: (scores.get(step, 0.0), -losses[step]))
        best_loss = losses[best_step]
        better = (scores.get(best_step, 0.0), -best_loss) > (scores.get(0, 0.0), -base_loss)
        _publish_adapter(checkpoints / f"checkpoint-{best_step}", build.path / ADAPTER, _public_name(base, config))
        build.counts.update(
            train=len(examples["train"]),
            dev=len(examples["dev"]),
            steps=course.global_step,
            trainable_parameters=course.trainable_parameters,
        )
        build.facts.update(
            base=sha256_tree(base),
            history=history,
            best_step=best_step,
            best_eval_loss=best_loss,
            base_eval_loss=base_loss,
            scores={str(step): value for step, value in scores.items()},
            verdict="tuned" if better else "kept base",
            compute=course.compute,
        )
        if overridden:
            build.facts["overridden"] = list(overridden)
    return require(target, "hybrid train-raft")


def _scores(checkpoints: Path, losses: Mapping[int, float], score: Score) -> dict[int, float]:
    """The base's score under 0 and every checkpoint's under its step; kept in a file, so that a kill loses one."""
    file = checkpoints / "scores.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    for step in (0, *losses):
        if str(step) not in known:
            known[str(step)] = score(checkpoints / f"checkpoint-{step}" if step else None)
            write_text(file, json.dumps(known))
    return {step: known[str(step)] for step in (0, *losses)}


def check_adapter_base(adapter: Path, base: Path) -> None:
    """Raise `StaleError` where the adapter artefact was trained for another base than the model folder `base`."""
    manifest = require(adapter, "hybrid train-raft")
    if manifest.facts.get("base") != sha256_tree(base):
        raise StaleError(
            f"{adapter}: the adapter was trained for another base model than {base}",
            "run `hybrid train-raft` again, or set generator.model to the base it was trained for",
        )


def _publish_adapter(checkpoint: Path, folder: Path, base_name: str) -> None:
    """Weights and PEFT's configuration alone: no optimizer, no pickled arguments, no local path."""
    folder.mkdir()
    shutil.copyfile(checkpoint / WEIGHTS, folder / WEIGHTS)
    settings = json.loads((checkpoint / _PEFT_CONFIG).read_text(encoding="utf-8"))
    settings["base_model_name_or_path"] = base_name
    if isinstance(settings.get("target_modules"), list):
        # PEFT keeps a set, whose order changes from run to run
        settings["target_modules"].sort()
    text = json.dumps(settings, indent=1, sort_keys=True)
    (folder / _PEFT_CONFIG).write_text(text + "\n", encoding="utf-8")


def _public_name(base: Path, config: Config) -> str:
    """A hub name as it is; a folder without its path."""
    name = config.generator.model
    return base.name if embedded_as(name, "generator") or Path(name).exists() else name
