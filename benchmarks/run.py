"""The loop on public sets, one row a metric and system into benchmarks/results.json. Resumable set by set.

python -m benchmarks.run --data FOLDER [--sets apibench_hf …]
"""

import json
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import click

from hybrid.artifacts import write_text
from hybrid.cli.options import open_workspace, quiet_progress_of_libraries
from hybrid.lifecycle.loop import run_loop

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of the public sets.")
@click.option("--sets", multiple=True, help="Names of sets; by default every set with a configuration here.")
def main(data: Path, sets: tuple[str, ...]) -> None:
    """Run the loop on each set and write its figures."""
    quiet_progress_of_libraries()
    names = sets or tuple(sorted(path.stem for path in (HERE / "configs").glob("*.yaml")))
    found = [name for name in names if (data / name / "passages.jsonl").is_file()]
    if not found:
        click.echo(f"none of {', '.join(names)} is in {data}: nothing to run", err=True)
        return
    for name in found:
        started = time.perf_counter()
        workspace = open_workspace(
            data / name, HERE / "configs" / f"{name}.yaml", (), Path("indexes") / f"bench-{name}"
        )
        with workspace.lock():
            result = run_loop(workspace, lambda line: click.echo(line, err=True))
        minutes = round((time.perf_counter() - started) / 60, 1)
        _record(name, workspace.config.seed, workspace.config.evaluation.split, result.rows, minutes)
        click.echo(f"{name}: {minutes} min; report {result.report}")


def _record(name: str, seed: int, split: str, rows: list[dict[str, Any]], minutes: float) -> None:
    """Replace the set's rows in the results."""
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else []
    # a rerun that finds everything up to date takes no time: the minutes of the run that did the work stay
    minutes = max([minutes, *(row["minutes"] for row in kept if row["set"] == name)])
    kept = [row for row in kept if row["set"] != name]
    for row in rows:
        for system, side in (("base", "before"), ("tuned", "after"), ("gain", "gain")):
            interval = row[side]
            if interval is None:
                continue
            kept.append(
                {
                    "set": name,
                    "split": split,
                    "metric": row["name"],
                    "system": system,
                    "value": interval.value,
                    "low": interval.low,
                    "high": interval.high,
                    "n": interval.num,
                    "seed": seed,
                    "minutes": minutes,
                    "command": "make bench",
                    "date": date.today().isoformat(),
                }
            )
    write_text(RESULTS, json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
