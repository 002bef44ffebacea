"""Training in several processes, started from the one that owns the workspace: it alone publishes and prints."""

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybrid.config_training import TrainEmbedConfig, TrainRaftConfig
from hybrid.cores import num_cores
from hybrid.errors import HybridError, InputError

JOB = "job.pickle"


def is_launched(options: TrainEmbedConfig | TrainRaftConfig) -> bool:
    """Whether training is to run in processes of its own."""
    return options.processes > 1 or options.accelerate_config is not None


def launch(kind: str, job: Mapping[str, Any], options: TrainEmbedConfig | TrainRaftConfig, folder: Path) -> None:
    """Have processes do the job of `kind` (a key of `launched.JOBS`); its arguments are kept in `folder`.

    With `accelerate_config` by `accelerate launch`; else by torch's launcher, as `accelerate launch` starts one process
    on a machine without accelerators and MPI. Raises `HybridError` where one of them fails, which ends all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / JOB).write_bytes(pickle.dumps((kind, dict(job))))
    command = [sys.executable, "-m"]
    if options.accelerate_config is None:
        command += ["torch.distributed.run", "--standalone", f"--nproc-per-node={options.processes}"]
    elif options.accelerate_config.is_file():
        command += ["accelerate.commands.accelerate_cli", "launch", "--config_file", str(options.accelerate_config)]
        # given here it counts, whatever the file says: an adapter is known by it
        command += ["--num_processes", str(options.processes)]
    else:
        raise InputError(options.accelerate_config, "no such file", "name a configuration of accelerate")
    threads = max(1, num_cores() // options.processes)
    with subprocess.Popen(
        [*command, "-m", "hybrid.tuning.launched", str(folder / JOB)],
        # never written to: its end tells the processes that this one is gone, however that came about
        stdin=subprocess.PIPE,
        # results alone belong on stdout, and those are the parent's
        stdout=sys.stderr.fileno() if _has_descriptor() else subprocess.DEVNULL,
        env={"OMP_NUM_THREADS": str(threads), **os.environ},
    ) as started:
        code = started.wait()
    if code:
        raise HybridError(
            f"training in several processes failed (code {code}); its messages stand above",
            "run the same command again: it goes on from the last whole checkpoint",
        )


def _has_descriptor() -> bool:
    try:
        sys.stderr.fileno()
    except (OSError, ValueError):
        return False
    return True
