"""The index with the real embedder: unit vectors, same bytes, resumed after a kill, refused when stale."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hybrid.errors import ConfigError, HybridError, MissingError, StaleError
from hybrid.protocols import Vectors
from hybrid.retrieval import passage_vectors
from hybrid.retrieval.index import build_index, open_index
from hybrid.retrieval.sentence_embedder import SentenceEmbedder
from hybrid.types import Passage

pytestmark = pytest.mark.real

TOPICS = ["shaft seal", "motor bearing", "oil filter", "warranty claim", "control panel", "suction hose"]
PASSAGES = [
    Passage(
        id=f"p{n:02d}", title=TOPICS[n % 6].title(), text=f"Step {n}: how to check the {TOPICS[n % 6]} of model {n}."
    )
    for n in range(30)
]


class Counting:
    """The embedder, telling how many passages it was given, and failing where asked to."""

    def __init__(self, inner: SentenceEmbedder, fail_after: int | None = None) -> None:
        self.name, self.fingerprint, self.dim, self.max_tokens = inner.name, inner.fingerprint, inner.dim, 256
        self.inner, self.fail_after, self.encoded = inner, fail_after, 0

    def count_tokens(self, text: str) -> int:
        return self.inner.count_tokens(text)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self.inner.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        if self.fail_after is not None and self.encoded >= self.fail_after:
            raise KeyboardInterrupt
        self.encoded += len(texts)
        return self.inner.encode_passages(texts)


@pytest.fixture(scope="module")
def small(minilm: SentenceEmbedder) -> SentenceEmbedder:
    """Cut to 64 dimensions, on the weights that are loaded already."""
    embedder = SentenceEmbedder(minilm.folder, dim=64)
    embedder.__dict__["model"] = minilm.model
    return embedder


def inputs(embedder: SentenceEmbedder | Counting) -> dict[str, str]:
    return {"passages": "30", "embedder": embedder.fingerprint}


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_vectors_have_unit_norm_after_truncation(minilm: SentenceEmbedder, small: SentenceEmbedder) -> None:
    texts = [p.full_text for p in PASSAGES]
    full, cut = minilm.encode_passages(texts), small.encode_passages(texts)
    assert (full.shape, cut.shape, cut.dtype) == ((30, 384), (30, 64), np.float32)
    assert np.allclose(np.linalg.norm(full, axis=1), 1, atol=1e-5)
    assert np.allclose(np.linalg.norm(cut, axis=1), 1, atol=1e-5)
    expected = full[:, :64] / np.linalg.norm(full[:, :64], axis=1, keepdims=True)
    assert np.allclose(cut, expected, atol=1e-5)
    assert small.encode_queries([]).shape == (0, 64)


def test_a_dimension_above_the_model_is_refused(minilm: SentenceEmbedder) -> None:
    embedder = SentenceEmbedder(minilm.folder, dim=512)
    embedder.__dict__["model"] = minilm.model
    with pytest.raises(ConfigError, match="384"):
        _ = embedder.dim


def test_prompts_and_limits_reach_the_model_and_the_fingerprint(minilm: SentenceEmbedder) -> None:
    prompted = SentenceEmbedder(minilm.folder, query_prompt="query: ")
    prompted.__dict__["model"] = minilm.model
    assert np.allclose(prompted.encode_queries(["oil"]), minilm.encode_queries(["query: oil"]), atol=1e-6)
    assert np.allclose(prompted.encode_passages(["oil"]), minilm.encode_passages(["oil"]), atol=1e-6)
    others = [prompted, SentenceEmbedder(minilm.folder, max_tokens=64), SentenceEmbedder(minilm.folder, dim=64)]
    assert len({e.fingerprint for e in [minilm, *others]}) == 4
    assert SentenceEmbedder(minilm.folder, batch_size=2).fingerprint == minilm.fingerprint
    assert (minilm.max_tokens, others[1].max_tokens) == (256, 64)


def test_build_search_and_do_nothing_the_second_time(small: SentenceEmbedder, tmp_path: Path) -> None:
    embedder = Counting(small)
    manifest = build_index(PASSAGES, embedder, target=tmp_path / "index", inputs=inputs(small))
    assert manifest.counts == {"passages": 30} and manifest.facts["dim"] == 64
    store = open_index(tmp_path / "index", small)
    ids, scores = store.search(small.encode_queries(["What does the warranty cover?"]), 3)
    assert all(PASSAGES[int(i[1:])].title == "Warranty Claim" for i in ids[0])
    vectors = small.encode_passages([p.full_text for p in PASSAGES])
    query = small.encode_queries(["What does the warranty cover?"])[0]
    assert scores[0] == pytest.approx(sorted((vectors @ query).tolist(), reverse=True)[:3], abs=1e-5)
    assert build_index(PASSAGES, embedder, target=tmp_path / "index", inputs=inputs(small)) == manifest
    assert embedder.encoded == 30


def test_two_builds_have_the_same_bytes(small: SentenceEmbedder, tmp_path: Path) -> None:
    for name in ("one", "two"):
        build_index(PASSAGES, small, target=tmp_path / name, inputs=inputs(small))
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert sorted(content(tmp_path / "one")) == ["ids.jsonl", "manifest.json", "texts.jsonl", "vectors.faiss"]


def test_an_interrupted_build_goes_on_where_it_stopped(
    small: SentenceEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passage_vectors, "SHARD", 8)
    build_index(PASSAGES, small, target=tmp_path / "whole", inputs=inputs(small))
    first = Counting(small, fail_after=16)
    with pytest.raises(KeyboardInterrupt):
        build_index(PASSAGES, first, target=tmp_path / "index", inputs=inputs(small))
    with pytest.raises(MissingError, match="hybrid index"):
        open_index(tmp_path / "index", small)
    second = Counting(small)
    build_index(PASSAGES, second, target=tmp_path / "index", inputs=inputs(small))
    assert (first.encoded, second.encoded) == (16, 14)
    assert content(tmp_path / "index") == content(tmp_path / "whole")


def test_only_texts_that_are_new_are_encoded(small: SentenceEmbedder, tmp_path: Path) -> None:
    target = tmp_path / "index"
    first = build_index(PASSAGES, small, target=target, inputs=inputs(small))
    edited = replace(PASSAGES[3], text="Step 3: replace the whole motor.")
    # one changed, one gone, one that moved to another document, one text twice
    later = [
        PASSAGES[7],
        *PASSAGES[:3],
        edited,
        replace(PASSAGES[5], id="moved"),
        *PASSAGES[8:],
        replace(edited, id="x"),
    ]
    counting = Counting(small)
    second = build_index(later, counting, target=target, inputs=inputs(small) | {"passages": "later"})
    assert counting.encoded == 1 and second.id != first.id
    ids, vectors = open_index(target, small).vectors()
    assert ids == [p.id for p in later] and "p06" not in ids
    assert np.allclose(vectors, small.encode_passages([p.full_text for p in later]), atol=1e-5)
    whole = Counting(small)
    build_index(later, whole, target=tmp_path / "fresh", inputs=inputs(small) | {"passages": "later"})
    assert whole.encoded == len(later) - 1


def test_vectors_of_another_embedder_or_of_a_damaged_index_are_not_taken_over(
    minilm: SentenceEmbedder, small: SentenceEmbedder, tmp_path: Path
) -> None:
    target = tmp_path / "index"
    build_index(PASSAGES[:6], small, target=target, inputs=inputs(small))
    other = SentenceEmbedder(minilm.folder, dim=64, passage_prompt="passage: ")
    other.__dict__["model"] = minilm.model
    counting = Counting(other)
    build_index(PASSAGES[:6], counting, target=target, inputs=inputs(other))
    assert counting.encoded == 6
    (target / "ids.jsonl").write_text("damaged")
    counting = Counting(other)
    build_index(PASSAGES[:7], counting, target=target, inputs=inputs(other) | {"passages": "7"})
    assert counting.encoded == 7


def test_a_shard_of_other_texts_is_not_taken_for_this_one(
    small: SentenceEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while an earlier index lay there, called again when it is gone: other texts are missing now."""
    monkeypatch.setattr(passage_vectors, "SHARD", 8)
    target = tmp_path / "index"
    build_index(PASSAGES[:10], small, target=target, inputs=inputs(small) | {"passages": "10"})
    with pytest.raises(KeyboardInterrupt):
        build_index(PASSAGES, Counting(small, fail_after=8), target=target, inputs=inputs(small))
    shutil.rmtree(target)
    build_index(PASSAGES, small, target=target, inputs=inputs(small))
    _, vectors = open_index(target, small).vectors()
    assert np.allclose(vectors, small.encode_passages([p.full_text for p in PASSAGES]), atol=1e-5)


def test_another_embedder_or_dimension_is_refused_with_the_command_that_mends_it(
    minilm: SentenceEmbedder, small: SentenceEmbedder, tmp_path: Path
) -> None:
    build_index(PASSAGES[:4], small, target=tmp_path / "index", inputs=inputs(small))
    prompted = SentenceEmbedder(minilm.folder, dim=64, passage_prompt="passage: ")
    prompted.__dict__["model"] = minilm.model
    for other, problem in ((minilm, "64 dimensions"), (prompted, "another embedder")):
        with pytest.raises(StaleError, match=problem) as caught:
            open_index(tmp_path / "index", other)
        assert "hybrid index" in caught.value.remedy
    assert len(open_index(tmp_path / "index", small)) == 4


def test_a_folder_that_is_no_embedder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HybridError, match=r"modules\.json"):
        SentenceEmbedder(tmp_path)
