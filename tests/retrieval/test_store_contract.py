"""Exact search by FAISS under the contract of all stores."""

from pathlib import Path

import pytest

from hybrid.artifacts import publish, require
from hybrid.errors import IntegrityError
from hybrid.retrieval.flat_store import FlatStore
from tests.retrieval.store_contract import DIM, StoreContract, names, unit_vectors


class TestFlatStore(StoreContract):
    """Exact search by FAISS."""

    def make(self) -> FlatStore:
        return FlatStore(DIM)

    def load(self, folder: Path) -> FlatStore:
        return FlatStore.load(folder)

    def saved(self, folder: Path) -> Path:
        store = self.make()
        store.add(names(30), unit_vectors(30))
        with publish(folder / "index", "index", 1, {}, {}) as build:
            store.save(build.path)
        return folder / "index"

    def test_a_truncated_file_is_found_by_the_manifest(self, tmp_path: Path) -> None:
        index = self.saved(tmp_path)
        content = (index / "vectors.faiss").read_bytes()
        (index / "vectors.faiss").write_bytes(content[: len(content) // 2])
        with pytest.raises(IntegrityError, match=r"vectors\.faiss: truncated or changed"):
            require(index, "hybrid index")

    def test_ids_that_do_not_belong_to_the_vectors_are_refused(self, tmp_path: Path) -> None:
        index = self.saved(tmp_path)
        lines = (index / "ids.jsonl").read_text().splitlines(keepends=True)
        (index / "ids.jsonl").write_text("".join(lines[:-1]))
        with pytest.raises(IntegrityError, match="30 vectors but 29 ids"):
            FlatStore.load(index)

    @pytest.mark.parametrize("damage", ["missing", "half", "empty"])
    def test_damaged_vectors_are_named(self, damage: str, tmp_path: Path) -> None:
        file = self.saved(tmp_path) / "vectors.faiss"
        content = file.read_bytes()
        file.unlink()
        if damage != "missing":
            file.write_bytes(content[: len(content) // 2] if damage == "half" else b"")
        with pytest.raises(IntegrityError, match=r"vectors\.faiss: missing or damaged"):
            FlatStore.load(file.parent)
