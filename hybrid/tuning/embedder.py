"""Fine-tuning of the embedder on question-passage pairs, published only where dev shows that it is better.

The loss is the in-batch contrastive one (van den Oord et al. 2018, arXiv:1807.03748) with mined hard negatives, summed
over Matryoshka dimensions (Kusupati et al. 2022, arXiv:2205.13147). The base embedder is measured first; the best
checkpoint replaces it only if the 95 % interval of the paired difference of nDCG@10 on dev lies above zero.
"""

import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hybrid.artifacts import Build, Manifest, current, publish, require
from hybrid.config import Config
from hybrid.errors import ConfigError, TooLittleDataError
from hybrid.tuning.dev_ranking import DevRanking, mean_scores, rounded
from hybrid.tuning.embedder_model import blend, load_model, save_model
from hybrid.tuning.embedder_trainer import Best, run_training
from hybrid.tuning.pairs import make_pairs
from hybrid.tuning.step_clock import StepClock
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
    overridden: Sequence[str] = (),
) -> Manifest:
    """Train from the sentence-transformers folder `base`; publish `model/` if it is better on dev, else the verdict.

    Of `questions` the answerable ones of the splits train and dev with a positive among `passages` are used; dev is
    ranked against all passages, with `train_embed.spare_to_dev` the training questions left over as well. Killed and
    run again, it goes on from the last whole checkpoint. `overridden` names what failed before it and was forced.

    Raises `TooLittleDataError` under `train_embed.min_pairs` train or `train_embed.min_dev_questions` dev questions
    (without any even with `force`), `ConfigError` for a dimension above the model's, `HybridError` on divergence.
    """
    settings = {
        "train_embed": config.train_embed.settings(),
        "embedder": config.embedder.model_dump(include={"query_prompt", "passage_prompt", "dim", "max_tokens"}),
        "seed": config.seed,
    }
    if done := current(target, "embedder", VERSION, settings, inputs):
        return done
    # Equal scores are ranked by id, as in the store.
    corpus = sorted(passages, key=lambda passage: passage.id)
    train, dev = usable_questions(corpus, questions, config)
    _check_amount(len(train), len(dev), config, force)
    with publish(target, "embedder", VERSION, settings, inputs) as build:
        _run(base, corpus, train, dev, config, build, compare)
        if overridden:
            build.facts["overridden"] = list(overridden)
    return require(target, "hybrid train-embed")


def usable_questions(
    passages: Sequence[Passage], questions: Sequence[Question], config: Config
) -> tuple[list[Question], list[Question]]:
    """The questions that are trained on and those that judge the training."""
    known = {passage.id for passage in passages}
    usable = [q for q in questions if q.answerable and known.intersection(q.positives)]
    train, spare = _sampled([q for q in usable if q.split == "train"], config)
    dev = [q for q in usable if q.split == "dev"]
    if config.train_embed.spare_to_dev:
        dev += _unrelated(spare, train, {passage.id: passage.document_id or passage.id for passage in passages})
    return train, dev


def _sampled(questions: list[Question], config: Config) -> tuple[list[Question], list[Question]]:
    """At most `train_embed.max_questions` and the others, each in their order."""
    most = config.train_embed.max_questions
    if not most or most >= len(questions):
        return questions, []
    kept = set(random.Random(config.seed).sample(range(len(questions)), most))
    return (
        [question for place, question in enumerate(questions) if place in kept],
        [question for place, question in enumerate(questions) if place not in kept],
    )


def _unrelated(spare: Sequence[Question], train: Sequence[Question], documents: Mapping[str, str]) -> list[Question]:
    """Those of `spare` without a gold document of `train`, so that nothing trained on judges the training."""

    def of(question: Question) -> set[str]:
        return {documents[id_] for id_ in question.positives if id_ in documents}

    seen = {document for question in train for document in of(question)}
    return [question for question in spare if not of(question) & seen]


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
    model = load_model(base, config)
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

    def keep_time(clock: StepClock) -> None:
        clock.record(build.path.parent, base, config.train_embed.batch_size)

    best = run_training(base, model, pairs, ranking, deployed, config, checkpoints, keep_time)
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
    if better:
        save_model(chosen.folder, base, build.path / "model")


@dataclass(frozen=True)
class _Blend:
    """The best checkpoint mixed with the base; `weight` is its own share. `scores` are those on dev."""

    weight: float
    folder: Path
    scores: dict[str, list[float]]


def _blend(base: Path, best: Best, weight: float, ranking: DevRanking, config: Config, scratch: Path) -> _Blend:
    if weight == 1.0:
        return _Blend(weight, best.folder, best.scores)
    folder = scratch / f"blend-{weight}"
    shutil.rmtree(folder, ignore_errors=True)
    blend(base, best.folder, weight, folder)
    model = load_model(folder, config)
    passages = ranking.encode_passages(model, f"blend {weight}: passages")
    return _Blend(weight, folder, ranking.scores(ranking.encode_queries(model), passages))
