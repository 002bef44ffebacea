"""Whether this machine can do it, and how long it will take.

Time is taken from the seconds per step of an earlier training of the same model in this workspace. Without one it is
work over speed on a CPU. Work: 4·N·T floating-point operations for LoRA on N parameters and T tokens (forward, and
backward through frozen weights: no gradient of them), 8·N·T for the embedder (forward 2, backward 4, and the second
forward of gradient caching). Speed a core: what two x86 cores of together 240 GFLOP/s were seen to reach, 2 s for an
example of 400 tokens with 134.5 M parameters by LoRA and 549 s for three epochs over 634 pairs with MiniLM.
Memory, of P parameters: LoRA 4 bytes each in float32, 2 in bfloat16, half a byte in 4 bits; the embedder 16 (weights,
gradients, Adam's two moments).
"""

import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from hybrid.cores import num_cores
from hybrid.models import Role
from hybrid.preflight.answers import Evidence, Found, Situation, Status, worst
from hybrid.tuning.raft import most_examples
from hybrid.tuning.step_clock import FILE, seconds_per_step

_LORA_FLOPS, _EMBEDDER_FLOPS = 4, 8
_LORA_SPEED, _EMBEDDER_SPEED = 54e9, 100e9
"""Operations a second and core."""
_LORA_BYTES = {"float32": 4.0, "bfloat16": 2.0, "4bit": 0.5}
_EMBEDDER_BYTES = 16
_WORKING_SPACE = 2e9
"""Bytes for activations and libraries."""
_CHARACTERS_A_TOKEN = 4
LONGEST_HOURS = 24


def hardware(situation: Situation) -> Found:
    """Cores, memory and disk against what is needed, with the minutes of each training."""
    folder = next(path for path in (situation.root, *situation.root.absolute().parents) if path.is_dir())
    cores, memory, disk = num_cores(), memory_bytes(), shutil.disk_usage(folder).free
    accelerator = _accelerator()
    found = [
        Evidence(
            f"{cores} cores, {memory / 1e9:.0f} GB memory, {disk / 1e9:.0f} GB free, {accelerator or 'no accelerator'}"
        )
    ]
    statuses: list[Status] = ["yes"]
    advice = []
    if situation.tunes_generator and "generator" not in situation.roles:
        statuses.append("no")
        found.append(Evidence("the generator is behind an API: it cannot be trained here"))
        advice.append("set generator.kind to local, or ask for --method embed alone")
    for role in situation.roles:
        folder_of_model = situation.model_folder(role)
        size = parameters(folder_of_model) if folder_of_model else None
        if size is None:
            statuses.append("unknown")
            why = "no whole weights in its folder" if folder_of_model else "not on this machine"
            found.append(Evidence(f"{role} {situation.model_name(role)}: {why}, its size is unknown"))
            advice.append("fetch the model first")
            continue
        needed_memory = _memory(situation, role, size)
        needed_disk = _EMBEDDER_BYTES * size if role == "embedder" else 8 * size
        minutes, source, file = _minutes(situation, role, size, cores, accelerated=bool(accelerator))
        time = f"about {minutes:.0f} minutes ({source})" if minutes is not None else source
        found.append(
            Evidence(
                f"{role} of {size / 1e6:.0f} M parameters: {needed_memory / 1e9:.1f} GB memory, "
                f"{needed_disk / 1e9:.1f} GB disk, {time}",
                file,
            )
        )
        if needed_memory > memory and not accelerator:
            statuses.append("no")
            advice.append(f"{role}: take a smaller model, or train_raft.quantization=4bit")
        if needed_disk > disk:
            statuses.append("no")
            advice.append(f"{role}: make room on the disk")
        if minutes is not None and minutes > 60 * LONGEST_HOURS:
            statuses.append("no")
            advice.append(f"{role}: take a smaller model, fewer examples or an accelerator")
    return Found(worst(statuses), tuple(found), "; ".join(advice))


def memory_bytes() -> int:
    """Of the machine, in use or not."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def parameters(folder: Path) -> int | None:
    """Of a model folder, from the headers of its safetensors files; None where it has none, or one is no such file."""
    from safetensors import SafetensorError, safe_open

    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as file:
                names = file.keys()
                total += sum(math.prod(file.get_slice(name).get_shape()) for name in names)
        except SafetensorError:
            return None
    return total or None


def _memory(situation: Situation, role: Role, size: int) -> float:
    if role == "embedder":
        return _EMBEDDER_BYTES * size + _WORKING_SPACE
    options = situation.config.train_raft
    kind = "4bit" if options.quantization == "4bit" else options.dtype
    return _LORA_BYTES[kind] * size + _WORKING_SPACE


def _minutes(
    situation: Situation, role: Role, size: int, cores: int, *, accelerated: bool
) -> tuple[float | None, str, str]:
    """Minutes, where they come from, and the file that says it."""
    embeds = role == "embedder"
    rows, tokens = _embedder_work(situation) if embeds else _generator_work(situation)
    options = situation.config.train_embed if embeds else situation.config.train_raft
    per_step = options.processes * options.batch_size
    per_step *= 1 if embeds else situation.config.train_raft.gradient_accumulation
    steps = math.ceil(options.epochs * math.ceil(rows / per_step))
    if not rows:
        return None, "nothing to train on yet", ""
    folder = situation.model_folder(role)
    seconds = seconds_per_step(situation.root, folder, per_step) if folder else None
    if seconds is not None:
        return steps * seconds / 60, f"{steps} steps of {seconds:.3g} s as measured before", FILE
    if accelerated:
        return None, f"{steps} steps; minutes unknown, none was measured on this accelerator", ""
    flops, speed = (_EMBEDDER_FLOPS, _EMBEDDER_SPEED) if embeds else (_LORA_FLOPS, _LORA_SPEED)
    total = options.epochs * rows * flops * size * tokens / (speed * cores)
    return total / 60, f"{steps} steps, by formula: {flops}·N·T over {speed / 1e9:.0f} GFLOP/s a core", ""


def _embedder_work(situation: Situation) -> tuple[int, float]:
    """Pairs at most, and tokens of one: question, passage, negatives."""
    options = situation.config.train_embed
    passages, (train, _) = situation.passages.passages, situation.usable
    pairs = sum(min(len(question.positives), options.positives_per_question) for question in train)
    tokens = _mean_tokens([question.question for question in train])
    tokens += (1 + options.hard_negatives) * _mean_tokens([passage.full_text for passage in passages])
    return pairs, tokens


def _generator_work(situation: Situation) -> tuple[int, float]:
    """Examples at most, general ones among them, and tokens of one."""
    raft = situation.config.raft
    domain = most_examples(situation.train, raft)
    return round(domain / (1 - raft.general_share)), raft.max_example_tokens


def _mean_tokens(texts: Sequence[str]) -> float:
    return sum(map(len, texts)) / len(texts) / _CHARACTERS_A_TOKEN if texts else 0.0


def _accelerator() -> str:
    import torch

    if not torch.accelerator.is_available():
        return ""
    return str(torch.accelerator.current_accelerator())
