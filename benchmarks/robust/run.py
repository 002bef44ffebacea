"""What the project withstands, part by part: `make bench-robust`.

python -m benchmarks.robust.run [--part hostile …] [--print-only]
"""

import importlib
import time
from collections.abc import Callable
from typing import Any

import click

from benchmarks import page, results
from benchmarks.own import tell
from hybrid.cli.main import set_up_libraries
from hybrid.types import Interval

COMMAND = "make bench-robust"
PARTS = ("hostile", "lost_text", "hangs", "kills", "serve", "injection")
"""Modules beside this one; each has `figures()`."""
Figures = Callable[[], list[tuple[str, str, Interval]]]


@click.command()
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), default=PARTS, help="Repeatable.")
@click.option("--print-only", is_flag=True, help="Leave results and page as they are.")
def main(parts: tuple[str, ...], print_only: bool) -> None:
    """Run the parts one after another; the rows of each are written as soon as it is through."""
    set_up_libraries()
    for part in parts:
        rows = rows_of(part)
        tell(rows)
        if not print_only:
            results.record_rows(COMMAND, rows, of=part)
            page.write()


def rows_of(part: str) -> list[dict[str, Any]]:
    """The rows of a part, under its name as their set."""
    figures: Figures = importlib.import_module(f"benchmarks.robust.{part}").figures
    started = time.perf_counter()
    found = figures()
    minutes = round((time.perf_counter() - started) / 60, 1)
    stamp: dict[str, Any] = {"of": part, "split": "test", "seed": 0, "minutes": minutes, "command": COMMAND}
    return [results.make_row(metric, system, value, **stamp) for metric, system, value in found]


if __name__ == "__main__":
    main()
