"""TRL's trainer over RAFT examples: its arguments, its datasets, and which of its checkpoints are whole."""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hybrid.answering.turn_tokens import as_text
from hybrid.config import Config
from hybrid.config_training import TrainRaftConfig
from hybrid.durable_files import read_sealed
from hybrid.errors import HybridError, InputError
from hybrid.jsonl import read_jsonl
from hybrid.precision import fast_dtype
from hybrid.tuning.attention import choose_attention
from hybrid.tuning.completion_trainer import progress_callback, trainer_class

WEIGHTS = "adapter_model.safetensors"
_WARMUP = 0.05


def read_examples(file: Path) -> list[dict[str, Any]]:
    """Prompt and completion of every line of a RAFT file, as message lists; other keys are dropped."""
    examples = []
    for number, record in read_jsonl(file):
        try:
            examples.append({key: [_turn(message) for message in record[key]] for key in ("prompt", "completion")})
        except (KeyError, TypeError) as error:
            problem = f"not a RAFT example: {type(error).__name__} {error}"
            raise InputError(file, problem, "make the RAFT examples again", line=number) from None
    if not examples:
        raise InputError(file, "holds no examples", "make the RAFT examples again")
    return examples


def build_trainer(base: Path, examples: Mapping[str, Sequence[dict[str, Any]]], config: Config, folder: Path) -> Any:
    """TRL's trainer over the base with a fresh adapter; its datasets are tokenised, so they can be inspected.

    `examples` maps train and dev to prompt-completion examples; checkpoints go to `folder`.
    """
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoTokenizer, EarlyStoppingCallback, PrinterCallback, ProgressCallback
    from trl import SFTConfig

    settings = config.train_raft
    compute = _compute_dtype(settings)
    tokenizer = AutoTokenizer.from_pretrained(base)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = _load_base(base, settings, compute)
    lengths = {split: _checked_lengths(rows, tokenizer, model, base) for split, rows in examples.items()}
    # a CPU is no faster on a batch than on its examples one by one, and would keep the activations of all of them
    at_once = settings.batch_size if torch.accelerator.is_available() else 1
    if compute == "bfloat16":
        choose_attention(model, at_once, max(map(max, lengths.values())))
    # by length, so that the sequential evaluation pads little
    dev = [examples["dev"][i] for i in sorted(range(len(lengths["dev"])), key=lambda i: (lengths["dev"][i], i))]
    train = list(examples["train"])
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    steps_per_epoch = -(-len(train) // (settings.batch_size * settings.gradient_accumulation * processes))
    eval_steps = max(1, round(steps_per_epoch / settings.evals_per_epoch))
    arguments = SFTConfig(
        output_dir=str(folder),
        seed=config.seed,
        data_seed=config.seed,
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=at_once,
        per_device_eval_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation * settings.batch_size // at_once,
        gradient_checkpointing=settings.gradient_checkpointing,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=_WARMUP,
        optim="adamw_torch",
        bf16=compute == "bfloat16",
        use_cpu=not torch.accelerator.is_available(),
        max_length=None,
        packing=False,
        completion_only_loss=True,
        prediction_loss_only=True,
        eval_strategy="steps",
        eval_steps=eval_steps,
        save_strategy="steps",
        save_steps=eval_steps,
        # all of them: which one is best is told by the task score after training, and an adapter is small
        save_total_limit=None,
        logging_strategy="no",
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        restore_callback_states_from_checkpoint=True,
        fsdp=settings.fsdp or None,
        report_to="none",
        dataloader_pin_memory=model.device.type == "cuda",
    )
    trainer = trainer_class()(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(train),
        eval_dataset=Dataset.from_list(dev),
        processing_class=tokenizer,
        peft_config=LoraConfig(
            task_type="CAUSAL_LM",
            r=settings.lora_rank,
            lora_alpha=settings.lora_alpha,
            lora_dropout=settings.lora_dropout,
            **_targets(model, settings),
        ),
        callbacks=[EarlyStoppingCallback(settings.patience), progress_callback()],
    )
    for noisy in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(noisy)
    # TRL rounds the adapter of a quantised base to bfloat16; small updates would then be lost
    for parameter in trainer.model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return trainer


def last_whole_checkpoint(folder: Path) -> Path | None:
    """The latest checkpoint that a kill did not cut short; later, incomplete ones are deleted."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)
    for checkpoint in found:
        if read_sealed(checkpoint) is not None:
            return checkpoint
        shutil.rmtree(checkpoint)
    return None


def _load_base(base: Path, settings: TrainRaftConfig, compute: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    options: dict[str, Any] = {"dtype": getattr(torch, settings.dtype)}
    if settings.quantization == "4bit":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=getattr(torch, compute),
        )
    return AutoModelForCausalLM.from_pretrained(base, **options)


def _compute_dtype(settings: TrainRaftConfig) -> str:
    return fast_dtype() if settings.compute == "auto" else settings.compute


def _targets(model: Any, settings: TrainRaftConfig) -> dict[str, Any]:
    """PEFT's choice of matrices and layers. The lowest layers are left out: no gradient has to flow down to them."""
    import torch

    num_layers = int(model.config.get_text_config().num_hidden_layers)
    num_adapted = max(1, round(num_layers * settings.adapted_layers))
    if num_adapted == num_layers:
        return {"target_modules": _split(settings.target_modules)}
    names = _split(settings.target_modules)
    if names == "all-linear":
        # PEFT refuses its own shorthand together with a choice of layers
        head = model.get_output_embeddings()
        parts = [(name, part) for name, part in model.named_modules() if isinstance(part, torch.nn.Linear)]
        names = sorted({name.rpartition(".")[2] for name, part in parts if part is not head})
    return {"target_modules": names, "layers_to_transform": list(range(num_layers - num_adapted, num_layers))}


def _split(target_modules: str) -> str | list[str]:
    return target_modules if target_modules == "all-linear" else re.split(r"\s*,\s*", target_modules.strip())


def _checked_lengths(rows: Sequence[dict[str, Any]], tokenizer: Any, model: Any, base: Path) -> list[int]:
    """Tokens of every example. Raises `HybridError` where training would cut it or show another prompt than serving."""
    limit = int(model.config.get_text_config().max_position_embeddings)
    lengths = []
    encode = partial(tokenizer.apply_chat_template, tokenize=True, return_dict=False)
    for row in rows:
        prompt = encode(row["prompt"], add_generation_prompt=True)
        whole = encode(row["prompt"] + row["completion"])
        if whole[: len(prompt)] != prompt or len(whole) == len(prompt):
            raise HybridError(
                f"the chat template of {base.name} renders a prompt otherwise once it is answered",
                "use a model whose template renders the prompt the same way in both cases",
            )
        if len(whole) > limit:
            ending = row["prompt"][-1]["content"][-80:]
            raise HybridError(
                f"an example of {len(whole)} tokens would be cut at the model's {limit}: …{ending!r}",
                "lower raft.max_example_tokens and make the RAFT examples again",
            )
        lengths.append(len(whole))
    return lengths


def _turn(message: Any) -> dict[str, str]:
    if not all(isinstance(message[key], str) for key in ("role", "content")):
        raise TypeError("role and content must be strings")
    # as it will be read when it is served
    return {"role": message["role"], "content": as_text(message["content"])}
