"""Words and vectors, each alone and fused, on the real questions of public sets.

python -m benchmarks.fusion --data FOLDER [--sets covidqa …]

The weight is chosen on dev; test is measured once. The vectors are those of the embedder that `make bench` tuned on a
set, where it did, else of the base.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks import page, results, run
from hybrid.artifacts import require
from hybrid.cli.main import set_up_libraries
from hybrid.evaluation.figure import gain, measure, ratio
from hybrid.evaluation.questions import cluster_of
from hybrid.lifecycle.fusion_choice import ndcg_of
from hybrid.lifecycle.workspace import Workspace
from hybrid.retrieval.fusion import Fusion
from hybrid.types import Question

COMMAND = "make bench-fusion"
SETS = ("apibench_hf", "covidqa", "squad2_dev", "nq_gold")
NDCG = ratio("fusion/ndcg@10", lambda row: row["ndcg@10"], lambda row: 1.0)
RESAMPLES = 10_000
WORDS = "BM25"
Rows = Sequence[Mapping[str, Any]]


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of the public sets.")
@click.option("--sets", multiple=True, help="Names of sets; by default the four that are told of.")
def main(data: Path, sets: tuple[str, ...]) -> None:
    """Measure BM25, vectors and both on each set's test questions."""
    set_up_libraries()
    for name in run.there(data, sets or SETS):
        rows = _rows(_workspace(data, name), name)
        results.record_rows(COMMAND, rows, of=name)
        page.write()
        for row in rows:
            what = f"{name:12} {row['system']:24} {row['detail']:20}"
            click.echo(f"{what} {row['value']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]")


def _workspace(data: Path, name: str) -> Workspace:
    """The workspace of `make bench`, or the start of it; dev is asked how to fuse."""
    return run.open_set(name, data, run.INDEXES / f"bench-{name}", "retrieval.mode=auto")


def _rows(workspace: Workspace, name: str) -> list[dict[str, Any]]:
    started = time.perf_counter()
    seed = workspace.config.seed
    with workspace.lock():
        search = workspace.search("embedder")
        search.build()
        test = [q for q in search.passages.questions if q.split == "test" and q.answerable and q.positives]
        halves = search.halves([question.question for question in test])
        facts = require(search.fusion_path, "hybrid index").facts
    vectors = f"dense, {search.side} embedder"
    fusions = {
        WORDS: Fusion("lexical"),
        vectors: Fusion("dense"),
        "rrf": Fusion("rrf"),
        "weighted": best_weighted(facts["points"]),
        "auto": Fusion(facts["mode"], facts["weight"]),
    }
    scores = {side: _scored(test, ndcg_of(fusion, test, halves)) for side, fusion in fusions.items()}
    found = {side: measure(NDCG, rows, resamples=RESAMPLES, seed=seed) for side, rows in scores.items()}
    details = {side: f"{fusions[side].name}, by dev" for side in ("weighted", "auto")}
    better = max((WORDS, vectors), key=lambda side: sum(row["ndcg@10"] for row in scores[side]))
    for side in ("rrf", "weighted", "auto"):
        name_of_gain = f"{side} − better alone"
        found[name_of_gain] = gain(NDCG, scores[better], scores[side], resamples=RESAMPLES, seed=seed)
        details[name_of_gain] = f"over {better}"
    stamp = {"of": name, "split": "test", "seed": seed, "minutes": round((time.perf_counter() - started) / 60, 1)}
    return [
        {
            **results.make_row(NDCG.name, system, interval, **stamp, command=COMMAND),
            "detail": details.get(system, ""),
        }
        for system, interval in found.items()
        if interval
    ]


def best_weighted(points: Sequence[Mapping[str, Any]]) -> Fusion:
    """The weight with the highest nDCG@10 among the points that dev measured; of equal ones the lowest."""
    weighted = [point for point in points if point["mode"] == "weighted"]
    best = max(weighted, key=lambda point: (point["gain"], -point["weight"]))
    return Fusion("weighted", best["weight"])


def _scored(questions: Sequence[Question], values: Sequence[float]) -> Rows:
    return [
        {"id": question.id, "cluster": cluster_of(question), "ndcg@10": value}
        for question, value in zip(questions, values, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(main())
