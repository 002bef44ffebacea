"""One after another, in the order in which they came, each told its place while it waits."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGN_S = 10.0
"""Between two words to one who waits."""


class Turns:
    """A queue of threads; the first has the turn until it leaves."""

    def __init__(self) -> None:
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, tell: Callable[[int], None]) -> Iterator[None]:
        """Wait for the turn and have it. `tell` gets the number of those before: at once, every `SIGN_S` seconds, and
        0 when the turn has come; what it raises leaves the queue, and the others move up.
        """
        place = object()
        with self._changed:
            self._queue.append(place)
            before = len(self._queue) - 1
        try:
            # outside of the lock: one who does not listen keeps nobody else waiting
            tell(before)
            while before:
                with self._changed:
                    self._changed.wait_for(lambda: self._queue[0] is place, SIGN_S)
                    before = self._queue.index(place)
                tell(before)
            yield
        finally:
            with self._changed:
                self._queue.remove(place)
                self._changed.notify_all()
