"""The choice of a fusion: the best of those that are proven better than vectors alone, never by the best luck."""

import math
from pathlib import Path

import pytest

from hybrid.artifacts import read_manifest
from hybrid.config import Config
from hybrid.errors import TooLittleDataError
from hybrid.lifecycle.fusion_choice import (
    CANDIDATES,
    DENSE,
    Point,
    choose,
    choose_fusion,
    chosen_fusion,
    dev_questions,
    ndcg_of,
)
from hybrid.retrieval.fusion import Fusion
from hybrid.types import Hit, Question, ranked

CONFIG = Config.model_validate({"evaluation": {"resamples": 500}})
INPUTS = {"passages": "p", "index": "i", "lexical": "l"}
RRF, HALF, THIRD = Fusion("rrf"), Fusion("weighted", 0.5), Fusion("weighted", 0.3)


def question(number: int, split: str = "dev") -> Question:
    return Question(f"q{number}", "?", ("a",), (f"zz{number}",), split)


def hits(number: int, place: int) -> list[Hit]:
    """Three passages, the gold one at a place from 1; at 4 it is not there."""
    ids = [f"x{number}", f"y{number}", f"z{number}"]
    ids.insert(place - 1, f"zz{number}")
    return ranked(ids[:3], [3.0, 2.0, 1.0])


@pytest.mark.parametrize(
    ("points", "chosen"),
    [
        ([Point(THIRD, 0.02, 0.01), Point(HALF, 0.05, -0.01), Point(RRF, 0.03, 0.001)], RRF),
        ([Point(THIRD, 0.02, 0.01), Point(HALF, 0.02, 0.015)], THIRD),
        ([Point(THIRD, 0.02, 0.0), Point(HALF, 0.3, math.nan)], DENSE),
        ([], DENSE),
    ],
)
def test_the_best_of_those_that_are_proven_better(points: list[Point], chosen: Fusion) -> None:
    assert choose(points) == chosen


def test_scores_of_a_fusion_by_hand() -> None:
    asked = [question(1), question(2)]
    halves = {"dense": [hits(1, 1), hits(2, 4)], "lexical": [hits(1, 3), hits(2, 2)]}
    assert ndcg_of(DENSE, asked, halves) == [1.0, 0.0]
    assert ndcg_of(Fusion("lexical"), asked, halves) == pytest.approx([1 / 2, 1 / math.log2(3)])
    # rrf: x1 1/62 + 1/61, g1 1/61 + 1/63; x2 twice 1/61, y2 1/62 + 1/63, z2 1/63, g2 1/62
    assert ndcg_of(RRF, asked, halves) == pytest.approx([1 / math.log2(3), 1 / 2])


def test_words_that_find_what_vectors_miss_are_chosen_and_the_record_says_why(tmp_path: Path) -> None:
    dev = [question(n) for n in range(40)]
    halves = {"dense": [hits(n, 1 + n % 4) for n in range(40)], "lexical": [hits(n, 1) for n in range(40)]}
    target = tmp_path / "fusion-base"
    manifest = choose_fusion(dev, halves, config=CONFIG, target=target, inputs=INPUTS)
    chosen = chosen_fusion(target, CONFIG, INPUTS)
    assert chosen is not None and chosen != DENSE
    facts = manifest.facts
    assert (facts["mode"], facts["weight"]) == (chosen.mode, chosen.weight)
    assert facts["dense"] == pytest.approx((1 + 1 / math.log2(3) + 1 / 2) / 4, abs=1e-6)
    best = max(facts["points"], key=lambda point: point["gain"])
    assert best["gain"] == pytest.approx(1 - facts["dense"], abs=1e-5) and 0 < best["low"] < best["gain"]
    assert len(facts["points"]) == len(CANDIDATES) and manifest.counts == {"questions": 40}
    assert chosen_fusion(target, CONFIG, {**INPUTS, "index": "other"}) is None
    deeper = Config.model_validate({"retrieval": {"depth": 50}, "evaluation": {"resamples": 500}})
    assert chosen_fusion(target, deeper, INPUTS) is None


@pytest.mark.parametrize(("places", "num"), [((1, 1), 40), ((1, 2), 40), ((4, 1), 1)])
def test_vectors_stay_alone_where_nothing_is_proven(tmp_path: Path, places: tuple[int, ...], num: int) -> None:
    dev = [question(n) for n in range(num)]
    halves = {
        "dense": [hits(n, places[n % len(places)]) for n in range(num)],
        "lexical": [hits(n, places[(n + 1) % len(places)]) for n in range(num)],
    }
    choose_fusion(dev, halves, config=CONFIG, target=tmp_path / "fusion-base", inputs=INPUTS)
    assert chosen_fusion(tmp_path / "fusion-base", CONFIG, INPUTS) == DENSE
    assert read_manifest(tmp_path / "fusion-base") is not None


def test_only_answerable_dev_questions_with_gold_are_looked_at() -> None:
    unanswerable = Question("u", "?", (), (), "dev", answerable=False)
    nowhere = Question("n", "?", ("a",), (), "dev")
    asked = [question(1), question(2, "test"), question(3, "train"), unanswerable, nowhere]
    assert [q.id for q in dev_questions(asked)] == ["q1"]
    with pytest.raises(TooLittleDataError, match="no dev question"):
        dev_questions(asked[1:])
