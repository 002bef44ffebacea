"""Whether a document that means harm stops or floods a run: each is read beside a good one, in a process of its own.

python -m benchmarks.robust.hostile [NAME …]
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from benchmarks.robust.hostile_documents import documents
from hybrid.evaluation.statistics import wilson
from hybrid.types import Interval

LONGEST_SECONDS = 10.0
MOST_MEGABYTES = 500.0
_GIVEN_UP = 30
"""Seconds of the processor after which a run is ended; on the clock, twenty times as many."""
_GOOD = "# Good\n\nThe good pump weighs 20 kg.\n"


class Outcome(NamedTuple):
    """What became of one document. `seconds` are those of the processor, so that neighbours on the machine cost none;
    `megabytes` is the peak of the largest process."""

    name: str
    told: str
    seconds: float
    megabytes: float
    is_read_on: bool
    """Whether the run ended well, with the good document in it."""

    @property
    def is_withstood(self) -> bool:
        """Whether the run ended well, in time and in memory."""
        return self.is_read_on and self.seconds <= LONGEST_SECONDS and self.megabytes <= MOST_MEGABYTES


def run(name: str, make: Callable[[], bytes]) -> Outcome:
    """`hybrid corpus show` of a corpus with the document and a good one."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "corpus" / "documents"
        folder.mkdir(parents=True)
        (folder / name).write_bytes(make())
        (folder / "good.md").write_text(_GOOD)
        paths = ["--corpus", str(folder.parent), "--workspace", str(Path(made) / "workspace")]
        command = [sys.executable, "-m", "hybrid.cli.main", "corpus", "show", *paths, "--limit", "1000000", "--json"]
        with (Path(made) / "out").open("w+b") as out, (Path(made) / "err").open("w+b") as err:
            child = subprocess.Popen(command, stdout=out, stderr=err, preexec_fn=_limit)
            status, usage = _ended(child)
            out.seek(0)
            err.seek(0)
            is_read_on, told = _read(name, status, out.read(), err.read().decode(errors="replace"))
    return Outcome(name, told, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000, is_read_on)


def outcomes(names: Sequence[str] = ()) -> Iterator[Outcome]:
    """One for each document, or for those named."""
    for name, make in documents().items():
        if not names or name in names:
            yield run(name, make)


def figures() -> list[tuple[str, str, Interval]]:
    """Share of the documents that stop or flood a run; the longest time and the largest peak of those that do not."""
    found = list(outcomes())
    stopped = sum(not one.is_withstood for one in found)
    slowest = max(one.seconds for one in found)
    largest = max(one.megabytes for one in found)
    return [
        ("robust/hostile", "hybrid", wilson(stopped, len(found))),
        ("robust/hostile-seconds", "hybrid", Interval(slowest, slowest, slowest, len(found))),
        ("robust/hostile-megabytes", "hybrid", Interval(largest, largest, largest, len(found))),
    ]


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_GIVEN_UP, _GIVEN_UP + 1))


def _ended(child: "subprocess.Popen[bytes]") -> tuple[int, "os.struct_rusage"]:
    """Status and use of a process, which is killed when its time is up."""
    deadline = time.monotonic() + 20 * _GIVEN_UP
    while True:
        number, status, usage = os.wait4(child.pid, os.WNOHANG)
        if number:
            child.returncode = os.waitstatus_to_exitcode(status)
            return child.returncode, usage
        if time.monotonic() > deadline:
            child.kill()
        time.sleep(0.02)


def _read(name: str, status: int, out: bytes, err: str) -> tuple[bool, str]:
    """Whether the good document was read, and what is told of the other."""
    if status:
        return False, f"exit {status}: {err.strip().splitlines()[-1][:100] if err.strip() else ''}"
    told = json.loads(out)
    sources = [passage["source"] for passage in told["passages"]]
    notes = [note for note in told["warnings"] if note.startswith(name)]
    num = sum(source.startswith(name) for source in sources)
    return "good.md" in sources, f"{num} passages{'; ' if notes else ''}{'; '.join(notes)[:120]}"


@click.command()
@click.argument("names", nargs=-1)
def main(names: tuple[str, ...]) -> None:
    """Print the outcome of every document, or of those named."""
    failed = num = 0
    for one in outcomes(names):
        num += 1
        failed += not one.is_withstood
        mark = "  " if one.is_withstood else "! "
        click.echo(f"{mark}{one.name:22} {one.seconds:6.1f} s {one.megabytes:6.0f} MB  {one.told}")
    click.echo(f"{failed} of {num} documents stop a run, take more than {LONGEST_SECONDS:g} s or {MOST_MEGABYTES:g} MB")


if __name__ == "__main__":
    main()
