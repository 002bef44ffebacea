"""Progress on stderr, the same everywhere: bars, silent where stderr is not a terminal and the work is short; and a
line where no step has ended for minutes.
"""

import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")
_QUIET_S = 300.0
"""Without a step of any bar, after which that is told."""


def track(items: Iterable[T], *, total: int, description: str) -> Iterator[T]:
    """Yield the items under a bar with rate and time left."""
    from tqdm.auto import tqdm

    quiet_interval = 0.2 if sys.stderr.isatty() else 10.0
    with tqdm(total=total, desc=description, file=sys.stderr, mininterval=quiet_interval, leave=True) as bar:
        _WATCH.begin(bar)
        try:
            for item in items:
                yield item
                bar.update(1)
                _WATCH.step()
        finally:
            _WATCH.end(bar)


@cache
def tell_once(text: str) -> None:
    """A line on stderr, the first time that a process has it to say."""
    print(text, file=sys.stderr)


class _Watch:
    """A thread, while there are bars, that tells once when no step of any has ended for `_QUIET_S`. Of bars within
    others it names the innermost.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bars: list[Any] = []
        self._over = threading.Event()
        self._last = 0.0

    def begin(self, bar: Any) -> None:
        with self._lock:
            self._bars.append(bar)
            self.step()
            if len(self._bars) == 1:
                self._over = threading.Event()
                threading.Thread(target=self._run, args=(self._over,), name="progress", daemon=True).start()

    def end(self, bar: Any) -> None:
        with self._lock:
            self._bars.remove(bar)
            self.step()
            if not self._bars:
                self._over.set()

    def step(self) -> None:
        self._last = time.monotonic()

    def _run(self, over: threading.Event) -> None:
        give_stacks_on_request()
        told = 0.0
        while not over.wait(_QUIET_S / 10):
            # a library that hangs may hold the interpreter's lock, and this thread too: then the stacks come by
            # themselves, for nothing else can be told
            with suppress(OSError, ValueError):
                faulthandler.dump_traceback_later(2 * _QUIET_S, file=2)
            last = self._last
            if time.monotonic() - last >= _QUIET_S and last != told:
                told = last
                self._tell()
        faulthandler.cancel_dump_traceback_later()

    def _tell(self) -> None:
        with self._lock:
            bar = self._bars[-1] if self._bars else None
        if bar is None:
            return
        pid = os.getpid()
        stacks = f"press Ctrl-\\ (or kill -QUIT {pid}) for the stacks, " if hasattr(faulthandler, "register") else ""
        bar.write(
            f"no progress for {_QUIET_S / 60:.0f} minutes at {bar.desc!r} ({bar.n} of {bar.total}): {stacks}"
            "Ctrl-C to stop; what is done so far is kept",
            file=sys.stderr,
        )


def give_stacks_on_request() -> None:
    """From now on the signal that ends a process otherwise has it write the stacks of all its threads to stderr."""
    if hasattr(faulthandler, "register"):
        with suppress(OSError, ValueError):
            faulthandler.register(signal.SIGQUIT, file=2, all_threads=True)


_WATCH = _Watch()
