"""One RAFT example as it is written, and those of general instructions that keep what the model could before."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from hybrid.config import Config
from hybrid.jsonl import field as json_field
from hybrid.jsonl import read_jsonl
from hybrid.types import Chat, Message

MOST_REPEATS = 3
"""Times that a general instruction stands in a mixture at most."""

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
    """General instructions that make up `raft.general_share` of the mixture, as far as the file goes.

    Where the file has fewer rows than that takes, its rows are repeated: each as often as the others, give or take
    one, and at most `MOST_REPEATS` times. Rows over `raft.max_example_tokens` are left out.
    """
    wanted = wanted_general(num_domain, config.raft.general_share)
    if wanted == 0:
        return []
    path = config.raft.general_path
    fitting = []
    for line, record in read_jsonl(path):
        chat = (Message("user", json_field(path, line, record, "instruction", str)),)
        completion = json_field(path, line, record, "response", str)
        num_tokens = count_tokens((*chat, Message("assistant", completion)))
        if num_tokens <= config.raft.max_example_tokens:
            fitting.append(RaftExample(f"general-{line}", "general", chat, completion, num_tokens=num_tokens))
    chance = random.Random(config.seed)
    rounds = [chance.sample(fitting, len(fitting)) for _ in range(MOST_REPEATS)]
    return [
        replace(example, id=f"{example.id}-{time}") if time > 1 else example
        for time, examples in enumerate(rounds, start=1)
        for example in examples
    ][:wanted]


def wanted_general(num_domain: int, share: float) -> int:
    """General examples beside `num_domain` others, so that they are `share` of all."""
    return round(num_domain * share / (1 - share))


def reached_share(num_domain: int, share: float, num_rows: int) -> float:
    """What of `share` a file of `num_rows` general instructions gives beside `num_domain` other examples."""
    general = min(wanted_general(num_domain, share), MOST_REPEATS * num_rows)
    return general / max(1, general + num_domain)
