"""Around the backends: what `auto` takes, when an export is made, and what happens when a part fails."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid.artifacts import read_manifest
from hybrid.backends import make_embedder
from hybrid.config import Config, EmbedderConfig
from hybrid.errors import ConfigError, HybridError, IntegrityError, MissingError, StaleError
from hybrid.protocols import Vectors
from hybrid.retrieval import encoder_choice, encoder_export, onnx_encoder, openvino_encoder, sentence_embedder
from hybrid.retrieval.encoder_choice import EncoderChoice, choose_encoder
from hybrid.retrieval.exported_encoder import ExportError
from hybrid.retrieval.index import build_index, open_index
from hybrid.retrieval.sentence_embedder import SentenceEmbedder
from hybrid.retrieval.token_batches import token_batches
from hybrid.types import Passage
from tests.tiny_models import tiny_embedder

pytest.importorskip("openvino")

TEXT = "the pump seal must be checked when oil leaks from motor valve gauge or hose at start"
WORDS = TEXT.split()
TEXTS = [" ".join(np.random.default_rng(n).choice(WORDS, 3 + n % 20)) for n in range(40)]
AUTO = EncoderChoice("openvino", "float32", must=False)
OPENVINO = EncoderChoice("openvino", "float32", must=True)
INT8 = EncoderChoice("openvino", "int8", must=True)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_embedder(tmp_path_factory.mktemp("tiny") / "model", [TEXT], hidden=64)


def exports(cache: Path) -> list[str]:
    return [path.name for path in cache.glob("*") if path.is_dir()]


def test_batches_hold_every_text_once_sorted_by_length_within_the_budget() -> None:
    texts = [list(range(1, 1 + n)) for n in (3, 50, 7, 7, 0, 120, 1, 30)]
    batches = list(token_batches(texts, max_tokens=60, pad_id=9))
    assert sorted(row for batch in batches for row in batch.rows) == list(range(8))
    lengths = [len(texts[row]) for batch in batches for row in batch.rows]
    assert lengths == sorted(lengths, reverse=True)
    for batch in batches:
        assert batch.input_ids.shape == batch.attention_mask.shape
        assert batch.input_ids.size <= 60 or len(batch.rows) == 1
        for row, ids, mask in zip(batch.rows, batch.input_ids, batch.attention_mask, strict=True):
            assert ids[mask == 1].tolist() == texts[row] and set(ids[mask == 0].tolist()) <= {9}


def test_auto_is_openvino_where_it_is_installed_and_no_accelerator_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_choice, "has_accelerator", lambda: False)
    monkeypatch.setattr(encoder_choice, "processor_has_bfloat16", lambda: True)
    assert choose_encoder("auto", "auto") == EncoderChoice("openvino", "bfloat16", must=False)
    assert choose_encoder("auto", "int8") == EncoderChoice("openvino", "int8", must=True)
    assert choose_encoder("auto", "auto", ["cuda:0", "cuda:1"]).backend == "torch"
    monkeypatch.setattr(encoder_choice, "processor_has_bfloat16", lambda: False)
    assert choose_encoder("openvino", "auto") == OPENVINO
    monkeypatch.setattr(encoder_choice, "has_accelerator", lambda: True)
    assert choose_encoder("auto", "auto") == sentence_embedder.TORCH
    monkeypatch.setattr(encoder_choice, "has_accelerator", lambda: False)
    monkeypatch.setattr(openvino_encoder, "is_installed", lambda: False)
    assert choose_encoder("auto", "auto") == sentence_embedder.TORCH
    with pytest.raises(MissingError, match="openvino, which is not installed"):
        choose_encoder("openvino", "auto")
    monkeypatch.setattr(onnx_encoder, "is_installed", lambda: True)
    assert choose_encoder("auto", "int8") == EncoderChoice("onnx", "int8", must=True)


def test_an_encoder_does_not_report_to_the_maker_of_its_converter(tiny: Path, tmp_path: Path) -> None:
    """In a process of its own: what OpenVINO is imported with first stays."""
    SentenceEmbedder(tiny, encoder=OPENVINO, cache=tmp_path).encode_queries(["oil"])
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from hybrid.retrieval.encoder_choice import choose_encoder\n"
        "from hybrid.retrieval.sentence_embedder import SentenceEmbedder\n"
        f"folder, cache = Path({str(tiny)!r}), Path({str(tmp_path)!r})\n"
        "embedder = SentenceEmbedder(folder, encoder=choose_encoder('openvino', 'auto'), cache=cache)\n"
        "embedder.encode_queries(['oil'])\n"
        "print(sys.modules['openvino.tools.ovc.telemetry_utils'].tm.__name__)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told == "openvino.tools.ovc.telemetry_stub\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"backend": "torch", "precision": "int8"}, "int8"),
        ({"backend": "onnx", "precision": "bfloat16"}, "bfloat16"),
        ({"backend": "openvino", "devices": ("cuda:0",)}, "devices"),
    ],
)
def test_pairs_that_are_not_there_are_refused(options: dict[str, Any], told: str, tiny: Path) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(ConfigError, match=told):
        make_embedder(Config(embedder=EmbedderConfig(model=str(tiny), **options)))


def test_left_open_an_export_is_made_for_many_texts_only_and_then_used_for_few(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sentence_embedder, "_WORTH_EXPORT", 30)
    embedder = SentenceEmbedder(tiny, encoder=AUTO, cache=tmp_path)
    by_torch = embedder.encode_queries(TEXTS[:2])
    assert exports(tmp_path) == []
    embedder.encode_passages(TEXTS)
    assert len(exports(tmp_path)) == 1
    again = SentenceEmbedder(tiny, encoder=AUTO, cache=tmp_path)
    found = again.encode_queries(TEXTS[:2])
    assert "model" not in again.__dict__, "torch must not be loaded where there is an export"
    assert np.allclose(found, by_torch, atol=1e-5)


def test_backends_share_an_index_but_for_8_bits(tiny: Path, tmp_path: Path) -> None:
    passages = [Passage(id=f"p{n}", title="", text=text) for n, text in enumerate(TEXTS)]
    torch = SentenceEmbedder(tiny)
    inputs = {"embedder": torch.fingerprint}
    manifest = build_index(passages, torch, target=tmp_path / "index", inputs=inputs)
    other = SentenceEmbedder(tiny, encoder=OPENVINO, cache=tmp_path / "encoders")
    assert build_index(passages, other, target=tmp_path / "index", inputs={"embedder": other.fingerprint}) == manifest
    ids, _ = open_index(tmp_path / "index", other).search(other.encode_queries(TEXTS), 1)
    assert [TEXTS[int(row[0][1:])] for row in ids] == TEXTS
    quantised = SentenceEmbedder(tiny, encoder=INT8, cache=tmp_path / "encoders")
    with pytest.raises(StaleError, match="another embedder"):
        open_index(tmp_path / "index", quantised)
    made = build_index(passages, quantised, target=tmp_path / "index", inputs={"embedder": quantised.fingerprint})
    assert made.id != manifest.id and made.facts["fingerprint"] == quantised.fingerprint


def test_an_export_with_other_vectors_is_not_published(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = encoder_export.traceable

    def wrong(model: Any) -> Any:
        traced = whole(model)
        # as with a model whose mask is causal
        del traced.rest[0]
        return Last(traced)

    import torch

    class Last(torch.nn.Module):
        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            mask = attention_mask[:, None, None, :].bool()
            return self.inner.first.auto_model(input_ids=input_ids, attention_mask=mask).last_hidden_state[:, -1]

    monkeypatch.setattr(encoder_export, "traceable", wrong)
    with pytest.raises(ExportError, match="other vectors than in torch"):
        SentenceEmbedder(tiny, encoder=OPENVINO, cache=tmp_path).encode_queries(["oil"])
    assert all(read_manifest(tmp_path / name) is None for name in exports(tmp_path))
    # left open, torch encodes and says why
    monkeypatch.setattr(sentence_embedder, "_WORTH_EXPORT", 1)
    embedder = SentenceEmbedder(tiny, encoder=AUTO, cache=tmp_path)
    assert np.allclose(embedder.encode_queries(TEXTS), SentenceEmbedder(tiny).encode_queries(TEXTS), atol=1e-6)
    assert "torch encodes" in capsys.readouterr().err


def test_a_full_disk_leaves_no_export_and_stops_only_who_asked_for_it(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(encoder_export, "export_openvino", full)
    monkeypatch.setattr(sentence_embedder, "_WORTH_EXPORT", 1)
    with pytest.raises(HybridError, match="No space left"):
        SentenceEmbedder(tiny, encoder=OPENVINO, cache=tmp_path).encode_queries(["oil"])
    found = SentenceEmbedder(tiny, encoder=AUTO, cache=tmp_path).encode_queries(["oil"])
    assert np.allclose(found, SentenceEmbedder(tiny).encode_queries(["oil"]), atol=1e-6)
    monkeypatch.undo()
    SentenceEmbedder(tiny, encoder=OPENVINO, cache=tmp_path).encode_queries(["oil"])
    assert [name[0] for name in exports(tmp_path)] == ["o"], "the half-made one is gone"


def test_a_damaged_export_is_named(tiny: Path, tmp_path: Path) -> None:
    SentenceEmbedder(tiny, encoder=OPENVINO, cache=tmp_path).encode_queries(["oil"])
    (weights,) = tmp_path.glob("*/model.bin")
    weights.write_bytes(weights.read_bytes()[:-9])
    with pytest.raises(IntegrityError, match=r"model\.bin: truncated"):
        SentenceEmbedder(tiny, encoder=OPENVINO, cache=tmp_path).encode_queries(["oil"])
    found = SentenceEmbedder(tiny, encoder=AUTO, cache=tmp_path).encode_queries(["oil"])
    assert np.allclose(found, SentenceEmbedder(tiny).encode_queries(["oil"]), atol=1e-6)


def test_vectors_that_are_not_finite_are_refused_and_no_index_is_left(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = SentenceEmbedder(tiny)
    with_weights = embedder.model[0].auto_model.embeddings.word_embeddings.weight
    seal = embedder.tokenize("seal")[0]
    with_weights.data[seal] = float("nan")
    passages = [Passage(id=f"p{n}", title="", text=text) for n, text in enumerate(["oil pump", "the seal leaks"])]
    with pytest.raises(HybridError, match=r"1 of 2 texts, the first begins '.*the seal"):
        build_index(passages, embedder, target=tmp_path / "index", inputs={})
    assert read_manifest(tmp_path / "index") is None


@pytest.fixture(scope="module")
def two(tiny: Path) -> Iterator[SentenceEmbedder]:
    """Two workers; the devices are both the processor."""
    embedder = SentenceEmbedder(tiny, devices=("cpu", "cpu"), batch_size=8)
    yield embedder
    embedder._pool.close()


def test_several_devices_give_the_same_vectors(two: SentenceEmbedder, tiny: Path) -> None:
    expected: Vectors = SentenceEmbedder(tiny).encode_passages(TEXTS)
    assert np.allclose(two.encode_passages(TEXTS), expected, atol=1e-6)
    # few texts need no second process
    assert np.allclose(two.encode_queries(TEXTS[:3]), expected[:3], atol=1e-6)


def test_a_lost_worker_is_an_error_that_says_how_to_go_on(two: SentenceEmbedder) -> None:
    two.encode_passages(TEXTS)
    (worker, _) = two._pool._pool._processes
    os.kill(worker, signal.SIGKILL)
    two._pool._pool._processes[worker].join()
    with pytest.raises(HybridError, match="ended before its texts were done"):
        two.encode_passages(TEXTS)
