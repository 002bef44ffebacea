"""Engines side by side on the same prompts in one run: seconds an answer, equal answers, and what a change costs.

python -m benchmarks.engines [--questions 200] [--rounds 1]
"""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from benchmarks import page, results
from hybrid.answering.pipeline import Pipeline, Request
from hybrid.cli.main import set_up_libraries
from hybrid.cli.options import open_workspace
from hybrid.evaluation.figure import gain, ratio
from hybrid.evaluation.graders import grade
from hybrid.evaluation.questions import cluster_of, sample
from hybrid.evaluation.statistics import share_interval
from hybrid.lifecycle.workspace import SystemName, Workspace
from hybrid.protocols import Generator
from hybrid.types import Answer, Interval, Question

COMMAND = "make bench-engines"
ALONE = "one at a time"
CORPUS = Path("corpora") / "pumps"
SCORE = ratio("answer-score", lambda row: row["score"], lambda row: 1.0)


@click.command()
@click.option("--questions", "num_questions", default=200, show_default=True, help="Test questions asked.")
@click.option("--rounds", default=1, show_default=True, help="Times that each engine answers all of them.")
def main(num_questions: int, rounds: int) -> None:
    """Ask the bundled corpus by each engine in turn: the base system, and the tuned one where `make demo` left one.

    Rows go to results.json and the page.
    """
    set_up_libraries()
    workspace = open_workspace(CORPUS, Path("configs") / "pumps.yaml", (), None)
    workspace.root.mkdir(parents=True, exist_ok=True)
    systems: list[SystemName] = ["base", *(["tuned"] if workspace.has_tuned_generator else [])]
    with workspace.lock():
        rows = [row for system in systems for row in _measure(workspace, system, num_questions, rounds)]
    results.record_rows(COMMAND, rows)
    page.write()


def _measure(workspace: Workspace, system: SystemName, num_questions: int, rounds: int) -> list[dict[str, Any]]:
    workspace.index(system)
    pipeline = workspace.pipeline(system)
    folder = workspace.root / "generator" / "model" if system == "tuned" else None
    asked = sample(workspace.passages().questions, "test", num_questions, workspace.config.seed)
    hits = pipeline.retrieve([question.question for question in asked])
    requests = [Request(q.question, pipeline.lookup(h)) for q, h in zip(asked, hits, strict=True)]
    seconds: dict[str, list[float]] = {}
    answers: dict[str, list[Answer]] = {}
    for _ in range(rounds):
        # made anew, for an engine that keeps the prefixes of a round would only read them back in the next
        engines = _engines(workspace.config, folder)
        # in turn, so that whatever else the machine does in a round hits all of them
        for name, engine in engines.items():
            answers[name], taken = _timed(replace(pipeline, generator=engine), requests, alone=ALONE in name)
            seconds.setdefault(name, []).append(taken)
            click.echo(f"{system}, {name}: {taken:.3f} s an answer", err=True)
    return _rows(seconds, answers, asked, f"{CORPUS.name}, {system} system", workspace.config.seed)


def _engines(config: Any, folder: Path | None) -> dict[str, Generator]:
    """By name; `_timed` loads each with a first question, so that what is timed is answering."""
    from hybrid.backends import make_generator

    def made(engine: str, **generator: Any) -> Generator:
        values = {**config.model_dump(), "generator": {**config.generator.model_dump(), "engine": engine, **generator}}
        return make_generator(type(config).model_validate(values), folder)

    return {
        f"transformers, {ALONE}": made("transformers", batch_size=1),
        "transformers": made("transformers"),
        f"openvino, {ALONE}": made("openvino"),
        "openvino": made("openvino"),
        f"openvino 8bit, {ALONE}": made("openvino", quantization="8bit"),
        "openvino 8bit": made("openvino", quantization="8bit"),
    }


def _timed(pipeline: Pipeline, requests: list[Request], *, alone: bool) -> tuple[list[Answer], float]:
    size = 1 if alone else len(requests)
    # as many as two where there are to be many, for an engine may go about one in another way
    pipeline.answer(requests[: min(2, size)])
    started = time.perf_counter()
    answers = [
        answer for place in range(0, len(requests), size) for answer in pipeline.answer(requests[place : place + size])
    ]
    return answers, (time.perf_counter() - started) / len(requests)


def _rows(
    seconds: dict[str, list[float]], answers: dict[str, list[Answer]], asked: list[Question], of: str, seed: int
) -> list[dict[str, Any]]:
    """Seconds with the least and the most of the rounds; shares and score differences with 95 % intervals."""
    clusters = [cluster_of(question) for question in asked]
    found: list[tuple[str, str, Interval]] = []
    for name, taken in seconds.items():
        found.append(("engine/seconds-an-answer", name, results.spread(taken, len(asked))))
    for name in (name for name in seconds if name.startswith("openvino")):
        for slow in (f"transformers, {ALONE}", *(["transformers"] if ALONE not in name else [])):
            ratios = [before / after for before, after in zip(seconds[slow], seconds[name], strict=True)]
            found.append(("engine/speedup", f"{name} ÷ {slow}", results.spread(ratios, len(asked))))
    scores = {
        name: [grade(a.plain, q, abstained=a.abstained).score for a, q in zip(given, asked, strict=True)]
        for name, given in answers.items()
    }
    for name in (name for name in seconds if name != "transformers"):
        equal = [a.text == b.text for a, b in zip(answers["transformers"], answers[name], strict=True)]
        found.append(("engine/same-answer", f"{name} = transformers", share_interval(equal, clusters, seed=seed)))
        sides = [
            [{"id": q.id, "cluster": c, "score": x} for q, c, x in zip(asked, clusters, scores[side], strict=True)]
            for side in ("transformers", name)
        ]
        if lost := gain(SCORE, *sides, resamples=10_000, seed=seed):
            found.append(("engine/answer-score", f"{name} − transformers", lost))
    minutes = round(sum(map(sum, seconds.values())) * len(asked) / 60, 1)
    return [
        results.make_row(metric, system, value, of=of, split="test", seed=seed, minutes=minutes, command=COMMAND)
        for metric, system, value in found
    ]


if __name__ == "__main__":
    sys.exit(main())
