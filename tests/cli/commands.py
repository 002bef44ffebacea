"""Ways to call the command line, always in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid.artifacts import sha256_file

_SERVER = """
import gc, json, os, signal, sys
import bm25s, datasketch, detect_secrets.core.scan, faiss, ftfy, ir_measures, lxml.etree, phonenumbers, py3langid.langid
import sklearn.cluster, sklearn.feature_extraction.text, Stemmer, stdnum.iban
import matplotlib.pyplot, peft, scipy.stats, sentence_transformers, trl
from mergekit.merge import run_merge
from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss
from sentence_transformers.sentence_transformer.trainer import SentenceTransformerTrainer
from transformers import LlamaForCausalLM, BertModel, AutoTokenizer, EarlyStoppingCallback
from trl import SFTTrainer
import hybrid.answering.generation_cache, hybrid.answering.local_generator, hybrid.lifecycle.loop
import hybrid.serving.server
from hybrid.cli import ask, audit, corpus, data, loop, measure, preflight, query, review, serve, stages, synth
from hybrid.cli.main import main

gc.collect()
gc.freeze()
for line in sys.stdin:
    request = json.loads(line)
    if "wait" in request:
        reply = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
    else:
        reply = os.fork()
        if reply == 0:
            for stream, name in ((1, "stdout"), (2, "stderr")):
                os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.chdir(request["cwd"])
            # a suite that was started in the background ignores Ctrl+C, and so would all that it forks
            signal.signal(signal.SIGINT, signal.default_int_handler)
            sys.argv = ["hybrid", *request["args"]]
            try:
                main()
            except SystemExit as end:
                code = end.code or 0
            gc.collect()
            sys.stdout.flush()
            sys.stderr.flush()
            # taking a copy of all libraries down in order would last longer than the command
            os._exit(code)
    print(json.dumps(reply), flush=True)
"""


@dataclass(frozen=True)
class Result:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    def document(self) -> Any:
        """Standard output, which must be one JSON document and nothing else."""
        return json.loads(self.out)


def run(*args: str | Path, cwd: Path, **environment: str) -> Result:
    """Run the command in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-m", "hybrid.cli.main", *(str(arg) for arg in args)],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def on_terminal(folder: Path, *args: str) -> tuple[str, int]:
    """What a query in a fresh interpreter shows on a terminal, and in how many pieces it came."""
    master, slave = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hybrid.cli.main", "query", *args],
        cwd=folder,
        stdout=slave,
        stderr=subprocess.DEVNULL,
    )
    os.close(slave)
    pieces = []
    try:
        while piece := os.read(master, 4096):
            pieces.append(piece)
    except OSError:
        # how a terminal ends whose other side is closed
        pass
    os.close(master)
    assert process.wait() == 0
    return b"".join(pieces).decode().replace("\r\n", "\n"), len(pieces)


@dataclass
class Command:
    """A command that runs in a process of its own."""

    server: "CommandServer"
    pid: int
    folder: Path

    def kill(self) -> None:
        """SIGKILL: nothing gets the chance to tidy up."""
        os.kill(self.pid, signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM, as service managers send it."""
        os.kill(self.pid, signal.SIGTERM)

    def interrupt(self) -> None:
        """SIGINT, as Ctrl+C sends it."""
        os.kill(self.pid, signal.SIGINT)

    def address(self) -> str:
        """The address that a serving command prints, as soon as it is there."""
        return self.printed(r"http://[^\s\"]+")

    def printed(self, pattern: str) -> str:
        """What matches on standard output, as soon as it is there."""
        for _ in range(1200):
            printed = self.folder / "stdout"
            if printed.is_file() and (found := re.search(pattern, printed.read_text(encoding="utf-8"))):
                return found[0]
            assert self.running(), (self.folder / "stderr").read_text(encoding="utf-8")
            time.sleep(0.05)
        raise AssertionError("the command serves nothing")

    def running(self) -> bool:
        """Whether the process is there and not a zombie."""
        state = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        return state != "Z"

    def wait(self) -> Result:
        """The result; a killed process has code -9."""
        code = self.server.ask({"wait": self.pid})
        out, err = ((self.folder / name).read_text(encoding="utf-8", errors="replace") for name in ("stdout", "stderr"))
        return Result(code, out, err)


class CommandServer:
    """Forks each command from an interpreter that has imported the libraries, which takes longer than a tiny run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # one thread: tiny models gain nothing from two, and a fork of a busy thread pool would hang
            env=os.environ
            | {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
        )

    def ask(self, request: dict[str, Any]) -> int:
        """Send a request and read the reply: an id of a process, or an exit code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        reply = self._process.stdout.readline()
        assert reply, "the server of commands has died"
        return int(json.loads(reply))

    def start(self, *args: str | Path, cwd: Path) -> Command:
        """Start a command and return at once."""
        self._count += 1
        folder = self._folder / f"command-{self._count}"
        folder.mkdir()
        streams = {name: str(folder / name) for name in ("stdout", "stderr")}
        pid = self.ask({"args": [str(arg) for arg in args], "cwd": str(cwd), **streams})
        return Command(self, pid, folder)

    def run(self, *args: str | Path, cwd: Path) -> Result:
        """Start a command and wait for its end."""
        return self.start(*args, cwd=cwd).wait()

    def close(self) -> None:
        """End the server."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


def refused(result: Result, *words: str) -> None:
    """Exit code 2, and one error that holds every one of the words and says what to do."""
    assert result.code == 2, result.err or result.out
    assert "Traceback" not in result.err
    assert result.out == ""
    error = result.err[result.err.index("error: ") :]
    for word in words:
        assert word in error
    assert "→" in error


def write_lines(path: Path, *rows: object) -> None:
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")


def artefacts(workspace: Path) -> dict[str, str]:
    """Digests of everything that is published."""
    files = (path for path in workspace.rglob("*") if path.is_file())
    names = {path: path.relative_to(workspace).as_posix() for path in files}
    return {name: sha256_file(path) for path, name in names.items() if name[0] != "." and not name.startswith("cache/")}
