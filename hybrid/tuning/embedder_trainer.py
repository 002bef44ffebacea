"""The training itself: Matryoshka loss over in-batch negatives, an evaluation and a checkpoint at a time, resumable."""

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.config import Config
from hybrid.durable_files import COMPLETE, seal_folder
from hybrid.errors import HybridError
from hybrid.precision import fast_dtype
from hybrid.tuning.attention import choose_attention
from hybrid.tuning.dev_ranking import DevRanking, rounded
from hybrid.tuning.embedder_checkpoints import last_whole, read_state
from hybrid.tuning.embedder_model import load_model
from hybrid.tuning.launcher import is_launched, launch
from hybrid.tuning.pairs import Pair
from hybrid.tuning.step_clock import StepClock, step_clock


@dataclass(frozen=True)
class Best:
    """The best checkpoint and how it was come by. `scores` is dimension to nDCG@10 per dev question."""

    folder: Path
    step: int
    scores: dict[str, list[float]]
    history: list[dict[str, Any]]


def run_training(
    base: Path,
    model: Any,
    pairs: Sequence[Pair],
    ranking: DevRanking,
    deployed: int,
    config: Config,
    checkpoints: Path,
    keep_time: Callable[[StepClock], None],
) -> Best:
    """Train to the end or until patience runs out, from the last whole checkpoint if there is one, in as many processes
    as configured: each of several loads `model` from `base` anew.

    `keep_time` is called once the steps of this process are made, where it made any.
    """
    last = last_whole(checkpoints)
    if last is None or not _is_over(read_state(last), deployed, config.train_embed.patience):
        job: dict[str, Any] = {"pairs": pairs, "ranking": ranking, "deployed": deployed, "config": config}
        job["checkpoints"] = checkpoints
        if is_launched(config.train_embed):
            launch("embedder", {"base": base, "last": last, **job}, config.train_embed, checkpoints)
        else:
            keep_time(_train(model, last=last, **job))
        last = last_whole(checkpoints)
    if last is None:
        raise HybridError(f"{checkpoints}: training left no whole checkpoint", "look whether the disk is full")
    # Everything is read back from the disk, so that a run killed after its last step ends in the same result.
    state = read_state(last)
    best = checkpoints / f"checkpoint-{state['best_global_step']}"
    history = [
        {"step": entry["step"], **{str(dim): rounded(entry[_metric(dim)]) for dim in ranking.dims}}
        for entry in _evaluations(state["log_history"], deployed)
    ]
    scores = json.loads((best / COMPLETE).read_text(encoding="utf-8"))["scores"]
    return Best(best, state["best_global_step"], scores, history)


def train_checkpoints(base: Path, config: Config, **job: Any) -> None:
    """Train in this process, one of several; the checkpoints are what it leaves."""
    _train(load_model(base, config), config=config, **job)


def _train(model: Any, *, checkpoints: Path, last: Path | None, **job: Any) -> StepClock:
    trainer = _make_trainer(model, checkpoints=checkpoints, **job)
    clock = step_clock(trainer)
    trainer.train(resume_from_checkpoint=str(last) if last is not None else None)
    return clock


def _make_trainer(
    model: Any, pairs: Sequence[Pair], ranking: DevRanking, deployed: int, config: Config, checkpoints: Path
) -> Any:
    import torch
    from datasets import Dataset
    from sentence_transformers.base.sampler import NoDuplicatesBatchSampler
    from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator
    from sentence_transformers.sentence_transformer.losses import (
        CachedMultipleNegativesRankingLoss,
        MatryoshkaLoss,
        MultipleNegativesRankingLoss,
    )
    from sentence_transformers.sentence_transformer.trainer import SentenceTransformerTrainer
    from sentence_transformers.sentence_transformer.training_args import SentenceTransformerTrainingArguments
    from tqdm.auto import tqdm
    from transformers import PrinterCallback, TrainerCallback

    options = config.train_embed
    # of as many processes as share the pairs
    steps_per_epoch = math.ceil(len(pairs) / (options.batch_size * int(os.environ.get("WORLD_SIZE", "1"))))
    num_steps = math.ceil(options.epochs * steps_per_epoch)
    interval = math.ceil(num_steps / math.ceil(options.epochs * options.evals_per_epoch))
    latest: dict[str, list[float]] = {}

    class Evaluator(SentenceEvaluator):  # type: ignore[misc]
        """All dimensions from one encoding; an InformationRetrievalEvaluator for each would encode the corpus again."""

        def __call__(self, model: Any, output_path: str | None = None, epoch: float = -1, steps: int = -1) -> Any:
            passages = ranking.encode_passages(model, f"step {steps}: passages")
            latest.update(ranking.scores(ranking.encode_queries(model), passages))
            return {_metric(int(dim)): float(np.mean(values)) for dim, values in latest.items()}

    class Trainer(SentenceTransformerTrainer):  # type: ignore[misc]
        """Without model cards: they hold dates and paths, and looking a base model up takes a network."""

        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            return

        def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
            self.model.save_pretrained(output_dir, create_model_card=False)

    class Course(TrainerCallback):  # type: ignore[misc]
        """Bar on stderr, patience, and the mark of a whole checkpoint."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc="training steps")

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.bar.update()

        def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            record = {"log_history": state.log_history, "global_step": state.global_step, "max_steps": state.max_steps}
            control.should_training_stop = control.should_training_stop or _is_over(record, deployed, options.patience)

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            # each process writes a file of its own into the checkpoint
            args.distributed_state.wait_for_everyone()
            if not state.is_world_process_zero:
                return
            seal_folder(checkpoints / f"checkpoint-{state.global_step}", scores=latest)

        def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.bar.close()

    def sampler(dataset: Any, **arguments: Any) -> Any:
        # By what must not meet in a batch, not by what the loss reads: another question's positive may be gold here.
        width = max(len(pair.exclusive) for pair in pairs)
        keys = [pair.exclusive + pair.exclusive[:1] * (width - len(pair.exclusive)) for pair in pairs]
        columns = {f"key{place}": [key[place] for key in keys] for place in range(width)}
        return NoDuplicatesBatchSampler(Dataset.from_dict(columns), **arguments)

    # Gradient caching gives the same loss in less memory, at the price of a second forward pass.
    is_cached = options.mini_batch_size < options.batch_size
    inner = (
        CachedMultipleNegativesRankingLoss(model, mini_batch_size=options.mini_batch_size)
        if is_cached
        else MultipleNegativesRankingLoss(model)
    )
    columns = {"anchor": [pair.query for pair in pairs], "positive": [pair.positive for pair in pairs]}
    for place in range(len(pairs[0].negatives)):
        columns[f"negative_{place}"] = [pair.negatives[place] for pair in pairs]
    # elsewhere the implementation stays, and no text need be counted
    if model.transformers_model is not None and model.device.type == "cpu":
        at_once = options.mini_batch_size if is_cached else options.batch_size * len(columns)
        choose_attention(model.transformers_model, at_once, _longest(model, columns))
    weights = dict(zip(options.dims, options.dim_weights, strict=False))
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        warmup_steps=0.1,
        seed=config.seed,
        data_seed=config.seed,
        eval_strategy="steps",
        eval_steps=interval,
        save_strategy="steps",
        save_steps=interval,
        save_total_limit=2,
        metric_for_best_model=_metric(deployed),
        greater_is_better=True,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        bf16=(fast_dtype() if options.compute == "auto" else options.compute) == "bfloat16",
        use_cpu=options.device == "cpu" or not torch.accelerator.is_available(),
        dataloader_pin_memory=False,
        batch_sampler=sampler,
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict(columns),
        loss=MatryoshkaLoss(model, inner, ranking.dims, [weights.get(dim, 1.0) for dim in ranking.dims]),
        evaluator=Evaluator(),
        callbacks=[Course()],
    )
    # It prints to stdout, where only results belong.
    trainer.remove_callback(PrinterCallback)
    return trainer


def _longest(model: Any, columns: Mapping[str, Sequence[str]]) -> int:
    """Tokens of the longest text as it is read in training."""
    texts = list({text for column in columns.values() for text in column})
    ids = model.tokenizer(texts, truncation=True, max_length=model.max_seq_length)["input_ids"]
    return max(map(len, ids))


def _metric(dim: int) -> str:
    return f"eval_ndcg@10_{dim}"


def _evaluations(log: Sequence[Mapping[str, Any]], deployed: int) -> list[Mapping[str, Any]]:
    return [entry for entry in log if _metric(deployed) in entry]


def _is_over(state: Mapping[str, Any], deployed: int, patience: int) -> bool:
    """Whether all steps are done, or the last `patience` evaluations did not beat the best before them."""
    values = [entry[_metric(deployed)] for entry in _evaluations(state["log_history"], deployed)]
    waited = len(values) - 1 - values.index(max(values)) if values else 0
    return bool(state["global_step"] >= state["max_steps"]) or waited >= patience
