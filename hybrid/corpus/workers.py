"""Worker processes that may hang, crash or run out of memory: what they were doing fails, everything else goes on.

`concurrent.futures` breaks as a whole when a process dies, and knows no limits for one call. Here every worker is at
one call, so it is known which one a death or a limit is to blame on; the next waits in its line, and goes to another
worker then.
"""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from hybrid.cores import num_cores
from hybrid.corpus.worker import NO_MEMORY, READY, VALUE
from hybrid.errors import HybridError

T = TypeVar("T")
B = TypeVar("B")
_START_S = 60
"""Seconds within which a worker must be there, on a machine that is very busy."""
_BOOT = "import sys; sys.path[:] = {path!r}; from hybrid.corpus.worker import serve; serve({descriptor}, {parent})"
_CORE_S = 1
"""Seconds that a process may take to be gone after its connection is."""
_PATIENCE = 6
"""Times the limit that a call may take by the clock: others may keep the processors busy."""
_IN_LINE = 2
"""Calls that a process is sent at once, so that it need not wait for the next."""
_SMALL = 2000
"""Bytes of calls that are sent before they are asked for: what a connection holds while neither side reads."""
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""There is a worker for each core; and the stacks of threads would count as memory."""


class WorkerError(Exception):
    """A call has no value: the function raised, or see the subclasses. The message says what happened."""


class OutOfTimeError(WorkerError):
    """It took longer than it may."""


class OutOfMemoryError(WorkerError):
    """It needed more memory than it may take."""


class CrashedError(WorkerError):
    """The process ended."""


@dataclass(slots=True, eq=False)
class Call:
    """A function that runs, or will run, in a worker."""

    _workers: "Workers"
    pickled: bytes
    patience: float | None
    value: bytes | None = None
    error: WorkerError | None = None

    def result(self) -> Any:
        """Wait for the value, plain JSON. Raises `WorkerError` where there is none."""
        while self.value is None and self.error is None:
            self._workers.attend(block=True)
        if self.error is not None:
            raise self.error
        assert self.value is not None
        return json.loads(self.value)


@dataclass(slots=True, eq=False)
class _Worker:
    process: "subprocess.Popen[bytes]"
    connection: Connection
    deadline: float | None
    calls: deque[Call] = field(default_factory=deque)
    """What it was sent: it is at the first, the next is there when that is done."""
    is_ready: bool = False

    def takes(self, call: Call) -> bool:
        """Whether the call can be sent without either side waiting for the other to take what it sends."""
        if not self.calls:
            return self.is_ready
        return len(self.calls) < _IN_LINE and all(len(sent.pickled) <= _SMALL for sent in (call, *self.calls))

    def send(self, call: Call) -> None:
        self.calls.append(call)
        # where it has ended, that shows when it is waited for
        with suppress(OSError):
            self.connection.send_bytes(call.pickled)
        if len(self.calls) == 1:
            self.begin()

    def begin(self) -> None:
        """Count the time of the first call from now on."""
        patience = self.calls[0].patience if self.calls else None
        self.deadline = None if patience is None else time.monotonic() + patience

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.connection.close()
        self.process.wait()


@dataclass(slots=True)
class Workers:
    """At most `num` processes, by default one a core, each started when there is something for it to do.

    For one thread, in which everything happens that the processes do not do themselves: inside `submit` and `result`.
    They end when it closes them or when this process ends, however it ends.
    """

    num: int = field(default_factory=num_cores)
    _running: list[_Worker] = field(default_factory=list)
    _waiting: deque[Call] = field(default_factory=deque)
    _first: bytes | None = None

    def begin_with(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Have every process run a function once, without limits, before the calls that are submitted from now on."""
        self._first = pickle.dumps((function, arguments, None, None))
        for worker in self._running:
            if worker.is_ready:
                worker.send(Call(self, self._first, None))

    def submit(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        seconds: float | None = None,
        memory: int | None = None,
    ) -> Call:
        """Have a function of a module run with arguments that can be pickled, within seconds of a processor's time and
        bytes of memory beyond those that its process holds already. It must give plain JSON."""
        patience = None if seconds is None else _PATIENCE * seconds
        call = Call(self, pickle.dumps((function, arguments, memory, seconds)), patience)
        self._waiting.append(call)
        self.attend(block=False)
        return call

    def attend(self, *, block: bool) -> None:
        """Hand out calls, take in what is done, end who is late. With `block` wait until there is something of it."""
        self._hand_out()
        now = time.monotonic()
        deadlines = [worker.deadline for worker in self._running if worker.deadline is not None]
        timeout = max(0.0, min(deadlines) - now) if block and deadlines else None if block else 0.0
        by_connection = {worker.connection: worker for worker in self._running}
        for connection in wait(list(by_connection), timeout):
            assert isinstance(connection, Connection)
            self._take_in(by_connection.pop(connection))
        now = time.monotonic()
        for worker in by_connection.values():
            if worker.deadline is not None and worker.deadline <= now:
                self._lose(worker, OutOfTimeError("it took too long"))
        self._hand_out()

    def close(self) -> None:
        """End all processes. What they were doing has no value; `submit` starts new ones."""
        for worker in self._running:
            worker.end()
        unfinished = [*(call for worker in self._running for call in worker.calls), *self._waiting]
        for call in unfinished:
            call.error = CrashedError("it was not waited for")
        self._running.clear()
        self._waiting.clear()

    def _hand_out(self) -> None:
        starting = sum(not worker.is_ready for worker in self._running)
        while self._waiting:
            ready = [worker for worker in self._running if worker.takes(self._waiting[0])]
            least = min(ready, key=lambda worker: len(worker.calls), default=None)
            # a call waits for a process rather than in the line of another
            if least is None or (least.calls and len(self._running) < self.num):
                break
            least.send(self._waiting.popleft())
        while len(self._waiting) > starting and len(self._running) < self.num:
            self._running.append(_start())
            starting += 1

    def _take_in(self, worker: _Worker) -> None:
        try:
            message = worker.connection.recv_bytes()
        except (EOFError, OSError):
            self._lose(worker, _ending(worker.process))
            return
        kind, value = message[:1], message[1:]
        if kind == READY:
            worker.is_ready, worker.deadline = True, None
            if self._first is not None:
                worker.send(Call(self, self._first, None))
            return
        if kind == NO_MEMORY:
            self._lose(worker, OutOfMemoryError("it needs more memory"))
            return
        call = worker.calls.popleft()
        worker.begin()
        if kind == VALUE:
            call.value = value
        else:
            call.error = WorkerError(value.decode(errors="replace"))

    def _lose(self, worker: _Worker, error: WorkerError) -> None:
        worker.end()
        self._running.remove(worker)
        if worker.calls:
            lost = worker.calls.popleft()
            lost.error = error
            if lost.pickled is self._first:
                self._first = None
            self._waiting.extendleft(reversed(worker.calls))
        elif not worker.is_ready:
            raise HybridError(
                f"a process that reads documents did not start: {error}",
                "its message stands above, if it left one; run the same command again: what was read is kept",
            )


def _start() -> _Worker:
    ours, theirs = Pipe()
    boot = _BOOT.format(path=sys.path, descriptor=theirs.fileno(), parent=os.getpid())
    with theirs:
        process = subprocess.Popen(
            # -P: no module is imported from the folder that a person happens to be in
            [sys.executable, "-P", "-W", "ignore", "-c", boot],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, **_ONE_THREAD},
            pass_fds=[theirs.fileno()],
            # Ctrl-C is for the parent, which ends its workers
            process_group=0,
        )
    return _Worker(process, ours, time.monotonic() + _START_S)


def _ending(process: "subprocess.Popen[bytes]") -> WorkerError:
    """Why a process let go of its connection."""
    try:
        status = process.wait(_CORE_S)
    except subprocess.TimeoutExpired:
        return CrashedError("it stopped answering")
    if status == -signal.SIGXCPU:
        return OutOfTimeError("it took too long")
    if status == -signal.SIGKILL:
        return CrashedError("it was killed, as systems do that run out of memory")
    return CrashedError(f"it crashed ({signal.Signals(-status).name if status < 0 else f'exit status {status}'})")


def ahead(items: Iterable[T], begin: Callable[[T], B], num: int) -> Iterator[tuple[T, B]]:
    """Items with what `begin` made of them, in their order; `num` of them are begun before they are asked for."""
    begun: deque[tuple[T, B]] = deque()
    for item in items:
        begun.append((item, begin(item)))
        if len(begun) > num:
            yield begun.popleft()
    yield from begun
