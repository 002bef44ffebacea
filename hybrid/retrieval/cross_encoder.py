"""A sentence-transformers cross-encoder as a `Reranker`."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.artifacts import sha256_tree
from hybrid.errors import HybridError, InputError

_BATCH_SIZE = 16
"""Pairs read at once: on a CPU more is no faster, as a batch is padded to its longest pair."""
_REMEDY = (
    "set retrieval.reranker to a cross-encoder with one label, for example cross-encoder/ms-marco-MiniLM-L6-v2, or "
    "leave it empty"
)


class CrossEncoderReranker:
    """Scores are logits, before any activation: a sigmoid would make the surest of them alike.

    What goes beyond the model's limit is cut from the longer text of a pair. The model is loaded at the first scoring.
    Raises `InputError` where the folder holds no cross-encoder with one label.
    """

    def __init__(self, folder: Path, *, name: str = "") -> None:
        self.folder = folder
        self.name = name or folder.name
        _check_folder(folder)

    @cached_property
    def fingerprint(self) -> str:
        """Over weights, tokenizer and configuration."""
        return sha256_tree(self.folder)

    @cached_property
    def model(self) -> Any:
        """The model in torch, on the library's choice of a device."""
        from safetensors import SafetensorError
        from sentence_transformers import CrossEncoder

        try:
            model = CrossEncoder(str(self.folder))
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise InputError(self.folder, f"cannot be loaded ({reason})", "fetch or save the model again") from error
        if model.num_labels != 1:
            raise _several_labels(self.folder, model.num_labels)
        return model

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """A logit for each text; batches hold pairs of like length. Raises `HybridError` for one that is not finite."""
        if not texts:
            return []
        from torch import nn

        pairs = [(question, text) for text in texts]
        scores = self.model.predict(
            pairs, batch_size=_BATCH_SIZE, activation_fn=nn.Identity(), show_progress_bar=False, convert_to_numpy=True
        )
        broken = np.flatnonzero(~np.isfinite(scores))
        if len(broken):
            raise HybridError(
                f"{self.name} gives a score that is not finite for {len(broken)} of {len(texts)} passages, the first "
                f"begins {texts[broken[0]][:60]!r}",
                "check the model's weights, or leave retrieval.reranker empty",
            )
        return [float(score) for score in scores]


def _check_folder(folder: Path) -> None:
    """By what its files say, before anything is loaded."""
    config = _json(folder / "config.json")
    if config is None:
        raise InputError(folder, "no model folder (no config.json that can be read)", _REMEDY)
    kind = (_json(folder / "config_sentence_transformers.json") or {}).get("model_type")
    if kind not in (None, "CrossEncoder") or (kind is None and (folder / "modules.json").is_file()):
        raise InputError(folder, "an embedder of sentence-transformers, not a cross-encoder", _REMEDY)
    architecture = next(iter(config.get("architectures") or ()), "")
    if architecture.endswith("ForSequenceClassification"):
        # transformers takes two where nothing is said
        num_labels = len(config.get("id2label") or ()) or int(config.get("num_labels") or 2)
        if num_labels != 1:
            raise _several_labels(folder, num_labels)
    elif kind is None:
        raise InputError(folder, f"{architecture or 'a model without a head'} is not a cross-encoder", _REMEDY)


def _several_labels(folder: Path, num: int) -> InputError:
    return InputError(folder, f"a classifier with {num} labels: a reranker gives one score", _REMEDY)


def _json(file: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
