"""A sentence-transformers model in torch: the reference that every other engine is compared with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hybrid.precision import autocast
from hybrid.protocols import Vectors


def load_model(folder: Path, max_tokens: int | None, *, device: str | None = None) -> Any:
    """The model on a device, by default the library's choice; `max_tokens` lowers what it reads of a text."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device=device)
    if max_tokens is not None:
        model.max_seq_length = min(max_tokens, model.max_seq_length)
    return model


def encode(model: Any, texts: Sequence[str], *, batch_size: int, dtype: str) -> Vectors:
    """float32 `(n, dim)`, sorted by length and batched by the library."""
    with autocast(dtype):
        vectors: Vectors = model.encode(
            list(texts), batch_size=batch_size, convert_to_numpy=True, show_progress_bar=False
        )
    return vectors.astype("float32", copy=False)
