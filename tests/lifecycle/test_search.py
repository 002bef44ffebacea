"""The retrieval half of a system with the embedded embedder: which passages each mode finds, and what dev chooses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from hybrid.config import Config
from hybrid.corpus.passages import CorpusFolder
from hybrid.errors import MissingError, StaleError
from hybrid.lifecycle.workspace import Workspace
from hybrid.protocols import Generator
from hybrid.retrieval.sentence_embedder import SentenceEmbedder

pytestmark = pytest.mark.real
CODES = [f"QX-{1000 + 37 * n}" for n in range(30)]
NOBODY = cast(Generator, None)
"""Nothing is generated here."""
Make = Callable[..., Workspace]


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty fault codes that look alike to a model of meaning, and a paraphrase that shares no word with its text."""
    folder = tmp_path_factory.mktemp("codes")
    passages = [
        {"id": f"p{n:02d}", "text": f"Code {code}: the drive reports a fault of stage {n} and stops."}
        for n, code in enumerate(CODES)
    ]
    passages.append({"id": "p99", "text": "Employees may take their annual leave in the summer months."})
    write(folder, "passages.jsonl", passages)
    questions = [
        {
            "id": f"q{n}", "question": f"What does {code} mean?", "answers": [f"stage {n}"], "positives": [f"p{n:02d}"],
            "split": "dev",
        }
        for n, code in enumerate(CODES)
    ]  # fmt: skip
    write(folder, "questions.jsonl", questions)
    return folder


@pytest.fixture(scope="module")
def make(corpus: Path, tmp_path_factory: pytest.TempPathFactory, minilm: SentenceEmbedder) -> Make:
    """A workspace over the corpus with changed keys of `retrieval`; the model is loaded once."""
    root = tmp_path_factory.mktemp("workspace")

    def workspace(**retrieval: Any) -> Workspace:
        values = {"retrieval": {"k": 3, **retrieval}, "evaluation": {"resamples": 300}}
        made = Workspace(root, CorpusFolder(corpus), Config.model_validate(values))
        made.__dict__["base_embedder"] = minilm
        return made

    return workspace


def found(place: Workspace, question: str) -> list[str]:
    search = place.search("base")
    search.build()
    return [hit.passage_id for hit in search.pipeline(NOBODY).retrieve([question])[0]]


def test_words_find_the_code_vectors_the_meaning_and_both_both(make: Make) -> None:
    code, meaning = f"What does {CODES[17]} mean?", "When can staff go on holiday?"
    assert found(make(mode="lexical"), code)[0] == "p17"
    assert found(make(mode="lexical"), meaning) == []
    assert found(make(), meaning)[0] == "p99"
    for changed in ({"mode": "rrf"}, {"mode": "weighted", "lexical_weight": 0.5}):
        both = make(**changed)
        assert found(both, code)[0] == "p17" and found(both, meaning)[0] == "p99"


def test_the_first_ranks_do_not_hang_on_how_many_are_asked_for(make: Make) -> None:
    for mode in ("rrf", "weighted"):
        pipeline = make(mode=mode, depth=25).search("base").pipeline(NOBODY)
        asked = [f"What does {code} mean?" for code in CODES[:5]]
        deep, short = pipeline.retrieve(asked, 25), pipeline.retrieve(asked, 3)
        assert short == [hits[:3] for hits in deep]
        assert all([hit.rank for hit in hits] == list(range(1, 26)) for hits in deep)
        scores = [[hit.score for hit in hits] for hits in deep]
        assert scores == [sorted(row, reverse=True) for row in scores]
        halves = pipeline.halves(asked)
        assert [len(hits) for hits in halves["dense"]] == [25] * 5 and set(halves) == {"dense", "lexical"}


def test_dev_chooses_words_beside_vectors_once(make: Make) -> None:
    auto = make(mode="auto").search("base")
    with pytest.raises(MissingError, match="dev has not chosen"):
        auto.pipeline(NOBODY)
    auto.build()
    assert auto.fusion.mode != "dense"
    inputs = auto.inputs()
    assert inputs["fusion"] == f"{auto.fusion.name}, depth 100" and set(inputs) == {"index", "lexical", "fusion"}
    assert set(make(mode="dense").search("base").inputs()) == {"index"}
    made = (auto.fusion_path / "manifest.json").stat().st_mtime_ns
    auto.build()
    assert (auto.fusion_path / "manifest.json").stat().st_mtime_ns == made


def test_passages_are_parsed_once(make: Make) -> None:
    place = make()
    passages = place.passages()
    assert place.passages() is passages and place.search("base").passages is passages


def test_other_stop_words_make_the_words_stale(make: Make) -> None:
    other = make(mode="rrf", stemmer="none").search("base")
    with pytest.raises(StaleError, match="another stemmer"):
        other.pipeline(NOBODY)
