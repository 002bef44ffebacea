"""A cross-encoder's scores are the model's own logits, and what is none is refused before it is loaded."""

import json
import shutil
from pathlib import Path

import pytest

from hybrid.errors import HybridError, InputError
from hybrid.retrieval.cross_encoder import CrossEncoderReranker
from tests.tiny_generator import tiny_generator
from tests.tiny_models import tiny_cross_encoder, tiny_embedder

TEXT = "the pump seal must be checked when oil leaks from motor valve gauge or hose at start ?"
QUESTION = "must the seal be checked ?"
TEXTS = ["oil", "the pump seal must be checked", "", "valve", "hose leaks at start", " ".join([TEXT] * 9)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_cross_encoder(tmp_path_factory.mktemp("tiny") / "model", [TEXT])


def copied(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def logits(folder: Path, question: str, texts: list[str]) -> list[float]:
    """By transformers alone, a pair at a time, the longer text cut to the limit of 64 tokens."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        return [
            float(model(**tokenizer([(question, text)], truncation=True, max_length=64, return_tensors="pt")).logits)
            for text in texts
        ]


def test_scores_are_the_logits_in_the_order_of_the_texts(tiny: Path) -> None:
    reranker = CrossEncoderReranker(tiny)
    scores = reranker.score(QUESTION, TEXTS)
    assert scores == pytest.approx(logits(tiny, QUESTION, TEXTS), abs=1e-5)
    assert len({round(score, 4) for score in scores}) == len(TEXTS), "random weights tell them apart"
    assert reranker.score(QUESTION, TEXTS[::-1]) == pytest.approx(scores[::-1], abs=1e-5)
    assert reranker.score("oil ?", TEXTS) != pytest.approx(scores, abs=1e-3), "the question is read too"
    many = TEXTS * 20
    assert reranker.score(QUESTION, many) == pytest.approx(scores * 20, abs=1e-5), "several batches"
    assert reranker.score(QUESTION, []) == []
    assert all(isinstance(score, float) for score in scores)


def test_a_folder_saved_by_sentence_transformers_with_a_sigmoid_gives_the_same_logits(
    tiny: Path, tmp_path: Path
) -> None:
    from sentence_transformers import CrossEncoder

    CrossEncoder(str(tiny)).save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    assert "Sigmoid" in (tmp_path / "saved" / "config_sentence_transformers.json").read_text(encoding="utf-8")
    scores = CrossEncoderReranker(tmp_path / "saved").score(QUESTION, TEXTS)
    assert scores == pytest.approx(logits(tiny, QUESTION, TEXTS), abs=1e-5)


def test_the_fingerprint_is_of_the_bytes_not_of_the_place(tiny: Path, tmp_path: Path) -> None:
    first, other = CrossEncoderReranker(tiny, name="a"), CrossEncoderReranker(copied(tiny, tmp_path))
    assert first.fingerprint == other.fingerprint and (first.name, other.name) == ("a", "copy")
    assert "model" not in first.__dict__, "nothing is loaded for it"
    (tmp_path / "copy" / "README.md").write_text("a card")
    assert CrossEncoderReranker(tmp_path / "copy").fingerprint == first.fingerprint
    config = json.loads((tmp_path / "copy" / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "copy" / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 1e-3}))
    assert CrossEncoderReranker(tmp_path / "copy").fingerprint != first.fingerprint


def refused(folder: Path, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        CrossEncoderReranker(folder)
    assert caught.value.exit_code == 2
    assert str(folder) in str(caught.value) and "set retrieval.reranker to a cross-encoder" in caught.value.remedy


def test_what_is_no_cross_encoder_is_refused(tiny: Path, tmp_path: Path) -> None:
    refused(tmp_path / "absent", "no model folder")
    refused(tiny_embedder(tmp_path / "embedder", [TEXT]), "an embedder of sentence-transformers")
    refused(tmp_path / "embedder-bert", "BertModel is not a cross-encoder")
    refused(tiny_generator(tmp_path / "generator"), "ForCausalLM is not a cross-encoder")
    refused(tiny_cross_encoder(tmp_path / "two", [TEXT], num_labels=2), "2 labels")
    refused(tiny_cross_encoder(tmp_path / "three", [TEXT], num_labels=3), "3 labels")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    refused(tmp_path / "broken", "no model folder")


def test_weights_that_cannot_be_read(tiny: Path, tmp_path: Path) -> None:
    folder = copied(tiny, tmp_path)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="cannot be loaded"):
        CrossEncoderReranker(folder).score(QUESTION, TEXTS)


def test_a_score_that_is_no_number_is_an_error_not_an_order(tiny: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(tiny)
    model.get_input_embeddings().weight.data[:] = float("nan")
    folder = copied(tiny, tmp_path)
    model.save_pretrained(folder)
    with pytest.raises(HybridError, match="not finite for 2 of 2 passages, the first begins 'oil'") as caught:
        CrossEncoderReranker(folder).score(QUESTION, ["oil", "pump"])
    assert caught.value.exit_code == 1
