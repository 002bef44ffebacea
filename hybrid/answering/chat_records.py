"""Chats as training files hold them, in the forms of TRL, Axolotl, LLaMA-Factory (sharegpt, alpaca) and OpenAI."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hybrid.errors import InputError
from hybrid.types import Chat, Message

_ROLES = {"human": "user", "gpt": "assistant", "model": "assistant", "chatgpt": "assistant"}


@dataclass(frozen=True)
class Names:
    """How a file calls its parts, by LLaMA-Factory's dataset_info.json; the defaults are tried elsewhere."""

    columns: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


PLAIN = Names()


def read_turns(path: Path, line: int, record: Mapping[str, Any], names: Names = PLAIN) -> Chat:
    """The turns of a record, the answer among them. Raises `InputError` for a record of another form."""
    columns = names.columns
    keys = (columns.get("messages", "messages"), "messages", "conversations")
    listed = next((record[key] for key in keys if key in record), None)
    if isinstance(listed, list):
        return tuple(_turn(path, line, item, names.tags) for item in listed)
    sides = [(record.get("prompt"), "user"), (record.get("completion"), "assistant")]
    if all(isinstance(side, str | list) for side, _ in sides):
        return tuple(
            turn
            for side, role in sides
            for turn in (
                [Message(role, side)] if isinstance(side, str) else [_turn(path, line, m, {}) for m in side or ()]
            )
        )
    asked, answer = record.get(columns.get("prompt", "instruction")), record.get(columns.get("response", "output"))
    if isinstance(asked, str) and isinstance(answer, str):
        context = record.get(columns.get("query", "input")) or ""
        # alpaca puts what is asked first and what it is asked of second
        user = f"Context:\n{context}\nQuestion: {asked}" if context else asked
        return (Message("user", user), Message("assistant", answer))
    raise InputError(
        path,
        f"no chat in it (fields: {', '.join(record)})",
        "needs `messages`, `conversations`, `prompt` and `completion`, or `instruction` and `output`",
        line=line,
    )


def _turn(path: Path, line: int, item: Any, tags: Mapping[str, str]) -> Message:
    """A message under any of the usual keys; the parts of a content in parts are joined."""
    if isinstance(item, dict):
        role = next((item[key] for key in (tags.get("role_tag", "role"), "role", "from") if key in item), None)
        content = next(
            (item[key] for key in (tags.get("content_tag", "content"), "content", "value") if key in item), None
        )
        if isinstance(content, list):
            content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
        if isinstance(role, str) and isinstance(content, str):
            named = {tags[f"{name}_tag"]: name for name in ("user", "assistant", "system") if f"{name}_tag" in tags}
            return Message(named.get(role, _ROLES.get(role, role)), content)
    raise InputError(path, "a message has no role or no text", 'write {"role": "user", "content": "…"}', line=line)
