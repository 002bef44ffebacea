"""What many tests share: the embedded models, each loaded once a session."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid.models import find_embedded, folder_of, is_pulled
from hybrid.retrieval.sentence_embedder import SentenceEmbedder
from tests.browser import BROWSER, chromium

# as the command line does: spinning threads make tests tenfold slower beside other work
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

REPOSITORY = Path(__file__).resolve().parent.parent


# hundreds of tests would be slower by the default generator
SMALL_GENERATOR = "SmolLM2-135M-Instruct"


def _pulled(name: str) -> Path:
    model = find_embedded(name)
    assert model is not None
    if not is_pulled(model):
        pytest.skip(f"{model.name} is not in the model cache: run `make models`")
    return folder_of(model)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what Windows cannot run."""
    if os.name == "nt":
        for item in items:
            if item.get_closest_marker("posix"):
                item.add_marker(pytest.mark.skip(reason="rests on what Windows lacks"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def minilm() -> SentenceEmbedder:
    """The embedded embedder at its own dimension."""
    return SentenceEmbedder(_pulled("all-MiniLM-L6-v2"))


@pytest.fixture(scope="session")
def smollm_folder() -> Path:
    """The folder of the small embedded generator."""
    return _pulled(SMALL_GENERATOR)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; tests that ask for it are skipped where there is none."""
    if BROWSER is None:
        pytest.skip("no Chromium is installed")
    with chromium() as running:
        yield running
