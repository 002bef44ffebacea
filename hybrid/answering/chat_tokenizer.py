"""A chat model's tokenizer and prompt template without transformers, whose import takes longer than an answer.

What transformers makes of a model folder is written down once: its Rust tokenizer, its template, its stop tokens. From
then on both are used directly. Where they do not give the very prompts and texts that transformers gives, transformers
is used.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from hybrid.answering.local_generator import LocalGenerator
from hybrid.answering.turn_tokens import chat_as_text
from hybrid.artifacts import Build, publish_once, sha256_tree, write_text
from hybrid.types import Chat, Message

VERSION = 1
_PROBES: tuple[Chat, ...] = (
    (Message("user", "x"),),
    (
        Message("system", "Answer from the passages."),
        Message("user", "[1] 20 kg, “naïve” – 漢字 🙂\n\n  Weight: 1 .\n"),
    ),
    (Message("user", " Which seal? "), Message("assistant", "The red one [2] ."), Message("user", "it's don't <b>")),
)


class Tokenizing(Protocol):
    """Chats to prompts, prompts to tokens, tokens to text."""

    def render(self, chat: Chat) -> str:
        """The prompt string of a chat, up to where the answer starts."""
        ...

    def encode(self, text: str) -> list[int]:
        """Tokens, no special ones added."""
        ...

    def decode(self, tokens: Sequence[int]) -> str:
        """Text without special tokens."""
        ...

    def stop_ids(self) -> set[int]:
        """Tokens that end an answer."""
        ...


@dataclass(frozen=True)
class ChatTokenizer:
    """What `open_tokenizer` wrote down, read."""

    folder: Path

    def render(self, chat: Chat) -> str:
        """The prompt string of a chat, up to where the answer starts. Turn tokens in what is said are plain text."""
        said = chat_as_text(chat, self._turn_tokens)
        turns = [{"role": message.role, "content": message.content} for message in said]
        names = self._facts["special_tokens"]
        return str(
            self._template.render(messages=turns, tools=None, documents=None, add_generation_prompt=True, **names)
        )

    def encode(self, text: str) -> list[int]:
        """Tokens, no special ones added."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, tokens: Sequence[int]) -> str:
        """Text without special tokens."""
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True))

    def stop_ids(self) -> set[int]:
        """Tokens that end an answer."""
        return set(self._facts["stop_ids"])

    @cached_property
    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.folder / "chat.json").read_text(encoding="utf-8"))
        return facts

    @cached_property
    def _turn_tokens(self) -> list[str]:
        return [token.content for token in self._tokenizer.get_added_tokens_decoder().values() if token.special]

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _template(self) -> Any:
        """Compiled in a sandbox, as templates come with models from anywhere."""
        from jinja2 import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        def refuse(message: str) -> None:
            raise TemplateError(message)

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = refuse
        environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
        return environment.from_string(self._facts["template"])


def open_tokenizer(local: LocalGenerator, cache: Path) -> Tokenizing:
    """The tokenizer of a model, written down below `cache` at first use; the model's own by transformers where the
    two differ. Raises `InputError` where the model has no chat template.
    """
    inputs = {"model": sha256_tree(local.folder), "transformers": version("transformers")}
    target = cache / inputs["model"][:24]

    def make(build: Build) -> None:
        build.facts["equal"] = _write(local, build.path)

    manifest = publish_once(target, "chat", VERSION, {}, inputs, make)
    return ChatTokenizer(target) if manifest.facts["equal"] else local


def _write(local: LocalGenerator, folder: Path) -> bool:
    """Write a model's tokenizer down; False where that does not give what transformers gives."""
    tokenizer = local.tokenizer
    facts = {
        "template": tokenizer.chat_template,
        "special_tokens": tokenizer.special_tokens_map,
        "stop_ids": sorted(local.stop_ids()),
    }
    write_text(folder / "chat.json", json.dumps(facts, ensure_ascii=False, default=str))
    # names with two underscores in a row reach into Python's objects, which transformers guards more closely
    if not tokenizer.is_fast or not isinstance(tokenizer.chat_template, str) or "__" in tokenizer.chat_template:
        return False
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    try:
        return all(_same(ChatTokenizer(folder), local, chat) for chat in _PROBES)
    except Exception:
        # a template may use whatever transformers puts into its environment
        return False


def _same(one: Tokenizing, other: Tokenizing, chat: Chat) -> bool:
    prompt, content = other.render(chat), chat[-1].content
    tokens = other.encode(prompt)
    return (
        one.render(chat) == prompt
        and one.encode(prompt) == tokens
        and one.decode(tokens) == other.decode(tokens)
        and one.decode(one.encode(content)) == other.decode(other.encode(content))
    )


def _to_json(value: object, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
    """Jinja's own escapes what HTML would read as markup."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **options)
