"""What `hybrid index --plan` prints of an approximate index that is there."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hybrid.artifacts import MANIFEST
from hybrid.cli.index_plan import show_plan
from hybrid.config import Config
from hybrid.lifecycle.search import Search
from tests.retrieval.test_shortlist_build import PASSAGES, Clustered, build


@pytest.mark.parametrize("version", ["this one", "one that knew no bound"])
def test_points_with_their_recall_and_its_bound(
    version: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(tmp_path)
    (tmp_path / "index").rename(tmp_path / "index-base")
    file = tmp_path / "index-base" / MANIFEST
    manifest = json.loads(file.read_text(encoding="utf-8"))
    first = dict(manifest["facts"]["index"]["frontier"][0])
    if version != "this one":
        for point in manifest["facts"]["index"]["frontier"]:
            del point["low"]
        file.write_text(json.dumps(manifest), encoding="utf-8")
    held: Any = SimpleNamespace(passages=PASSAGES)
    show_plan(Search(tmp_path, "base", cast(Any, Clustered()), held, Config()), as_json=False)
    shown = capsys.readouterr().out
    row = next(line.split() for line in shown.splitlines() if f"{first['recall']:.4f}" in line.split())
    assert "at least" in shown
    assert row[-2] == (f"{first['low']:.4f}" if version == "this one" else "–")
