"""Documents read and cut a second, by one core and by all, the memory that takes, and what a re-index costs after one
document in a hundred changed.

python -m benchmarks.ingest [--rounds 3] [--documents 10000] [--reindex-documents 2000]
"""

import json
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks import page, results
from benchmarks.peak import peak_mb
from hybrid.cli.main import set_up_libraries
from hybrid.cli.options import open_workspace
from hybrid.corpus.load import load_documents

COMMAND = "make bench-ingest"
CORPUS = Path("corpora") / "pumps"
CONFIG = Path("configs") / "pumps.yaml"
ROOT = Path("indexes") / "bench-ingest"
SHARE = 0.01
"""Of the documents that change before a re-index."""
_PARAGRAPH = range(80, 1200)
"""Characters of a paragraph that is drawn."""
_DRAWN = range(3, 7)
"""Paragraphs of a document."""


@click.command()
@click.option("--rounds", default=3, show_default=True, help="Of each measurement; the spread is told.")
@click.option("--documents", default=10_000, show_default=True, help="Read and cut.")
@click.option("--reindex-documents", default=2_000, show_default=True, help="Indexed whole and again.")
def main(rounds: int, documents: int, reindex_documents: int) -> None:
    """Measure in fresh processes, write the rows and the page."""
    set_up_libraries()
    paragraphs = sorted(set(_paragraphs()))
    started = time.perf_counter()
    shutil.rmtree(ROOT, ignore_errors=True)
    few, many = documents // 4, documents
    for num in {few, many, reindex_documents}:
        write_documents(ROOT / f"documents-{num}", paragraphs, num)
    # in turn, so that whatever else the machine does is in both
    pairs = [(_in_process("read", many, one_core=True), _in_process("read", many)) for _ in range(rounds)]
    reads = {few: [_in_process("read", few) for _ in range(rounds)], many: [all_cores for _, all_cores in pairs]}
    gains = [one["seconds"] / all_cores["seconds"] for one, all_cores in pairs]
    full, again = [], []
    for number in range(rounds):
        shutil.rmtree(ROOT / "workspace", ignore_errors=True)
        full.append(_in_process("index", reindex_documents)["seconds"])
        change(ROOT / f"documents-{reindex_documents}", paragraphs, number)
        again.append(_in_process("index", reindex_documents)["seconds"])
    minutes = round((time.perf_counter() - started) / 60, 1)
    stamp = {"split": "all", "seed": 0, "minutes": minutes, "command": COMMAND}
    made = {
        ("ingest/documents-per-s", f"{many} documents"): [many / read["seconds"] for read in reads[many]],
        ("ingest/documents-per-s", f"{many} documents, one core"): [many / one["seconds"] for one, _ in pairs],
        ("ingest/cores-vs-one", f"{many} documents, all cores ÷ one"): gains,
        ("ingest/documents-per-s", f"{few} documents"): [few / read["seconds"] for read in reads[few]],
        ("ingest/peak-mb", f"{many} documents"): [read["peak_mb"] for read in reads[many]],
        ("ingest/peak-mb", f"{few} documents"): [read["peak_mb"] for read in reads[few]],
        ("reindex/seconds", "whole"): full,
        ("reindex/seconds", "after 1 % changed"): again,
        ("reindex/fraction", "after 1 % changed ÷ whole"): [b / a for a, b in zip(full, again, strict=True)],
    }
    rows = []
    for (metric, system), values in made.items():
        num = reindex_documents if metric.startswith("reindex") else int(system.split()[0])
        rows.append(results.make_row(metric, system, results.spread(values, num), of="generated", **stamp))
    results.record_rows(COMMAND, rows)
    page.write()
    for row in rows:
        click.echo(f"{row['metric']:24} {row['system']:28} {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]")
    shutil.rmtree(ROOT)


def write_documents(folder: Path, paragraphs: Sequence[str], num: int) -> None:
    """As many short documents, half of them text, half Markdown; the same ones each time."""
    rng = random.Random(num)
    (folder / "documents").mkdir(parents=True)
    for number in range(num):
        _write(folder / "documents", number, paragraphs, rng)


def change(folder: Path, paragraphs: Sequence[str], seed: int) -> None:
    """Write one document in a hundred anew."""
    rng = random.Random(f"change {seed}")
    files = list((folder / "documents").iterdir())
    for number in rng.sample(range(len(files)), max(1, round(SHARE * len(files)))):
        _write(folder / "documents", number, paragraphs, rng)


def _write(folder: Path, number: int, paragraphs: Sequence[str], rng: random.Random) -> None:
    drawn = rng.sample(paragraphs, rng.choice(_DRAWN))
    if number % 2:
        body = "\n\n".join(f"## Part {part}\n\n{text}" for part, text in enumerate(drawn, start=1))
        (folder / f"document-{number:05d}.md").write_text(f"# Document {number}\n\n{body}\n", encoding="utf-8")
    else:
        body = "\n\n".join(drawn)
        (folder / f"document-{number:05d}.txt").write_text(f"Document {number}\n\n{body}\n", encoding="utf-8")


def _paragraphs() -> list[str]:
    """Of the bundled corpus, and of the Markdown files inside installed packages."""
    texts = [document.text for document in load_documents(CORPUS / "documents").documents]
    for file in sorted(Path(sysconfig.get_paths()["purelib"]).rglob("*.md")):
        texts.append(file.read_text(encoding="utf-8", errors="ignore"))
    parts = (part.strip() for text in texts for part in text.split("\n\n"))
    return [part for part in parts if len(part) in _PARAGRAPH and not part.startswith(("#", "|", "```"))]


def _in_process(what: str, num: int, *, one_core: bool = False) -> dict[str, float]:
    """What `measure` tells in a process of its own, which is kept on `one_core` with its workers."""
    code = f"from benchmarks.ingest import measure; measure({what!r}, {num}, one_core={one_core})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(what: str, num: int, *, one_core: bool = False) -> None:
    """Read and cut, or index, the documents. Imports and the loading of models are in neither time, but for those of
    workers."""
    if one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    set_up_libraries()
    warm = ROOT / "warm"
    if not warm.is_dir():
        write_documents(warm, sorted(set(_paragraphs())), 4)
    root = ROOT / ("read" if what == "read" else "workspace")
    if what == "read":
        shutil.rmtree(root, ignore_errors=True)
    shutil.rmtree(ROOT / "warm-workspace", ignore_errors=True)
    workspace = open_workspace(ROOT / f"documents-{num}", CONFIG, (), root)
    first = open_workspace(warm, CONFIG, (), ROOT / "warm-workspace")
    first.passages()
    if what == "index":
        first.index("base")
        workspace.__dict__["base_embedder"] = first.base_embedder
    started = time.perf_counter()
    if what == "read":
        workspace.passages()
    else:
        workspace.index("base")
    seconds = time.perf_counter() - started
    peak = peak_mb()
    print(json.dumps({"seconds": seconds, "peak_mb": peak}))


if __name__ == "__main__":
    sys.exit(main())
