"""A cross-encoder trained from an embedder on a corpus's own questions: what `bench-rerank` puts behind retrieval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid.precision import fast_dtype
from hybrid.tuning.attention import choose_attention

BATCH_SIZE = 16
LEARNING_RATE = 1e-4
"""Above what fine-tuning usually takes: the head is new, and the embedder has never read two texts together."""
MAX_TOKENS = 256


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """A question and a passage's text; `label` is 1 where the passage answers it, else 0."""

    question: str
    text: str
    label: float


def train_cross_encoder(
    base: Path,
    pairs: Sequence[LabelledPair],
    target: Path,
    *,
    checkpoints: Path,
    seed: int,
    epochs: float = 1.0,
    learning_rate: float = LEARNING_RATE,
) -> None:
    """Fine-tune the encoder in `base` with one new label by binary cross-entropy; save it to `target`.

    Positives weigh as much as all negatives together.
    """
    import torch
    from datasets import Dataset
    from sentence_transformers import CrossEncoder
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
    from sentence_transformers.cross_encoder.trainer import CrossEncoderTrainer
    from sentence_transformers.cross_encoder.training_args import CrossEncoderTrainingArguments
    from transformers import PrinterCallback, set_seed

    class Trainer(CrossEncoderTrainer):  # type: ignore[misc]
        """Without model cards: looking a base model up takes a network."""

        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            return

    # before the model: its head is drawn at random
    set_seed(seed)
    model = CrossEncoder(str(base), num_labels=1, max_length=MAX_TOKENS)
    choose_attention(model.model, BATCH_SIZE, MAX_TOKENS)
    labels = [pair.label for pair in pairs]
    weight = (len(labels) - sum(labels)) / sum(labels)
    arguments = CrossEncoderTrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=epochs,
        per_device_train_batch_size=BATCH_SIZE,
        learning_rate=learning_rate,
        warmup_steps=0.1,
        seed=seed,
        data_seed=seed,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        bf16=fast_dtype() == "bfloat16",
        use_cpu=not torch.accelerator.is_available(),
        dataloader_pin_memory=False,
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict(_columns(pairs)),
        loss=BinaryCrossEntropyLoss(model, pos_weight=torch.tensor(weight)),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    model.save_pretrained(str(target), create_model_card=False)


def _columns(pairs: Sequence[LabelledPair]) -> Mapping[str, list[Any]]:
    return {
        "question": [pair.question for pair in pairs],
        "passage": [pair.text for pair in pairs],
        "label": [pair.label for pair in pairs],
    }
