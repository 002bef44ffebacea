"""Fine-tuning of the embedder on question-passage pairs, published only where dev shows that it is better.

The loss is the in-batch contrastive one (van den Oord et al. 2018, arXiv:1807.03748) with mined hard negatives, summed
over Matryoshka dimensions (Kusupati et al. 2022, arXiv:2205.13147). The base embedder is measured first; the best
checkpoint replaces it only if the 95 % interval of the paired difference of nDCG@10 on dev lies above zero.
"""

import json
import math
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.artifacts import Build, Manifest, current, publish, require, write_text
from hybrid.config import Config
from hybrid.errors import ConfigError, HybridError, TooLittleDataError
from hybrid.precision import fast_dtype
from hybrid.tuning.dev_ranking import DevRanking, mean_scores, rounded
from hybrid.tuning.embedder_checkpoints import COMPLETE, file_sizes, last_whole, read_state
from hybrid.tuning.pairs import Pair, make_pairs
from hybrid.types import Interval, Passage, Question

VERSION = 2

Compare = Callable[[Sequence[float], Sequence[float], Sequence[str]], Interval]
"""Scores before, scores after, clusters, all per question: the mean gain with its 95 % interval."""


def train_embedder(
    base: Path,
    passages: Sequence[Passage],
    questions: Sequence[Question],
    *,
    config: Config,
    target: Path,
    inputs: Mapping[str, str],
    compare: Compare,
    force: bool = False,
) -> Manifest:
    """Train from the sentence-transformers folder `base`; publish `model/` if it is better on dev, else the verdict.

    Of `questions` the answerable ones of the splits train and dev with a positive among `passages` are used; dev is
    ranked against all passages. Killed and run again, it goes on from the last whole checkpoint.

    Raises `TooLittleDataError` under `train_embed.min_pairs` train or `train_embed.min_dev_questions` dev questions
    (without any even with `force`), `ConfigError` for a dimension above the model's, `HybridError` on divergence.
    """
    settings = {
        "train_embed": config.train_embed.model_dump(mode="json", exclude={"device"}),
        "embedder": config.embedder.model_dump(include={"query_prompt", "passage_prompt", "dim", "max_tokens"}),
        "seed": config.seed,
    }
    if done := current(target, "embedder", VERSION, settings, inputs):
        return done
    # Equal scores are ranked by id, as in the store.
    corpus = sorted(passages, key=lambda passage: passage.id)
    known = {passage.id for passage in corpus}
    usable = [q for q in questions if q.answerable and known.intersection(q.positives)]
    train = _sampled([q for q in usable if q.split == "train"], config)
    dev = [q for q in usable if q.split == "dev"]
    _check_amount(len(train), len(dev), config, force)
    with publish(target, "embedder", VERSION, settings, inputs) as build:
        _run(base, corpus, train, dev, config, build, compare)
    return require(target, "hybrid train-embed")


def _sampled(questions: list[Question], config: Config) -> list[Question]:
    """At most `train_embed.max_questions`, in their order."""
    most = config.train_embed.max_questions
    if not most or most >= len(questions):
        return questions
    kept = sorted(random.Random(config.seed).sample(range(len(questions)), most))
    return [questions[place] for place in kept]


def _check_amount(num_train: int, num_dev: int, config: Config, force: bool) -> None:
    for number, least, name, advice in (
        (num_train, config.train_embed.min_pairs, "training", "write or synthesise more"),
        (num_dev, config.train_embed.min_dev_questions, "dev", "move or write more: without them no gain can be shown"),
    ):
        if number == 0 or (number < least and not force):
            raise TooLittleDataError(
                f"{number} answerable {name} questions with a known passage, {least} are the least for tuning",
                f"{advice} (split: {'train' if name == 'training' else 'dev'})"
                + (", or pass --force to train all the same" if number else ""),
            )


def _run(
    base: Path,
    corpus: Sequence[Passage],
    train: Sequence[Question],
    dev: Sequence[Question],
    config: Config,
    build: Build,
    compare: Compare,
) -> None:
    """Base scores, negatives, training, verdict, and the model where it is better."""
    model = _load(base, config)
    full = int(model.get_embedding_dimension())
    deployed = config.embedder.dim or full
    if deployed > full:
        raise ConfigError(f"embedder.dim is {deployed}, but the model gives {full}", "lower embedder.dim")
    # The full dimension is trained too, else nothing holds it in place; and the deployed one decides.
    dims = sorted({full, deployed, *(dim for dim in config.train_embed.dims if dim <= full)}, reverse=True)
    ranking = DevRanking(corpus, dev, dims, config)
    vectors = ranking.encode_passages(model, "base: passages")
    base_scores = ranking.scores(ranking.encode_queries(model), vectors)
    build.counts["dev_questions"] = len(dev)
    headroom = 1 - float(np.mean(base_scores[str(deployed)]))
    if headroom < config.train_embed.min_headroom:
        build.facts.update(
            verdict="kept base",
            metric="ndcg@10",
            dim=deployed,
            base=mean_scores(base_scores),
            headroom=rounded(headroom),
        )
        return
    pairs = make_pairs(model, corpus, train, vectors[:, :deployed], config, build.counts)

    checkpoints = build.private / "checkpoints"
    best = _train(model, pairs, ranking, deployed, config, checkpoints)
    blends = [_blend(base, best, weight, ranking, config, build.private) for weight in config.train_embed.blend]
    # of equal ones the one nearest the base
    chosen = max(sorted(blends, key=lambda blend: blend.weight), key=lambda blend: np.mean(blend.scores[str(deployed)]))
    tuned_scores = chosen.scores[str(deployed)]
    clusters = [question.positives[0] for question in dev]
    interval = compare(base_scores[str(deployed)], tuned_scores, clusters)
    better = interval.low > 0
    build.facts.update(
        verdict="tuned" if better else "kept base",
        metric="ndcg@10",
        dim=deployed,
        base=mean_scores(base_scores),
        tuned=mean_scores(chosen.scores),
        blend=chosen.weight,
        blends={str(blend.weight): mean_scores(blend.scores) for blend in blends},
        gain={key: rounded(value) for key, value in asdict(interval).items()},
        best_step=best.step,
        history=best.history,
    )
    shutil.rmtree(build.path / "model", ignore_errors=True)
    if better:
        _save(chosen.folder, base, build.path / "model")


@dataclass(frozen=True)
class _Blend:
    """The best checkpoint mixed with the base; `weight` is its own share."""

    weight: float
    folder: Path
    scores: dict[str, list[float]]


def _blend(base: Path, best: "_Best", weight: float, ranking: DevRanking, config: Config, scratch: Path) -> _Blend:
    """A linear blend of base and best checkpoint (Xiao et al. 2023, LM-Cocktail, arXiv:2311.13534), measured on dev."""
    if weight == 1.0:
        return _Blend(weight, best.folder, best.scores)
    from sentence_transformers import SentenceTransformer

    folder = scratch / f"blend-{weight}"
    # mergekit's own command crashes on this architecture and loses the pooling
    models = [str(base), str(best.folder)]
    mixed = SentenceTransformer.merge(models, parameters={"weight": [1 - weight, weight]}, local_files_only=True)
    mixed.save_pretrained(str(folder), create_model_card=False)
    model = _load(folder, config)
    passages = ranking.encode_passages(model, f"blend {weight}: passages")
    return _Blend(weight, folder, ranking.scores(ranking.encode_queries(model), passages))


def _load(folder: Path, config: Config) -> Any:
    """The model with the reading limit that it is served with."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device=config.train_embed.device, local_files_only=True)
    if config.embedder.max_tokens is not None:
        model.max_seq_length = min(config.embedder.max_tokens, model.max_seq_length)
    _drop_attention_dropout(model)
    return model


def _drop_attention_dropout(model: Any) -> None:
    """Dropout of attention weights keeps torch from its fused attention: without it a step takes a third of the time.

    Dropout elsewhere stays as the model has it. Nothing of this is saved with the model.
    """
    for module in model.modules():
        if "Attention" not in type(module).__name__:
            continue
        if hasattr(getattr(module, "dropout", None), "p"):
            module.dropout.p = 0.0
        if isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = 0.0


def _save(checkpoint: Path, base: Path, target: Path) -> None:
    """A plain sentence-transformers folder with the base's own reading limit; serving sets the configured one."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(checkpoint), device="cpu", local_files_only=True)
    limit = SentenceTransformer(str(base), device="cpu", local_files_only=True).max_seq_length
    model.max_seq_length = limit
    model.save_pretrained(str(target), create_model_card=False)
    # Newer releases keep the limit in the tokenizer's file only; readers that do not load the model look here.
    file = target / "sentence_bert_config.json"
    options = json.loads(file.read_text(encoding="utf-8"))
    write_text(file, json.dumps({**options, "max_seq_length": limit}, indent=4) + "\n")


@dataclass(frozen=True)
class _Best:
    """The best checkpoint and how it was come by. `scores` is dimension to nDCG@10 per dev question."""

    folder: Path
    step: int
    scores: dict[str, list[float]]
    history: list[dict[str, Any]]


def _train(
    model: Any, pairs: Sequence[Pair], ranking: DevRanking, deployed: int, config: Config, checkpoints: Path
) -> _Best:
    """Train to the end or until patience runs out, from the last whole checkpoint if there is one."""
    last = last_whole(checkpoints)
    if last is None or not _is_over(read_state(last), deployed, config.train_embed.patience):
        trainer = _make_trainer(model, pairs, ranking, deployed, config, checkpoints)
        trainer.train(resume_from_checkpoint=str(last) if last is not None else None)
        last = last_whole(checkpoints)
    if last is None:
        raise HybridError(f"{checkpoints}: training left no whole checkpoint", "look whether the disk is full")
    # Everything is read back from the disk, so that a run killed after its last step ends in the same result.
    state = read_state(last)
    best = checkpoints / f"checkpoint-{state['best_global_step']}"
    history = [
        {"step": entry["step"], **{str(dim): rounded(entry[_metric(dim)]) for dim in ranking.dims}}
        for entry in _evaluations(state["log_history"], deployed)
    ]
    scores = json.loads((best / COMPLETE).read_text(encoding="utf-8"))["scores"]
    return _Best(best, state["best_global_step"], scores, history)


def _make_trainer(
    model: Any, pairs: Sequence[Pair], ranking: DevRanking, deployed: int, config: Config, checkpoints: Path
) -> Any:
    import torch
    from datasets import Dataset
    from sentence_transformers.base.sampler import NoDuplicatesBatchSampler
    from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator
    from sentence_transformers.sentence_transformer.losses import (
        CachedMultipleNegativesRankingLoss,
        MatryoshkaLoss,
        MultipleNegativesRankingLoss,
    )
    from sentence_transformers.sentence_transformer.trainer import SentenceTransformerTrainer
    from sentence_transformers.sentence_transformer.training_args import SentenceTransformerTrainingArguments
    from tqdm.auto import tqdm
    from transformers import PrinterCallback, TrainerCallback

    options = config.train_embed
    steps_per_epoch = math.ceil(len(pairs) / options.batch_size)
    num_steps = math.ceil(options.epochs * steps_per_epoch)
    interval = math.ceil(num_steps / math.ceil(options.epochs * options.evals_per_epoch))
    latest: dict[str, list[float]] = {}

    class Evaluator(SentenceEvaluator):  # type: ignore[misc]
        """All dimensions from one encoding; an InformationRetrievalEvaluator for each would encode the corpus again."""

        def __call__(self, model: Any, output_path: str | None = None, epoch: float = -1, steps: int = -1) -> Any:
            passages = ranking.encode_passages(model, f"step {steps}: passages")
            latest.update(ranking.scores(ranking.encode_queries(model), passages))
            return {_metric(int(dim)): float(np.mean(values)) for dim, values in latest.items()}

    class Trainer(SentenceTransformerTrainer):  # type: ignore[misc]
        """Without model cards: they hold dates and paths, and looking a base model up takes a network."""

        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            return

        def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
            self.model.save_pretrained(output_dir, create_model_card=False)

    class Course(TrainerCallback):  # type: ignore[misc]
        """Bar on stderr, patience, and the mark of a whole checkpoint."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc="training steps")

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.bar.update()

        def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            record = {"log_history": state.log_history, "global_step": state.global_step, "max_steps": state.max_steps}
            control.should_training_stop = control.should_training_stop or _is_over(record, deployed, options.patience)

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            folder = checkpoints / f"checkpoint-{state.global_step}"
            write_text(folder / COMPLETE, json.dumps({"sizes": file_sizes(folder), "scores": latest}))

        def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.bar.close()

    def sampler(dataset: Any, **arguments: Any) -> Any:
        # By what must not meet in a batch, not by what the loss reads: another question's positive may be gold here.
        width = max(len(pair.exclusive) for pair in pairs)
        keys = [pair.exclusive + pair.exclusive[:1] * (width - len(pair.exclusive)) for pair in pairs]
        columns = {f"key{place}": [key[place] for key in keys] for place in range(width)}
        return NoDuplicatesBatchSampler(Dataset.from_dict(columns), **arguments)

    # Gradient caching gives the same loss in less memory, at the price of a second forward pass.
    inner = (
        CachedMultipleNegativesRankingLoss(model, mini_batch_size=options.mini_batch_size)
        if options.mini_batch_size < options.batch_size
        else MultipleNegativesRankingLoss(model)
    )
    columns = {"anchor": [pair.query for pair in pairs], "positive": [pair.positive for pair in pairs]}
    for place in range(len(pairs[0].negatives)):
        columns[f"negative_{place}"] = [pair.negatives[place] for pair in pairs]
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        warmup_steps=0.1,
        seed=config.seed,
        data_seed=config.seed,
        eval_strategy="steps",
        eval_steps=interval,
        save_strategy="steps",
        save_steps=interval,
        save_total_limit=2,
        metric_for_best_model=_metric(deployed),
        greater_is_better=True,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        bf16=(fast_dtype() if options.compute == "auto" else options.compute) == "bfloat16",
        use_cpu=options.device == "cpu" or not torch.accelerator.is_available(),
        dataloader_pin_memory=False,
        batch_sampler=sampler,
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict(columns),
        loss=MatryoshkaLoss(model, inner, ranking.dims),
        evaluator=Evaluator(),
        callbacks=[Course()],
    )
    # It prints to stdout, where only results belong.
    trainer.remove_callback(PrinterCallback)
    return trainer


def _metric(dim: int) -> str:
    return f"eval_ndcg@10_{dim}"


def _evaluations(log: Sequence[Mapping[str, Any]], deployed: int) -> list[Mapping[str, Any]]:
    return [entry for entry in log if _metric(deployed) in entry]


def _is_over(state: Mapping[str, Any], deployed: int, patience: int) -> bool:
    """Whether all steps are done, or the last `patience` evaluations did not beat the best before them."""
    values = [entry[_metric(deployed)] for entry in _evaluations(state["log_history"], deployed)]
    waited = len(values) - 1 - values.index(max(values)) if values else 0
    return bool(state["global_step"] >= state["max_steps"]) or waited >= patience
