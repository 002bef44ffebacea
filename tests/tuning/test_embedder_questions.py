"""Which questions train the embedder and which ones judge it."""

from pathlib import Path

import pytest

from tests.tiny_models import tiny_embedder
from tests.tuning.test_embedder_training import NUM, PASSAGES, _config, _questions, _train


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = [p.full_text for p in PASSAGES] + [q.question for q in _questions()]
    return tiny_embedder(tmp_path_factory.mktemp("models") / "tiny", texts)


@pytest.mark.parametrize("spare", [False, True])
def test_questions_left_over_judge_where_their_document_is_not_trained_on(
    base: Path, tmp_path: Path, spare: bool
) -> None:
    # without headroom nothing is trained, but everything is counted
    config = _config(max_questions=2, spare_to_dev=spare, min_pairs=1, min_headroom=0.999)
    manifest = _train(base, tmp_path / "embedder", _questions(), config)
    a_document = 2 * NUM // 5
    joined = manifest.counts["dev_questions"] - NUM
    assert joined in ((5 - 1) * a_document, (5 - 2) * a_document) if spare else joined == 0
