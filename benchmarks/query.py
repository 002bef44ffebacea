"""One question answered: warm, cold until its first token, and `hybrid --help`; in LlamaIndex with the same models too.

python -m benchmarks.query [--model NAME_OR_FOLDER] [--rounds 3] [--questions 12] [--print-only]
"""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks import results
from benchmarks.own import label, record, size_of, tell
from hybrid.answering.pipeline import Request
from hybrid.cli.main import set_up_libraries
from hybrid.cli.options import open_workspace
from hybrid.evaluation.questions import sample
from hybrid.lifecycle.workspace import Workspace
from hybrid.models import resolve
from hybrid.precision import fast_dtype
from hybrid.serving.asking import Asker
from hybrid.serving.client import SOCKET
from hybrid.types import Interval, Passage

COMMAND = "make bench-query"
CORPUS = Path("corpora") / "pumps"
ROOT = Path("indexes") / "bench-query"
WARM_UP = "Who made the first pump?"
SYSTEM = "base"
MODULE = [sys.executable, "-m", "hybrid.cli.main"]
OTHER = [sys.executable, "-m", "benchmarks.llamaindex"]
MODEL = "Qwen2.5-Coder-0.5B-Instruct"
PLACE = ["--corpus", str(CORPUS), "--workspace", str(ROOT)]
JUDGED = "hybrid query, whole answer, judged"
STREAMED = "hybrid query, first token, one prompt, guard flag"
FLAG = ("--set", "answering.guard=flag", "--set", "answering.reading=together")
SERVED = "hybrid query, served, whole command"
TOGETHER = "hybrid, one prompt"
ALIKE = ("answering.reading=together", "retrieval.mode=dense", "generator.context_tokens=4096")
"""What makes our prompts those of LlamaIndex."""
WARM = {"hybrid": (), TOGETHER: ALIKE}
"""Sides of ours with their settings: as it is served, and as LlamaIndex asks, all passages in one prompt."""
OTHERS = {"LlamaIndex": "float32", "LlamaIndex, bfloat16": "bfloat16"}
"""Sides of LlamaIndex with the precision of their generator; the second only where the processor multiplies in it."""


@click.command()
@click.option("--model", default=MODEL, show_default=True, help="Generator of all sides: name or folder.")
@click.option("--rounds", default=3, show_default=True, help="Each a fresh process of every side, in turn.")
@click.option("--questions", "num_questions", default=12, show_default=True, help="Test questions asked warm.")
@click.option("--print-only", is_flag=True, help="Leave results and page as they are.")
def main(model: str, rounds: int, num_questions: int, print_only: bool) -> None:
    """Measure in fresh processes that take turns, write the rows and the page."""
    set_up_libraries()
    started = time.perf_counter()
    chosen = f"generator.model={model}"
    place = [*PLACE, "--set", chosen]
    workspace = _workspace((chosen,))
    with workspace.lock():
        workspace.index(SYSTEM)
        questions = _prepare(workspace, model, num_questions)
    _run([*OTHER, "build", str(ROOT)])
    taken: dict[str, list[float]] = {}
    same = 0
    others = [side for side, dtype in OTHERS.items() if dtype in ("float32", fast_dtype())]
    for number in range(rounds):
        sides = [*WARM, *others] if number % 2 == 0 else [*reversed(others), *reversed(WARM)]
        found = {side: _warm(side) for side in sides}
        same = sum(a == b for a, b in zip(found[TOGETHER]["prompts"], found["LlamaIndex"]["prompts"], strict=True))
        for side in sides:
            taken.setdefault(f"warm {side}", []).append(statistics.median(found[side]["seconds"]))
        cold = {
            JUDGED: [*MODULE, "query", *place, questions[number % len(questions)]],
            STREAMED: [*MODULE, "query", *place, *FLAG, questions[number % len(questions)]],
            **{side: [*OTHER, "cold", str(ROOT), OTHERS[side], questions[number % len(questions)]] for side in others},
        }
        for side in cold if number % 2 == 0 else reversed(cold):
            _forget_answers()
            taken.setdefault(f"cold {side}", []).append(_until_first_byte(cold[side]))
        taken.setdefault(f"warm {SERVED}", []).append(_served(place, questions))
        taken.setdefault("help", []).append(statistics.median(_seconds([*MODULE, "--help"]) for _ in range(5)))
        click.echo(f"round {number + 1}: " + ", ".join(f"{k} {v[-1]:.2f} s" for k, v in taken.items()), err=True)
    click.echo(f"{same} of {num_questions} prompts are the same to the byte", err=True)
    minutes = round((time.perf_counter() - started) / 60, 1)
    size = label(model)
    rows = _rows(taken, num_questions, minutes, size)
    tell(rows)
    if not print_only:
        record(COMMAND, rows, [row for row in results.load() if size_of(row) not in (size, "")])
    shutil.rmtree(ROOT)


def _workspace(settings: tuple[str, ...] = ()) -> Workspace:
    return open_workspace(CORPUS, None, settings, ROOT)


def _prepare(workspace: Workspace, model: str, num_questions: int) -> list[str]:
    """Write down what LlamaIndex is given, so that both are asked the same; returns the questions."""
    config, passages = workspace.config, workspace.passages()
    asked = [q.question for q in sample(passages.questions, "test", num_questions, config.seed)]
    pipeline = workspace.pipeline(SYSTEM)
    # LlamaIndex numbers the passages, too
    template = pipeline.prompt("{query_str}", [Passage("", "{context_str}")])[-1].content.replace("[1] ", "", 1)
    given = {
        "embedder": str(resolve(config.embedder.model, "embedder")),
        "model": model,
        "generator": str(resolve(model, "generator")),
        "context_window": 4096,
        "max_new_tokens": config.generator.max_new_tokens,
        "k": config.retrieval.k,
        "template": template,
        "warm_up": WARM_UP,
        "questions": asked,
        "passages": [{"id": p.id, "text": p.full_text} for p in passages.passages],
    }
    (ROOT / "llamaindex.json").write_text(json.dumps(given), encoding="utf-8")
    return asked


def _warm(side: str) -> dict[str, Any]:
    """Seconds of every question and the prompts, in a process of its own that has answered another one before."""
    _forget_answers()
    code = f"from benchmarks.query import measure; measure({side!r})"
    command = [sys.executable, "-c", code] if side in WARM else [*OTHER, "warm", str(ROOT), OTHERS[side]]
    found: dict[str, Any] = json.loads(_run(command).splitlines()[-1])
    return found


def measure(side: str) -> None:
    """A warm side of ours."""
    set_up_libraries()
    given = json.loads((ROOT / "llamaindex.json").read_text(encoding="utf-8"))
    pipeline = _workspace((f"generator.model={given['model']}", *WARM[side])).pipeline(SYSTEM)
    asker = Asker(pipeline)
    # as `hybrid serve` does
    asker.warm()
    asker.ask(WARM_UP)
    seconds = []
    for question in given["questions"]:
        started = time.perf_counter()
        asker.ask(question)
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"seconds": seconds, "prompts": _prompts(pipeline, given) if side == TOGETHER else []}))


def _prompts(pipeline: Any, given: dict[str, Any]) -> list[str]:
    from hybrid.answering.local_generator import LocalGenerator

    made = []
    renderer = LocalGenerator(Path(given["generator"]))
    for question in given["questions"]:
        hits = pipeline.retrieve([question])[0]
        fitted = pipeline.fit(Request(question, pipeline.lookup(hits)))
        made.append(renderer.render(pipeline.prompt(question, fitted.passages, fitted.examples)))
    return made


def _until_first_byte(command: Sequence[str]) -> float:
    """Seconds from the start of a process to the first byte that it shows on a terminal."""
    master, slave = os.openpty()
    with tempfile.TemporaryFile("w+") as told:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=slave, stderr=told)
        os.close(slave)
        first = _read(master)
        taken = time.perf_counter() - started
        while _read(master):
            pass
        os.close(master)
        if process.wait() != 0 or not first:
            told.seek(0)
            raise RuntimeError(f"{' '.join(command)}:\n{told.read()[-2000:]}")
    return taken


def _read(terminal: int) -> bytes:
    """What is shown next; nothing at the end."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        # how a terminal ends whose other side is closed
        return b""


def _served(place: Sequence[str], questions: Sequence[str]) -> float:
    """Median seconds of the command while `hybrid serve` is up."""
    _forget_answers()
    server = subprocess.Popen([*MODULE, "serve", *place], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout is not None
    try:
        if not server.stdout.readline().startswith("ready"):
            raise RuntimeError("hybrid serve did not start")
        return statistics.median(_seconds([*MODULE, "query", *place, question]) for question in questions)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
        if (ROOT / SOCKET).exists():
            raise RuntimeError("hybrid serve left its socket")


def _seconds(command: Sequence[str]) -> float:
    started = time.perf_counter()
    _run(command)
    return time.perf_counter() - started


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stderr[-2000:]}")
    return done.stdout


def _forget_answers() -> None:
    for file in (ROOT / "cache").glob("generations.sqlite*"):
        file.unlink()


def _rows(taken: dict[str, list[float]], num_questions: int, minutes: float, size: str) -> list[dict[str, Any]]:
    """Seconds of both sides and their ratios: medians, the least and the most of the rounds."""

    others = [side for side in OTHERS if f"warm {side}" in taken]

    def ratios(metric: str, kind: str, own: str) -> list[tuple[str, str, Interval]]:
        num = num_questions if kind == "warm" else 1
        pairs = {side: zip(taken[f"{kind} {side}"], taken[f"{kind} {own}"], strict=True) for side in others}
        return [
            (metric, f"{side} ÷ {own}", results.spread([a / b for a, b in both], num)) for side, both in pairs.items()
        ]

    found = [("speed/query-s", s, results.spread(taken[f"warm {s}"], num_questions)) for s in (*WARM, *others, SERVED)]
    found += [row for own in WARM for row in ratios("speed/query-vs-llamaindex", "warm", own)]
    found += [("speed/cold-s", s, results.spread(taken[f"cold {s}"], 1)) for s in (STREAMED, JUDGED, *others)]
    found += [row for own in (STREAMED, JUDGED) for row in ratios("speed/cold-vs-llamaindex", "cold", own)]
    found.append(("speed/help-s", "hybrid --help", results.spread(taken["help"], 5)))
    stamp = {"of": CORPUS.name, "split": "test", "seed": 13, "minutes": minutes, "command": COMMAND}
    return [
        # no model is loaded for the help
        results.make_row(metric, system if metric == "speed/help-s" else f"{system}, {size}", value, **stamp)
        for metric, system, value in found
    ]


if __name__ == "__main__":
    sys.exit(main())
