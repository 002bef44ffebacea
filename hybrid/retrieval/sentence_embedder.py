"""A sentence-transformers model as an `Embedder`."""

import copy
import json
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.artifacts import MANIFEST, sha256_json, sha256_tree
from hybrid.digests import cache_folder
from hybrid.errors import ConfigError, HybridError, InputError, IntegrityError
from hybrid.protocols import Vectors
from hybrid.retrieval.encoder_choice import EncoderChoice
from hybrid.retrieval.exported_encoder import ExportError, TokenEncoder, export_folder, open_encoder
from hybrid.retrieval.token_batches import token_batches
from hybrid.retrieval.token_ids import TokenIds, read_tokenizer
from hybrid.retrieval.torch_encoding import encode, load_model
from hybrid.retrieval.torch_pool import TorchPool

TORCH = EncoderChoice("torch", "float32", must=True)
_NO_LIMIT = 1_000_000
"""Tokenizers without a limit of their own name a number beyond this."""

_BATCH_TOKENS = 1024
"""Of a batch on a CPU, padding counted: its activations stay in the second-level cache of a core."""
_WORTH_EXPORT = 256
"""Texts at once from which an export is made where none is asked for; fewer are encoded sooner by torch."""
_CHECKED = (
    "Oil",
    "How long does the warranty of the pump last?",
    "Close the valve, wait until the pressure gauge shows zero, and only then loosen the four screws of the cover. "
    "The gasket underneath may be used again where it shows neither cracks nor pressure marks.",
    "Table 7: error codes E-1041 to E-1055, cause and remedy; Fehlercode prüfen – 重新启动。 " * 20,
)
"""Texts with which an export is compared with torch: of one word, a question, a passage, and beyond the limit."""


class SentenceEmbedder:
    """Unit vectors, cut to a Matryoshka dimension and renormalised. The model is loaded at the first encoding.

    Counting tokens loads the tokenizer only; `encoder` says what encodes, and torch is not loaded where an export for
    another engine lies in `cache`.
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
        encoder: EncoderChoice = TORCH,
        devices: Sequence[str] = (),
        cache: Path | None = None,
    ) -> None:
        if not (folder / "modules.json").is_file():
            raise InputError(folder, "not a sentence-transformers folder (no modules.json)", "set embedder.model")
        self.folder = folder
        self.name = name or folder.name
        self._dim = dim
        self._max_tokens = max_tokens
        self._batch_size = batch_size
        self.query_prompt = query_prompt
        self._passage_prompt = passage_prompt
        self._choice = encoder
        self._devices = devices
        self._cache = cache or cache_folder() / "encoders"
        self._opened: TokenEncoder | None = None
        self._refused = False

    @cached_property
    def fingerprint(self) -> str:
        """Over weights, tokenizer, dimension, limit and prompts; in 8 bits over engine and precision too."""
        options = [self._dim, self._max_tokens, self.query_prompt, self._passage_prompt, *self._choice.own_vectors]
        return sha256_json([sha256_tree(self.folder), *options])

    @cached_property
    def model(self) -> Any:
        """The model in torch."""
        return load_model(self.folder, self._max_tokens, device=self._devices[0] if self._devices else None)

    @cached_property
    def dim(self) -> int:
        """Dimension of the vectors given out. Raises `ConfigError` above the model's own."""
        encoder = self._encoder(0)
        full = encoder.dim if encoder else int(self.model.get_embedding_dimension())
        if self._dim is not None and self._dim > full:
            raise ConfigError(f"embedder.dim is {self._dim}, but {self.name} gives {full}", "lower embedder.dim")
        return self._dim or full

    @cached_property
    def max_tokens(self) -> int:
        """What the model reads of a text."""
        own = self._own_limit()
        return min(self._max_tokens, own) if self._max_tokens is not None else own

    @property
    def tokenize(self) -> Callable[[str], list[int]]:
        """A text to its token ids without special ones. Handed to another process, it reads the tokenizer there."""
        return self._token_ids.of

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, special ones included."""
        return len(self._tokenizer.encode(text).ids)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """float32 `(n, dim)`, unit norm."""
        return self._encode([self.query_prompt + text for text in texts])

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """float32 `(n, dim)`, unit norm."""
        return self._encode([self._passage_prompt + text for text in texts])

    @cached_property
    def model_prompts(self) -> tuple[str, ...]:
        """The prompts named after queries in the folder's `config_sentence_transformers.json`."""
        file = self.folder / "config_sentence_transformers.json"
        saved = json.loads(file.read_text(encoding="utf-8")).get("prompts") if file.is_file() else None
        return tuple(text for name, text in (saved or {}).items() if "query" in name.lower())

    def with_query_prompt(self, prompt: str) -> "SentenceEmbedder":
        """The same loaded model with another prompt before queries; vectors of passages are the same."""
        other = copy.copy(self)
        other.query_prompt = prompt
        other.__dict__.pop("fingerprint", None)
        return other

    @cached_property
    def tokenizer_id(self) -> str:
        """SHA-256 of the tokenizer file: equal means that passages are cut alike."""
        return sha256_json(self._tokenizer.to_str())

    @cached_property
    def _token_ids(self) -> TokenIds:
        return TokenIds(self._tokenizer, self.folder)

    @cached_property
    def _tokenizer(self) -> Any:
        return read_tokenizer(self.folder)

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
        encoder = self._encoder(len(texts))
        vectors = self._by_encoder(encoder, texts) if encoder else self._by_torch(texts)
        broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(broken):
            raise HybridError(
                f"{self.name} gives a vector that is not finite for {len(broken)} of {len(texts)} texts, "
                f"the first begins {texts[broken[0]][:60]!r}",
                "check the model's weights, or set embedder.precision to float32",
            )
        return _unit(vectors[:, : self.dim])

    def _by_torch(self, texts: Sequence[str]) -> Vectors:
        if len(self._devices) > 1 and len(texts) > self._batch_size:
            return self._pool.encode(texts, self._batch_size)
        return encode(self.model, texts, batch_size=self._batch_size, dtype=self._torch_dtype)

    def _by_encoder(self, encoder: TokenEncoder, texts: Sequence[str]) -> Vectors:
        ids = [encoding.ids for encoding in self._cutting_tokenizer.encode_batch_fast(list(texts))]
        vectors = np.empty((len(texts), encoder.dim), dtype=np.float32)
        for rows, part in encoder.encode(token_batches(ids, max_tokens=_BATCH_TOKENS, pad_id=self._pad_id)):
            vectors[rows] = part
        return vectors

    def _encoder(self, num_texts: int) -> TokenEncoder | None:
        """The exported model; None where torch is to encode so many texts."""
        choice = self._choice
        if choice.backend == "torch" or self._refused:
            return None
        if self._opened is None:
            options: Any = {"backend": choice.backend, "precision": choice.precision}
            there = (export_folder(self.folder, self._cache, **options) / MANIFEST).is_file()
            if not (there or choice.must or num_texts >= _WORTH_EXPORT):
                return None
            try:
                self._opened = open_encoder(
                    self.folder, self._cache, **options, load=lambda: self.model, check=self._checked
                )
            except (ExportError, IntegrityError, OSError) as error:
                # a full disk or a damaged cache is no reason not to encode
                if choice.must:
                    raise
                print(f"torch encodes, which is slower: {error}", file=sys.stderr)
                self._refused = True
        return self._opened

    def _checked(self, encoder: TokenEncoder) -> tuple[Vectors, Vectors]:
        by_torch = encode(self.model, _CHECKED, batch_size=len(_CHECKED), dtype="float32")
        return _unit(by_torch), _unit(self._by_encoder(encoder, _CHECKED))

    @property
    def _torch_dtype(self) -> str:
        return self._choice.precision if self._choice.backend == "torch" else "float32"

    @cached_property
    def _pool(self) -> TorchPool:
        return TorchPool(self.folder, self._devices, max_tokens=self._max_tokens, dtype=self._torch_dtype)

    @cached_property
    def _cutting_tokenizer(self) -> Any:
        tokenizer = read_tokenizer(self.folder)
        tokenizer.enable_truncation(self.max_tokens)
        return tokenizer

    @cached_property
    def _pad_id(self) -> int:
        return int(json.loads((self.folder / "config.json").read_text(encoding="utf-8")).get("pad_token_id") or 0)


def _unit(vectors: Vectors) -> Vectors:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = vectors / np.maximum(norms, 1e-12)
    return unit
