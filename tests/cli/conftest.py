"""A server of commands, a tiny corpus with its models, and a workspace that is indexed already."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.commands import CommandServer, Result
from tests.tiny_corpus import tiny_corpus, tiny_models, tiny_settings

# commands are forked from a process that has imported the libraries, which Windows cannot do
collect_ignore_glob = ["test_*"] if os.name == "nt" else []


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandServer]:
    """Runs commands in processes of their own."""
    running = CommandServer(tmp_path_factory.mktemp("commands"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny models, for `tiny_settings`."""
    folder = tmp_path_factory.mktemp("models")
    tiny_models(folder)
    return folder


@dataclass(frozen=True)
class Place:
    """A folder with a corpus and a workspace of its own."""

    server: CommandServer
    models: Path
    folder: Path

    @property
    def corpus(self) -> Path:
        """The corpus folder."""
        return self.folder / "corpora" / "machines"

    @property
    def workspace(self) -> Path:
        """Where artefacts go by default."""
        return self.folder / "indexes" / "machines"

    def options(self, **changed: object) -> list[str]:
        """`--corpus` and the tiny settings."""
        return ["--corpus", "corpora/machines", *tiny_settings(self.models, **changed)]

    def run(self, command: str, *args: str, **changed: object) -> Result:
        """Run a command on the corpus with the tiny settings."""
        return self.server.run(command, *args, *self.options(**changed), cwd=self.folder)


@pytest.fixture
def place(server: CommandServer, models: Path, tmp_path: Path) -> Place:
    """A fresh corpus, nothing indexed."""
    fresh = Place(server, models, tmp_path)
    tiny_corpus(fresh.corpus)
    return fresh


@pytest.fixture(scope="session")
def _template(server: CommandServer, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(server, models, tmp_path_factory.mktemp("indexed"))
    tiny_corpus(made.corpus)
    result = made.run("index")
    assert result.code == 0, result.err
    return made


@pytest.fixture
def indexed(_template: Place, tmp_path: Path) -> Place:
    """A corpus with its base index."""
    for name in ("corpora", "indexes"):
        shutil.copytree(_template.folder / name, tmp_path / name)
    return Place(_template.server, _template.models, tmp_path)
