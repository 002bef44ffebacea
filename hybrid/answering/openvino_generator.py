"""A causal language model in this process, by OpenVINO GenAI: continuous batches, shared prefixes computed once."""

from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hybrid.answering.chat_tokenizer import Tokenizing, open_tokenizer
from hybrid.answering.local_generator import LocalGenerator
from hybrid.answering.mapped_weights import give_back
from hybrid.answering.openvino_export import Bits, export_model
from hybrid.answering.streaming import OnText, TokenText
from hybrid.artifacts import Build, current, publish_once, sha256_json
from hybrid.openvino_library import import_openvino
from hybrid.types import Chat, Generation, Message

VERSION = 1
"""Of the answers."""
_EXPORT_VERSION = 2
"""Of the files: others that compute the same."""
_KV_CACHE_GB = 2
_TOKENS_A_STEP = 2048
_LOOKED_UP: dict[Bits, int] = {"whole": 5, "int8 weights": 2, "int8": 5}
"""Tokens that are proposed at once. Weights held in 8 bits are unpacked anew for every few tokens of a step: five
proposals cost more than they save."""
_LOOKED_UP_BY = 3
"""The last tokens of an answer, by which those that followed them before are looked up."""


def is_installed() -> bool:
    """Whether the extra `openvino` is there."""
    return find_spec("openvino_genai") is not None


class OpenVINOGenerator:
    """Greedy decoding with OpenVINO; tokens, prompts and likelihoods are those of the same model in transformers.

    The model is exported at first use below `cache`, once for each set of weights, with its products' weights held or
    computed with as `bits` says; likelihoods are computed with whole weights. `slice_size`: prompts worth handing over
    at once, for the scheduler fills the place of an answer that has ended with the next prompt.

    One prompt alone is answered by prompt lookup decoding: where the last tokens of the answer stood before, in the
    prompt or the answer, those that followed are proposed, and one step verifies them all. The answer is the greedy one
    up to rounding. Many prompts at once fill the processor without. `lookup` switches it off.
    """

    slice_size = 64

    def __init__(self, local: LocalGenerator, cache: Path, *, bits: Bits = "whole", lookup: bool = True) -> None:
        self._local = local
        self._cache = cache
        self._bits = bits
        self._lookup = lookup
        self.name = local.name

    @cached_property
    def fingerprint(self) -> str:
        """Over weights, tokenizer, precision and engine."""
        kept = [self._bits] if self._bits != "whole" else []
        engine = ["openvino-genai", version("openvino-genai"), VERSION, *kept]
        return sha256_json([self._local.fingerprint, *engine])

    def without_lookup(self) -> "OpenVINOGenerator":
        """The same, not loaded, that writes token by token."""
        return OpenVINOGenerator(self._local, self._cache, bits=self._bits, lookup=False)

    @property
    def window(self) -> int | None:
        """As of the same model in transformers."""
        return self._local.window

    def count_tokens(self, chat: Chat) -> int:
        """Prompt tokens, the template's included."""
        return len(self._tokenizer.encode(self._tokenizer.render(chat)))

    def preload(self, *, alone: bool, several: bool = False) -> None:
        """Load the model, for one prompt at a time or for `several`. Unless `alone`, not one that is to be exported:
        that needs transformers, which changes settings of the whole process while it loads a model.
        """
        target, settings, inputs = self._export
        if alone or current(target, "openvino", _EXPORT_VERSION, settings, inputs) is not None:
            _ = self._many if several else self._alone
        if alone:
            # weights are laid out for the processor at first use
            self.generate([(Message("user", "warm"),)], max_new_tokens=1)

    def loglikelihood(self, prompts: Sequence[str], continuations: Sequence[str]) -> list[tuple[float, int]]:
        """Computed by transformers: OpenVINO GenAI tells likelihoods of what it generates only."""
        return self._local.loglikelihood(prompts, continuations)

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        """Greedy answers in the order of `chats`; the scheduler forms the batches."""
        return self._generate(chats, max_new_tokens) if chats else []

    def stream(self, chat: Chat, *, max_new_tokens: int, on_text: OnText) -> Generation:
        """As `generate` for one chat; `on_text` gets the answer in pieces while it is being written."""
        text = TokenText(self._tokenizer.decode, self._tokenizer.stop_ids(), on_text)
        return self.stream_tokens(chat, max_new_tokens=max_new_tokens, on_tokens=text.put)

    def _generate(self, chats: Sequence[Chat], max_new_tokens: int) -> list[Generation]:
        # what has loaded the other pipeline asks by many: for one left over a second is not loaded
        if len(chats) == 1 and ("_alone" in self.__dict__ or "_many" not in self.__dict__):
            return [self.stream_tokens(chats[0], max_new_tokens=max_new_tokens, on_tokens=lambda tokens: None)]
        prompts = [self._encode(chat) for chat in chats]
        options = self._options(max_new_tokens)
        results = self._many.generate([_tensor(ids) for ids in prompts], [options] * len(prompts))
        give_back(self._export[0])
        return [
            self._read(ids, list(result.m_generation_ids[0]), result.m_scores[0])
            for ids, result in zip(prompts, results, strict=True)
        ]

    def stream_tokens(
        self, chat: Chat, *, max_new_tokens: int, on_tokens: Callable[[Sequence[int]], None]
    ) -> Generation:
        """As `stream`; `on_tokens` gets the tokens of each step. The engine's own call would not count the likelihoods
        of tokens that were looked up.
        """
        pipeline, ids, options = self._alone, self._encode(chat), self._options(max_new_tokens)
        if self._lookup:
            options.num_assistant_tokens, options.max_ngram_size = _LOOKED_UP[self._bits], _LOOKED_UP_BY
        request = pipeline.add_request(0, _tensor(ids), options)
        tokens: list[int] = []
        total = 0.0
        try:
            while pipeline.has_non_finished_requests():
                pipeline.step()
                while request.can_read():
                    for output in request.read().values():
                        tokens += output.generated_ids
                        total += sum(output.generated_log_probs)
                        on_tokens(output.generated_ids)
        except BaseException:
            request.cancel()
            # what is cancelled leaves with the next step
            while pipeline.has_non_finished_requests():
                pipeline.step()
            raise
        give_back(self._export[0])
        return self._read(ids, tokens, total)

    def _encode(self, chat: Chat) -> list[int]:
        return list(self._tokenizer.encode(self._tokenizer.render(chat)))

    def _options(self, max_new_tokens: int) -> Any:
        import_openvino()
        from openvino_genai import GenerationConfig

        options = GenerationConfig()
        options.max_new_tokens = max_new_tokens
        options.do_sample = False
        options.stop_token_ids = self._tokenizer.stop_ids()
        options.logprobs = 1
        return options

    def _read(self, prompt: Sequence[int], tokens: Sequence[int], total_logprob: float) -> Generation:
        stops = self._tokenizer.stop_ids()
        end = next((place for place, token in enumerate(tokens) if token in stops), None)
        text = self._tokenizer.decode(tokens[:end]).strip()
        num_new = len(tokens) if end is None else end + 1
        logprob = total_logprob / len(tokens) if tokens else None
        return Generation(text, "length" if end is None else "stop", len(prompt), num_new, logprob)

    @cached_property
    def _tokenizer(self) -> Tokenizing:
        return open_tokenizer(self._local, self._cache / "chat")

    @cached_property
    def _alone(self) -> Any:
        return self._open(**({"prompt_lookup": True} if self._lookup else {}))

    @cached_property
    def _many(self) -> Any:
        return self._open()

    def _open(self, **options: bool) -> Any:
        import_openvino()
        from openvino_genai import ContinuousBatchingPipeline, SchedulerConfig

        scheduler = SchedulerConfig()
        scheduler.cache_size = _KV_CACHE_GB
        scheduler.max_num_batched_tokens = _TOKENS_A_STEP
        scheduler.enable_prefix_caching = True
        short = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}[self._local.dtype]
        # by default keys and values are kept in 8 bits, which changes answers
        properties = {"INFERENCE_PRECISION_HINT": short, "KV_CACHE_PRECISION": short, **options}
        return ContinuousBatchingPipeline(self._exported(), scheduler, "CPU", properties)

    def _exported(self) -> Path:
        """The folder of the exported model; written whole or not at all."""
        target, settings, inputs = self._export

        def make(build: Build) -> None:
            export_model(self._local.load("float32"), build.path, half=bool(settings["half"]), bits=self._bits)

        publish_once(target, "openvino", _EXPORT_VERSION, settings, inputs, make)
        return target

    @property
    def _export(self) -> tuple[Path, dict[str, bool | str], dict[str, str]]:
        """Where the export lies, its settings, and what it is made from."""
        settings: dict[str, bool | str] = {"half": self._local.dtype != "float32"}
        if self._bits != "whole":
            settings |= {"int8": True} if self._bits == "int8" else {"bits": self._bits}
        inputs = {"weights": sha256_json(self._local.weights_id)}
        return self._cache / "openvino" / sha256_json([inputs, *settings.values()])[:24], settings, inputs


def _tensor(tokens: Sequence[int]) -> Any:
    import numpy as np

    openvino = import_openvino()
    return openvino.Tensor(np.array([tokens], dtype=np.int64))
