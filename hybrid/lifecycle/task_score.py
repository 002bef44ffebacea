"""The task score of a workspace: what an adapter, a merge weight and the base are worth on RAFT dev examples."""

from pathlib import Path

from hybrid.backends import make_cached
from hybrid.config import Config
from hybrid.corpus.passages import PassageSet
from hybrid.evaluation.task_score import score_as_served, score_examples
from hybrid.lifecycle.search import Search
from hybrid.protocols import Generator


def task_score(
    root: Path, config: Config, passages: PassageSet, generator: Generator, base: Search | None = None
) -> float:
    """The mean over the examples; answers are cached, so that a measured model costs nothing again.

    `base`: the search of the system whose generator is the base's. One that reads passages apart is asked so, as it
    would be served: in a prompt that confuses it, it would be beaten by an adapter that gains nothing.
    """
    cached = make_cached(generator, config, root / "cache" / "generations.sqlite")
    file = root / "raft" / "dev.jsonl"
    questions = {question.id: question for question in passages.questions}
    if base and base.config.answering.reading == "apart":
        scores = score_as_served(base.pipeline(cached), file, questions)
    else:
        scores = score_examples(cached, file, questions, max_new_tokens=config.generator.max_new_tokens)
    return sum(scores) / len(scores)
