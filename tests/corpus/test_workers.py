"""A call that hangs, crashes or eats memory fails alone; what is asked for comes in order, and no process is left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid.corpus.workers import CrashedError, OutOfMemoryError, OutOfTimeError, WorkerError, Workers, ahead
from tests.hostile_readers import act, environment, held, pid


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers(2)
    yield workers
    workers.close()


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ("hang", OutOfTimeError, "too long"),
        ("spin", OutOfTimeError, "too long"),
        ("eat", OutOfMemoryError, "more memory"),
        ("crash", CrashedError, "SIGSEGV"),
        ("leave", CrashedError, "exit status 3"),
        ("killed", CrashedError, "run out of memory"),
        ("raise", WorkerError, "ValueError: no good"),
    ],
)
def test_what_goes_wrong_goes_wrong_for_one_call(
    workers: Workers, text: str, error: type[WorkerError], told: str
) -> None:
    calls = [
        workers.submit(act, item, seconds=1 if item in ("hang", "spin") else 60, memory=200_000_000)
        for item in ("a", text, "b", "c")
    ]
    with pytest.raises(error, match=told) as caught:
        calls[1].result()
    assert type(caught.value) is error
    assert [calls[place].result() for place in (0, 2, 3)] == ["a", "b", "c"]
    assert workers.submit(act, "d").result() == "d"


def test_memory_is_counted_from_what_the_process_holds(workers: Workers) -> None:
    assert workers.submit(held, 150, memory=200_000_000).result() == 150_000_000
    with pytest.raises(OutOfMemoryError):
        workers.submit(held, 250, memory=200_000_000).result()
    assert workers.submit(held, 250).result() == 250_000_000, "without a limit"


def test_order_is_kept_and_few_are_begun_ahead(workers: Workers) -> None:
    begun: list[str] = []

    def begin(text: str) -> object:
        begun.append(text)
        return workers.submit(act, text)

    texts = ["wait 0.3", *(f"wait 0.0{n}" for n in range(9))]
    found = []
    for text, call in ahead(texts, begin, 3):
        found.append(call.result())  # type: ignore[attr-defined]
        assert len(begun) <= len(found) + 3 and text == found[-1]
    assert found == texts


def test_calls_share_as_many_processes_as_are_allowed_and_are_needed(workers: Workers) -> None:
    assert workers.submit(pid).result() == workers.submit(pid).result() != os.getpid()
    calls = [workers.submit(act, "wait 0.2") for _ in range(2)] + [workers.submit(pid) for _ in range(20)]
    assert len({call.result() for call in calls[2:]}) <= 2
    assert len(workers._running) == 2


def test_a_worker_imports_only_what_its_calls_need(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    _, threads, modules = workers.submit(environment).result()
    assert threads == "1"
    assert not {"torch", "numpy", "pydantic", "click", "pytest"} & set(modules)


def test_no_module_comes_from_the_folder_that_one_is_in(tmp_path: Path) -> None:
    (tmp_path / "email.py").write_text("raise SystemExit('run from the folder')")
    (tmp_path / "a.eml").write_text("From: a@pump.example\nSubject: Seals\n\nText.\n")
    code = "from pathlib import Path\nfrom hybrid.corpus.load import load_documents\nprint(load_documents(Path('.')))"
    script = tmp_path.parent / "script.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False, env=with_path()
    )
    assert "title='Seals'" in done.stdout, done.stderr


def with_path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}


@pytest.mark.parametrize("text", ["hang", "spin"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_the_process_that_started_it(text: str, number: int) -> None:
    code = (
        # a shell's background jobs are started to ignore it
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from hybrid.corpus.workers import Workers\nfrom tests.hostile_readers import act, pid\n"
        f"workers = Workers(1)\nprint(workers.submit(pid).result(), flush=True)\nworkers.submit(act, {text!r}).result()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=with_path()
    )
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    time.sleep(0.3)
    assert is_running(worker)
    parent.send_signal(number)
    parent.wait(30)
    deadline = time.monotonic() + 30
    while is_running(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(worker)


def test_closing_ends_what_runs_and_leaves_no_value(workers: Workers) -> None:
    process = workers.submit(pid).result()
    hanging = workers.submit(act, "hang")
    workers.close()
    assert not is_running(process)
    with pytest.raises(CrashedError):
        hanging.result()
    assert workers.submit(act, "again").result() == "again"
