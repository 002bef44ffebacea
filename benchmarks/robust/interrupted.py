"""A command that dies by SIGKILL at a chosen file-system event, or finds no room on its disk from there on."""

import errno
import gc
import importlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hybrid.artifacts import sha256_json
from hybrid.digests import sha256_file

Way = Literal["count", "kill", "full"]
_LONGEST_S = 300
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "shutil.copyfile"}
_PRELOADED = (
    "faiss",
    "sentence_transformers",
    "hybrid.lifecycle.workspace",
    "hybrid.cli.stages",
)
_PRELOADED_TO_TRAIN = (
    "bm25s",
    "datasketch",
    "ftfy",
    "ir_measures",
    "lxml.etree",
    "matplotlib.pyplot",
    "mergekit.merge",
    "peft",
    "py3langid.langid",
    "scipy.stats",
    "sentence_transformers.sentence_transformer.losses",
    "sentence_transformers.sentence_transformer.trainer",
    "trl",
    "hybrid.answering.generation_cache",
    "hybrid.answering.local_generator",
    "hybrid.lifecycle.loop",
    "hybrid.cli.measure",
    "hybrid.cli.prompt",
    "hybrid.cli.query",
)
_LATE = (
    ("transformers", "BertModel"),
    ("transformers", "AutoTokenizer"),
    ("transformers", "LlamaForCausalLM"),
    ("transformers", "EarlyStoppingCallback"),
    ("trl", "SFTTrainer"),
)
"""Names that these packages import when they are first asked for."""


@dataclass(frozen=True)
class Ended:
    """How a command ended. `events` are those of its file system, `most_bytes` what its disk held at most."""

    code: int
    err: str
    events: int
    most_bytes: int


def preload(*, only_index: bool) -> None:
    """Import what commands import: a fork of this process starts with all of it."""
    for name in _PRELOADED if only_index else _PRELOADED + _PRELOADED_TO_TRAIN:
        importlib.import_module(name)
    for module, name in _LATE[:2] if only_index else _LATE:
        getattr(importlib.import_module(module), name)
    gc.collect()
    gc.freeze()


def run(args: Sequence[str], folder: Path, way: Way = "count", at: int = 0) -> Ended:
    """The command in a fork of this process, which must have one thread. `folder` is its working directory; it ends or
    fails as `way` says before event number `at` of those below it.
    """
    told, seen = folder.with_name("stderr"), folder.with_name("seen.json")
    seen.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        _become(args, folder, told, seen, way, at)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    found = json.loads(seen.read_text(encoding="utf-8")) if seen.is_file() else {"events": 0, "most_bytes": 0}
    return Ended(code, told.read_text(encoding="utf-8", errors="replace"), **found)


def _become(args: Sequence[str], folder: Path, told: Path, seen: Path, way: Way, at: int) -> None:
    """Never returns."""
    code = 70
    try:
        from hybrid.cli.main import main

        signal.alarm(_LONGEST_S)
        for stream, name in ((0, os.devnull), (1, os.devnull), (2, str(told))):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC), stream)
        os.chdir(folder)
        os.environ["HYBRID_CACHE"] = str(folder / "cache")
        os.environ["TMPDIR"] = str(folder)
        sys.argv = ["hybrid", *args]
        watch = _Watch(folder, way, at)
        sys.addaudithook(watch)
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        watch.is_on = False
        seen.write_text(json.dumps({"events": watch.events, "most_bytes": watch.most_bytes}), encoding="utf-8")
    finally:
        with suppress(Exception):
            sys.stderr.flush()
        # to take a copy of all libraries down in order would last longer than the command
        os._exit(code)


class _Watch:
    """An audit hook that counts what changes below a folder."""

    def __init__(self, folder: Path, way: Way, at: int) -> None:
        self._folder, self._way, self._at = str(folder), way, at
        self.is_on, self.events, self.most_bytes = True, 0, 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_on or not (event == "open" or event in _CHANGES):
            return
        place = arguments[0]
        if event == "open" and not ((arguments[2] or 0) & _WRITING):
            return
        if not isinstance(place, str | bytes | os.PathLike) or not self._is_below(os.fsdecode(place)):
            return
        self.events += 1
        if self._way == "count":
            room = os.statvfs(self._folder)
            self.most_bytes = max(self.most_bytes, (room.f_blocks - room.f_bfree) * room.f_frsize)
        elif self._way == "kill" and self.events == self._at:
            os.kill(os.getpid(), signal.SIGKILL)
        elif self._way == "full" and self.events >= self._at and event in ("open", "os.mkdir"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fsdecode(place))

    def _is_below(self, place: str) -> bool:
        return place.startswith(self._folder) if os.path.isabs(place) else not place.startswith("..")  # noqa: PTH117


def published(folder: Path) -> dict[str, str]:
    """Digests of every file of every artefact below a folder, also of what no manifest lists.

    Of a manifest it is the id and what it lists: some hold how long an answer took.
    """
    found = {}
    for manifest in sorted(folder.rglob("manifest.json")):
        if any(part.startswith(".") for part in manifest.relative_to(folder).parts):
            continue
        for file in sorted(path for path in manifest.parent.rglob("*") if path.is_file()):
            found[file.relative_to(folder).as_posix()] = sha256_file(file)
        told = json.loads(manifest.read_text(encoding="utf-8"))
        name = manifest.relative_to(folder).as_posix()
        found[name] = sha256_json([told["id"], told["files"], told["counts"]])
    return found


def spread(num: int, events: int) -> list[int]:
    """Numbers from 1 to `events`, evenly, at most `num` of them."""
    wanted = min(num, events)
    return [1 + round(place * (events - 1) / max(1, wanted - 1)) for place in range(wanted)]


def restored(state: Path, work: Path) -> None:
    """The working folder as it was, in the same place."""
    for path in work.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(state, work, dirs_exist_ok=True)
