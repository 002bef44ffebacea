"""What many tests share: the embedded models, each loaded once a session."""

import os
from pathlib import Path

import pytest

from hybrid.models import Role, embedded, folder_of, is_pulled
from hybrid.retrieval.sentence_embedder import SentenceEmbedder

# as the command line does: spinning threads make tests tenfold slower beside other work
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

REPOSITORY = Path(__file__).resolve().parent.parent


def _pulled(role: Role) -> Path:
    model = embedded(role)
    if not is_pulled(model):
        pytest.skip(f"{model.name} is not in the model cache: run `hybrid models pull`")
    return folder_of(model)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def minilm() -> SentenceEmbedder:
    """The embedded embedder at its own dimension."""
    return SentenceEmbedder(_pulled("embedder"))


@pytest.fixture(scope="session")
def smollm_folder() -> Path:
    """The embedded generator's folder."""
    return _pulled("generator")
