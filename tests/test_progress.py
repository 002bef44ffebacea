"""What is told of work that goes on for long."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from hybrid import progress
from hybrid.progress import track


@pytest.fixture(autouse=True)
def _no_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_QUIET_S", 1.0)


def steps(*seconds: float) -> Iterator[float]:
    for pause in seconds:
        time.sleep(pause)
        yield pause


def test_a_bar_without_a_step_is_told_once_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in track(steps(0, 0, 2.5), total=3, description="encoding passages"):
        pass
    told = [line for line in capsys.readouterr().err.splitlines() if "no progress" in line]
    assert len(told) == 1
    assert "at 'encoding passages' (2 of 3)" in told[0]
    assert f"kill -QUIT {os.getpid()}" in told[0]


def test_steps_that_end_in_time_are_not_told_of_whichever_bar_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in track(range(2), total=2, description="outer"):
        for _ in track(steps(0.4, 0.4, 0.4, 0.4), total=4, description="inner"):
            pass
    assert "no progress" not in capsys.readouterr().err


def test_of_bars_within_others_the_innermost_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in track(range(1), total=1, description="outer"):
        for _ in track(steps(1.5), total=7, description="inner"):
            pass
    assert "at 'inner' (0 of 7)" in capsys.readouterr().err


def test_no_thread_is_left_when_there_is_no_bar() -> None:
    for _ in track(range(3), total=3, description="short"):
        assert any(thread.name == "progress" for thread in threading.enumerate())
    deadline = time.monotonic() + 5
    while any(thread.name == "progress" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


_WORK = """
import time
from hybrid import progress
progress._QUIET_S = 0.5
def steps():
    time.sleep(1.5)
    yield 1
    {then}
for _ in progress.track(steps(), total=2, description="work"):
    print("a step", flush=True)
print("the end", flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGQUIT"), reason="the system has no such signal")
def test_stacks_come_on_request_and_the_work_goes_on() -> None:
    command = [sys.executable, "-c", _WORK.format(then="time.sleep(1.5)")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as work:
        assert work.stdout and work.stderr
        assert work.stdout.readline() == "a step\n"
        work.send_signal(signal.SIGQUIT)
        out, err = work.communicate(timeout=60)
    assert work.returncode == 0 and out == "the end\n"
    assert "in <module>" in err and "Current thread" in err


def test_stacks_come_by_themselves_where_the_interpreter_is_held() -> None:
    # PyDLL keeps the interpreter's lock during the call
    held = "import ctypes; ctypes.PyDLL(None).usleep(3_000_000)"
    done = subprocess.run(
        [sys.executable, "-c", _WORK.format(then=held)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.endswith("the end\n")
    assert "Timeout" in done.stderr and "in steps" in done.stderr
