"""The diagnosis on real answers with known faults in them, beside four rules of thumb.

python -m benchmarks.trial.inject [--corpora pumps …] [--score-only]
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from benchmarks import page, results
from benchmarks.trial import tables
from benchmarks.trial.faults import FAULTS
from benchmarks.trial.generated import AGAIN, HEALTHY, Runs, generate, read
from benchmarks.trial.mixed import flips, mixed, unbroken
from benchmarks.trial.page import COMMANDS, INJECTED
from benchmarks.trial.tables import Line
from benchmarks.trial.trials import HEALTHY_FAMILY, HYBRID, Trial
from hybrid.cli.main import set_up_libraries
from hybrid.cli.options import open_workspace
from hybrid.evaluation.records import Record
from hybrid.evaluation.statistics import wilson
from hybrid.lifecycle.workspace import Workspace
from hybrid.progress import track

ANSWERS = results.ROWS / "faults"
SPLITS = {
    "pumps": ("test", "dev", "train"),
    "squad2_dev": ("test", "dev", "train"),
    "nq_gold": ("test", "dev", "train"),
}
"""By corpus, where healthy questions are sought, in this order. On trial is the diagnosis, not the reader: that it was
trained on some of them does not matter.
"""
DOSES = (0.05, 0.1, 0.2, 0.4)
QUESTIONS = 150
"""Of an evaluation set."""


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of the public sets.")
@click.option("--corpora", multiple=True, help="Whose tuned systems to ask; by default all that lie in `indexes`.")
@click.option("--seeds", default=20, show_default=True, help="Evaluation sets for each fault and dose.")
@click.option("--resamples", default=500, show_default=True, help="Of the bootstrap of each diagnosis.")
@click.option("--score-only", is_flag=True, help="Ask nothing: score the answers that are kept.")
def main(data: Path, corpora: tuple[str, ...], seeds: int, resamples: int, score_only: bool) -> None:
    """Ask tuned systems under every fault, mix sets of every dose, diagnose them; rows go to results.json."""
    set_up_libraries()
    for name in () if score_only else corpora or tuple(SPLITS):
        workspace = _workspace(name, data)
        if not workspace.has_tuned_generator:
            click.echo(f"{name}: no tuned system in {workspace.root} – `make demo` or `make bench` first", err=True)
            continue
        click.echo(f"\n== {name}", err=True)
        ANSWERS.mkdir(parents=True, exist_ok=True)
        with workspace.lock():
            generate(workspace, SPLITS[name], ANSWERS / f"{name}.jsonl")
    runs = {file.stem: read(file) for file in sorted(ANSWERS.glob("*.jsonl"))}
    rows = [
        results.make_row(
            metric, system, interval, of=name, split="test", seed=0, minutes=0.0, command=COMMANDS[INJECTED]
        )
        for name, (metric, system, interval) in _lines(runs, range(seeds), resamples)
    ]
    results.record_rows(COMMANDS[INJECTED], rows)
    page.write()
    for row in rows:
        interval = f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        click.echo(f"{row['set']:10} {row['metric']:64} {row['system']:24} {interval} n {row['n']}")


def _workspace(name: str, data: Path) -> Workspace:
    if name == "pumps":
        return open_workspace(Path("corpora") / name, Path("configs") / "pumps.yaml", (), None)
    root = Path("indexes") / f"bench-{name}"
    config = root / "config.yaml"
    return open_workspace(data / name, config if config.is_file() else None, (), root)


def _lines(runs: dict[str, Runs], seeds: range, resamples: int) -> Iterator[tuple[str, Line]]:
    trials = [trial for corpus, found in runs.items() for trial in _trials(found, corpus, seeds, resamples)]
    layered = [trial for trial in trials if trial.family != "citations"]
    miscited = [
        (bool(record.miscited), bool(trial.broken[record.question_id]))
        for trial in trials
        if trial.family == "citations"
        for record in trial.records
    ]
    for line in (
        *tables.layer_accuracy(layered),
        *tables.named(layered),
        *tables.macro_average(layered),
        *tables.alarms(layered),
        tables.told_apart(_pairs(trials), resamples),
        *tables.coverage(layered),
        *tables.slope(layered),
        tables.monotone(layered),
        *tables.label_f1(layered),
        *tables.confusion(layered),
        ("diagnosis/label-f1/citations", HYBRID, tables.f1(miscited)),
    ):
        yield INJECTED, line
    for corpus, found in runs.items():
        own = [trial for trial in layered if trial.corpus == corpus]
        yield corpus, next(iter(tables.layer_accuracy(own)))
        yield corpus, next(iter(tables.alarms(own)))
        yield corpus, list(tables.label_f1(own))[-1]
        for line in _damage(found):
            yield corpus, line


def _trials(runs: Runs, corpus: str, seeds: range, resamples: int) -> Iterator[Trial]:
    jobs = [(fault, dose) for fault in FAULTS if fault.family not in ("labels", "abstention") for dose in DOSES]
    for fault, dose in track(jobs, total=len(jobs), description=f"diagnosing {corpus}"):
        yield from mixed(runs, corpus, fault, dose, seeds, resamples=resamples, num=QUESTIONS)
    for run in AGAIN:
        yield from unbroken(runs, corpus, run, range(4 * len(seeds)), resamples=resamples, num=QUESTIONS)


def _pairs(trials: list[Trial]) -> list[tuple[list[Record], list[Record]]]:
    """Sets of the same questions under two draws of passage orders, which draw is before being a coin's choice.

    Without the coin one draw would be before in all sets, and where it happens to suit these questions better, there
    is a difference to be found.
    """
    sides = [[trial for trial in trials if trial.kind == run] for run in AGAIN]
    pairs = []
    for place, (one, other) in enumerate(zip(*sides, strict=True)):
        rng = np.random.default_rng(place)
        turned = [(b, a) if rng.random() < 0.5 else (a, b) for a, b in zip(one.records, other.records, strict=True)]
        pairs.append(([before for before, _ in turned], [after for _, after in turned]))
    return pairs


def _damage(runs: Runs) -> Iterator[Line]:
    """By fault, the share of the questions that it breaks at full dose; of corrupted gold answers, of those flagged."""
    for fault in FAULTS:
        if fault.family == "labels":
            asked = runs.records[fault.name]
            yield "diagnosis/suspect-label/recall", HYBRID, wilson(len(runs.suspects), len(asked))
            continue
        truth = flips(runs, fault)
        if truth:
            yield f"fault/{fault.name}", HEALTHY_FAMILY, wilson(sum(map(bool, truth.values())), len(truth))
    for run in AGAIN:
        records = [record for record in runs.records[run].values() if record.answerable]
        hits = sum(len([o for o in record.outcomes if o.correct]) for record in records)
        yield f"fault/{run}", HEALTHY, wilson(hits, sum(len(record.outcomes) for record in records))


if __name__ == "__main__":
    sys.exit(main())
