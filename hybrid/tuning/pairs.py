"""Training rows for the embedder: question, gold passage, hard negatives."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hybrid.config import Config
from hybrid.protocols import Vectors
from hybrid.tuning.dev_ranking import encode, truncate
from hybrid.tuning.hard_negatives import fill_negatives, mine_hard_negatives
from hybrid.types import Passage, Question


@dataclass(frozen=True)
class Pair:
    """One row: what the loss reads, and the passages (as texts) that may stand only once in its batch."""

    query: str
    positive: str
    negatives: tuple[str, ...]
    exclusive: tuple[str, ...]


def make_pairs(
    model: Any,
    corpus: Sequence[Passage],
    train: Sequence[Question],
    vectors: Vectors,
    config: Config,
    counts: dict[str, int],
) -> list[Pair]:
    """A row for a question and each of its first positives, with negatives mined at the deployed dimension."""
    options, embedder = config.train_embed, config.embedder
    texts = {passage.id: embedder.passage_prompt + passage.full_text for passage in corpus}
    queries = [embedder.query_prompt + question.question for question in train]
    dropped: Counter[str] = Counter()
    chosen: list[list[str]] = [[] for _ in train]
    if options.hard_negatives:
        encoded = encode(model, queries, embedder.batch_size, "training questions")
        mined = mine_hard_negatives(
            train,
            corpus,
            truncate(encoded, vectors.shape[1]),
            truncate(vectors, vectors.shape[1]),
            num_negatives=options.hard_negatives,
            relative_margin=options.relative_margin,
            dropped=dropped,
        )
        chosen = fill_negatives(train, corpus, mined, num_negatives=options.hard_negatives, seed=config.seed)
        counts["filled_negatives"] = sum(len(c) - len(m) for c, m in zip(chosen, mined, strict=True))
    pairs: list[Pair] = []
    # Rows must be of equal length, so a question without a fit passage is left out where others have one.
    needed = any(chosen)
    for question, query, ids in zip(train, queries, chosen, strict=True):
        golds = list(dict.fromkeys(texts[id_] for id_ in question.positives if id_ in texts))
        if needed and not ids:
            counts["questions_without_negative"] = counts.get("questions_without_negative", 0) + 1
            continue
        negatives = tuple(texts[id_] for id_ in ids)
        exclusive = (query, *golds, *negatives)
        pairs.extend(Pair(query, gold, negatives, exclusive) for gold in golds[: options.positives_per_question])
    counts.update(questions=len(train), pairs=len(pairs), negatives=sum(len(pair.negatives) for pair in pairs))
    counts.update({f"false_negatives_{reason}": dropped[reason] for reason in ("text", "answer", "document")})
    return pairs
