"""What a second diagnosis costs after one layer was retuned: only the prompts that it changed."""

from collections.abc import Sequence
from pathlib import Path

from hybrid.answering.generation_cache import CachedGenerator
from hybrid.answering.pipeline import Pipeline
from hybrid.config import Config
from hybrid.evaluation.arms import run_arms
from hybrid.retrieval.flat_store import FlatStore
from hybrid.types import Arm, Chat, Generation, Hit, Passage, Question

PASSAGES = {f"p{i}": Passage(f"p{i}", f"Machine {i} weighs {i} kg.", document_id=f"d{i}") for i in range(9)}
QUESTIONS = [Question(f"q{i}", f"How heavy is machine {i}?", (f"{i} kg",), (f"p{i}",)) for i in range(4)]


class Counting:
    """Answers with nothing, remembers what it was asked."""

    name = fingerprint = "counting"

    def __init__(self) -> None:
        self.asked: list[Chat] = []

    def count_tokens(self, chat: Chat) -> int:
        return 10

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        self.asked += chats
        return [Generation("", "stop", 1, 0) for _ in chats]


def ranking(shift: int) -> list[list[Hit]]:
    """Hits of each question, its gold first, then the `shift`-th passages after it."""
    return [
        [Hit(f"p{(i + place * shift) % 9}", 1.0 - place / 10, place + 1) for place in range(4)]
        for i in range(len(QUESTIONS))
    ]


def test_after_another_embedder_only_what_it_ranks_is_asked_again(tmp_path: Path) -> None:
    inner = Counting()
    cached = CachedGenerator(inner, tmp_path / "generations.sqlite")
    config = Config.model_validate({"retrieval": {"k": 3}})
    # nothing of the embedder is used: the rankings are given
    pipeline = Pipeline(FlatStore(4), None, cached, PASSAGES, config)  # type: ignore[arg-type]

    def run(shift: int, arms: frozenset[Arm] = frozenset(Arm)) -> list[Chat]:
        before = len(inner.asked)
        run_arms(pipeline, QUESTIONS, ranking(shift), orders=3, seed=13, arms=arms)
        return inner.asked[before:]

    first = run(1)
    # three orders of what was found, one more of the same passages with the gold among them, oracle, none, irrelevant
    assert len(first) <= 7 * len(QUESTIONS)
    assert run(1) == []
    assert run(2, frozenset({Arm.ORACLE, Arm.CLOSED_BOOK, Arm.IRRELEVANT})) == []
    again = run(2)
    assert 0 < len(again) <= 4 * len(QUESTIONS)
    assert all("[3]" in chat[-1].content for chat in again), "only contexts of three ranked passages"


def test_a_generator_that_returns_nothing_declines_and_is_no_error(tmp_path: Path) -> None:
    config = Config.model_validate({"retrieval": {"k": 3}})
    pipeline = Pipeline(FlatStore(4), None, Counting(), PASSAGES, config)  # type: ignore[arg-type]
    records = run_arms(pipeline, QUESTIONS, ranking(1), orders=1, seed=13)
    outcomes = [o for record in records for o in record.outcomes if o.arm is not Arm.IRRELEVANT]
    assert outcomes and all(o.abstained and not o.correct for o in outcomes)
    assert all(record.over_refusal for record in records)
