"""Training of a tiny random embedder on a toy in which every thing has one name in questions, another in passages."""

import json
import math
import random
import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MatryoshkaLoss,
    MultipleNegativesRankingLoss,
)

from hybrid.artifacts import Manifest
from hybrid.config import Config
from hybrid.durable_files import COMPLETE
from hybrid.errors import ConfigError, HybridError, TooLittleDataError
from hybrid.evaluation.ranking import rank_metrics
from hybrid.evaluation.statistics import paired_interval
from hybrid.retrieval.sentence_embedder import SentenceEmbedder
from hybrid.tuning.dev_ranking import ndcg_at_10
from hybrid.tuning.embedder import train_embedder
from hybrid.tuning.embedder_model import blend, load_model
from hybrid.types import Hit, Interval, Passage, Question
from tests.tiny_models import tiny_embedder

NUM = 40
PASSAGES = [
    Passage(id=f"p{i:02}", text=f"the thing{i} lies in room{i % 7} near door{i % 3}", document_id=f"d{i % 5}")
    for i in range(NUM)
]


def _questions(shuffle: bool = False) -> list[Question]:
    """Two train questions and one dev question for every passage, in words that no passage has."""
    golds = list(range(NUM))
    if shuffle:
        random.Random(3).shuffle(golds)
    forms = [("train", "where is the name{}"), ("train", "find the name{} please"), ("dev", "i seek the name{}")]
    return [
        Question(
            id=f"q{i}-{n}",
            question=form.format(i),
            answers=(f"thing{i}",),
            positives=(f"p{golds[i] if split == 'train' else i:02}",),
            split=split,
        )
        for i in range(NUM)
        for n, (split, form) in enumerate(forms)
    ]


def _fields(question: Question) -> dict[str, Any]:
    return {field.name: getattr(question, field.name) for field in fields(question)}


def _config(**train: Any) -> Config:
    options = {
        "dims": (32, 16),
        "epochs": 6,
        "batch_size": 16,
        "mini_batch_size": 16,
        "learning_rate": 1e-2,
        "min_pairs": 80,
        "min_dev_questions": 30,
        "device": "cpu",
    }
    return Config.model_validate({"train_embed": {**options, **train}})


def _compare(before: Sequence[float], after: Sequence[float], clusters: Sequence[str]) -> Interval:
    return paired_interval(before, after, clusters, resamples=1000, seed=1)


def _train(base: Path, target: Path, questions: Sequence[Question], config: Config, **options: Any) -> Manifest:
    return train_embedder(
        base, PASSAGES, questions, config=config, target=target, inputs={"toy": "1"}, compare=_compare, **options
    )


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    texts = [p.full_text for p in PASSAGES] + [q.question for q in _questions()]
    return tiny_embedder(folder, texts)


@pytest.fixture(scope="module")
def tuned(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """One uninterrupted run on true labels."""
    target = tmp_path_factory.mktemp("tuned") / "embedder"
    return target, _train(base, target, _questions(), _config())


def _weights(target: Path) -> dict[str, Any]:
    weights: dict[str, Any] = load_file(target / "model" / "model.safetensors")
    return weights


def test_training_improves_dev_and_publishes_the_model(base: Path, tuned: tuple[Path, Manifest]) -> None:
    target, manifest = tuned
    facts = manifest.facts
    assert facts["verdict"] == "tuned"
    assert facts["base"].keys() == facts["tuned"].keys() == {"32", "16"}
    assert facts["base"]["32"] < 0.4
    assert facts["tuned"]["32"] > 0.6
    assert facts["gain"]["value"] == pytest.approx(facts["tuned"]["32"] - facts["base"]["32"], abs=1e-5)
    assert 0 < facts["gain"]["low"] < facts["gain"]["value"] < facts["gain"]["high"]
    assert manifest.counts["pairs"] == manifest.counts["negatives"] == 2 * NUM
    assert manifest.counts["dev_questions"] == NUM
    best = max(facts["history"], key=lambda entry: entry["32"])
    assert best["step"] == facts["best_step"]
    assert best["32"] == facts["tuned"]["32"]
    changed, own = _weights(target), load_file(base / "model.safetensors")
    assert max(float(np.abs(changed[name] - own[name]).max()) for name in own) > 1e-3


def test_the_published_model_is_what_was_measured_and_keeps_the_reading_limit(tuned: tuple[Path, Manifest]) -> None:
    target, manifest = tuned
    embedder = SentenceEmbedder(target / "model")
    queries = [q for q in _questions() if q.split == "dev"]
    passages = embedder.encode_passages([p.full_text for p in PASSAGES])
    vectors = embedder.encode_queries([q.question for q in queries])
    scores = ndcg_at_10(vectors, passages, [[int(q.positives[0][1:])] for q in queries])
    assert np.mean(scores) == pytest.approx(manifest.facts["tuned"]["32"], abs=1e-5)
    assert embedder.max_tokens == 32
    assert SentenceTransformer(str(target / "model"), device="cpu").max_seq_length == 32


def test_nothing_but_the_model_is_published(tuned: tuple[Path, Manifest], base: Path) -> None:
    target, manifest = tuned
    assert not (target / "private").exists()
    assert all(name.startswith("model/") for name in manifest.files)
    names = {Path(name).name for name in manifest.files}
    assert not names & {"README.md", "optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", COMPLETE}
    for name in manifest.files:
        content = (target / name).read_bytes()
        for path in (target, base, Path.cwd()):
            assert str(path).encode() not in content, name


def test_a_rerun_does_nothing(base: Path, tuned: tuple[Path, Manifest]) -> None:
    target, manifest = tuned
    before = (target / "manifest.json").stat().st_mtime_ns
    assert _train(base, target, _questions(), _config()) == manifest
    assert (target / "manifest.json").stat().st_mtime_ns == before


def test_wrong_labels_keep_the_base(base: Path, tmp_path: Path) -> None:
    manifest = _train(base, tmp_path / "embedder", _questions(shuffle=True), _config(epochs=2))
    assert manifest.facts["verdict"] == "kept base"
    assert manifest.facts["gain"]["low"] <= 0
    assert manifest.files == {}
    assert not (tmp_path / "embedder" / "model").exists()


def _interrupt(monkeypatch: pytest.MonkeyPatch, base: Path, target: Path, after_steps: int) -> Path:
    """Fail in the forward pass after some steps, as a kill would; returns the checkpoint folder."""
    forward, calls = MatryoshkaLoss.forward, iter(range(1000))

    def failing(self: Any, *args: Any, **kwargs: Any) -> Any:
        if next(calls) >= after_steps:
            raise KeyboardInterrupt
        return forward(self, *args, **kwargs)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(MatryoshkaLoss, "forward", failing)
        _train(base, target, _questions(), _config())
    assert not target.exists()
    (checkpoints,) = target.parent.glob(".embedder.building-*/private/checkpoints")
    return checkpoints


def _steps(checkpoints: Path) -> set[int]:
    return {int(folder.name.split("-")[1]) for folder in checkpoints.glob("checkpoint-*")}


def _assert_same(one: tuple[Path, Manifest], other: tuple[Path, Manifest]) -> None:
    """The same measurements to 1e-4 and weights to 1e-4: 30 steps of float32 in another process's order of sums."""
    assert one[1].facts["best_step"] == other[1].facts["best_step"]
    for mine, theirs in zip(one[1].facts["history"], other[1].facts["history"], strict=True):
        assert mine == pytest.approx(theirs, abs=1e-4)
    first, second = _weights(one[0]), _weights(other[0])
    assert all(np.allclose(first[name], second[name], atol=1e-4) for name in first)


def test_resumed_in_mid_epoch_ends_as_uninterrupted(
    monkeypatch: pytest.MonkeyPatch, base: Path, tuned: tuple[Path, Manifest], tmp_path: Path
) -> None:
    # 5 steps an epoch, a checkpoint every 3: it goes on from step 9, the fourth of the second epoch
    target = tmp_path / "embedder"
    checkpoints = _interrupt(monkeypatch, base, target, 11)
    assert max(_steps(checkpoints)) == 9
    _assert_same((target, _train(base, target, _questions(), _config())), tuned)


@pytest.mark.parametrize("damage", ["truncated", "unmarked", "half a mark"])
def test_a_broken_checkpoint_is_passed_over(
    damage: str, monkeypatch: pytest.MonkeyPatch, base: Path, tuned: tuple[Path, Manifest], tmp_path: Path
) -> None:
    target = tmp_path / "embedder"
    checkpoints = _interrupt(monkeypatch, base, target, 14)
    last = checkpoints / "checkpoint-12"
    if damage == "truncated":
        weights = last / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "unmarked":
        (last / COMPLETE).unlink()
        (last / "trainer_state.json").unlink()
    else:
        (last / COMPLETE).write_text('{"sizes": {')
    assert len(_steps(checkpoints)) > 1
    _assert_same((target, _train(base, target, _questions(), _config())), tuned)


def test_killed_between_training_and_publishing_trains_no_further(
    monkeypatch: pytest.MonkeyPatch, base: Path, tuned: tuple[Path, Manifest], tmp_path: Path
) -> None:
    def fail(*_: Any) -> Interval:
        raise KeyboardInterrupt

    target = tmp_path / "embedder"
    options: dict[str, Any] = {"config": _config(), "target": target, "inputs": {"toy": "1"}}
    with pytest.raises(KeyboardInterrupt):
        train_embedder(base, PASSAGES, _questions(), compare=fail, **options)
    monkeypatch.setattr(MatryoshkaLoss, "forward", fail)
    _assert_same((target, _train(base, target, _questions(), _config())), tuned)


def test_patience_ends_training(base: Path, tmp_path: Path) -> None:
    config = _config(epochs=20, patience=1, learning_rate=1e-8)
    history = _train(base, tmp_path / "embedder", _questions(), config).facts["history"]
    assert len(history) == 2


def test_too_little_data_is_refused_unless_forced(base: Path, tmp_path: Path) -> None:
    questions = _questions()
    few_train = [q for q in questions if q.split == "dev"] + [q for q in questions if q.split == "train"][:79]
    with pytest.raises(TooLittleDataError, match="79 answerable training") as error:
        _train(base, tmp_path / "embedder", few_train, _config())
    assert "--force" in str(error.value)
    few_dev = [q for q in questions if q.split == "train"] + [q for q in questions if q.split == "dev"][:29]
    with pytest.raises(TooLittleDataError, match="29 answerable dev"):
        _train(base, tmp_path / "embedder", few_dev, _config())
    assert not list(tmp_path.iterdir())
    assert _train(base, tmp_path / "embedder", few_train, _config(epochs=1), force=True).counts["questions"] == 79
    with pytest.raises(TooLittleDataError, match="0 answerable dev"):
        _train(base, tmp_path / "none", [q for q in questions if q.split == "train"], _config(), force=True)


def test_a_dimension_above_the_models_is_refused(base: Path, tmp_path: Path) -> None:
    config = _config().model_copy(update={"embedder": Config().embedder.model_copy(update={"dim": 64})})
    with pytest.raises(ConfigError, match=r"embedder\.dim is 64, but the model gives 32"):
        _train(base, tmp_path / "embedder", _questions(), config)


def test_a_blend_is_measured_on_dev_and_published_where_it_is_best(base: Path, tmp_path: Path) -> None:
    manifest = _train(base, tmp_path / "embedder", _questions(), _config(epochs=3, blend=(0.4, 1.0)))
    facts = manifest.facts
    assert facts["blends"].keys() == {"0.4", "1.0"}
    assert facts["tuned"] == facts["blends"][str(facts["blend"])]
    assert facts["tuned"]["32"] == max(scores["32"] for scores in facts["blends"].values())


def test_a_blend_lies_between_its_parts(base: Path, tuned: tuple[Path, Manifest], tmp_path: Path) -> None:
    blend(base, tuned[0] / "model", 0.25, tmp_path / "mixed")
    before, after = load_file(base / "model.safetensors"), _weights(tuned[0])
    mixed = load_file(tmp_path / "mixed" / "model.safetensors")
    for name, found in mixed.items():
        assert found == pytest.approx(0.75 * before[name] + 0.25 * after[name], abs=1e-6), name


def test_nothing_is_trained_where_there_is_nothing_to_gain(base: Path, tmp_path: Path) -> None:
    manifest = _train(base, tmp_path / "embedder", _questions(), _config(min_headroom=0.99))
    assert manifest.facts["verdict"] == "kept base"
    assert 0 < manifest.facts["headroom"] < 0.99
    assert manifest.files == {} and "pairs" not in manifest.counts


def test_a_question_makes_no_more_pairs_than_asked_and_questions_are_sampled(base: Path, tmp_path: Path) -> None:
    questions = [Question(**{**_fields(q), "positives": (*q.positives, "p00", "p01")}) for q in _questions()]
    config = _config(epochs=0.1, positives_per_question=2, max_questions=70, min_pairs=50, hard_negatives=0)
    manifest = _train(base, tmp_path / "embedder", questions, config)
    assert manifest.counts["questions"] == 70
    assert 70 < manifest.counts["pairs"] <= 140


def test_attention_weights_are_not_dropped_while_training(base: Path) -> None:
    """Their dropout costs two thirds of a step; what the base has elsewhere stays."""
    from transformers import BertConfig

    config = base / "config.json"
    before = config.read_text(encoding="utf-8")
    try:
        changed = BertConfig(**{**json.loads(before), "attention_probs_dropout_prob": 0.1, "hidden_dropout_prob": 0.2})
        config.write_text(json.dumps(changed.to_dict()), encoding="utf-8")
        model = load_model(base, _config())
    finally:
        config.write_text(before, encoding="utf-8")
    shares = {name: module.p for name, module in model.named_modules() if name.endswith("dropout")}
    inside = [name for name in shares if name.endswith("attention.self.dropout")]
    assert len(inside) == 2 and {shares[name] for name in inside} == {0.0}
    assert {share for name, share in shares.items() if name not in inside} == {0.2}


def test_dimensions_need_a_weight_each() -> None:
    with pytest.raises(ValueError, match="dim_weights"):
        _config(dim_weights=(1.0,))


def test_divergence_is_told(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MatryoshkaLoss, "forward", lambda self, *_: sum(p.sum() for p in self.parameters()) * math.nan)
    with pytest.raises(HybridError, match="diverged"):
        _train(base, tmp_path / "embedder", _questions(), _config(epochs=1))


def test_prompts_and_deployed_dimension_reach_training(base: Path, tmp_path: Path) -> None:
    options = Config().embedder.model_copy(update={"dim": 8, "query_prompt": "find the ", "passage_prompt": "room0 "})
    config = _config(epochs=1, mini_batch_size=4).model_copy(update={"embedder": options})
    facts = _train(base, tmp_path / "embedder", _questions(), config).facts
    assert facts["dim"] == 8
    assert facts["tuned"].keys() == {"32", "16", "8"}
    serving = SentenceEmbedder(base, dim=8, query_prompt="find the ", passage_prompt="room0 ")
    dev = [q for q in _questions() if q.split == "dev"]
    passages = serving.encode_passages([p.full_text for p in PASSAGES])
    queries = serving.encode_queries([q.question for q in dev])
    scores = ndcg_at_10(queries, passages, [[int(q.positives[0][1:])] for q in dev])
    assert facts["base"]["8"] == pytest.approx(np.mean(scores), abs=1e-5)


def test_what_is_gold_for_one_question_is_no_negative_of_another_in_its_batch(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # p00 and p01 are both gold for the questions on either, and so on: different texts, so texts alone do not tell
    questions = [
        Question(**{**_fields(q), "positives": (f"p{place - place % 2:02}", f"p{place - place % 2 + 1:02}")})
        for q, place in ((q, int(q.positives[0][1:])) for q in _questions())
    ]
    tokenizer = SentenceTransformer(str(base), device="cpu").tokenizer
    batches = []

    def record(self: Any, columns: Any, labels: Any) -> Any:
        batches.append([tokenizer.batch_decode(c["input_ids"], skip_special_tokens=True) for c in columns])
        return sum(p.sum() for p in self.parameters()) * 0

    monkeypatch.setattr(MatryoshkaLoss, "forward", record)
    manifest = _train(base, tmp_path / "embedder", questions, _config(epochs=2))
    assert manifest.counts["pairs"] == 4 * NUM
    thing = re.compile(r"thing(\d+)")
    assert len(batches) == 20
    for anchors, positives, negatives in batches:
        groups = [int(thing.findall(text)[0]) // 2 for text in positives]
        assert len(set(groups)) == len(groups) == len(set(anchors))
        assert not {int(thing.findall(text)[0]) // 2 for text in negatives} & set(groups)


def test_plain_and_cached_loss_are_the_same_with_the_same_gradients(base: Path) -> None:
    questions, texts = [q.question for q in _questions()[:12]], [p.full_text for p in PASSAGES]
    results = []
    for cached in (False, True):
        model = SentenceTransformer(str(base), device="cpu")
        inner = (
            CachedMultipleNegativesRankingLoss(model, mini_batch_size=5)
            if cached
            else MultipleNegativesRankingLoss(model)
        )
        columns = [model.preprocess(column) for column in (questions, texts[:12], texts[12:24])]
        loss = MatryoshkaLoss(model, inner, [32, 16])(columns, torch.empty(0))
        loss.backward()
        gradients = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
        results.append((float(loss), gradients))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-5)
    assert torch.allclose(results[0][1], results[1][1], atol=1e-5)


def test_ndcg_agrees_with_the_reference() -> None:
    rng = np.random.default_rng(0)
    passages = rng.normal(size=(200, 4)).astype(np.float32)
    queries = rng.normal(size=(70, 4)).astype(np.float32)
    golds = [sorted(rng.choice(200, size=rng.integers(1, 13), replace=False).tolist()) for _ in range(70)]
    run = {}
    for number, scores in enumerate(queries @ passages.T):
        order = np.argsort(-scores, kind="stable")[:100]
        run[str(number)] = [Hit(f"{p:03}", float(scores[p]), rank) for rank, p in enumerate(order, 1)]
    qrels = {str(number): {f"{p:03}" for p in gold} for number, gold in enumerate(golds)}
    reference = rank_metrics(run, qrels)["ndcg@10"]
    assert ndcg_at_10(queries, passages, golds) == pytest.approx([reference[str(n)] for n in range(70)])
    same = np.ones((20, 4), dtype=np.float32)
    assert ndcg_at_10(same[:1], same, [[2]]) == [0.5], "equal scores rank in order"


def test_facts_are_plain_json_without_times(tuned: tuple[Path, Manifest]) -> None:
    text = json.dumps(tuned[1].facts)
    assert "runtime" not in text
    assert "seconds" not in text
