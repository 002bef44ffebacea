"""Pages of two megabytes."""

import ctypes
import mmap
import re
from pathlib import Path

import pytest

from hybrid.serving.huge_pages import use_huge_pages

SIZE = 64 << 20
SMAPS = Path("/proc/self/smaps")


def _huge_kb(at: int) -> int:
    """Of the mapping that holds the address."""
    holds = False
    for line in SMAPS.read_text().splitlines():
        if span := re.match("([0-9a-f]+)-([0-9a-f]+) ", line):
            holds = int(span[1], 16) <= at < int(span[2], 16)
        elif holds and line.startswith("AnonHugePages:"):
            return int(line.split()[1])
    raise LookupError(at)


@pytest.mark.skipif(
    not (SMAPS.is_file() and Path("/sys/kernel/mm/transparent_hugepage").is_dir()), reason="no huge pages here"
)
def test_what_is_in_use_lies_in_huge_pages_and_stays_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = mmap.mmap(-1, SIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.write(b"weights!" * (SIZE // 8))
    middle = ctypes.addressof(ctypes.c_char.from_buffer(memory, SIZE // 2))
    before = _huge_kb(middle)
    monkeypatch.setattr("sys.platform", "darwin")
    use_huge_pages()
    assert _huge_kb(middle) == before, "nothing is done elsewhere"
    monkeypatch.undo()
    use_huge_pages()
    assert _huge_kb(middle) * 1024 >= SIZE // 2
    assert memory[:] == b"weights!" * (SIZE // 8)
