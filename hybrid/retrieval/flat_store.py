"""Exact search by FAISS: the reference that every other store is compared with."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.errors import IntegrityError
from hybrid.jsonl import read_jsonl, write_jsonl
from hybrid.protocols import Vectors
from hybrid.retrieval.allowed_rows import AllowedRows
from hybrid.retrieval.faiss_files import read_faiss, write_faiss
from hybrid.retrieval.vector_checks import check_new, check_vectors


class FlatStore:
    """Inner products against every vector. Saved as `vectors.faiss` and `ids.jsonl`."""

    def __init__(self, dim: int) -> None:
        import faiss

        self._index: Any = faiss.IndexFlatIP(dim)
        self._ids: list[str] = []
        self._allowed = AllowedRows()
        self._path: Path | None = None

    def add(self, ids: Sequence[str], vectors: Vectors) -> None:
        """Append vectors `(n, dim)`. Raises `ValueError` where counts or dimension differ, an id is there already, or
        a value is not finite.
        """
        check_new(ids, vectors, self._index.d, set(self._ids))
        self._index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        self._ids.extend(ids)
        self._allowed.forget()

    def search(
        self, vectors: Vectors, k: int, among: AbstractSet[str] | None = None
    ) -> tuple[list[list[str]], list[list[float]]]:
        """The k nearest of each row, best first, ties broken by id; fewer where the store, or what of it is `among` the
        ids that are asked for, is smaller.
        """
        num, only = self._selection(among)
        k = min(k, num)
        if k == 0 or not len(vectors):
            return [[] for _ in vectors], [[] for _ in vectors]
        queries = np.ascontiguousarray(vectors, dtype=np.float32)
        check_vectors(queries, self._index.d)
        width = k
        while True:
            # widen until the cut does not fall between equal scores, so that ties at the border are broken by id too
            width = min(num, 2 * width)
            scores, rows = self._index.search(queries, width, params=only)
            if width == num or bool(np.all(scores[:, k - 1] > scores[:, -1])):
                break
        found_ids, found_scores = [], []
        for row_scores, row in zip(scores.tolist(), rows.tolist(), strict=True):
            ranked = sorted((-score, self._ids[i]) for score, i in zip(row_scores, row, strict=True))[:k]
            found_ids.append([identity for _, identity in ranked])
            found_scores.append([-negative for negative, _ in ranked])
        return found_ids, found_scores

    def vectors(self) -> tuple[list[str], Vectors]:
        """All ids and their vectors `(n, dim)`, in the order in which they were added."""
        return list(self._ids), self._index.reconstruct_n(0, len(self._ids))

    def remove(self, ids: Sequence[str]) -> None:
        """Forget vectors; unknown ids are passed over."""
        gone = set(ids)
        rows = np.array([i for i, identity in enumerate(self._ids) if identity in gone], dtype=np.int64)
        if len(rows):
            self._index.remove_ids(rows)
            self._ids = [identity for identity in self._ids if identity not in gone]
            self._allowed.forget()

    def __len__(self) -> int:
        return len(self._ids)

    def _selection(self, among: AbstractSet[str] | None) -> tuple[int, Any]:
        """How many rows may be found, and which, as FAISS takes it; None where all may."""
        if among is None:
            return len(self._ids), None
        import faiss

        allowed = self._allowed.of(among, lambda: self._ids)
        # the stubs know the C++ signatures alone
        library: Any = faiss
        selector = library.IDSelectorBitmap(np.packbits(allowed.mask, bitorder="little"))
        return allowed.num, library.SearchParameters(sel=selector)

    def locator(self) -> str:
        """The folder that it was read from or saved to; empty before."""
        return str(self._path or "")

    def save(self, folder: Path) -> None:
        """Write both files."""
        write_faiss(self._index, folder / "vectors.faiss")
        write_jsonl(folder / "ids.jsonl", ({"id": identity} for identity in self._ids))
        self._path = folder

    @classmethod
    def load(cls, folder: Path) -> "FlatStore":
        """Read both files. Raises `IntegrityError` where one is damaged or they do not belong together."""
        index = read_faiss(folder / "vectors.faiss", mapped=False)
        store = cls(index.d)
        store._index = index
        store._ids = [record["id"] for _, record in read_jsonl(folder / "ids.jsonl")]
        store._path = folder
        if index.ntotal != len(store._ids):
            raise IntegrityError(
                f"{folder}: {index.ntotal} vectors but {len(store._ids)} ids", "run `hybrid index` again"
            )
        return store
