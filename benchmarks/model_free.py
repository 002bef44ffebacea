"""An embedder tuned on questions that were made from the documents alone, judged by a public set's real questions.

python -m benchmarks.model_free --data FOLDER [--set covidqa] [--design keywords …]
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import yaml

from benchmarks import page, results
from benchmarks.figures import RANKING
from benchmarks.ranking import ranking_rows
from benchmarks.run import INDEXES, configuration
from hybrid.artifacts import write_text
from hybrid.cli.main import set_up_libraries
from hybrid.cli.options import open_workspace, quiet_progress_of_libraries
from hybrid.evaluation.figure import gain, measure
from hybrid.evaluation.statistics import paired_interval
from hybrid.synth.model_free import make_questions
from hybrid.tuning.embedder import train_embedder

COMMAND = "make bench-modelfree"
PER_PASSAGE = 2
DEV_SHARE = 0.2


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of the public sets.")
@click.option("--set", "name", default="covidqa", show_default=True, help="The set whose questions are hidden.")
@click.option("--design", "designs", multiple=True, help="Only these designs.")
def main(data: Path, name: str, designs: tuple[str, ...]) -> None:
    """Tune on model-free questions, choose the checkpoint on such questions too, then look at the real ones once."""
    set_up_libraries()
    quiet_progress_of_libraries()
    if not (data / name / "passages.jsonl").is_file():
        click.echo(f"{name} is not in {data}: nothing to run", err=True)
        return
    root = INDEXES / f"bench-modelfree-{name}"
    root.mkdir(parents=True, exist_ok=True)
    values = configuration(name, data)
    values.pop("bench", None)
    write_text(root / "config.yaml", yaml.safe_dump(values, sort_keys=True))
    workspace = open_workspace(data / name, root / "config.yaml", (), root)
    config = workspace.config
    started = time.perf_counter()
    with workspace.lock():
        workspace.index("base")
        passages = workspace.passages()
        made = make_questions(
            passages.passages, per_passage=PER_PASSAGE, dev_share=DEV_SHARE, seed=config.seed, designs=designs
        )
        manifest = train_embedder(
            workspace.base_embedder.folder,
            passages.passages,
            made,
            config=config,
            target=root / "embedder",
            inputs={"passages": passages.manifest.id, "designs": ",".join(designs)},
            compare=lambda before, after, clusters: paired_interval(before, after, clusters, seed=config.seed),
        )
        click.echo(f"{manifest.facts['verdict']}, {manifest.counts}", err=True)
        minutes = round((time.perf_counter() - started) / 60, 1)
        sides = {"base": ranking_rows(workspace, "base")}
        if workspace.has_tuned_embedder:
            workspace.index("tuned")
            sides["model-free"] = ranking_rows(workspace, "embedder")
    rows = _rows(sides, name, config.seed, minutes)
    results.record_rows(COMMAND, rows)
    page.write()
    for row in rows:
        click.echo(f"{row['metric']:24} {row['system']:20} {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]")


def _rows(sides: dict[str, Sequence[dict[str, Any]]], name: str, seed: int, minutes: float) -> list[dict[str, Any]]:
    rows = []
    for figure in RANKING:
        found = {system: measure(figure, rows_, resamples=10_000, seed=seed) for system, rows_ in sides.items()}
        if "model-free" in sides:
            found["model-free − base"] = gain(figure, sides["base"], sides["model-free"], resamples=10_000, seed=seed)
        rows += [
            results.make_row(
                f"modelfree/{figure.name}",
                system,
                interval,
                of=name,
                split="test",
                seed=seed,
                minutes=minutes,
                command=COMMAND,
            )
            for system, interval in found.items()
            if interval
        ]
    return rows


if __name__ == "__main__":
    sys.exit(main())
