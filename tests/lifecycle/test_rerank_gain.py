"""What dev says of a reranker: figures by hand, bounds that do not promise what few questions cannot show, words."""

import math
from pathlib import Path
from typing import Any

import pytest

from hybrid.answering.pipeline import Pipeline
from hybrid.artifacts import Manifest
from hybrid.config import Config
from hybrid.lifecycle.rerank_gain import in_words, measure_gain
from hybrid.retrieval.flat_store import FlatStore
from hybrid.types import Passage, Question
from tests.told_reranker import Told
from tests.words_embedder import Words

CONFIG = Config.model_validate(
    {"retrieval": {"k": 2, "reranker": "told", "rerank_depth": 2}, "evaluation": {"resamples": 500}}
)


def measured(folder: Path, scores: dict[str, float], num: int = 40, gold: str = "b", **inputs: str) -> Manifest:
    """Questions whose gold the vectors rank second; `a`, a passage with the question's words alone, is first."""
    passages = {}
    for n in range(num):
        passages[f"a{n:02}"] = Passage(f"a{n:02}", f"mx{n:02} heavy?", "T")
        passages[f"b{n:02}"] = Passage(f"b{n:02}", f"mx{n:02} weighs {n} kg", "T")
    embedder, store = Words(), FlatStore(Words.dim)
    store.add(list(passages), embedder.encode_passages([passage.full_text for passage in passages.values()]))
    system = Pipeline(store, embedder, None, passages, CONFIG, reranker=Told(scores))  # type: ignore[arg-type]
    dev = [Question(f"q{n}", f"mx{n:02} heavy?", ("x",), (f"{gold}{n:02}",), "dev") for n in range(num)]
    return measure_gain(system, dev, config=CONFIG, target=folder / "rerank-base", inputs={"a": "b", **inputs})


def told(manifest: Manifest) -> tuple[dict[str, Any], str]:
    facts = manifest.facts
    return facts, in_words(facts, manifest.counts["questions"])


SECOND = 1 / math.log2(3)


def test_a_reranker_that_finds_the_gold_is_proven(tmp_path: Path) -> None:
    facts, words = told(measured(tmp_path, {f"mx{n:02} weighs {n} kg": 1.0 for n in range(40)}))
    assert facts["before"]["value"] == pytest.approx(SECOND) and facts["after"]["value"] == 1.0
    assert facts["gain"]["value"] == pytest.approx(1 - SECOND) and 0 < facts["gain"]["low"] < facts["gain"]["value"]
    assert words.startswith(f"nDCG@10 +{1 - SECOND:.3f} (95 % interval +") and words.endswith(": a proven gain")
    assert f"over {SECOND:.3f} without it, on 40 dev questions; " in words


def test_one_that_costs_rank_is_told_to_go(tmp_path: Path) -> None:
    facts, words = told(measured(tmp_path, {f"mx{n:02} weighs {n} kg": 1.0 for n in range(40)}, gold="a"))
    assert facts["gain"]["value"] == pytest.approx(SECOND - 1) and facts["gain"]["high"] < 0
    assert f"nDCG@10 {SECOND - 1:.3f} (95 % interval -" in words
    assert words.endswith(": it costs rank, leave retrieval.reranker empty")


def test_one_that_changes_nothing_proves_nothing(tmp_path: Path) -> None:
    facts, words = told(measured(tmp_path, {f"mx{n:02} heavy?": 1.0 for n in range(40)}))
    assert facts["gain"]["value"] == 0.0 and facts["gain"]["low"] < 0 < facts["gain"]["high"]
    assert words.endswith(": no gain is proven, leave retrieval.reranker empty")


def test_few_questions_prove_nothing(tmp_path: Path) -> None:
    scores = {f"mx{n:02} weighs {n} kg": 1.0 for n in range(3)}
    for num in (2, 3):
        facts, words = told(measured(tmp_path / str(num), scores, num))
        assert facts["gain"]["value"] > 0.3 and facts["gain"]["low"] < 0, "all alike is not certain"
        assert words.endswith(": no gain is proven, write more dev questions, or leave retrieval.reranker empty")
    facts, words = told(measured(tmp_path / "1", scores, 1))
    assert facts["gain"]["low"] is None and "(too few questions for an interval)" in words
    assert "no gain is proven" in words


def test_it_is_measured_again_only_of_something_else(tmp_path: Path) -> None:
    first = measured(tmp_path, {})
    file = tmp_path / "rerank-base" / "manifest.json"
    made = file.stat().st_mtime_ns
    assert measured(tmp_path, {}).facts == first.facts and file.stat().st_mtime_ns == made
    assert measured(tmp_path, {}, reranker="other").id != first.id
