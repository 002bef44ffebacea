"""What a parser may do to the process that it runs in, by the text of the file; run in worker processes."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from hybrid.corpus.read_file import Limits, read_file


def read_hostile(path: str, suffix: str, digest: str, limits: Limits) -> dict[str, Any]:
    """As `read_file`, unless the text begins with one of the words below. Notes beside the folder what it was asked."""
    file = Path(path)
    with (file.parent.parent / "log").open("a") as log:
        log.write(f"{file.name} {os.getpid()}\n")
    act(file.read_text())
    return read_file(path, suffix, digest, limits)


def act(text: str) -> str:
    match text.split():
        case ["hang", *_]:
            time.sleep(600)
        case ["spin", *_]:
            while True:
                pass
        case ["eat", *_]:
            return str(len(b"x" * 2_000_000_000))
        case ["crash", *_]:
            os.kill(os.getpid(), signal.SIGSEGV)
        case ["leave", *_]:
            os._exit(3)
        case ["killed", *_]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["raise", *_]:
            raise ValueError("no good")
        case ["wait", seconds]:
            time.sleep(float(seconds))
    return text


def pid() -> int:
    return os.getpid()


def held(megabytes: int) -> int:
    return len(b"x" * megabytes * 1_000_000)


def environment() -> list[Any]:
    """What the process was started with: its folder is not searched for modules, and it has one thread for numbers."""
    import sys

    return ["" in sys.path, os.environ["OMP_NUM_THREADS"], sorted(sys.modules)]


def cut_words(text: str) -> list[str]:
    """A tokenizer that crashes, or takes 400 MB, in a worker only."""
    import sys

    if "pytest" not in sys.modules:
        if "crash" in text:
            act("crash")
        if "feast" in text:
            held(400)
    return text.split()
