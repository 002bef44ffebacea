"""What no store takes in: vectors of another dimension, and values that are no numbers."""

from collections.abc import Container, Sequence

import numpy as np

from hybrid.protocols import Vectors


def check_new(ids: Sequence[str], vectors: Vectors, dim: int, known: Container[str]) -> None:
    """Raises `ValueError` where counts differ, an id is not new, or `check_vectors` does."""
    if len(ids) != len(vectors):
        raise ValueError(f"{len(ids)} ids for {len(vectors)} vectors")
    if len(set(ids)) != len(ids) or any(identity in known for identity in ids):
        raise ValueError("ids must be new and distinct")
    check_vectors(vectors, dim)


def check_vectors(vectors: Vectors, dim: int) -> None:
    """Raises `ValueError` unless the shape is `(n, dim)` and every value is a finite number."""
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise ValueError(f"vectors of shape {vectors.shape}, but the store holds dimension {dim}")
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise ValueError(f"vector {bad[0]} of {len(vectors)} is not finite (NaN or infinity)")
