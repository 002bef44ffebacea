"""Questions without topics get some of their own words."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from hybrid.evaluation.topics import with_topics
from hybrid.types import Question

Encode = Callable[[Sequence[str]], np.ndarray]


def never(_: Sequence[str]) -> np.ndarray:
    raise AssertionError("encoded for nothing")


def made(num: int) -> tuple[list[Question], Encode]:
    """Half about pumps, half about invoices, far apart."""
    texts = ["How heavy is the pump with seal {}?", "When is the invoice {} due for payment?"]
    questions = [Question(f"q{i}", texts[i % 2].format(i)) for i in range(num)]
    rng = np.random.default_rng(1)
    vectors = np.eye(2)[[i % 2 for i in range(num)]] + rng.normal(scale=0.05, size=(num, 2))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return questions, lambda _: unit


def test_clusters_are_named_by_their_own_terms() -> None:
    found = with_topics(*made(130), seed=1)
    pumps, invoices = ({q.topic for q in found[start::2]} for start in (0, 1))
    assert len(pumps) == len(invoices) == 1 and pumps != invoices
    assert "pump" in next(iter(pumps)) and "invoice" in next(iter(invoices))
    assert found == with_topics(*made(130), seed=1)


def test_given_topics_and_small_sets_stay_as_they_are() -> None:
    questions, _ = made(130)
    given = [replace(questions[0], topic="seals"), *questions[1:]]
    assert with_topics(given, never, seed=1) == given
    assert with_topics(questions[:100], never, seed=1) == questions[:100]


def test_questions_without_words_are_numbered() -> None:
    questions, encode = made(130)
    found = with_topics([replace(q, question="12 ?") for q in questions], encode, seed=1)
    assert {q.topic for q in found} == {"topic 1", "topic 2"}
