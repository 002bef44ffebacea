"""A causal language model in this process, by transformers."""

import json
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from hybrid.answering.streaming import OnText, TokenText
from hybrid.answering.turn_tokens import chat_as_text
from hybrid.artifacts import sha256_json, sha256_tree
from hybrid.errors import InputError
from hybrid.precision import fast_dtype
from hybrid.types import Chat, Generation


class LocalGenerator:
    """Greedy decoding in left-padded batches, and likelihoods of continuations. The model is loaded at first use."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "",
        adapter: Path | None = None,
        adapter_weight: float = 1.0,
        dtype: str = "auto",
        quantization: str = "none",
        batch_size: int = 16,
    ) -> None:
        if not (folder / "config.json").is_file():
            raise InputError(folder, "not a model folder (no config.json)", "name a folder saved by transformers")
        self.folder = folder
        self._adapter = adapter
        self._adapter_weight = adapter_weight
        self._requested_dtype = dtype
        self._quantization = quantization
        self._batch_size = batch_size
        self.name = name or folder.name

    @cached_property
    def dtype(self) -> str:
        """Precision of the weights, `auto` resolved for this machine."""
        return fast_dtype() if self._requested_dtype == "auto" else self._requested_dtype

    @cached_property
    def fingerprint(self) -> str:
        """Over weights, tokenizer, adapter, precision and batch size (padding can flip a greedy near-tie)."""
        return sha256_json([*self.weights_id, self.dtype, self._quantization, self._batch_size])

    @cached_property
    def weights_id(self) -> list[Any]:
        """Over the weights alone, adapter included."""
        adapter = [sha256_tree(self._adapter), self._adapter_weight] if self._adapter else ""
        return [sha256_tree(self.folder), adapter]

    @cached_property
    def window(self) -> int | None:
        """Tokens of prompt and answer that the model was made for; None where its configuration does not say."""
        told = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        most = {**told, **(told.get("text_config") or {})}.get("max_position_embeddings")
        return most if isinstance(most, int) else None

    @cached_property
    def tokenizer(self) -> Any:
        """The model's tokenizer, padding on the left; raises `InputError` where it has no chat template."""
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(self.folder, padding_side="left")
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        if not tokenizer.chat_template:
            raise InputError(self.folder, "the tokenizer has no chat template", "use an instruction-tuned model")
        return tokenizer

    @cached_property
    def generation_config(self) -> Any:
        """What the model's folder says of generating."""
        from transformers import AutoConfig, GenerationConfig

        if (self.folder / "generation_config.json").is_file():
            return GenerationConfig.from_pretrained(self.folder)
        return GenerationConfig.from_model_config(AutoConfig.from_pretrained(self.folder))

    @cached_property
    def model(self) -> Any:
        """The loaded model in evaluation mode, adapter attached."""
        return self.load(self.dtype)

    def load(self, dtype: str) -> Any:
        """The model in evaluation mode, adapter attached, in another precision than its own."""
        return load_causal_model(self.folder, dtype, self._quantization, self._adapter, self._adapter_weight)

    def render(self, chat: Chat) -> str:
        """The prompt string of a chat, up to where the answer starts. Turn tokens in what is said are plain text."""
        names = [token.content for token in self.tokenizer.added_tokens_decoder.values() if token.special]
        turns = [{"role": m.role, "content": m.content} for m in chat_as_text(chat, names)]
        return str(self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))

    def encode(self, text: str) -> list[int]:
        """Tokens, no special ones added."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def decode(self, tokens: Sequence[int]) -> str:
        """Text without special tokens."""
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))

    def count_tokens(self, chat: Chat) -> int:
        """Prompt tokens, the template's included."""
        return len(self.encode(self.render(chat)))

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        """Greedy answers in the order of `chats`; batches are formed by length so that padding is small."""
        return self._generate(chats, max_new_tokens, None)

    def _generate(self, chats: Sequence[Chat], max_new_tokens: int, streamer: Any) -> list[Generation]:
        import torch

        prompts = [self.render(chat) for chat in chats]
        lengths = (
            [len(ids) for ids in self.tokenizer(prompts, add_special_tokens=False)["input_ids"]] if prompts else []
        )
        order = sorted(range(len(prompts)), key=lambda i: (lengths[i], i))
        results: dict[int, Generation] = {}
        stops = self.stop_ids()
        for start in range(0, len(order), self._batch_size):
            rows = order[start : start + self._batch_size]
            batch = self.tokenizer(
                [prompts[i] for i in rows], return_tensors="pt", padding=True, add_special_tokens=False
            ).to(self.model.device)
            steps: list[Any] = []
            with torch.inference_mode():
                output = self.model.generate(
                    **batch,
                    max_new_tokens=max_new_tokens,
                    streamer=streamer,
                    logits_processor=[partial(_note_likelihood, steps)],
                    do_sample=False,
                    temperature=None,
                    top_p=None,
                    top_k=None,
                    eos_token_id=sorted(stops),
                    pad_token_id=self.tokenizer.pad_token_id,
                )
            answers = output[:, batch["input_ids"].shape[1] :].tolist()
            for place, (row, ids) in enumerate(zip(rows, answers, strict=True)):
                end = next((i for i, token in enumerate(ids) if token in stops), None)
                text = self.decode(ids[:end])
                reason = "length" if end is None else "stop"
                num_new = len(ids) if end is None else end + 1
                logprob = float(sum(step[place] for step in steps[:num_new])) / num_new if num_new else None
                results[row] = Generation(text.strip(), reason, lengths[row], num_new, logprob)
        return [results[i] for i in range(len(prompts))]

    def stream(self, chat: Chat, *, max_new_tokens: int, on_text: OnText) -> Generation:
        """As `generate` for one chat; `on_text` gets the answer in pieces while it is being written."""
        text = TokenText(self.decode, self.stop_ids(), on_text)

        class Streamer:
            prompt_is_through = False

            def put(self, value: Any) -> None:
                # transformers puts the prompt first
                if self.prompt_is_through:
                    text.put(value.flatten().tolist())
                self.prompt_is_through = True

            def end(self) -> None: ...

        (generation,) = self._generate([chat], max_new_tokens, Streamer())
        return generation

    def preload(self, *, alone: bool, several: bool = False) -> None:
        """Load the model, if `alone`: transformers changes settings of the whole process while it loads one."""
        if alone:
            _ = self.model

    def loglikelihood(self, prompts: Sequence[str], continuations: Sequence[str]) -> list[tuple[float, int]]:
        """Sum of log-probabilities in nats and token count of each continuation after its prompt.

        Prompts are plain text without a chat template: the standard way multiple-choice sets are scored.
        """
        import torch

        encoded = []
        for prompt, continuation in zip(prompts, continuations, strict=True):
            head = self.tokenizer(prompt, add_special_tokens=False)["input_ids"] or [self.tokenizer.eos_token_id]
            tail = self.tokenizer(continuation, add_special_tokens=False)["input_ids"]
            encoded.append((head, tail))
        order = sorted(range(len(encoded)), key=lambda i: (len(encoded[i][0]) + len(encoded[i][1]), i))
        scores: dict[int, tuple[float, int]] = {}
        for start in range(0, len(order), self._batch_size):
            rows = order[start : start + self._batch_size]
            longest = max(len(encoded[i][0]) + len(encoded[i][1]) for i in rows)
            # padded on the left, so that the continuations end together: a small model spends much of its time on
            # logits, and only those of the longest continuation are wanted
            kept = max(len(encoded[i][1]) for i in rows) + 1
            ids = torch.full((len(rows), longest), self.tokenizer.pad_token_id)
            mask = torch.zeros((len(rows), longest), dtype=torch.long)
            for r, i in enumerate(rows):
                sequence = encoded[i][0] + encoded[i][1]
                ids[r, longest - len(sequence) :] = torch.tensor(sequence)
                mask[r, longest - len(sequence) :] = 1
            positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
            with torch.inference_mode():
                output = self.model(
                    input_ids=ids.to(self.model.device),
                    attention_mask=mask.to(self.model.device),
                    position_ids=positions.to(self.model.device),
                    logits_to_keep=kept,
                )
            for r, i in enumerate(rows):
                tail = encoded[i][1]
                logits = output.logits[r, kept - 1 - len(tail) : kept - 1].float()
                picked = torch.log_softmax(logits, -1).gather(1, torch.tensor(tail, device=logits.device)[:, None])
                scores[i] = (float(picked.sum()), len(tail))
        return [scores[i] for i in range(len(encoded))]

    def stop_ids(self) -> set[int]:
        """Tokens that end an answer."""
        ids = self.generation_config.eos_token_id
        ids = ids if isinstance(ids, list) else [ids]
        return {i for i in [*ids, self.tokenizer.eos_token_id] if i is not None}


def _note_likelihood(steps: list[Any], _: Any, scores: Any) -> Any:
    """A logits processor that changes nothing and notes the log-probabilities of the greedy choices `(batch,)`."""
    rows = scores.float()
    steps.append((rows.amax(dim=-1) - rows.logsumexp(dim=-1)).cpu())
    return scores


def load_causal_model(
    folder: Path, dtype: str, quantization: str, adapter: Path | None = None, adapter_weight: float = 1.0
) -> Any:
    """A transformers causal model in evaluation mode on the accelerator if there is one. `4bit` is NF4, `8bit`
    LLM.int8, both by bitsandbytes.

    4-bit computes in bfloat16 on an accelerator and in float32 on a CPU, where bfloat16 is no faster.
    An adapter, scaled by `adapter_weight`, is added to the weights in float32 before they are rounded, as merging does;
    beside quantised weights it stays apart.
    """
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    folded = adapter is not None and quantization == "none"
    options: dict[str, Any] = {"dtype": torch.float32 if folded else getattr(torch, dtype)}
    if quantization == "4bit":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16 if torch.cuda.is_available() else torch.float32,
        )
    if quantization == "8bit":
        options["quantization_config"] = BitsAndBytesConfig(load_in_8bit=True)
    if torch.cuda.is_available():
        options["device_map"] = "auto"
    model = AutoModelForCausalLM.from_pretrained(folder, **options)
    if adapter is None:
        return model.eval()
    from peft import PeftModel
    from peft.tuners.lora import LoraLayer

    model = PeftModel.from_pretrained(model, adapter)
    for module in model.modules():
        if isinstance(module, LoraLayer):
            module.scaling = {name: scale * adapter_weight for name, scale in module.scaling.items()}
    return (model.merge_and_unload().to(getattr(torch, dtype)) if folded else model).eval()
