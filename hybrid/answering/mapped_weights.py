"""Memory of a mapped weights file, given back after an answer: the first lays the weights out for the processor, and
later ones read rows of the embedding alone."""

import ctypes
import sys
from contextlib import suppress
from pathlib import Path

_DONT_NEED = 4
"""MADV_DONTNEED: what is read again comes from the file again."""


def give_back(folder: Path) -> None:
    """Free the memory that read-only mappings of files in `folder` take. Nothing is lost: they are read again if they
    are asked for. Does nothing where the system does not know how.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        own = f"{folder.resolve()}/"
        for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
            addresses, rights, *_, name = line.split(maxsplit=5)
            if name.startswith(own) and rights.startswith("r-"):
                low, high = (int(address, 16) for address in addresses.split("-"))
                libc.madvise(low, high - low, _DONT_NEED)
