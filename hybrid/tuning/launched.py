"""What each of several training processes runs: `python -m hybrid.tuning.launched JOB`, started by `launcher`."""

import os
import pickle
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hybrid.terminal import guard_streams
from hybrid.tuning.embedder_trainer import train_checkpoints
from hybrid.tuning.generator_course import train_course

JOBS: dict[str, Callable[..., Any]] = {"embedder": train_checkpoints, "generator": train_course}


def main(job: Path) -> None:
    """Do the job; the first process alone shows a progress bar. Its result is what it wrote.

    It ends with the process that owns the workspace, whose lock is gone then.
    """
    guard_streams()
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    if os.environ.get("RANK", "0") != "0":
        os.environ["TQDM_DISABLE"] = "1"
    kind, arguments = pickle.loads(job.read_bytes())
    JOBS[kind](**arguments)
    import torch.distributed

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _end_with_the_parent() -> None:
    # not by sys.stdin, whose lock the interpreter would want back when the job is done
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
