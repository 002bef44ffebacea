"""The memory of a resident process in pages of two megabytes.

Each token of an answer reads all weights: with pages of four kilobytes a fifth of its time goes into finding them.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PAGE = 2 << 20
_COLLAPSE = 25
"""MADV_COLLAPSE of Linux 6.1; Python's mmap has no name for it."""


def use_huge_pages() -> None:
    """Gather what is in use of this process's own memory in huge pages, which takes about a second a gigabyte.

    Does nothing where the system does not know how.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        for start, end in _in_use(Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace")):
            # page by page, for a call ends at the first that cannot be had; none of them needs to be
            for page in range(start, end, _PAGE):
                libc.madvise(page, _PAGE, _COLLAPSE)


def _in_use(smaps: str) -> Iterator[tuple[int, int]]:
    """Whole huge pages of each mapping that belongs to this process alone, to no file, and is mostly in memory."""
    start = end = 0
    for line in smaps.splitlines():
        name, *values = line.split()
        if not name.endswith(":"):
            # of a mapping: addresses, rights, offset, device, file number, and where there is one a name
            is_own = values[0] == "rw-p" and (len(values) == 4 or values[4] == "[heap]")
            low, high = (int(address, 16) for address in name.split("-"))
            start, end = (-(-low // _PAGE) * _PAGE, high // _PAGE * _PAGE) if is_own else (0, 0)
        elif name == "Rss:" and end > start and int(values[0]) * 1024 > (end - start) // 2:
            yield start, end
