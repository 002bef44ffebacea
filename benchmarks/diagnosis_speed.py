"""How long a whole diagnosis takes, beside the same prompts asked one at a time in transformers, in one run.

python -m benchmarks.diagnosis_speed [--questions 200] [--sample 40]
"""

import random
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from benchmarks import page, results
from benchmarks.trial.page import SPEED
from benchmarks.trial.wrappers import Asked
from hybrid.answering.pipeline import Pipeline, Request
from hybrid.backends import make_cached, make_generator
from hybrid.cli.main import set_up_libraries
from hybrid.cli.options import open_workspace
from hybrid.config import Config
from hybrid.evaluation.contexts import contexts
from hybrid.evaluation.diagnose import diagnose
from hybrid.evaluation.questions import sample
from hybrid.types import Arm, Chat, Interval, Question

CORPUS = Path("corpora") / "pumps"
ROOT = Path("indexes") / "bench-diagnosis"
ORDERS = 3
SHORT_DIM = 64
"""Of the embedder of the second diagnosis: another ranking without another training."""
OURS, BASELINE, SECOND = "hybrid", "transformers, one at a time", "hybrid, after another embedder"


@click.command()
@click.option("--questions", "num_questions", default=200, show_default=True, help="Questions diagnosed.")
@click.option("--sample", "num_sample", default=40, show_default=True, help="Prompts asked one at a time.")
def main(num_questions: int, num_sample: int) -> None:
    """Diagnose the base system of the bundled corpus from nothing; rows go to results.json and the page."""
    set_up_libraries()
    shutil.rmtree(ROOT, ignore_errors=True)
    chosen = (f"diagnosis.orders={ORDERS}", f"diagnosis.max_questions={num_questions}")
    workspace = open_workspace(CORPUS, Path("configs") / "pumps.yaml", chosen, ROOT)
    config = workspace.config
    workspace.index("base")
    # speed does not hang on the split; the bundled corpus has that many answerable questions in all of them only
    pool = [replace(q, split=config.diagnosis.split) for q in workspace.passages().questions if q.answerable]
    asked = sample(pool, config.diagnosis.split, num_questions, config.seed)
    generated: list[Chat] = []

    def noted(chat: Chat) -> Chat:
        generated.append(chat)
        return chat

    cached = make_cached(Asked(make_generator(config), noted), config, ROOT / "cache" / "generations.sqlite")
    pipeline = replace(workspace.pipeline("base"), generator=cached)
    first = _diagnosed(pipeline, pool, config, "first")
    num_first = len(generated)
    chats = _chats(pipeline, asked, config)
    alone = _one_at_a_time(config, random.Random(config.seed).sample(chats, num_sample))
    short = open_workspace(CORPUS, Path("configs") / "pumps.yaml", (*chosen, f"embedder.dim={SHORT_DIM}"), ROOT)
    short.index("base")
    second = _diagnosed(replace(short.pipeline("base"), generator=cached), pool, short.config, "second")
    num_second = len(generated) - num_first
    rng = np.random.default_rng(config.seed)
    draws = [float(np.mean(rng.choice(alone, size=len(alone)))) * len(chats) / 60 for _ in range(2_000)]
    low, high = np.quantile(draws, [0.025, 0.975])
    baseline = Interval(float(np.mean(alone)) * len(chats) / 60, float(low), float(high), len(chats))
    lines = [
        ("diagnosis/minutes", OURS, Interval(first, first, first, num_questions)),
        ("diagnosis/minutes", BASELINE, baseline),
        ("diagnosis/minutes", SECOND, Interval(second, second, second, num_questions)),
        (
            "diagnosis/speedup",
            f"{OURS} ÷ {BASELINE}",
            Interval(baseline.value / first, baseline.low / first, baseline.high / first, num_questions),
        ),
        ("diagnosis/prompts", BASELINE, Interval(len(chats), len(chats), len(chats), num_questions)),
        ("diagnosis/prompts", OURS, Interval(num_first, num_first, num_first, num_questions)),
        ("diagnosis/prompts", SECOND, Interval(num_second, num_second, num_second, num_questions)),
    ]
    stamp = {"split": "all", "seed": config.seed, "minutes": round(first, 1), "command": SPEED}
    rows = [results.make_row(*line, of=CORPUS.name, **stamp) for line in lines]
    results.record_rows(SPEED, rows)
    page.write()
    for row in rows:
        click.echo(f"{row['metric']:24} {row['system']:46} {row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]")


def _diagnosed(pipeline: Pipeline, questions: Sequence[Question], config: Config, name: str) -> float:
    """Minutes of a diagnosis with its report, loading the models included."""
    started = time.perf_counter()
    diagnose(pipeline, questions, config=config, target=ROOT / name, inputs={}, title=f"speed, {name}")
    return (time.perf_counter() - started) / 60


def _chats(pipeline: Pipeline, asked: Sequence[Question], config: Config) -> list[Chat]:
    """Every prompt of the sweep, the same ones as often as they come up."""
    ids = sorted(pipeline.passages)
    hits = pipeline.retrieve([question.question for question in asked], config.retrieval.depth)
    chats = []
    for question, row in zip(asked, hits, strict=True):
        found = pipeline.lookup(row)
        options = {"k": config.retrieval.k, "orders": ORDERS, "seed": config.seed}
        for made in contexts(question, found, found, pipeline.passages, ids, arms=frozenset(Arm), **options):
            fitted = pipeline.fit(Request(question.question, made.passages, made.keep))
            chats.append(pipeline.prompt(question.question, fitted.passages, fitted.examples))
    return chats


def _one_at_a_time(config: Config, chats: Sequence[Chat]) -> list[float]:
    """Seconds of each; the model is loaded by one that is not counted."""
    plain = config.model_copy(
        update={"generator": config.generator.model_copy(update={"engine": "transformers", "batch_size": 1})}
    )
    generator = make_generator(plain)
    seconds = []
    for chat in (chats[0], *chats):
        started = time.perf_counter()
        generator.generate([chat], max_new_tokens=config.generator.max_new_tokens)
        seconds.append(time.perf_counter() - started)
    return seconds[1:]


if __name__ == "__main__":
    sys.exit(main())
