"""TRL's trainer with this project's loss, order and progress bar."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hybrid.durable_files import seal_folder
from hybrid.progress import track


class LengthGroupedOrder:
    """Row numbers of an epoch: random, but rows of a batch are of similar length; decided by seed and epoch alone.

    transformers' own sampler draws from the global generator, whose state differs after a resume.
    """

    _POOL_BATCHES = 8

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths = lengths
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the data loader before each epoch, also after a resume."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        chance = random.Random(f"{self._seed}/{self._epoch}")
        rows = list(range(len(self._lengths)))
        chance.shuffle(rows)
        size, whole = self._batch_size, len(rows) - len(rows) % self._batch_size
        batches = []
        for start in range(0, whole, size * self._POOL_BATCHES):
            pool = sorted(rows[start : min(start + size * self._POOL_BATCHES, whole)], key=lambda i: self._lengths[i])
            batches += [pool[i : i + size] for i in range(0, len(pool), size)]
        chance.shuffle(batches)
        # an incomplete batch must come last, as the loader counts off rows
        return iter([row for batch in [*batches, rows[whole:]] for row in batch])


def trainer_class() -> Any:
    """`SFTTrainer` with the loss and the order of this project."""
    import torch
    from trl import SFTTrainer

    class CompletionTrainer(SFTTrainer):  # type: ignore[misc]
        """Logits are computed at completion positions only.

        Off a Triton device TRL projects every position to the vocabulary (a third of a step with a small model).
        """

        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            # labels[:, t] is what the logits at t must predict
            labels = inputs["labels"][:, 1:]
            wanted = labels != -100
            positions = wanted.any(dim=0).nonzero().flatten()
            outputs = model(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                use_cache=False,
                logits_to_keep=positions,
            )
            nats = torch.nn.functional.cross_entropy(
                outputs.logits.float().flatten(0, 1), labels[:, positions].flatten(), reduction="none"
            ).view(labels.shape[0], -1)
            if not self.model.training:
                # each dev example counts equally, whatever its length and its batch
                loss = (nats.sum(dim=1) / wanted.sum(dim=1)).mean()
            elif num_items_in_batch is None:
                loss = nats.sum() / wanted.sum()
            else:
                loss = nats.sum() / num_items_in_batch
                if self.args.average_tokens_across_devices:
                    loss = loss * self.accelerator.num_processes
            return (loss, outputs) if return_outputs else loss

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            rows = (self.train_dataset if train_dataset is None else train_dataset)["input_ids"]
            return LengthGroupedOrder([len(ids) for ids in rows], self.args.train_batch_size, self.args.seed)

    return CompletionTrainer


def progress_callback() -> Any:
    """The project's progress bar, an evaluation at the very last step, and the proof that a checkpoint is whole."""
    from transformers import TrainerCallback

    class Progress(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            remaining = state.max_steps - state.global_step
            self._bar = iter(track(range(remaining + 1), total=remaining, description="training"))
            next(self._bar, None)

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            next(self._bar, None)
            if state.global_step >= state.max_steps:
                control.should_evaluate = True

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            # each process writes a file of its own into the checkpoint
            args.distributed_state.wait_for_everyone()
            if state.is_world_process_zero:
                seal_folder(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    return Progress()
