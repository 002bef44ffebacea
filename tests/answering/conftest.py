"""A tiny generator, and one thread for whoever runs it: tiny models gain nothing from several and lose much where the
processor is shared.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid.answering.local_generator import LocalGenerator
from tests.tiny_generator import tiny_generator


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_generator(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def local(folder: Path) -> LocalGenerator:
    return LocalGenerator(folder, name="tiny", dtype="float32", batch_size=4)


@pytest.fixture(autouse=True, scope="module")
def one_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """One thread for the modules that run a model."""
    if "generat" not in request.module.__name__:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
