"""Every stage is killed in the middle, or finds its disk full, and is run again: is what it publishes then whole?

python -m benchmarks.robust.kills [--stages index,merge] [--events 40] [--sizes 10]

A broken outcome is one after which the same command does not end well, or publishes other bytes than a run that
nothing disturbed; of a full disk also one that is not told as such (exit code 2, no traceback). Disks are full for
real, as a tmpfs of that size, where this process may mount one; else every writing is refused from an event on.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import click

from benchmarks.robust import interrupted
from benchmarks.robust.interrupted import Ended
from hybrid.types import Interval

STAGES: dict[str, tuple[str, ...]] = {
    name: (name,) for name in ("index", "prompt", "train-embed", "train-raft", "merge", "evaluate", "diagnose")
}
"""In the order of the work: each starts from what those before it left."""
_CORPUS = "corpora/machines"
_ROOM = 512 << 20


def figures() -> list[tuple[str, str, Interval]]:
    """Broken outcomes of kills and of full disks, by stage."""
    from hybrid.evaluation.statistics import wilson

    with tempfile.NamedTemporaryFile(suffix=".json") as told:
        # a process of its own: it forks, for which it must have one thread
        command = [sys.executable, "-m", "benchmarks.robust.kills", "--json", told.name]
        subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
        counted = json.loads(Path(told.name).read_text(encoding="utf-8"))
    found = []
    for stage, counts in counted.items():
        for kind, metric in (("kills", "robust/kills"), ("full", "robust/full-disk")):
            broken, num = len(counts[kind]["broken"]), counts[kind]["num"]
            share = wilson(broken, num)
            found.append((metric, stage, Interval(float(broken), share.low * num, share.high * num, num)))
    return found


@dataclass
class Counted:
    """Interruptions of one kind, and what was broken after them."""

    num: int = 0
    broken: list[str] = field(default_factory=list)


@click.command()
@click.option("--stages", default=",".join(STAGES), show_default=True, help="Names with commas between them.")
@click.option("--events", default=40, show_default=True, help="Kills of each stage.")
@click.option("--sizes", default=10, show_default=True, help="Full disks of each stage.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write what was found to this file too.")
def main(stages: str, events: int, sizes: int, out: Path | None) -> None:
    """Interrupt stages and run them again."""
    wanted = stages.split(",")
    if unknown := set(wanted) - set(STAGES):
        raise click.UsageError(f"no such stage: {', '.join(sorted(unknown))}; there are {', '.join(STAGES)}")
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        try:
            found = interrupt_all(place, wanted, events, sizes)
        finally:
            place.close()
    if out is not None:
        told = {stage: {kind: vars(one) for kind, one in kinds.items()} for stage, kinds in found.items()}
        out.write_text(json.dumps(told), encoding="utf-8")


class Place:
    """A corpus and tiny models, in a folder whose room can be limited where this process may mount."""

    def __init__(self, folder: Path) -> None:
        from tests.tiny_corpus import tiny_corpus, tiny_settings

        self.work, self.state = folder / "work", folder / "state"
        self.work.mkdir()
        self.can_limit = self._mount(f"size={_ROOM}")
        tiny_corpus(self.work / _CORPUS)
        self.options = ["--corpus", _CORPUS, *tiny_settings(folder / "models")]

    def limit(self, num_bytes: int) -> None:
        """Bytes that the working folder may hold."""
        self._mount(f"remount,size={num_bytes}")

    def close(self) -> None:
        """Unmount."""
        if self.can_limit:
            subprocess.run(["umount", str(self.work)], check=False)

    def _mount(self, options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.work)]
        with suppress(OSError):
            return subprocess.run(command, check=False, capture_output=True).returncode == 0
        return False


def interrupt_all(place: Place, wanted: Sequence[str], events: int, sizes: int) -> dict[str, dict[str, Counted]]:
    """What was broken, by stage and kind; all stages before the last wanted one are run."""
    interrupted.preload(only_index=list(wanted) == ["index"])
    found: dict[str, dict[str, Counted]] = {}
    for stage, words in STAGES.items():
        shutil.rmtree(place.state, ignore_errors=True)
        shutil.copytree(place.work, place.state)
        whole = interrupted.run([*words, *place.options], place.work)
        if whole.code:
            raise click.ClickException(f"{stage} fails undisturbed:\n{whole.err[-2000:]}")
        right = interrupted.published(place.work / "indexes")
        after = place.state.with_name("after")
        shutil.rmtree(after, ignore_errors=True)
        shutil.copytree(place.work, after)
        if stage in wanted:
            found[stage] = {
                "kills": _killed(place, [*words, *place.options], whole, right, events),
                "full": _full(place, [*words, *place.options], whole, right, sizes),
            }
            for kind, one in found[stage].items():
                click.echo(f"{stage}: {len(one.broken)} of {one.num} {kind} broken ({whole.events} events)")
                for line in one.broken:
                    click.echo(f"  {line}")
        if stage == [name for name in STAGES if name in wanted][-1]:
            break
        interrupted.restored(after, place.work)
    return found


def _killed(place: Place, args: Sequence[str], whole: Ended, right: dict[str, str], num: int) -> Counted:
    counted = Counted()
    for at in interrupted.spread(num, whole.events):
        interrupted.restored(place.state, place.work)
        counted.num += 1
        ended = interrupted.run(args, place.work, "kill", at)
        if ended.code not in (-9, 0):
            counted.broken.append(f"event {at}: ended by {ended.code} instead of the kill")
            continue
        if fault := _again(place, args, right):
            counted.broken.append(f"event {at}: {fault}")
    return counted


def _full(place: Place, args: Sequence[str], whole: Ended, right: dict[str, str], num: int) -> Counted:
    counted = Counted()
    for part in range(num):
        interrupted.restored(place.state, place.work)
        counted.num += 1
        if place.can_limit:
            room = os.statvfs(place.work)
            held = (room.f_blocks - room.f_bfree) * room.f_frsize
            where = held + (whole.most_bytes - held) * part // num
            place.limit(max(where, room.f_frsize))
            ended = interrupted.run(args, place.work)
            place.limit(_ROOM)
        else:
            where = interrupted.spread(num, whole.events)[part]
            ended = interrupted.run(args, place.work, "full", where)
        if ended.code not in (0, 2) or "Traceback" in ended.err or (ended.code and "no space left" not in ended.err):
            counted.broken.append(f"at {where}: told as code {ended.code}: …{ended.err.strip()[-300:]!r}")
        elif fault := _again(place, args, right):
            counted.broken.append(f"at {where}: {fault}")
    return counted


def _again(place: Place, args: Sequence[str], right: dict[str, str]) -> str:
    """What is wrong after the same command without a disturbance; empty where nothing is."""
    ended = interrupted.run(args, place.work)
    if ended.code:
        return f"then the command ends by {ended.code}: …{ended.err.strip()[-300:]!r}"
    found = interrupted.published(place.work / "indexes")
    changed = sorted(name for name in right.keys() | found.keys() if right.get(name) != found.get(name))
    return f"then it publishes other bytes: {', '.join(changed[:5])}" if changed else ""


if __name__ == "__main__":
    main()
