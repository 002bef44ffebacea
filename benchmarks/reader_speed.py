"""The embedded reader beside llama.cpp: the same weights and prompts, as many new tokens; speed and memory.

python -m benchmarks.reader_speed [--gguf FILE] [--llama-python PYTHON] [--rounds 3] [--questions 20] [--print-only]
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from benchmarks import results
from benchmarks.own import label, record, tell
from benchmarks.peak import peak_mb
from hybrid.answering.local_generator import LocalGenerator
from hybrid.answering.pipeline import Request
from hybrid.artifacts import sha256_file
from hybrid.backends import make_generator
from hybrid.cli.main import set_up_libraries
from hybrid.cli.options import open_workspace
from hybrid.cores import num_cores
from hybrid.embedded_models import EmbeddedModel
from hybrid.evaluation.questions import sample
from hybrid.model_pull import fetch_weights
from hybrid.models import find_embedded, resolve
from hybrid.types import Chat, Interval, Message

COMMAND = "make bench-reader"
CORPUS = Path("corpora") / "pumps"
ROOT = Path("indexes") / "bench-reader"
SYSTEM = "base"
OURS = {"hybrid": True, "hybrid without lookup": False}
"""Whether tokens are looked up in the prompt."""
OTHER = "llama.cpp"
LONGEST = 2048
"""Tokens of a prompt and its answer, which llama.cpp holds room for."""
INSTALL = """llama-cpp-python is not installed there: nothing to compare with. It is built from source, in minutes:
  python -m venv llama && llama/bin/pip install llama-cpp-python==0.3.36
  make bench-reader LLAMA=llama/bin/python"""


@click.command()
@click.option("--model", default="Qwen2.5-Coder-0.5B-Instruct", show_default=True, help="One of `hybrid models list`.")
@click.option("--gguf", type=click.Path(path_type=Path, exists=True), help="Its weights, instead of a download.")
@click.option("--llama-python", default=sys.executable, help="The Python that has llama-cpp-python.")
@click.option("--rounds", default=3, show_default=True, help="Each a fresh process of every side, in turn.")
@click.option("--questions", "num_questions", default=20, show_default=True, help="Test questions asked.")
@click.option("--print-only", is_flag=True, help="Leave results and page as they are.")
def main(model: str, gguf: Path | None, llama_python: str, rounds: int, num_questions: int, print_only: bool) -> None:
    """Measure in fresh processes that take turns, write the rows and the page."""
    set_up_libraries()
    if subprocess.run([llama_python, "-c", "import llama_cpp"], capture_output=True, check=False).returncode != 0:
        click.echo(INSTALL, err=True)
        return
    started = time.perf_counter()
    prompts = ROOT / "prompts.json"
    _prepare(prompts, model, _weights(model, gguf), num_questions)
    sides = {
        **{
            side: [sys.executable, "-c", f"from benchmarks.reader_speed import measure; measure({side!r})"]
            for side in OURS
        },
        OTHER: [llama_python, "-m", "benchmarks.llamacpp", str(prompts)],
    }
    taken: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    asked = json.loads(prompts.read_text(encoding="utf-8"))["asked"]
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            found = _run(sides[side])
            taken[side].append(_speeds(asked, found))
            told = ", ".join(f"{name} {value:.1f}" for name, value in taken[side][-1].items())
            same = sum(a["tokens"] == row["answer"] for a, row in zip(found["answers"], asked, strict=True))
            click.echo(f"round {number + 1}, {side}: {told}; {same} of {len(asked)} answers the same", err=True)
    minutes = round((time.perf_counter() - started) / 60, 1)
    size = label(model)
    stamp: dict[str, Any] = {"of": CORPUS.name, "split": "test", "seed": 13, "minutes": minutes, "command": COMMAND}
    rows = [results.make_row(m, f"{s}, {size}", value, **stamp) for m, s, value in _figures(taken, len(asked))]
    tell(rows)
    if not print_only:
        record(COMMAND, rows, [row for row in results.load() if not row["system"].endswith(f", {size}")])


def _weights(model: str, gguf: Path | None) -> Path:
    """The file that our model was converted from. Raises `click.UsageError` for another."""
    embedded = find_embedded(model)
    if embedded is None:
        raise click.UsageError(f"{model} is none of `hybrid models list`: its weights have no GGUF file")
    file = gguf or _fetched(embedded)
    if sha256_file(file) != embedded.sha256:
        raise click.UsageError(f"{file} is not what {model} was converted from: its SHA-256 is another")
    return file.resolve()


def _fetched(model: EmbeddedModel) -> Path:
    folder = ROOT / model.name
    joined = folder / "joined.gguf"
    return joined if joined.is_file() else fetch_weights(model, folder)


def _prepare(file: Path, model: str, gguf: Path, num_questions: int) -> None:
    """Prompts as they are served, and the answers that ours gives token by token, which all sides are held to."""
    workspace = open_workspace(CORPUS, None, (f"generator.model={model}",), ROOT / "workspace")
    with workspace.lock():
        workspace.index(SYSTEM)
    pipeline = workspace.pipeline(SYSTEM)
    renderer = LocalGenerator(resolve(model, "generator"))
    generator = _generator(model, lookup=False)
    longest = workspace.config.generator.max_new_tokens
    asked = []
    for question in sample(workspace.passages().questions, "test", num_questions, workspace.config.seed):
        fitted = pipeline.fit(Request(question.question, pipeline.lookup(pipeline.retrieve([question.question])[0])))
        chat = pipeline.chats(question.question, fitted)[0]
        tokens, _ = _written(generator, chat, longest)
        prompt = renderer.encode(renderer.render(chat))
        asked.append({"chat": [[m.role, m.content] for m in chat], "prompt": prompt, "answer": tokens})
    given = {
        "model": model,
        "gguf": str(gguf),
        "threads": num_cores(),
        "window": LONGEST,
        "max_new_tokens": longest,
        "warm_up": renderer.encode(renderer.render((Message("user", "warm"),))),
        "asked": asked,
    }
    file.write_text(json.dumps(given), encoding="utf-8")


def _generator(model: str, *, lookup: bool) -> Any:
    """As the default configuration makes it; only OpenVINO writes step by step."""
    from hybrid.answering.openvino_generator import OpenVINOGenerator
    from hybrid.config import Config

    generator = make_generator(Config.model_validate({"generator": {"model": model, "engine": "openvino"}}))
    assert isinstance(generator, OpenVINOGenerator)
    return generator if lookup else generator.without_lookup()


def _written(generator: Any, chat: Chat, longest: int) -> tuple[list[int], list[float]]:
    """Tokens of an answer, and when each step came."""
    tokens: list[int] = []
    times: list[float] = []

    def put(step: Any) -> None:
        tokens.extend(step)
        times.append(time.perf_counter())

    generator.stream_tokens(chat, max_new_tokens=longest, on_tokens=put)
    return tokens, times


def measure(side: str) -> None:
    """A side of ours."""
    set_up_libraries()
    given = json.loads((ROOT / "prompts.json").read_text(encoding="utf-8"))
    generator = _generator(given["model"], lookup=OURS[side])
    generator.preload(alone=True)
    answers = []
    for row in given["asked"]:
        chat = tuple(Message(role, content) for role, content in row["chat"])
        started = time.perf_counter()
        tokens, times = _written(generator, chat, given["max_new_tokens"])
        answers.append({"tokens": tokens, "prompt_s": times[0] - started, "decode_s": times[-1] - times[0]})
    print(json.dumps({"answers": answers, "peak_mb": peak_mb()}))


def _run(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _speeds(asked: list[dict[str, Any]], found: dict[str, Any]) -> dict[str, float]:
    """Over all questions of a round. New tokens count after the first, which comes with the prompt."""
    answers = found["answers"]
    new = sum(len(answer["tokens"]) - 1 for answer in answers)
    return {
        "decode": new / sum(answer["decode_s"] for answer in answers),
        "prompt": sum(len(row["prompt"]) for row in asked) / sum(answer["prompt_s"] for answer in answers),
        "peak_mb": found["peak_mb"],
    }


def _figures(taken: dict[str, list[dict[str, float]]], num: int) -> list[tuple[str, str, Interval]]:
    """Medians with the least and the most of the rounds, and the ratios of each round."""
    found = []
    for kind, metric in (("decode", "speed/decode-tokens-s"), ("prompt", "speed/prompt-tokens-s")):
        found += [(metric, side, results.spread([row[kind] for row in rounds], num)) for side, rounds in taken.items()]
    for kind in ("decode", "prompt"):
        for side in OURS:
            pairs = zip(taken[side], taken[OTHER], strict=True)
            ratios = results.spread([own[kind] / other[kind] for own, other in pairs], num)
            found.append((f"speed/{kind}-vs-llamacpp", f"{side} ÷ {OTHER}", ratios))
    memory = [
        ("speed/reader-peak-mb", s, results.spread([r["peak_mb"] for r in rounds], num)) for s, rounds in taken.items()
    ]
    return [*found, *memory]


if __name__ == "__main__":
    sys.exit(main())
