"""From a GGUF file to a plain model folder with its tokenizer."""

from pathlib import Path
from typing import Any

_LEAST_COSINE = 0.98
"""Between the rows of one matrix at two precisions; 4 bits beside 6 give .996."""


def convert_gguf(weights: Path, folder: Path, *, half: bool, stops: tuple[str, ...] = ()) -> None:
    """Save a GGUF file as safetensors, configuration and tokenizer: weights in float32, or with `half` in float16.

    With `half`, an output matrix that is the embeddings at another precision becomes theirs: the file holds a tied
    model's matrix twice. `stops`: tokens that end an answer beside the tokenizer's own.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    dtype = torch.float16 if half else torch.float32
    model = AutoModelForCausalLM.from_pretrained(weights.parent, gguf_file=weights.name, dtype=dtype)
    tokenizer = AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name)
    # save_pretrained refuses a model that says it is GGUF-quantised, though its weights are dense by now
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    if half:
        _tie(model)
    if stops:
        model.generation_config.eos_token_id = [tokenizer.eos_token_id, *tokenizer.convert_tokens_to_ids(list(stops))]
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)


def _tie(model: Any) -> None:
    """The output matrix for both, if both are one: llama.cpp gives it more bits than the embeddings."""
    import torch

    inner, output = model.get_input_embeddings(), model.get_output_embeddings()
    if inner.weight is output.weight or inner.weight.shape != output.weight.shape:
        return
    with torch.no_grad():
        rows = zip(inner.weight.split(4096), output.weight.split(4096), strict=True)
        least = min(torch.nn.functional.cosine_similarity(a.float(), b.float()).min().item() for a, b in rows)
    if least >= _LEAST_COSINE:
        inner.weight = output.weight
        model.config.tie_word_embeddings = True
        model.tie_weights()
