"""A workspace that cannot be written answers; what would write there is refused in a sentence."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.cli.commands import Result, run
from tests.cli.conftest import Place

_QUESTION = "How heavy is the bare Alder?"
_CAN_MOUNT = shutil.which("unshare") is not None and (
    subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0
)
pytestmark = pytest.mark.skipif(not _CAN_MOUNT, reason="needs a namespace of its own to mount a folder read-only")


def read_only(place: Place, *args: str) -> Result:
    """A command to which the folder of the place is a read-only file system."""
    script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && cd "$1" && shift && exec "$@"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", str(place.folder), sys.executable, "-m", "hybrid.cli.main", *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "HYBRID_CACHE": str(place.folder / "cache")},
    )
    return Result(done.returncode, done.stdout, done.stderr)


def test_a_read_only_workspace_answers(indexed: Place) -> None:
    unprepared = read_only(indexed, "query", _QUESTION, *indexed.options())
    assert unprepared.code == 2, unprepared.err
    assert "cache: the file system is read-only" in unprepared.err and "HYBRID_CACHE" in unprepared.err
    cache = str(indexed.folder / "cache")
    first = run("query", _QUESTION, *indexed.options(), cwd=indexed.folder, HYBRID_CACHE=cache)
    assert first.code == 0, first.err
    shutil.rmtree(indexed.workspace / "cache")
    asked = read_only(indexed, "query", _QUESTION, "--json", *indexed.options())
    assert asked.code == 0, asked.err
    assert asked.document()["context"]
    options = indexed.options()[2:]
    folder = read_only(indexed, "ask", "corpora/machines", _QUESTION, "--workspace", "indexes/machines", *options)
    assert folder.code == 0, folder.err
    assert not (indexed.workspace / "cache").exists()


def test_a_read_only_workspace_is_not_indexed(indexed: Place) -> None:
    refused = read_only(indexed, "index", *indexed.options(corpus__chunk_tokens=32))
    assert refused.code == 2, refused.err
    assert "the file system is read-only" in refused.err and "Traceback" not in refused.err
