"""The wheel, installed in an environment of its own, used in an empty folder: nothing of the checkout is needed."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from hybrid.digests import cache_folder
from hybrid.models import EMBEDDED, is_pulled
from tests.cli.commands import Result, refused

NEEDED = ("all-MiniLM-L6-v2", "SmolLM2-135M-Instruct")

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not all(is_pulled(model) for model in EMBEDDED if model.name in NEEDED), reason="run `hybrid models pull` first"
    ),
]
QUICK = (
    "generator.model=SmolLM2-135M-Instruct",
    "retrieval.k=2",
    "generator.max_new_tokens=16",
    "evaluation.max_questions=2",
    "evaluation.general_items=4",
)
ALONE = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
"""Whoever runs the tests may have put the checkout there."""
QUESTIONS = [
    {"question": "How tight are the tie rods of the H20?", "answers": ["35 Nm"], "quote": "tightened to 35 Nm"},
    {"question": "How often is the seal changed?", "answers": ["every 4000 hours"], "quote": "every 4000 hours"},
]


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and an empty folder to stand in."""

    python: Path
    folder: Path
    documents: Path
    cache: Path

    def run(self, *words: str | Path) -> Result:
        """The installed `hybrid` in the empty folder."""
        done = subprocess.run(
            [self.python.with_name("hybrid"), *words],
            cwd=self.folder,
            env=ALONE | {"HYBRID_CACHE": str(self.cache)},
            capture_output=True,
            text=True,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)


def _wheel(repository: Path, folder: Path) -> Path:
    """Built of a copy: a build leaves its traces beside the sources."""
    source = folder / "source"
    shutil.copytree(repository / "hybrid", source / "hybrid", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(repository / name, source / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    assert len(list(folder.glob("*.tar.gz"))) == 1
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    wheel = _wheel(repository, folder)
    venv.create(folder / "environment", with_pip=False)
    python = folder / "environment" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], env=ALONE, cwd=folder, check=True)
    (site,) = (folder / "environment").glob("lib/python*/site-packages")
    # what the wheel requires is here already; an editable install of hybrid here is not seen from there
    (site / "of-the-tests.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    documents = folder / "handbook"
    documents.mkdir()
    (documents / "h20.md").write_text(
        "# Pump H20\n\n## Assembly\n\nThe tie rods of the H20 are tightened to 35 Nm, crosswise.\n\n"
        "## Service\n\nThe seal is changed every 4000 hours.\n",
        encoding="utf-8",
    )
    rows = [
        {
            "id": str(number),
            "question": row["question"],
            "answers": row["answers"],
            "split": "test",
            "evidence": [{"source": "h20.md", "quote": row["quote"]}],
        }
        for number, row in enumerate(QUESTIONS)
    ]
    (documents / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    # the models that are there, and no workspace left in the cache of whoever runs the tests
    cache = folder / "cache"
    cache.mkdir()
    for entry in cache_folder().iterdir():
        if entry.is_dir() and entry.name != "folders":
            (cache / entry.name).symlink_to(entry)
    empty = folder / "empty"
    empty.mkdir()
    return Installed(python, empty, documents, cache)


def test_the_package_and_its_data_come_from_the_wheel(installed: Installed) -> None:
    code = "import hybrid, hybrid.resources as r; print(hybrid.__file__, *r.configurations().values())"
    done = subprocess.run(
        [installed.python, "-c", code], cwd=installed.folder, env=ALONE, capture_output=True, text=True, check=True
    )
    files = [Path(name) for name in done.stdout.split()]
    assert len(files) == 5
    for file in files:
        assert file.is_relative_to(installed.python.parent.parent), file


def test_a_folder_is_asked_measured_and_counted_in_an_empty_folder(installed: Installed) -> None:
    options = [word for change in QUICK for word in ("--set", change)]
    asked = installed.run("ask", installed.documents, QUESTIONS[0]["question"], "--json", *options)
    assert asked.code == 0, asked.err
    record = json.loads(asked.out)
    assert record["context"][0]["text"].endswith("tightened to 35 Nm, crosswise.")
    assert record["generated"].strip()
    assert "fetching" not in asked.err
    (workspace,) = (installed.cache / "folders").iterdir()
    assert asked.err.startswith(f"workspace: {workspace}\n")
    assert list(installed.folder.iterdir()) == []

    here = ["--corpus", str(installed.documents), "--workspace", str(workspace)]
    measured = installed.run("evaluate", "--json", *here, *options)
    assert measured.code == 0, measured.err
    counts = json.loads(measured.out)["counts"]
    assert (counts["questions"], counts["general_items"]) == (2, 4), "general items are in the wheel"
    stats = installed.run("corpus", "stats", "--json", *here)
    assert stats.code == 0, stats.err
    assert json.loads(stats.out)["documents"] == 1
    assert list(installed.folder.iterdir()) == []


def test_configurations_and_errors_in_an_empty_folder(installed: Installed) -> None:
    named = installed.run("config", "--config", "default", "--json")
    assert named.code == 0, named.err
    assert json.loads(named.out)["retrieval"]["k"] == 8
    refused(installed.run("config", "--config", "defaults"), "no such configuration", "gpu-qlora")
    refused(installed.run("query", "Why?"), "corpora/pumps: no corpus here", "pass --corpus FOLDER")
    refused(installed.run("ask", installed.folder, "Why?"), "the folder is empty")
    assert list(installed.folder.iterdir()) == []
