"""How many words readers lose, by format, over real files: those of the handbook, of Python packages and Debian's docs.

python -m benchmarks.robust.lost_text [FOLDER…]
"""

import io
import os
import re
import sysconfig
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np

from hybrid.config import CorpusConfig
from hybrid.corpus.crude_text import crude_text, without_repeated_lines
from hybrid.corpus.load import max_bytes
from hybrid.corpus.lost_text import Loss, compare, loss_notes
from hybrid.corpus.read_file import READERS, Limits
from hybrid.corpus.readers.content import Content, UnreadableError
from hybrid.evaluation.statistics import percentile_interval
from hybrid.types import Interval

METRIC = "robust/text-lost"
FOLDERS = (
    *(Path(data) / "tts_handbook" / "documents" for data in [os.environ.get("DATA")] if data),
    Path(sysconfig.get_path("purelib")),
    Path("/usr/share"),
)
FORMATS = (
    ".adoc", ".docx", ".eml", ".epub", ".html", ".ipynb", ".md", ".pdf", ".pptx", ".rst", ".xlsx",
)  # fmt: skip
MOST_FILES = 200
"""Of a format, evenly over the list of all."""
_FEWEST_WORDS = 20
_LONG_WORD = 8
_SEED = 0


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--files", is_flag=True, help="Name the files that lose most, with their first lost words.")
def main(folders: tuple[Path, ...], files: bool) -> None:
    """Print the share of words lost, by format."""
    found = losses(folders or FOLDERS)
    for _, system, value in _figures(found):
        reading, checking = (sum(row[i] for row in found[system]) for i in (2, 3))
        click.echo(
            f"{system:6} {value.value:7.2%} lost ({value.low:.2%} to {value.high:.2%}) of {value.num} files, "
            f"read in {reading:.1f} s, checked in {checking:.1f} s"
        )
        for path, loss, _, _ in sorted(found[system], key=lambda row: -row[1].share)[:12] if files else ():
            click.echo(f"    {loss.share:6.1%} of {loss.num:6}  {path}  {' '.join(loss.lost[:12])}")


def figures(folders: Sequence[Path] = FOLDERS) -> list[tuple[str, str, Interval]]:
    """Metric, format and share of the words of all its files that were lost, with an interval over files."""
    return _figures(losses(folders))


def losses(folders: Sequence[Path]) -> dict[str, list[tuple[Path, Loss, float, float]]]:
    """By format: every file with what was lost of it, and the seconds that reading and checking took."""
    paths: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.suffix in FORMATS and path.is_file():
            paths[path.suffix].append(path)
    found = {}
    for suffix in sorted(paths):
        step = max(1, -(-len(paths[suffix]) // MOST_FILES))
        if rows := list(_compared(paths[suffix][::step])):
            found[suffix] = rows
    return found


def _compared(paths: Sequence[Path]) -> Iterator[tuple[Path, Loss, float, float]]:
    config = CorpusConfig()
    limits = Limits(max_bytes(config), config.html_layout)
    for path in paths:
        if not 0 < path.stat().st_size <= limits.max_bytes:
            continue
        data = path.read_bytes()
        began = time.process_time()
        try:
            content = READERS[path.suffix](data, limits)
        except UnreadableError:
            continue
        except Exception:  # whatever its library raises: all of the file is lost
            content = Content("")
        read = time.process_time()
        loss_notes(path.suffix, data, content)
        checked = time.process_time()
        try:
            crude = _by_pypdf(data) if path.suffix == ".pdf" else crude_text(path.suffix, data)
        except Exception:  # damaged: nothing to compare with
            continue
        loss = compare(crude, content)
        if path.suffix == ".pdf":
            # pypdf leaves out blanks where a font does not name them
            solid = "".join(re.findall(r"\w", content.text.casefold()))
            loss = Loss(loss.num, tuple(word for word in loss.lost if len(word) < _LONG_WORD or word not in solid))
        if loss.num >= _FEWEST_WORDS:
            yield path, loss, read - began, checked - read


def _by_pypdf(data: bytes) -> str:
    """A PDF by a library that shares nothing with the reader's."""
    from pypdf import PdfReader

    pages = [page.extract_text().replace("-\n", "").splitlines() for page in PdfReader(io.BytesIO(data)).pages]
    return without_repeated_lines(pages)


def _figures(found: dict[str, list[tuple[Path, Loss, float, float]]]) -> list[tuple[str, str, Interval]]:
    rows = []
    for suffix, files in found.items():
        lost = np.array([len(loss.lost) for _, loss, _, _ in files], dtype=float)
        num = np.array([loss.num for _, loss, _, _ in files], dtype=float)
        picks = np.random.default_rng(_SEED).integers(0, len(files), (2000, len(files)))
        draws = lost[picks].sum(axis=1) / num[picks].sum(axis=1)
        share = float(lost.sum() / num.sum())
        # one file tells nothing of others
        value = percentile_interval(share, draws, len(files)) if len(files) > 1 else Interval(share, 0.0, 1.0, 1)
        rows.append((METRIC, suffix, value))
    return rows


if __name__ == "__main__":
    main()
