"""What runs in a worker process: functions for the process that started it, one at a time, in bounded memory.

Started by `hybrid.corpus.workers`. It imports little, so that it is there soon: what a function needs is imported when
the function is.
"""

import json
import logging
import math
import os
import pickle
import signal
import sys
import time
from contextlib import suppress
from multiprocessing.connection import Connection

READY, VALUE, NO_MEMORY, RAISED = b"r", b"v", b"m", b"e"
"""First byte of a message; then come UTF-8 JSON of the value, or the error."""
_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


def serve(descriptor: int, parent: int) -> None:
    """Answer each call until the other end is closed. A call is pickled: function, arguments, and the most bytes of
    memory and seconds of a processor's time that it may take.

    What comes back is JSON, never a pickle: the parent need not trust a process that parses what strangers wrote.
    """
    _die_with(parent)
    # parsers have much to say of every file
    logging.basicConfig(level=logging.ERROR)
    connection = Connection(descriptor)
    connection.send_bytes(READY)
    while True:
        try:
            call = connection.recv_bytes()
        except EOFError:
            return
        answer = _answer(call)
        connection.send_bytes(answer)
        if answer == NO_MEMORY:
            # libraries are not to be trusted any more that could not finish: what is in line is for another process
            return


def _answer(call: bytes) -> bytes:
    try:
        function, arguments, memory, seconds = pickle.loads(call)
        _limit_memory(memory)
        _limit_time(seconds)
        return VALUE + json.dumps(function(*arguments), ensure_ascii=False).encode()
    except MemoryError:
        return NO_MEMORY
    except Exception as error:
        return RAISED + f"{type(error).__name__}: {str(error)[:200]}".encode(errors="replace")
    finally:
        _limit_time(None)
        _limit_memory(None)


def _die_with(parent: int) -> None:
    """Have the system end this process with its parent, whatever it is busy with, and before it where memory runs out.
    Elsewhere than on Linux it ends when it is done with its call."""
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as stream:  # noqa: PTH123
        stream.write("800")
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    # it may have ended before
    if os.getppid() != parent:
        sys.exit()


def _limit_memory(more: int | None) -> None:
    """Let this process take so many bytes beyond what it holds now; any number for None.

    On Linux, which counts what is taken for data; elsewhere nothing is limited.
    """
    if sys.platform != "linux":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = most
    if more is not None:
        with open("/proc/self/statm", encoding="ascii") as stream:  # noqa: PTH123
            limit = int(stream.read().split()[5]) * resource.getpagesize() + more
        if most != resource.RLIM_INFINITY:
            limit = min(limit, most)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, most))


def _limit_time(more: float | None) -> None:
    """Have the system end this process (SIGXCPU) when it has worked so many seconds more; any number for None.

    Processor time, not the clock's: on a busy machine a document is no slower. Nothing is limited on Windows.
    """
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    limit = most
    if more is not None:
        limit = math.ceil(time.process_time() + more)
        if most != resource.RLIM_INFINITY:
            limit = min(limit, most)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, most))
