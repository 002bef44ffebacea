"""Milvus under the contract of all stores."""

from pathlib import Path
from uuid import uuid4

import pytest

from hybrid.config_store import StoreConfig
from hybrid.retrieval.milvus_store import MilvusStore, is_installed
from tests.retrieval.store_contract import DIM, StoreContract


@pytest.mark.skipif(not is_installed(), reason="needs the extra milvus")
class TestMilvusStore(StoreContract):
    """Exact search by Milvus, in a milvus-lite file."""

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        self.options = StoreConfig(store="milvus", milvus_uri=str(tmp_path_factory.getbasetemp() / "contract.db"))

    def make(self) -> MilvusStore:
        return MilvusStore(self.options, f"c{uuid4().hex}", DIM)

    def load(self, folder: Path) -> MilvusStore:
        return MilvusStore.load(folder, self.options)

    def is_at(self, locator: str, folder: Path) -> bool:
        return locator.startswith(f"{self.options.milvus_uri}#c")
