"""An embedder that counts words: no model, and plain why a passage is found."""

import re
import zlib
from collections.abc import Sequence
from typing import cast

import numpy as np

from hybrid.protocols import Vectors

DIM = 256


class Words:
    """A bag of words: names of machines are rare and decide."""

    name = fingerprint = "words"
    dim = DIM
    max_tokens = 1_000
    model_prompts: tuple[str, ...] = ()

    def __init__(self, query_prompt: str = "") -> None:
        self.query_prompt = query_prompt

    def with_query_prompt(self, prompt: str) -> "Words":
        return Words(prompt)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self.encode_passages([self.query_prompt + text for text in texts])

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), DIM), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                row[zlib.crc32(word.encode()) % DIM] += 3.0 if word.startswith("mx") else 0.3
        return cast(Vectors, rows / np.linalg.norm(rows, axis=1, keepdims=True))
