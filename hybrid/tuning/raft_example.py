"""One RAFT example as it is written, and those of general instructions that keep what the model could before."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from hybrid.config import Config
from hybrid.jsonl import field as json_field
from hybrid.jsonl import read_jsonl
from hybrid.types import Chat, Message

Kind = Literal["oracle", "no_oracle", "unanswerable", "general"]


@dataclass(frozen=True)
class RaftExample:
    """One training example. `dropped` counts distractors that did not fit the token budget."""

    id: str
    kind: Kind
    chat: Chat
    completion: str
    question_id: str = ""
    oracle: str = ""
    distractors: tuple[str, ...] = ()
    num_tokens: int = 0
    dropped: int = 0

    def record(self) -> dict[str, Any]:
        """The conversational prompt-completion form that TRL and other trainers read."""
        return {
            "id": self.id,
            "kind": self.kind,
            "question_id": self.question_id,
            "oracle": self.oracle,
            "distractors": list(self.distractors),
            "num_tokens": self.num_tokens,
            "dropped": self.dropped,
            "prompt": [{"role": m.role, "content": m.content} for m in self.chat],
            "completion": [{"role": "assistant", "content": self.completion}],
        }


def general_examples(config: Config, num_domain: int, count_tokens: Callable[[Chat], int]) -> list[RaftExample]:
    """General instructions that make up `raft.general_share` of the mixture, as far as the file goes."""
    share = config.raft.general_share
    wanted = round(num_domain * share / (1 - share))
    if wanted == 0:
        return []
    path = config.raft.general_path
    rows = list(read_jsonl(path))
    random.Random(config.seed).shuffle(rows)
    examples = []
    for line, record in rows[:wanted]:
        chat = (Message("user", json_field(path, line, record, "instruction", str)),)
        completion = json_field(path, line, record, "response", str)
        num_tokens = count_tokens((*chat, Message("assistant", completion)))
        if num_tokens <= config.raft.max_example_tokens:
            examples.append(RaftExample(f"general-{line}", "general", chat, completion, num_tokens=num_tokens))
    return examples
