"""A crowd at `hybrid serve`: how many clients load models of their own, and how many get no answer.

python -m benchmarks.robust.serve --num 200 --leaving 20
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from benchmarks.robust.counted import count
from hybrid.types import Interval

CORPUS = Path("corpora") / "pumps"
MODEL = "SmolLM2-135M-Instruct"
_SETTINGS = ("answering.reading=together", "generator.max_new_tokens=8", f"generator.model={MODEL}")
_MODULE = [sys.executable, "-m", "hybrid.cli.main"]
_HEAVY = ("torch", "transformers", "faiss", "numpy", "openvino_genai")
_CLIENT = f"""
import sys
sys.modules.update(dict.fromkeys({_HEAVY!r}))
from hybrid.cli.main import main
main()
"""
"""`hybrid query` that fails where it would load models of its own."""
_OWN_LOAD = "halted; None in sys.modules"
"""What Python says then."""
_WAITS = "before you"
"""What a client says that has been accepted and waits."""
_END_S = 3600.0


def crowd(num: int, leaving: int) -> Counter[str]:
    """How the clients ended, each a process with a question of its own, all started at once; `leaving` of them are
    killed while they wait. Keys: `answered`, `killed`, `own load`, `lost`.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = ["--corpus", str(CORPUS), "--workspace", folder]
        for setting in _SETTINGS:
            place += ["--set", setting]
        subprocess.run([*_MODULE, "index", *place], check=True, stdout=subprocess.DEVNULL)
        with _serving(place):
            return _ask(place, num, leaving, Path(folder))


@contextmanager
def _serving(place: list[str]) -> Iterator[None]:
    with subprocess.Popen([*_MODULE, "serve", *place], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        if not server.stdout.readline().startswith("ready"):
            raise RuntimeError("hybrid serve did not start")
        try:
            yield
        finally:
            server.send_signal(signal.SIGINT)


def _ask(place: list[str], num: int, leaving: int, folder: Path) -> Counter[str]:
    clients = []
    for number in range(num):
        question = f"How heavy is pump number {number}?"
        with (folder / f"{number}.out").open("w") as out, (folder / f"{number}.err").open("w") as err:
            command = [sys.executable, "-c", _CLIENT, "query", question, "--json", *place]
            clients.append((question, subprocess.Popen(command, stdout=out, stderr=err)))
    killed = set(range(0, num, num // leaving)[:leaving]) if leaving else set()
    deadline = time.monotonic() + _END_S
    for number in killed:
        client = clients[number][1]
        while client.poll() is None and _WAITS not in (folder / f"{number}.err").read_text(encoding="utf-8"):
            time.sleep(0.05)
        client.kill()
    ends: Counter[str] = Counter()
    for number, (question, client) in enumerate(clients):
        try:
            client.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            client.kill()
        out, err = ((folder / f"{number}.{end}").read_text(encoding="utf-8") for end in ("out", "err"))
        ends[_end(question, client.returncode, out, err, killed=number in killed)] += 1
    return ends


def _end(question: str, code: int | None, out: str, err: str, *, killed: bool) -> str:
    if code == 0 and json.loads(out)["question"] == question:
        return "answered"
    if killed and code == -signal.SIGKILL:
        return "killed"
    print(question, err.strip().splitlines(), file=sys.stderr)
    return "own load" if _OWN_LOAD in err else "lost"


def figures(num: int = 200, leaving: int = 20) -> list[tuple[str, str, Interval]]:
    """Metric, system and number of clients that load models of their own, and of those without an answer."""
    ends = crowd(num, leaving)
    return [
        ("robust/serve/own-loads", "hybrid", count(ends["own load"], num)),
        ("robust/serve/lost-answers", "hybrid", count(ends["lost"], num - leaving)),
    ]


@click.command()
@click.option("--num", default=200, show_default=True, help="Clients, each a process.")
@click.option("--leaving", default=20, show_default=True, help="Of them, those that are killed while they wait.")
def main(num: int, leaving: int) -> None:
    """Say how the clients ended."""
    started = time.monotonic()
    ends = crowd(num, leaving)
    print(f"{dict(ends)} ({time.monotonic() - started:.0f} s)")


if __name__ == "__main__":
    main()
