"""A cross-encoder behind retrieval, trained on a public set's train questions and judged by its test questions.

python -m benchmarks.rerank --data FOLDER [--sets covidqa …]

The encoder is the embedded embedder's, so that nothing beside the set is learnt from. Its negatives are what the base
vectors rank high for train questions. Dev chooses the fusion alone; test is measured once.
"""

import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import click

from benchmarks import page, results, run
from benchmarks.cross_encoder import BATCH_SIZE, LEARNING_RATE, MAX_TOKENS, LabelledPair, train_cross_encoder
from hybrid.answering.pipeline import Pipeline
from hybrid.artifacts import Build, publish_once, sha256_json, sha256_tree
from hybrid.cli.main import set_up_libraries
from hybrid.evaluation.figure import gain, measure
from hybrid.lifecycle.rerank_gain import NDCG, both_rows
from hybrid.lifecycle.workspace import Workspace
from hybrid.models import resolve
from hybrid.protocols import Generator
from hybrid.tuning.hard_negatives import mine_hard_negatives

COMMAND = "make bench-rerank"
SETS = ("covidqa",)
MODES = ("dense", "auto")
"""First stages: vectors alone, and what dev chooses beside words."""
BEFORE = "dense, base embedder"
RESAMPLES = 10_000
DEPTH = 30
"""Hits that are reranked, and that negatives are drawn from."""
TIMED = 20
"""Questions asked one at a time."""
NEGATIVES = 3
"""Of a question, drawn from those: the hardest alone are often right themselves."""
_NO_LIMIT = -9.0
"""Margin over which no negative is too near: what retrieval wrongly ranks first is what is to be put right."""
NOBODY = cast(Generator, None)
"""Nothing is generated here."""


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of the public sets.")
@click.option("--sets", multiple=True, help="Names of sets; by default those that are told of.")
def main(data: Path, sets: tuple[str, ...]) -> None:
    """Train a cross-encoder on each set, then measure what it does to the ranking of test."""
    set_up_libraries()
    for name in run.there(data, sets or SETS):
        depth = f"retrieval.rerank_depth={DEPTH}"
        model = trained(_workspace(data, name))
        rows: list[dict[str, Any]] = []
        for mode in MODES:
            rows += _rows(_workspace(data, name, f"retrieval.mode={mode}", f"retrieval.reranker={model}", depth), name)
            results.record_rows(COMMAND, rows, of=name)
            page.write()
        for row in rows:
            what = f"{name:12} {row['metric']:24} {row['system']:40}"
            click.echo(f"{what} {row['value']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]")


def _rows(workspace: Workspace, name: str) -> list[dict[str, Any]]:
    """The ranking of test before and after, the paired gain, and the milliseconds of one question alone."""
    started = time.perf_counter()
    seed, options = workspace.config.seed, workspace.config.retrieval
    with workspace.lock():
        search = workspace.search("base")
        search.build()
    test = [q for q in search.passages.questions if q.split == "test" and q.answerable and q.positives]
    pipeline = search.pipeline(NOBODY)
    before, after, _ = both_rows(pipeline, test)
    draws = {"resamples": RESAMPLES, "seed": seed}
    ranked = BEFORE if options.mode == "dense" else f"auto ({search.fusion.name})"
    found = {
        ranked: measure(NDCG, before, **draws),
        f"{ranked}, reranked": measure(NDCG, after, **draws),
        f"{ranked}, reranked − {ranked}": gain(NDCG, before, after, **draws),
    }
    stamp = {"of": name, "split": "test", "seed": seed, "minutes": round((time.perf_counter() - started) / 60, 1)}
    rows = [
        results.make_row("rerank/ndcg@10", system, interval, **stamp, command=COMMAND)
        for system, interval in found.items()
        if interval
    ]
    spread = results.spread(_milliseconds(pipeline, [q.question for q in test[:TIMED]]), TIMED)
    rows.append(
        results.make_row("rerank/ms", f"{ranked}, {options.rerank_depth} hits", spread, **stamp, command=COMMAND)
    )
    return rows


def _milliseconds(pipeline: Pipeline, questions: Sequence[str]) -> list[float]:
    taken = []
    for question in questions:
        hits = pipeline.first_stage([question], pipeline.config.retrieval.depth)
        started = time.perf_counter()
        pipeline.reranked([question], hits)
        taken.append(1000 * (time.perf_counter() - started))
    return taken


def _workspace(data: Path, name: str, *overrides: str) -> Workspace:
    return run.open_set(name, data, run.INDEXES / f"bench-rerank-{name}", *overrides)


def trained(workspace: Workspace) -> Path:
    """The folder of the set's cross-encoder; trained unless it lies there."""
    seed = workspace.config.seed
    with workspace.lock():
        workspace.index("base")
        pairs = labelled_pairs(workspace, DEPTH)
    base = resolve("embedded", "embedder")
    target = workspace.root / "cross-encoder"

    def make(build: Build) -> None:
        started = time.perf_counter()
        train_cross_encoder(base, pairs, build.path / "model", checkpoints=build.private, seed=seed)
        build.counts["pairs"] = len(pairs)
        build.facts["minutes"] = round((time.perf_counter() - started) / 60, 1)

    settings = {"batch_size": BATCH_SIZE, "learning_rate": LEARNING_RATE, "max_tokens": MAX_TOKENS, "seed": seed}
    inputs = {"base": sha256_tree(base), "pairs": sha256_json([[p.question, p.text, p.label] for p in pairs])}
    publish_once(target, "bench-cross-encoder", 1, settings, inputs, make)
    return target / "model"


def labelled_pairs(workspace: Workspace, depth: int) -> list[LabelledPair]:
    """Every answerable train question with its passages, and `NEGATIVES` of the first `depth` that retrieval ranks."""
    search = workspace.search("base")
    questions = [q for q in search.passages.questions if q.split == "train" and q.answerable and q.positives]
    by_id = search.passages.by_id
    ids, vectors = search.pipeline(NOBODY).store.vectors()
    ranked = mine_hard_negatives(
        questions,
        [by_id[identity] for identity in ids],
        search.embedder.encode_queries([question.question for question in questions]),
        vectors,
        num_negatives=depth,
        relative_margin=_NO_LIMIT,
    )
    pairs = []
    for question, negatives in zip(questions, ranked, strict=True):
        drawn = random.Random(f"{workspace.config.seed}:{question.id}").sample(
            negatives, min(NEGATIVES, len(negatives))
        )
        for identity, label in [*((gold, 1.0) for gold in question.positives[:1]), *((one, 0.0) for one in drawn)]:
            pairs.append(LabelledPair(question.question, by_id[identity].full_text, label))
    return pairs


if __name__ == "__main__":
    sys.exit(main())
