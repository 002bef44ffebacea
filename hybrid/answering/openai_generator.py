"""Any server with an OpenAI-compatible chat API: vLLM, llama.cpp, a hosted one."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

from hybrid.artifacts import sha256_json
from hybrid.errors import EndpointError, UserError
from hybrid.types import Chat, Generation

_CHARS_PER_TOKEN = 3.2
"""A low estimate for English, so that a budget counted with it is rarely exceeded."""


class OpenAIGenerator:
    """Greedy chat completions, several requests at a time. The key is read from the environment when first needed."""

    def __init__(
        self, base_url: str, model: str, *, api_key_env: str, timeout_s: float = 60.0, concurrency: int = 8
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._model = model
        self._api_key_env = api_key_env
        self._timeout_s = timeout_s
        self._concurrency = concurrency
        self.name = model

    @property
    def fingerprint(self) -> str:
        """Over URL and model name: what the server holds under the name cannot be seen from here."""
        return sha256_json(["openai", self._base_url, self._model])

    def count_tokens(self, chat: Chat) -> int:
        """An estimate from characters, as the tokenizer is at the server."""
        return sum(int(len(m.content) / _CHARS_PER_TOKEN) + 5 for m in chat)

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        """Answers in the order of `chats`. Raises `EndpointError` naming URL and cause, never the key."""
        with ThreadPoolExecutor(self._concurrency) as pool:
            return list(pool.map(lambda chat: self._complete(chat, max_new_tokens), chats))

    @cached_property
    def _client(self) -> Any:
        from openai import OpenAI

        key = os.environ.get(self._api_key_env)
        local = any(host in self._base_url for host in ("//localhost", "//127.0.0.1", "//[::1]"))
        if not key and not local:
            raise UserError(
                f"no API key for {self._base_url}",
                f"export {self._api_key_env}=… (the key is never written to disk or printed)",
            )
        return OpenAI(base_url=self._base_url, api_key=key or "none", timeout=self._timeout_s, max_retries=3)

    def _complete(self, chat: Chat, max_new_tokens: int) -> Generation:
        from openai import OpenAIError

        try:
            reply = self._client.chat.completions.create(
                model=self._model,
                messages=[{"role": m.role, "content": m.content} for m in chat],
                max_tokens=max_new_tokens,
                temperature=0.0,
            )
        except OpenAIError as error:
            raise self._failure(f"{type(error).__name__}: {error}") from None
        try:
            choice, usage = reply.choices[0], reply.usage
        except (AttributeError, IndexError, TypeError):
            raise self._failure("the reply is not a chat completion") from None
        return Generation(
            text=(choice.message.content or "").strip(),
            finish_reason="length" if choice.finish_reason == "length" else "stop",
            num_prompt_tokens=usage.prompt_tokens if usage else 0,
            num_new_tokens=usage.completion_tokens if usage else 0,
        )

    def stream(self, chat: Chat, *, max_new_tokens: int, on_text: Callable[[str], None]) -> Generation:
        """As `generate` for one chat; `on_text` gets the answer in pieces as the server sends them."""
        from httpx import HTTPError
        from openai import OpenAIError

        text, reason, usage = "", None, None
        try:
            chunks = self._client.chat.completions.create(
                model=self._model,
                messages=[{"role": m.role, "content": m.content} for m in chat],
                max_tokens=max_new_tokens,
                temperature=0.0,
                stream=True,
                stream_options={"include_usage": True},
            )
            with chunks:
                for chunk in chunks:
                    usage = chunk.usage or usage
                    for choice in chunk.choices[:1]:
                        reason = choice.finish_reason or reason
                        piece = choice.delta.content or ""
                        # the answer is given without blanks around it; those at its end wait for what follows
                        before, text = text.strip(), text + piece
                        if new := text.strip()[len(before) :]:
                            on_text(new)
        except (OpenAIError, HTTPError) as error:
            raise self._failure(f"{type(error).__name__}: {error}") from None
        except (AttributeError, TypeError):
            raise self._failure("the reply is not a stream of a chat completion") from None
        if reason is None:
            raise self._failure("the answer broke off")
        return Generation(
            text=text.strip(),
            finish_reason="length" if reason == "length" else "stop",
            num_prompt_tokens=usage.prompt_tokens if usage else 0,
            num_new_tokens=usage.completion_tokens if usage else 0,
        )

    def _failure(self, cause: str) -> EndpointError:
        """A server may echo the key that it refuses: it is cut out before the message is shortened."""
        key = os.environ.get(self._api_key_env)
        told = cause.replace(key, "…") if key else cause
        return EndpointError(
            f"{self._base_url}, model {self._model}: {(told.splitlines() or [''])[0][:200]}",
            "check generator.base_url, generator.model and that the server is up",
        )
