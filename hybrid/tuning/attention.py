"""Which implementation of attention trains fastest here."""

from typing import Any

MOST_BYTES = 4e9
"""Of attention weights that wait for the backward pass; above it they are computed a second time instead."""
_BYTES_PER_WEIGHT = 10
"""The softmax in float32, its half-precision copies, and the mask added to it."""


def choose_attention(model: Any, batch_size: int, num_tokens: int) -> None:
    """Let a model on a CPU keep its attention weights where `batch_size` sequences of `num_tokens` leave room for them.

    torch's fused kernel for CPUs computes in float32 and once more in the backward pass; plain products of bfloat16
    matrices take less, those of float32 a little more (`docs/experiments.md`).
    """
    config = model.config.get_text_config()
    weights = batch_size * config.num_attention_heads * num_tokens**2 * config.num_hidden_layers
    if model.device.type == "cpu" and weights * _BYTES_PER_WEIGHT <= MOST_BYTES:
        model.set_attn_implementation("eager")
