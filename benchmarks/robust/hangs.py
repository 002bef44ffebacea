"""How many fresh processes hang that encode a few batches from two threads.

python -m benchmarks.robust.hangs --num 100 [--provoke]
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from benchmarks.robust.counted import count
from hybrid.types import Interval

_AT_ONCE = 2
_LIMIT_S = 120.0
"""Of a process, from its start; it takes a second of a core that is free."""
_HUNG_S = 10.0
"""Of the encoding of eight batches, which takes a tenth of a second, in a process that is provoked."""
_STACK_S = 60.0
_CODE = """
import os, sys, time
from pathlib import Path
import numpy as np
from hybrid.retrieval.openvino_encoder import OpenVINOEncoder
from hybrid.retrieval.token_batches import TokenBatch
folder, provoked = Path(sys.argv[1]), sys.argv[2] == "provoked"
if provoked:
    # a set-up that gives up the interpreter's lock for long enough that the other thread comes to it for certain
    import builtins
    ours = builtins.__import__
    def slow(name, *args, **kwargs):
        if name.startswith("numpy._core"):
            time.sleep(0.2)
        return ours(name, *args, **kwargs)
    builtins.__import__ = slow
encoder = OpenVINOEncoder(folder, "float32")
batch = [np.full((1, 4), 101, np.int64), np.ones((1, 4), np.int64)]
print("loaded", flush=True)
found = list(encoder.encode(TokenBatch([row], *batch) for row in range(8)))
assert sorted(row for rows, _ in found for row in rows) == list(range(8))
print("encoded", flush=True)
# taking the libraries down is not what is measured
os._exit(0)
"""


def hangs(folder: Path, number: int, stacks: Path, *, provoke: bool = False) -> bool:
    """Whether a fresh process hangs that encodes with the exported model in `folder`. Its native stacks are kept in
    `stacks` by py-spy, where that is installed. Raises `RuntimeError` where the process fails in another way.
    """
    command = [sys.executable, "-c", _CODE, str(folder), "provoked" if provoke else "free"]
    # two threads, as on two cores or more
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        try:
            limit = _LIMIT_S
            if provoke:
                process.stdout.readline()
                limit = _HUNG_S
            process.wait(limit)
        except subprocess.TimeoutExpired:
            _keep_stacks(process.pid, stacks / f"hang-{number}.txt")
            process.kill()
            return True
        if process.returncode:
            raise RuntimeError(process.stderr.read().decode(errors="replace"))
    return False


def _keep_stacks(pid: int, file: Path) -> None:
    spy = Path(sys.executable).with_name("py-spy")
    if spy.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        command = [str(spy), "dump", "--native", "--pid", str(pid)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_STACK_S, check=False)
        file.write_text(done.stdout + done.stderr, encoding="utf-8")


def num_hung(num: int, stacks: Path, *, provoke: bool = False) -> int:
    """Of `num` fresh processes, two at a time."""
    folder = _exported()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return sum(pool.map(lambda number: hangs(folder, number, stacks, provoke=provoke), range(num)))


def _exported() -> Path:
    """The export of the embedded embedder, made where there is none yet."""
    from hybrid.digests import cache_folder
    from hybrid.models import resolve
    from hybrid.retrieval.encoder_choice import EncoderChoice
    from hybrid.retrieval.exported_encoder import export_folder
    from hybrid.retrieval.sentence_embedder import SentenceEmbedder

    folder = resolve("embedded", "embedder")
    embedder = SentenceEmbedder(folder, encoder=EncoderChoice("openvino", "float32", must=True))
    embedder.encode_queries(["warm"])
    return export_folder(folder, cache_folder() / "encoders", backend="openvino", precision="float32")


def figures(num: int = 1500, stacks: Path = Path("hangs")) -> list[tuple[str, str, Interval]]:
    """Metric, system and number of processes that hung."""
    return [("robust/hangs", "hybrid", count(num_hung(num, stacks), num))]


@click.command()
@click.option("--num", default=100, show_default=True, help="Fresh processes.")
@click.option("--provoke", is_flag=True, help="Have the first use of NumPy take long, so that two threads meet in it.")
@click.option("--stacks", type=click.Path(path_type=Path), default=Path("hangs"), help="Folder for stacks of hangs.")
def main(num: int, provoke: bool, stacks: Path) -> None:
    """Say how many processes hung."""
    started = time.monotonic()
    hung = num_hung(num, stacks, provoke=provoke)
    print(f"{hung} of {num} hung ({time.monotonic() - started:.0f} s)")


if __name__ == "__main__":
    main()
