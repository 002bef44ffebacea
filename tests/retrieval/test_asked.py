"""What people ask lies elsewhere than the passages: an index is tuned for it where there is enough of it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hybrid.retrieval.index import asked_on_dev, open_index
from hybrid.retrieval.shortlist_store import FAISS_FILE
from hybrid.types import Question
from tests.retrieval.test_shortlist_build import PASSAGES, Clustered, build

ASKED = [f"question {number}" for number in range(200)]
UNSEEN = [f"other question {number}" for number in range(100)]


def recall(folder: Path, questions: Sequence[str]) -> float:
    queries = Clustered().encode_queries(questions)
    found, _ = open_index(folder / "index", Clustered()).search(queries, 10)
    scores = queries @ Clustered().encode_passages([passage.text for passage in PASSAGES]).T
    wanted = [{PASSAGES[row].id for row in line} for line in np.argsort(-scores, axis=1)[:, :10]]
    return float(np.mean([len(set(a) & b) / 10 for a, b in zip(found, wanted, strict=True)]))


@pytest.mark.parametrize("type_", ["hnsw", "ivf_pq", "ivf_sq", "ivf_rabitq"])
def test_questions_find_more_where_effort_was_chosen_by_questions(type_: str, tmp_path: Path) -> None:
    build(tmp_path / "own", type=type_, check_vectors=200)
    facts = build(tmp_path / "asked", type=type_, check_vectors=200, asked=ASKED).facts["index"]
    assert facts["checked_on"] == "100 dev questions"
    own, tuned = recall(tmp_path / "own", UNSEEN), recall(tmp_path / "asked", UNSEEN)
    assert tuned >= 0.97 > own + 0.1
    assert abs(facts["recall@10"] - tuned) < 0.03, "what is told is what questions find"


def test_a_few_questions_change_nothing(tmp_path: Path) -> None:
    without = build(tmp_path / "without")
    assert build(tmp_path / "few", asked=ASKED[:99]).id == without.id


def test_for_other_questions_nothing_is_encoded_or_learnt_anew(tmp_path: Path) -> None:
    first = build(tmp_path, asked=ASKED)
    codes = (tmp_path / "index" / FAISS_FILE).read_bytes()
    embedder = Clustered()
    second = build(tmp_path, asked=UNSEEN, embedder=embedder)
    assert second.id != first.id and embedder.encoded == 0
    assert (tmp_path / "index" / FAISS_FILE).read_bytes() == codes


def test_for_another_sample_nothing_is_encoded_or_learnt_anew(tmp_path: Path) -> None:
    first = build(tmp_path, check_vectors=100)
    codes = (tmp_path / "index" / FAISS_FILE).read_bytes()
    embedder = Clustered()
    second = build(tmp_path, check_vectors=400, embedder=embedder)
    assert second.id != first.id and embedder.encoded == 0
    assert second.facts["index"]["checked_on"] == "200 of its own vectors"
    assert (tmp_path / "index" / FAISS_FILE).read_bytes() == codes


def test_a_graph_that_is_carried_on_is_tuned_down_by_no_vectors_that_it_holds(tmp_path: Path) -> None:
    """They find more than others do: what was chosen for questions stays."""
    asked = build(tmp_path, type="hnsw", asked=ASKED).facts["index"]
    later = build(tmp_path, PASSAGES[:-1], type="hnsw").facts["index"]
    assert later["removed"] == 1 and later["checked_on"] == "50 of its own vectors"
    own = next(point for point in later["frontier"] if point["low"] >= 0.99)
    assert own["probes"] < asked["probes"] == later["probes"]


def test_dev_questions_are_asked_whether_a_passage_answers_them_or_not() -> None:
    questions = [Question(split, split, split=split, answerable=split != "dev") for split in ("train", "dev", "test")]
    assert asked_on_dev(questions) == ["dev"]
