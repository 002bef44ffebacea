"""A sentence-transformers model as an `Embedder`."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.artifacts import sha256_json, sha256_tree
from hybrid.errors import ConfigError, InputError
from hybrid.protocols import Vectors

_NO_LIMIT = 1_000_000
"""Tokenizers without a limit of their own name a number beyond this."""


class SentenceEmbedder:
    """Unit vectors, cut to a Matryoshka dimension and renormalised. The model is loaded at the first encoding.

    Counting tokens loads the tokenizer only.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "",
        dim: int | None = None,
        max_tokens: int | None = None,
        batch_size: int = 64,
        query_prompt: str = "",
        passage_prompt: str = "",
    ) -> None:
        if not (folder / "modules.json").is_file():
            raise InputError(folder, "not a sentence-transformers folder (no modules.json)", "set embedder.model")
        self.folder = folder
        self.name = name or folder.name
        self._dim = dim
        self._max_tokens = max_tokens
        self._batch_size = batch_size
        self._query_prompt = query_prompt
        self._passage_prompt = passage_prompt

    def __getstate__(self) -> dict[str, Any]:
        """Without what is loaded: another process that counts tokens reads the tokenizer alone."""
        return {name: value for name, value in vars(self).items() if name not in ("model", "_tokenizer")}

    @cached_property
    def fingerprint(self) -> str:
        """Over weights, tokenizer, dimension, limit and prompts."""
        options = [self._dim, self._max_tokens, self._query_prompt, self._passage_prompt]
        return sha256_json([sha256_tree(self.folder), *options])

    @cached_property
    def model(self) -> Any:
        """The loaded model."""
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(self.folder))
        if self._max_tokens is not None:
            model.max_seq_length = min(self._max_tokens, model.max_seq_length)
        return model

    @cached_property
    def dim(self) -> int:
        """Dimension of the vectors given out. Raises `ConfigError` above the model's own."""
        full = int(self.model.get_embedding_dimension())
        if self._dim is not None and self._dim > full:
            raise ConfigError(f"embedder.dim is {self._dim}, but {self.name} gives {full}", "lower embedder.dim")
        return self._dim or full

    @cached_property
    def max_tokens(self) -> int:
        """What the model reads of a text."""
        own = self._own_limit()
        return min(self._max_tokens, own) if self._max_tokens is not None else own

    def tokenize(self, text: str) -> list[int]:
        """Token ids without special tokens."""
        # the batch call that keeps no offsets takes a fifth less time, for one text too
        return list(self._tokenizer.encode_batch_fast([text], add_special_tokens=False)[0].ids)

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, special ones included."""
        return len(self._tokenizer.encode(text).ids)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """float32 `(n, dim)`, unit norm."""
        return self._encode([self._query_prompt + text for text in texts])

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """float32 `(n, dim)`, unit norm."""
        return self._encode([self._passage_prompt + text for text in texts])

    @cached_property
    def tokenizer_id(self) -> str:
        """SHA-256 of the tokenizer file: equal means that passages are cut alike."""
        return sha256_json(self._tokenizer.to_str())

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        file = self.folder / "tokenizer.json"
        if not file.is_file():
            raise InputError(self.folder, "no tokenizer.json", "save the model with a fast tokenizer")
        tokenizer = Tokenizer.from_file(str(file))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def _own_limit(self) -> int:
        # where the limit stands depends on the release that saved the folder
        for name, key in (
            ("sentence_bert_config.json", "max_seq_length"),
            ("tokenizer_config.json", "model_max_length"),
            ("config.json", "max_position_embeddings"),
        ):
            file = self.folder / name
            value = json.loads(file.read_text(encoding="utf-8")).get(key) if file.is_file() else None
            if isinstance(value, int) and value < _NO_LIMIT:
                return value
        return int(self.model.max_seq_length)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        vectors = self.model.encode(
            list(texts), batch_size=self._batch_size, convert_to_numpy=True, show_progress_bar=False
        )[:, : self.dim].astype(np.float32)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = vectors / np.maximum(norms, 1e-12)
        return unit
