"""Attention in training: the quicker implementation where it has room, and the same loss."""

from pathlib import Path
from typing import Any

import pytest
import torch

from hybrid.tuning.attention import choose_attention
from tests.tiny_generator import tiny_generator


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_generator(tmp_path_factory.mktemp("tiny"))


def load(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def test_weights_are_kept_where_they_have_room(folder: Path) -> None:
    model = load(folder)
    choose_attention(model, 4, 10_000_000)
    assert model.config._attn_implementation == "sdpa"
    choose_attention(model, 4, 64)
    assert model.config._attn_implementation == "eager"


def test_padded_examples_have_the_same_loss_and_gradient(folder: Path) -> None:
    ids = torch.arange(5, 29).reshape(2, 12)
    mask = torch.ones_like(ids)
    mask[0, 7:] = 0
    found = []
    for num_tokens in (10_000_000, 12):
        model = load(folder)
        choose_attention(model, 2, num_tokens)
        loss = model(input_ids=ids, attention_mask=mask, labels=ids.masked_fill(mask == 0, -100)).loss
        loss.backward()
        found.append((loss.detach(), model.get_input_embeddings().weight.grad))
    torch.testing.assert_close(found[0], found[1], atol=1e-6, rtol=1e-4)
