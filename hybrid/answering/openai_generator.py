"""Any server with an OpenAI-compatible chat API: vLLM, `transformers serve`, llama.cpp, a hosted one."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cached_property
from threading import Event
from typing import Any

from hybrid.answering.turn_tokens import chat_as_text
from hybrid.artifacts import sha256_json
from hybrid.controls import without_halves
from hybrid.errors import EndpointError, UserError
from hybrid.types import Chat, Generation

_CHARS_PER_TOKEN = 3.2
"""A low estimate for English, so that a budget counted with it is rarely exceeded."""
_LONGEST_PAUSE_S = 30.0


class OpenAIGenerator:
    """Greedy chat completions, `concurrency` requests at a time. The key is read from the environment when first
    needed.

    A request is given `timeout_s`. Refused connections, timeouts, 408, 409, 429 and 5xx are repeated after pauses that
    double, with jitter, or after those that the server asks for, until `total_timeout_s` is over since the first try.
    `model` is what the server calls it: vLLM serves a LoRA adapter under a name of its own.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key_env: str,
        timeout_s: float = 60.0,
        total_timeout_s: float = 300.0,
        concurrency: int = 8,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._model = model
        self._api_key_env = api_key_env
        self._timeout_s = timeout_s
        self._total_timeout_s = total_timeout_s
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
        found = dict(self.completions(chats, max_new_tokens=max_new_tokens))
        return [found[place] for place in range(len(chats))]

    def completions(self, chats: Sequence[Chat], *, max_new_tokens: int) -> Iterator[tuple[int, Generation]]:
        """Places in `chats` with their answers, as they come. When one fails for good the rest is not asked any more;
        what the server has answered by then is given, then the `EndpointError` raised.
        """
        _ = self._client
        given_up = Event()
        failure: EndpointError | None = None
        with ThreadPoolExecutor(self._concurrency) as pool:
            asked = {
                pool.submit(self._complete, chat, max_new_tokens, given_up): place for place, chat in enumerate(chats)
            }
            try:
                for future in as_completed(asked):
                    if future.cancelled():
                        continue
                    error = future.exception()
                    if error is None:
                        yield asked[future], future.result()
                    elif not isinstance(error, EndpointError):
                        raise error
                    elif failure is None:
                        failure = error
                        given_up.set()
                        for waiting in asked:
                            waiting.cancel()
            finally:
                given_up.set()
                for waiting in asked:
                    waiting.cancel()
        if failure is not None:
            raise failure

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
        return OpenAI(base_url=self._base_url, api_key=key or "none", timeout=self._timeout_s, max_retries=0)

    def stream(self, chat: Chat, *, max_new_tokens: int, on_text: Callable[[str], None]) -> Generation:
        """As `generate` for one chat; `on_text` gets the answer in pieces as the server sends them.

        Only the request is repeated: what has been told of an answer cannot be taken back.
        """
        from httpx import HTTPError
        from openai import OpenAIError

        text, reason, usage = "", None, None
        options = {"stream": True, "stream_options": {"include_usage": True}}
        chunks = self._request(chat, max_new_tokens, Event(), **options)
        try:
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
        return _generation(text, reason, usage)

    def _complete(self, chat: Chat, max_new_tokens: int, given_up: Event) -> Generation:
        reply = self._request(chat, max_new_tokens, given_up)
        try:
            choice, usage = reply.choices[0], reply.usage
        except (AttributeError, IndexError, TypeError):
            raise self._failure("the reply is not a chat completion") from None
        return _generation(choice.message.content or "", choice.finish_reason, usage)

    def _request(self, chat: Chat, max_new_tokens: int, given_up: Event, **more: Any) -> Any:
        """What the server replies, asked again while that may help and nobody has given up."""
        from openai import OpenAIError
        from tenacity import Retrying, retry_if_exception, sleep_using_event, stop_after_delay, stop_when_event_set

        again = Retrying(
            retry=retry_if_exception(_is_passing),
            stop=stop_after_delay(self._total_timeout_s) | stop_when_event_set(given_up),
            wait=_pause,
            sleep=sleep_using_event(given_up),
            reraise=True,
        )
        try:
            return again(
                self._client.chat.completions.create,
                model=self._model,
                messages=[{"role": m.role, "content": m.content} for m in chat_as_text(chat)],
                max_tokens=max_new_tokens,
                temperature=0.0,
                **more,
            )
        except OpenAIError as error:
            tries = again.statistics.get("attempt_number", 1)
            told = f" (tried {tries} times)" if tries > 1 else ""
            # servers put their reason where the client does not look for it
            reason = getattr(getattr(error, "response", None), "text", "")
            said = "" if reason[:40] in str(error) else f": {reason}"
            raise self._failure(f"{type(error).__name__}{told}: {error}{said}") from None

    def _failure(self, cause: str) -> EndpointError:
        """A server may echo the key that it refuses: it is cut out before the message is shortened."""
        key = os.environ.get(self._api_key_env)
        told = cause.replace(key, "…") if key else cause
        return EndpointError(
            f"{self._base_url}, model {self._model}: {' '.join(told.split())[:300]}",
            "check generator.base_url, generator.model and that the server is up; called again, the command asks only "
            "what is not answered yet",
        )


def _generation(text: str, reason: str, usage: Any) -> Generation:
    return Generation(
        text=without_halves(text).strip(),
        finish_reason="length" if reason == "length" else "stop",
        num_prompt_tokens=usage.prompt_tokens if usage else 0,
        num_new_tokens=usage.completion_tokens if usage else 0,
    )


def _is_passing(error: BaseException) -> bool:
    """Whether the same request may succeed in a moment. A quota that is used up will not."""
    from openai import APIConnectionError, APIStatusError

    if isinstance(error, APIStatusError):
        code = error.status_code
        return code >= 500 or code in (408, 409) or (code == 429 and error.code != "insufficient_quota")
    return isinstance(error, APIConnectionError)


def _pause(state: Any) -> float:
    """Seconds before the next try: half a second that doubles, with jitter; what the server asks for where it does."""
    from tenacity import wait_random_exponential

    error = state.outcome.exception()
    response = getattr(error, "response", None)
    try:
        asked = float(response.headers.get("retry-after", "")) if response is not None else 0.0
    except ValueError:
        asked = 0.0
    drawn: float = wait_random_exponential(multiplier=0.5, max=_LONGEST_PAUSE_S)(state)
    return max(drawn, min(asked, 2 * _LONGEST_PAUSE_S), 0.05)
