"""A causal language model in this process, by OpenVINO GenAI: continuous batches, shared prefixes computed once."""

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hybrid.answering.local_generator import LocalGenerator
from hybrid.answering.openvino_export import export_model
from hybrid.artifacts import current, publish, sha256_json
from hybrid.types import Chat, Generation

VERSION = 1
_KV_CACHE_GB = 2
_TOKENS_A_STEP = 2048


def is_installed() -> bool:
    """Whether the extra `openvino` is there."""
    return find_spec("openvino_genai") is not None


class OpenVINOGenerator:
    """Greedy decoding with OpenVINO; tokens, prompts and likelihoods are those of the same model in transformers.

    The model is exported at first use into `cache`, once for each set of weights. `slice_size`: prompts worth handing
    over at once, for the scheduler fills the place of an answer that has ended with the next prompt.
    """

    slice_size = 64

    def __init__(self, local: LocalGenerator, cache: Path) -> None:
        self._local = local
        self._cache = cache
        self.name = local.name

    @cached_property
    def fingerprint(self) -> str:
        """Over weights, tokenizer, precision and engine."""
        return sha256_json([self._local.fingerprint, "openvino-genai", version("openvino-genai"), VERSION])

    def count_tokens(self, chat: Chat) -> int:
        """Prompt tokens, the template's included."""
        return self._local.count_tokens(chat)

    def loglikelihood(self, prompts: Sequence[str], continuations: Sequence[str]) -> list[tuple[float, int]]:
        """Computed by transformers: OpenVINO GenAI tells likelihoods of what it generates only."""
        return self._local.loglikelihood(prompts, continuations)

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        """Greedy answers in the order of `chats`; the scheduler forms the batches."""
        import numpy as np
        from openvino import Tensor
        from openvino_genai import GenerationConfig

        if not chats:
            return []
        tokenizer, stops = self._local.tokenizer, self._local.stop_ids()
        prompts = tokenizer([self._local.render(chat) for chat in chats], add_special_tokens=False)["input_ids"]
        options = GenerationConfig()
        options.max_new_tokens = max_new_tokens
        options.do_sample = False
        options.stop_token_ids = stops
        tensors = [Tensor(np.array([ids], dtype=np.int64)) for ids in prompts]
        generations = []
        for ids, result in zip(prompts, self._pipeline.generate(tensors, [options] * len(tensors)), strict=True):
            tokens = list(result.m_generation_ids[0])
            end = next((place for place, token in enumerate(tokens) if token in stops), None)
            text = tokenizer.decode(tokens[:end], skip_special_tokens=True).strip()
            reason = "length" if end is None else "stop"
            generations.append(Generation(text, reason, len(ids), len(tokens) if end is None else end + 1))
        return generations

    @cached_property
    def _pipeline(self) -> Any:
        from openvino_genai import ContinuousBatchingPipeline, SchedulerConfig

        scheduler = SchedulerConfig()
        scheduler.cache_size = _KV_CACHE_GB
        scheduler.max_num_batched_tokens = _TOKENS_A_STEP
        scheduler.enable_prefix_caching = True
        short = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}[self._local.dtype]
        # by default keys and values are kept in 8 bits, which changes answers
        properties = {"INFERENCE_PRECISION_HINT": short, "KV_CACHE_PRECISION": short}
        return ContinuousBatchingPipeline(self._exported(), scheduler, "CPU", properties)

    def _exported(self) -> Path:
        """The folder of the exported model; written whole or not at all."""
        half = self._local.dtype != "float32"
        inputs = {"weights": sha256_json(self._local.weights_id)}
        target = self._cache / sha256_json([inputs, half])[:24]
        if current(target, "openvino", VERSION, {"half": half}, inputs) is None:
            with publish(target, "openvino", VERSION, {"half": half}, inputs) as build:
                export_model(self._local.load("float32"), build.path, half=half)
        return target
