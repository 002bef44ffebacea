"""Full vectors beside an index of short codes: rows of a memory-mapped file, and rows that were added since."""

import mmap
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from hybrid.config_index import RescoreType
from hybrid.errors import IntegrityError
from hybrid.protocols import Vectors

Rows = npt.NDArray[np.int64]
BLOCK = 16384
"""Rows read or written at once."""
_SAMPLED = 2048
_STEPS = 32767


class FullVectors:
    """Unit vectors by row number, on disk float32 or 16-bit fixed point, float32 when given out."""

    def __init__(self, stored: npt.NDArray[Any]) -> None:
        self._mapped = stored
        self._added: list[npt.NDArray[Any]] = []
        self._num_added = 0
        self._map: mmap.mmap | None = None

    @classmethod
    def empty(cls, dim: int, kept_as: RescoreType) -> "FullVectors":
        """No rows yet."""
        return cls(np.zeros((0, dim), dtype=kept_as))

    @classmethod
    def open(cls, file: Path) -> "FullVectors":
        """Map a file that `write` or `RowFile` made. Raises `IntegrityError` where it is gone or cut short."""
        try:
            mapped = np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise IntegrityError(f"{file}: missing, truncated or not an array", "run `hybrid index` again") from error
        # a plain array over the same pages: the subclass costs microseconds at every access
        full = cls(np.asarray(mapped))
        full._map = getattr(mapped, "_mmap", None)
        return full

    @property
    def dim(self) -> int:
        """Numbers a vector."""
        return int(self._mapped.shape[1])

    @property
    def kept_as(self) -> RescoreType:
        """Type of a number on disk."""
        return "int16" if self._mapped.dtype == np.int16 else "float32"

    def __len__(self) -> int:
        return len(self._mapped) + self._num_added

    def append(self, vectors: Vectors) -> None:
        """Add rows `(n, dim)` at the end, in memory until `write`."""
        self._added.append(_kept(vectors, self._mapped.dtype))
        self._num_added += len(vectors)

    def take(self, rows: Rows) -> Vectors:
        """The rows `(len(rows), dim)`."""
        found = self._as_kept(rows).astype(np.float32, copy=False)
        if self._mapped.dtype == np.int16:
            found /= _STEPS
        return found

    def scores(self, rows: Rows, query: Vectors) -> npt.NDArray[np.float32]:
        """Inner products of the rows with a query `(dim,)`."""
        # one product a row, whatever the block: copies of a vector are ties to the last bit
        found: npt.NDArray[np.float32] = np.vecdot(self._as_kept(rows).astype(np.float32, copy=False), query)
        return found / np.float32(_STEPS) if self._mapped.dtype == np.int16 else found

    def _as_kept(self, rows: Rows) -> npt.NDArray[Any]:
        if not self._num_added:
            return self._mapped.take(rows, axis=0)
        added, start = self._in_memory(), len(self._mapped)
        old = rows < start
        found = np.empty((len(rows), self.dim), dtype=self._mapped.dtype)
        found[old] = self._mapped.take(rows[old], axis=0)
        found[~old] = added.take(rows[~old] - start, axis=0)
        return found

    def blocks(self, size: int = BLOCK) -> Iterator[tuple[int, Vectors]]:
        """All rows in order: the first one's number, and up to `size` vectors, with no more than those in memory."""
        for start in range(0, len(self), size):
            yield start, self.take(np.arange(start, min(start + size, len(self))))
            self.let_go()

    def sample(self, rows: Rows) -> Vectors:
        """As `take`, for many rows, without their pages staying in memory."""
        found = np.empty((len(rows), self.dim), dtype=np.float32)
        for start in range(0, len(rows), _SAMPLED):
            found[start : start + _SAMPLED] = self.take(rows[start : start + _SAMPLED])
            self.let_go()
        return found

    def let_go(self) -> None:
        """Take mapped pages out of this process; the system keeps them as long as it has room."""
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)

    def write(self, file: Path) -> None:
        """Write all rows. Raises `OSError` where the disk is full."""
        with RowFile(file, len(self), self.dim, self.kept_as) as target:
            for start, block in self.blocks():
                target.put(range(start, start + len(block)), block)

    def _in_memory(self) -> npt.NDArray[Any]:
        if len(self._added) > 1:
            self._added = [np.concatenate(self._added)]
        return self._added[0]


def _kept(vectors: Vectors, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Numbers of unit vectors lie between -1 and 1: fixed point wastes no bits on an exponent."""
    if dtype == np.int16:
        return np.rint(np.clip(vectors, -1, 1) * _STEPS).astype(np.int16)
    return np.ascontiguousarray(vectors, dtype=dtype)


class RowFile:
    """A `.npy` file whose rows are written in any order, by writes and not through a map: a full disk is an `OSError`
    then, and no page stays in this process's memory.
    """

    def __init__(self, file: Path, num: int, dim: int, kept_as: RescoreType) -> None:
        self._type = np.dtype(kept_as)
        self._row_bytes = dim * self._type.itemsize
        self._stream = file.open("wb", buffering=0)
        header = {"descr": np.lib.format.dtype_to_descr(self._type), "fortran_order": False, "shape": (num, dim)}
        np.lib.format.write_array_header_1_0(self._stream, header)
        self._start = self._stream.tell()
        # a disk that is too small is told before anything is computed, where the system can reserve room
        if num and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._stream.fileno(), 0, self._start + num * self._row_bytes)

    def put(self, rows: Sequence[int], vectors: Vectors) -> None:
        """Write vectors `(n, dim)` at their rows; neighbours go in one write."""
        content = _kept(vectors, self._type).reshape(-1).view(np.uint8).data
        first = 0
        for place in range(1, len(rows) + 1):
            if place == len(rows) or rows[place] != rows[place - 1] + 1:
                part = content[first * self._row_bytes : place * self._row_bytes]
                offset = self._start + rows[first] * self._row_bytes
                self._stream.seek(offset)
                while part:
                    part = part[self._stream.write(part) :]
                first = place

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stream:
            if error is None:
                os.fsync(self._stream.fileno())
