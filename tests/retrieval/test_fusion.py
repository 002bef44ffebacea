"""Two rankings made one, against examples computed by hand."""

import pytest

from hybrid.retrieval.fusion import Fusion, reciprocal_rank, weighted
from hybrid.types import Hit, ranked

DENSE = ranked(["a", "b", "c"], [0.75, 0.5, 0.25])
LEXICAL = ranked(["c", "d", "a"], [8.0, 6.0, 4.0])


def test_reciprocal_ranks() -> None:
    found = reciprocal_rank(DENSE, LEXICAL)
    # a: 1/61 + 1/63, c: 1/63 + 1/61, b and d: 1/62
    assert [hit.passage_id for hit in found] == ["a", "c", "b", "d"], "ties by id"
    assert [hit.score for hit in found] == pytest.approx([1 / 61 + 1 / 63] * 2 + [1 / 62] * 2)
    assert [hit.rank for hit in found] == [1, 2, 3, 4]
    assert [hit.passage_id for hit in reciprocal_rank(DENSE, LEXICAL[:1], k=0)] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        # dense: a 1, b .5, c 0; lexical: c 1, d .5, a 0
        (0.5, [("a", 0.5), ("c", 0.5), ("b", 0.25), ("d", 0.25)]),
        (0.3, [("a", 0.7), ("b", 0.35), ("c", 0.3), ("d", 0.15)]),
        (0.0, [("a", 1.0), ("b", 0.5), ("c", 0.0), ("d", 0.0)]),
        (1.0, [("c", 1.0), ("d", 0.5), ("a", 0.0), ("b", 0.0)]),
    ],
)
def test_convex_combination(weight: float, expected: list[tuple[str, float]]) -> None:
    found = weighted(DENSE, LEXICAL, weight=weight)
    assert [hit.passage_id for hit in found] == [name for name, _ in expected]
    assert [hit.score for hit in found] == pytest.approx([score for _, score in expected])
    assert [hit.rank for hit in found] == [1, 2, 3, 4]


def test_scores_that_are_all_alike_are_all_best() -> None:
    alike = ranked(["b", "d"], [2.0, 2.0])
    assert weighted(DENSE, alike, weight=0.5) == ranked(["b", "a", "d", "c"], [0.75, 0.5, 0.5, 0.0])
    assert weighted([], ranked(["x"], [-3.0]), weight=0.4) == ranked(["x"], [0.4])


@pytest.mark.parametrize("fuse", [reciprocal_rank, Fusion("weighted", 0.2).fuse])
def test_one_empty_ranking_leaves_the_order_of_the_other(fuse: object) -> None:
    assert callable(fuse)
    assert [hit.passage_id for hit in fuse(DENSE, [])] == ["a", "b", "c"]
    assert [hit.passage_id for hit in fuse([], LEXICAL)] == ["c", "d", "a"]
    assert fuse([], []) == []


def test_names_and_single_rankings() -> None:
    assert Fusion("dense").fuse is None and Fusion("lexical").fuse is None
    assert [f.name for f in (Fusion("rrf"), Fusion("weighted", 0.3), Fusion("weighted", 0.0))] == [
        "rrf",
        "weighted 0.3",
        "weighted 0",
    ]
    fuse = Fusion("weighted", 0.0).fuse
    assert fuse is not None
    assert fuse(DENSE, [Hit("z", 1.0, 1)])[0].passage_id == "a"
