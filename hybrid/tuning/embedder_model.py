"""The embedder's model on its way through training: loaded, blended with the base, saved."""

import json
from pathlib import Path
from typing import Any

from hybrid.artifacts import write_text
from hybrid.config import Config


def load_model(folder: Path, config: Config) -> Any:
    """The model with the reading limit that it is served with."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device=config.train_embed.device, local_files_only=True)
    if config.embedder.max_tokens is not None:
        model.max_seq_length = min(config.embedder.max_tokens, model.max_seq_length)
    _drop_attention_dropout(model)
    return model


def _drop_attention_dropout(model: Any) -> None:
    """Dropout of attention weights keeps torch from its fused attention: without it a step takes a third of the time.

    Dropout elsewhere stays as the model has it. Nothing of this is saved with the model.
    """
    for module in model.modules():
        if "Attention" not in type(module).__name__:
            continue
        if hasattr(getattr(module, "dropout", None), "p"):
            module.dropout.p = 0.0
        if isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = 0.0


def blend(base: Path, tuned: Path, weight: float, folder: Path) -> None:
    """Save a linear blend of two folders; `weight` is the tuned one's share (LM-Cocktail, Xiao et al. 2023,
    arXiv:2311.13534)."""
    from sentence_transformers import SentenceTransformer

    # mergekit's own command crashes on this architecture and loses the pooling
    models = [str(base), str(tuned)]
    mixed = SentenceTransformer.merge(models, parameters={"weight": [1 - weight, weight]}, local_files_only=True)
    mixed.save_pretrained(str(folder), create_model_card=False)


def save_model(checkpoint: Path, base: Path, target: Path) -> None:
    """A plain sentence-transformers folder with the base's own reading limit; serving sets the configured one."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(checkpoint), device="cpu", local_files_only=True)
    limit = SentenceTransformer(str(base), device="cpu", local_files_only=True).max_seq_length
    model.max_seq_length = limit
    model.save_pretrained(str(target), create_model_card=False)
    # Newer releases keep the limit in the tokenizer's file only; readers that do not load the model look here.
    file = target / "sentence_bert_config.json"
    options = json.loads(file.read_text(encoding="utf-8"))
    write_text(file, json.dumps({**options, "max_seq_length": limit}, indent=4) + "\n")
