"""A stage that is killed, and one on a full disk, publish whole artefacts when they are run again: a few of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.robust.interrupted import spread

pytestmark = pytest.mark.posix


def test_events_are_spread_from_the_first_to_the_last() -> None:
    assert spread(4, 10) == [1, 4, 7, 10]
    assert spread(40, 3) == [1, 2, 3]


def test_an_index_survives_kills_and_full_disks(repository: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    command = [sys.executable, "-m", "benchmarks.robust.kills", "--stages", "index", "--events", "6", "--sizes", "3"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([*command, "--json", str(out)], cwd=repository, env=environment, check=True, capture_output=True)
    found = json.loads(out.read_text(encoding="utf-8"))["index"]
    assert found == {"kills": {"num": 6, "broken": []}, "full": {"num": 3, "broken": []}}
