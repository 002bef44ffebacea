"""What a teacher is asked: kinds in their shares, quotes verbatim, all documents covered, no pair across splits."""

from collections import Counter
from collections.abc import Mapping

import pytest

from hybrid.config import SynthKind
from hybrid.synth.assignments import KINDS, assign
from hybrid.types import Passage

SHELF = [
    Passage(
        f"p{i}",
        f"The crate C{i} of oak weighs {20 + i} kg in hall H{i // 2}. Open both latches before its lid is lifted. "
        f"Crate C{i} may not be stacked on a pallet in hall H{i // 2}.",
        document_id=f"d{i}",
    )
    for i in range(12)
]


def made(num: int, shares: Mapping[SynthKind, float], seed: int = 1, side: object = None) -> list:
    return assign(SHELF, num=num, shares=shares, personas=("a", "b"), side=side or (lambda passage: "train"), seed=seed)


def test_kinds_come_in_their_shares_and_the_same_seed_gives_the_same() -> None:
    shares: dict[SynthKind, float] = {"lookup": 2, "negation": 1, "unanswerable": 1}
    first = made(16, shares)
    assert Counter(item.kind for item in first) == {"lookup": 8, "negation": 4, "unanswerable": 4}
    assert first == made(16, shares) != made(16, shares, seed=2)
    assert len({item.id for item in first}) == 16
    assert {item.persona for item in first} == {"a", "b"}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_quotes_its_passages_word_by_word(kind: SynthKind) -> None:
    found = made(6, {kind: 1})
    assert found
    for item in found:
        assert len(item.quotes) == (0 if kind == "unanswerable" else len(item.passages))
        assert all(quote in passage.text for quote, passage in zip(item.quotes, item.passages, strict=False))
        if kind in ("comparison", "multi_passage"):
            assert len({passage.id for passage in item.passages}) == 2
        if kind == "comparison":
            assert all("kg" in quote for quote in item.quotes)
        if kind == "negation":
            assert all(" not " in quote for quote in item.quotes)


def test_every_passage_is_used_once_before_any_is_used_twice() -> None:
    assert Counter(item.passages[0].id for item in made(12, {"lookup": 1})) == {p.id: 1 for p in SHELF}
    assert max(Counter(item.passages[0].id for item in made(20, {"lookup": 1})).values()) == 2


def test_no_question_reaches_over_two_splits() -> None:
    def side(passage: Passage) -> str:
        return "dev" if passage.id == "p1" else "train"

    pairs = made(20, {"multi_passage": 1}, side=side)
    assert pairs and all(len({side(passage) for passage in item.passages}) == 1 for item in pairs)
    assert any("p1" in {p.id for p in item.passages} for item in made(20, {"multi_passage": 1})), "else no such pair"


def test_a_kind_without_sentences_yields_fewer() -> None:
    shelf = [Passage("p", "The lamp is green and hangs in the yard.", document_id="d")]
    found = assign(shelf, num=9, shares={"comparison": 1, "lookup": 1}, personas=("a",), side=lambda p: "t", seed=1)
    assert [item.kind for item in found] == ["lookup"]
