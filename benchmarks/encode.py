"""Encoding passages: backends side by side in one run, and the windows that the search benchmark searches.

python -m benchmarks.encode --windows 1000000 --out indexes/windows.npy [--data ../shared/data]
"""

import os
import sys
from pathlib import Path

import click

from benchmarks.windows import encode_windows
from hybrid.cli.main import set_up_libraries
from hybrid.cli.options import quiet_progress_of_libraries


@click.command()
@click.option("--data", type=Path, default=lambda: Path(os.environ.get("DATA", "../shared/data")), help="Public sets.")
@click.option(
    "--windows", "num_windows", type=click.IntRange(1, 1_000_000), help="Encode so many windows, and no more."
)
@click.option("--out", type=Path, help="The .npy file of the windows.")
def main(data: Path, num_windows: int | None, out: Path | None) -> None:
    """Compare backends, or with `--windows` write vectors of windows of about 25 tokens over the passages in DATA."""
    set_up_libraries()
    quiet_progress_of_libraries()
    if num_windows is not None:
        if out is None:
            raise click.UsageError("--windows needs --out")
        encode_windows(data, num_windows, out)
        return


if __name__ == "__main__":
    sys.exit(main())
