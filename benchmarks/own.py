"""A team's own folder as it is: nothing tuned, no config file; answers of ours beside LlamaIndex with the same models.

python -m benchmarks.own --data FOLDER [--model NAME_OR_FOLDER …] [--sides hybrid …] [--questions 3 --print-only]

Replies are kept in `indexes/bench-own`: a side that is not asked again is judged by what it said before, with
`--sides kept` all of them.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks import page, results
from benchmarks.served import judge, measured, own_figures, reply_of_answer
from hybrid.answering.pipeline import Request
from hybrid.artifacts import write_text
from hybrid.cli.main import set_up_libraries
from hybrid.cli.options import open_workspace
from hybrid.corpus.questions import read_questions
from hybrid.errors import HybridError
from hybrid.evaluation.questions import sample
from hybrid.jsonl import read_jsonl, write_jsonl
from hybrid.lifecycle.workspace import SystemName, Workspace
from hybrid.models import resolve
from hybrid.progress import track
from hybrid.serving.asking import Asker
from hybrid.types import Interval, Question

COMMAND = "make bench-own"
SET = "tts_handbook"
MODELS = ("Qwen2.5-Coder-0.5B-Instruct", "Qwen2.5-Coder-1.5B-Instruct")
ROOT = Path("indexes") / "bench-own"
SYSTEM: SystemName = "base"
WARM_UP = "Who are we?"
RESAMPLES = 10_000
SIDES = {"hybrid": "hybrid", "llamaindex": "LlamaIndex", "citations": "LlamaIndex citations"}
"""Of the option and of the rows."""
KEPT = "kept"
_INDEXES = {"hybrid": "hybrid", "llamaindex": "LlamaIndex"}
_TIMED = ("own/seconds-per-answer", "own/index-s")
_SIZE = re.compile(r"\d+(?:\.\d+)?[BM](?![A-Za-z])")


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help=f"Folder that holds {SET}.")
@click.option("--model", "models", multiple=True, default=MODELS, show_default=True, help="Name or folder; repeatable.")
@click.option(
    "--sides", multiple=True, type=click.Choice([*SIDES, KEPT]), default=list(SIDES), help="Which to ask now."
)
@click.option("--split", type=click.Choice(["test", "dev"]), default="test", show_default=True)
@click.option("--questions", "num_questions", default=0, help="A fixed sample instead of all.")
@click.option("--untimed", is_flag=True, help="Leave seconds out: the machine had other work.")
@click.option("--print-only", is_flag=True, help="Leave results and page as they are. Dev is always printed only.")
def main(
    data: Path,
    models: tuple[str, ...],
    sides: tuple[str, ...],
    split: str,
    num_questions: int,
    untimed: bool,
    print_only: bool,
) -> None:
    """Index the folder with both tools, ask every side in a process of its own, write the rows and the page."""
    set_up_libraries()
    corpus = data / SET
    if not (corpus / "questions.jsonl").is_file():
        click.echo(f"{SET} is not in {data}: nothing to run", err=True)
        return
    sides = tuple(side for side in sides if side != KEPT)
    folders = dict(zip(models, folders_of(models), strict=True))
    seed = workspace(corpus).config.seed
    asked = sample(_questions(corpus), split, num_questions, seed)
    _prepare(corpus, asked)
    for tool in dict.fromkeys(_tool(side) for side in sides):
        _run(tool, "index")
    rows: list[dict[str, Any]] = []
    stamp: dict[str, Any] = {"of": SET, "split": split, "seed": seed, "command": COMMAND}
    for model, folder in folders.items():
        started = time.perf_counter()
        for side in sides:
            _run(_tool(side), "ask", side, model if side == "hybrid" else folder, label(model))
        minutes = round((time.perf_counter() - started) / 60, 1)
        replies = {side: found for side in SIDES if (found := _replies(side, label(model), asked))}
        told = _figures(replies, asked, kinds(corpus), label(model), seed)
        rows += [results.make_row(metric, system, value, minutes=minutes, **stamp) for metric, system, value in told]
    rows += [
        results.make_row("own/index-s", name, value, minutes=0.0, **stamp) for name, value in _index_seconds().items()
    ]
    if untimed:
        rows = [row for row in rows if row["metric"] not in _TIMED]
    tell(rows)
    if not print_only and split == "test":
        labels = {label(model) for model in models}
        record(COMMAND, rows, [row for row in results.load() if size_of(row) not in {*labels, ""}])


def record(command: str, rows: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> None:
    """Write the rows and the page; those `others` of the command, of models that were not run now, stay."""
    kept = [row for row in others if row["command"] == command]
    results.record_rows(command, [*kept, *rows])
    page.write()


def tell(rows: Sequence[dict[str, Any]]) -> None:
    """Print the rows."""
    for row in rows:
        value = f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}] n {row['n']}"
        click.echo(f"{row['set']:12} {row['metric']:32} {row['system']:48} {value}")


def folders_of(models: Sequence[str]) -> list[str]:
    """The folder of each model. Raises `click.UsageError` where one is not there."""
    try:
        return [str(resolve(model, "generator")) for model in models]
    except HybridError as error:
        raise click.UsageError(str(error)) from None


def label(model: str) -> str:
    """The size that a model's name tells, else the name."""
    name = Path(model).name
    found = _SIZE.search(name)
    return found[0] if found else name


def size_of(row: dict[str, Any]) -> str:
    """The size of the model that a row tells; empty where it tells none."""
    return str(row["system"].rpartition(", ")[2]) if ", " in row["system"] else ""


def workspace(corpus: Path, *overrides: str, root: Path = ROOT / "hybrid") -> Workspace:
    """Default configuration; nothing but the generator's name is set."""
    return open_workspace(corpus, None, overrides, root)


def _questions(corpus: Path) -> list[Question]:
    return [item.question for item in read_questions([corpus / "questions.jsonl"])]


def kinds(corpus: Path) -> dict[str, str]:
    """What the file says of each question beside what a question file is known to hold."""
    return {row["id"]: row.get("kind", "") for _, row in read_jsonl(corpus / "questions.jsonl")}


def _prepare(corpus: Path, asked: Sequence[Question]) -> None:
    """Write down what every side is given."""
    config = workspace(corpus).config
    given = {
        "corpus": str(corpus),
        "ids": [question.id for question in asked],
        "embedder": str(resolve(config.embedder.model, "embedder")),
        "max_new_tokens": config.generator.max_new_tokens,
        "warm_up": WARM_UP,
    }
    ROOT.mkdir(parents=True, exist_ok=True)
    write_text(ROOT / "asked.json", json.dumps(given))


def given() -> tuple[dict[str, Any], list[Question]]:
    """What the process of a side is given, and its questions, whose gold passages are not known yet."""
    found: dict[str, Any] = json.loads((ROOT / "asked.json").read_text(encoding="utf-8"))
    known = {question.id: question for question in _questions(Path(found["corpus"]))}
    return found, [known[identity] for identity in found["ids"]]


def _tool(side: str) -> str:
    return "hybrid" if side == "hybrid" else "llamaindex"


def _run(tool: str, *arguments: str) -> None:
    """A process of a side; what it says of its progress is seen."""
    click.echo(f"▸ {tool} {' '.join(arguments)}", err=True)
    module = ["-m", "benchmarks.own_llamaindex"]
    code = ["-c", "import sys; from benchmarks.own import side; side(*sys.argv[1:])"]
    subprocess.run([sys.executable, *(code if tool == "hybrid" else module), *arguments], check=True)


def side(what: str, name: str = "", model: str = "", size: str = "") -> None:
    """Our side, in a process of its own: `index`, or `ask` with a model and the label of its replies."""
    set_up_libraries()
    given_, asked = given()
    if what == "index":
        shutil.rmtree(ROOT / "hybrid", ignore_errors=True)
        started = time.perf_counter()
        found = workspace(Path(given_["corpus"]))
        with found.lock():
            found.index(SYSTEM)
        write_seconds("hybrid", time.perf_counter() - started)
        return
    for file in (ROOT / "hybrid" / "cache").glob("generations.sqlite*"):
        file.unlink()
    found = workspace(Path(given_["corpus"]), f"generator.model={model}")
    resolved = {question.id: question for question in found.passages().questions}
    pipeline = found.pipeline(SYSTEM)
    asker = Asker(pipeline)
    # as `hybrid serve` does
    asker.warm()
    asker.ask(WARM_UP)
    replies = []
    for question in track([resolved[q.id] for q in asked], total=len(asked), description=f"{name}, {size}"):
        started = time.perf_counter()
        hits = pipeline.retrieve([question.question])[0]
        answer = pipeline.answer([Request(question.question, pipeline.lookup(hits))])[0]
        replies.append(reply_of_answer(question, answer, pipeline.passages, time.perf_counter() - started))
    write_replies(name, size, replies)


def write_seconds(tool: str, seconds: float) -> None:
    """How long a tool's index took, from reading the folder to files on disk."""
    write_text(ROOT / f"index-{tool}.json", json.dumps(seconds))


def write_replies(side: str, size: str, replies: Sequence[dict[str, Any]]) -> None:
    """Keep what a side replied."""
    write_jsonl(_file(side, size), replies)


def _file(side: str, size: str) -> Path:
    return ROOT / f"{side}-{size}.jsonl"


def _replies(side: str, size: str, asked: Sequence[Question]) -> list[dict[str, Any]]:
    """What a side replied; nothing where it was never asked these questions."""
    file = _file(side, size)
    found = [row for _, row in read_jsonl(file)] if file.is_file() else []
    return found if [row["id"] for row in found] == [question.id for question in asked] else []


def _figures(
    replies: dict[str, list[dict[str, Any]]], asked: Sequence[Question], kind_of: dict[str, str], size: str, seed: int
) -> list[tuple[str, str, Interval]]:
    """Every figure of the sides, and their seconds: the median, the least and the most of the questions."""
    sides = {
        f"{SIDES[side]}, {size}": [judge(r, q, kind_of[q.id]) for r, q in zip(found, asked, strict=True)]
        for side, found in replies.items()
    }
    if not sides:
        return []
    answered = [kind_of[question.id] for question in asked if question.answerable]
    found = measured(own_figures(list(dict.fromkeys(answered))), sides, resamples=RESAMPLES, seed=seed)
    for side, rows in replies.items():
        spread = results.spread([row["seconds"] for row in rows], len(rows))
        found.append(("own/seconds-per-answer", f"{SIDES[side]}, {size}", spread))
    return found


def _index_seconds() -> dict[str, Interval]:
    files = {name: ROOT / f"index-{tool}.json" for tool, name in _INDEXES.items()}
    read = {name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items() if file.is_file()}
    return {name: results.spread([seconds], 1) for name, seconds in read.items()}


if __name__ == "__main__":
    sys.exit(main())
