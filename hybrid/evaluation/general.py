"""General ability by option likelihood: what tuning may have cost outside the domain.

An item is right where its answer has the highest log-likelihood per byte among the options, the length-normalised
accuracy ("acc_norm") of the EleutherAI evaluation harness. Prompts are plain text, so that chat templates play no part.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hybrid.config import Config
from hybrid.errors import InputError, UserError
from hybrid.jsonl import field, read_jsonl
from hybrid.progress import track
from hybrid.protocols import Generator, Scorer

_BATCH_ITEMS = 8


@dataclass(frozen=True)
class ChoiceItem:
    """A multiple-choice question."""

    id: str
    question: str
    choices: tuple[str, ...]
    answer_index: int


def read_items(
    files: Sequence[Path], per_file: int, seed: int, *, dev_share: float = 0.0, dev: bool = False
) -> list[ChoiceItem]:
    """Items of all files, a fixed random sample of `per_file` each (0 takes all).

    `dev_share` of each file, the same for any `per_file`, is kept apart: `dev` takes from there, else from the rest.
    """
    items: list[ChoiceItem] = []
    for path in files:
        rows = []
        for line, record in read_jsonl(path):
            choices = tuple(str(choice) for choice in field(path, line, record, "choices", list))
            index = field(path, line, record, "answer_index", int)
            if not 0 <= index < len(choices):
                raise InputError(path, f"answer_index {index} is outside the {len(choices)} choices", line=line)
            identity = field(path, line, record, "id", str)
            rows.append(ChoiceItem(identity, field(path, line, record, "question", str), choices, index))
        held = set(random.Random(f"{seed}/dev").sample(range(len(rows)), round(dev_share * len(rows))))
        rows = [row for place, row in enumerate(rows) if (place in held) == dev]
        if per_file and per_file < len(rows):
            rows = random.Random(seed).sample(rows, per_file)
        items.extend(rows)
    return items


def general_dev_score(generator: Generator, config: Config) -> float:
    """Share of the general items kept for dev that are answered right: it chooses the merge weight, and no figure."""
    if not isinstance(generator, Scorer):
        raise UserError(f"{generator.name} tells no likelihoods", "leave merge.sweep empty, or use a local generator")
    options = config.evaluation
    items = read_items(
        options.general_paths,
        options.general_dev_items,
        config.seed,
        dev_share=options.general_dev_share,
        dev=True,
    )
    right = score_items(generator, items)
    return sum(right) / len(right)


def score_items(scorer: Scorer, items: Sequence[ChoiceItem]) -> list[bool]:
    """Whether each item is answered right."""
    right: list[bool] = []
    batches = [items[i : i + _BATCH_ITEMS] for i in range(0, len(items), _BATCH_ITEMS)]
    for batch in track(batches, total=len(batches), description="general ability"):
        pairs = [(f"Question: {item.question}\nAnswer:", f" {choice}") for item in batch for choice in item.choices]
        scores = scorer.loglikelihood([prompt for prompt, _ in pairs], [continuation for _, continuation in pairs])
        per_byte = [score / len(text.encode()) for (score, _), (_, text) in zip(scores, pairs, strict=True)]
        start = 0
        for item in batch:
            options = per_byte[start : start + len(item.choices)]
            right.append(options.index(max(options)) == item.answer_index)
            start += len(item.choices)
    return right
