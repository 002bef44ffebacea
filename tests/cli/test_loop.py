"""The whole loop: nothing is done twice, a changed corpus is noticed, and a kill costs only what was under way."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hybrid.artifacts import read_manifest, sha256_file
from tests.cli.commands import CommandServer
from tests.cli.conftest import Place
from tests.tiny_corpus import tiny_corpus

METRIC_TOLERANCE = 0.02
"""Largest difference of a metric between an interrupted and an uninterrupted run; 10 questions: less than one flips."""


@pytest.fixture(scope="module")
def finished(server: CommandServer, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A workspace after one uninterrupted loop."""
    place = Place(server, models, tmp_path_factory.mktemp("finished"))
    tiny_corpus(place.corpus)
    result = place.run("loop", "--json")
    assert result.code == 0, result.err
    (place.folder / "first.json").write_text(result.out, encoding="utf-8")
    return place


def facts(workspace: Path, name: str) -> dict[str, Any]:
    manifest = read_manifest(workspace / name)
    assert manifest is not None, f"{name} is not there"
    return manifest.facts


def snapshot(folder: Path) -> dict[str, tuple[int, str]]:
    """When each file was last written, and its digest. SQLite's side files come and go with a connection."""
    files = (p for p in folder.rglob("*") if p.is_file() and p.suffix not in (".sqlite-wal", ".sqlite-shm"))
    return {p.relative_to(folder).as_posix(): (p.stat().st_mtime_ns, sha256_file(p)) for p in files}


def data_bytes(workspace: Path) -> dict[str, str]:
    """Digests of passages, questions, indexes and RAFT examples, manifests included."""
    names = ("passages", "index-base", "index-tuned", "raft")
    return {
        path.relative_to(workspace).as_posix(): sha256_file(path)
        for name in names
        for path in sorted((workspace / name).rglob("*"))
        if path.is_file()
    }


def metrics(workspace: Path) -> dict[str, float]:
    values = {}
    for system in ("base", "tuned"):
        text = (workspace / f"evaluation-{system}-test" / "metrics.json").read_text(encoding="utf-8")
        values |= {f"{system} {name}": interval["value"] for name, interval in json.loads(text).items()}
    return values


def test_the_loop_tunes_both_layers_and_reports(finished: Place) -> None:
    assert facts(finished.workspace, "embedder")["verdict"] == "tuned"
    assert facts(finished.workspace, "adapter")["verdict"] == "tuned"
    result = json.loads((finished.folder / "first.json").read_text(encoding="utf-8"))
    gains = {row["name"]: row["gain"] for row in result["rows"]}
    assert gains["ndcg@10"]["value"] > 0
    assert set(result["verdicts"]) == {"before", "after"}
    assert (finished.folder / result["report"]).read_text(encoding="utf-8").startswith("<!")
    leftovers = [p.name for p in finished.workspace.iterdir() if "building" in p.name or p.name.endswith(".old")]
    assert leftovers == []


def test_raft_examples_come_from_the_rebuilt_index(finished: Place) -> None:
    raft = read_manifest(finished.workspace / "raft")
    tuned, base = (read_manifest(finished.workspace / f"index-{name}") for name in ("tuned", "base"))
    assert raft is not None
    assert tuned is not None
    assert base is not None
    assert tuned.facts["fingerprint"] != base.facts["fingerprint"]
    assert raft.inputs["index"] == tuned.id


def test_a_second_loop_changes_no_file_and_trains_nothing(finished: Place) -> None:
    before = snapshot(finished.workspace)
    result = finished.run("loop", "--json")
    assert result.code == 0, result.err
    after = snapshot(finished.workspace)
    assert sorted(name for name in before | after if before.get(name) != after.get(name)) == []
    assert "training" not in result.err.replace("train the", "")
    first = json.loads((finished.folder / "first.json").read_text(encoding="utf-8"))
    assert result.document()["rows"] == first["rows"]


def test_a_merge_weight_is_chosen_on_dev_and_every_rung_can_be_measured(finished: Place, tmp_path: Path) -> None:
    place = Place(finished.server, finished.models, tmp_path)
    for name in ("corpora", "indexes"):
        shutil.copytree(finished.folder / name, tmp_path / name)
    options = {"merge__sweep": [0.5, 1.0], "evaluation__general_dev_share": 0.5, "evaluation__dims": [16]}
    merged = place.run("merge", "--json", **options)
    assert merged.code == 0, merged.err
    points = facts(place.workspace, "frontier")["points"]
    assert [point["weight"] for point in points] == [0.0, 0.5, 1.0]
    assert merged.document()["weight"] == facts(place.workspace, "frontier")["weight"]
    for system in ("embedder", "adapter", "tuned"):
        arms = {"evaluation__arms": ["oracle", "oracle_in_distractors"], "evaluation__distractors": "base"}
        result = place.run("evaluate", "--system", system, "--json", **options, **arms)
        assert result.code == 0, result.err
        rows = (place.workspace / f"evaluation-{system}-test" / "questions.jsonl").read_text(encoding="utf-8")
        answerable = [row for row in map(json.loads, rows.splitlines()) if row["answerable"]]
        assert all(set(row["arms"]) == {"oracle", "oracle_in_distractors"} for row in answerable)
        assert all(0 <= row["ndcg@10/16"] <= 1 for row in answerable)


def test_the_ladder_holds_tuning_against_the_best_untuned_rung(finished: Place, tmp_path: Path) -> None:
    place = Place(finished.server, finished.models, tmp_path)
    for name in ("corpora", "indexes"):
        shutil.copytree(finished.folder / name, tmp_path / name)
    before = place.run("compare")
    assert "hybrid evaluate --ladder" in before.err
    assert place.run("prompt", "--json").code == 0
    result = place.run("evaluate", "--ladder", "--json")
    assert result.code == 0, result.err
    told = result.document()["ladder"]
    rungs = {row["name"]: row for row in told["rungs"]}
    systems = {name: row["system"] for name, row in rungs.items() if row["is_tuned"]}
    # merged at full weight: the adapter answers as the merged model does
    assert systems == {"tuned embedder": "embedder", "tuned": "tuned"}
    assert {rungs[name]["against"] for name in systems} == {told["best"]}
    assert (rungs["tuned"]["style"], rungs["tuned"]["note"]) == ("plain", "in the prompt it was trained on")
    best = next(row for row in told["rungs"] if row["name"] == told["best"])
    gain = rungs["tuned"]["served"]["value"] - best["served"]["value"]
    assert rungs["tuned"]["gain"]["value"] == pytest.approx(gain)
    # the window of this model holds a few of three examples
    assert rungs["worked examples"]["examples"] == 3
    assert any("worked examples did not fit" in note for note in told["notes"])

    line = f"than {told['best']} (" if rungs["tuned"]["verdict"] != "unclear" else f"differ from {told['best']} ("
    compared = place.run("compare")
    assert line in compared.out and "hybrid evaluate --ladder" not in compared.err
    looped = place.run("loop", "--json")
    assert looped.code == 0, looped.err
    page = (tmp_path / looped.document()["report"]).read_text(encoding="utf-8")
    assert "The ladder: prompts, then tuning" in page and "tuned embedder" in page
    summary = json.loads((place.workspace / "report" / "summary.json").read_text(encoding="utf-8"))
    assert summary["ladder"]["rungs"] == told["rungs"]


def test_a_changed_corpus_makes_passages_and_index_stale(indexed: Place) -> None:
    before = snapshot(indexed.workspace)
    document = indexed.corpus / "documents" / "alder.md"
    document.write_text(document.read_text(encoding="utf-8") + "\n## Paint\n\nThe hood is blue.\n", encoding="utf-8")
    stale = indexed.run("query", "Which colour is the hood of the Alder?")
    assert stale.code == 2
    assert "hybrid index" in stale.err
    assert snapshot(indexed.workspace) == before

    again = indexed.run("index", "--json")
    assert again.code == 0, again.err
    assert again.document()["passages"] == 25
    after = snapshot(indexed.workspace)
    for name in ("passages/corpus.jsonl", "index-base/vectors.faiss", "index-base/ids.jsonl"):
        assert before[name][1] != after[name][1], name
    fresh = indexed.run("query", "Which colour is the hood of the Alder?", "--json", retrieval__k=24)
    assert fresh.code == 0, fresh.err
    assert any("hood is blue" in passage["text"] for passage in fresh.document()["context"])


def test_only_what_depends_on_a_setting_is_made_again(indexed: Place) -> None:
    before = snapshot(indexed.workspace)
    assert indexed.run("index", retrieval__k=3).code == 0
    assert snapshot(indexed.workspace) == before
    assert indexed.run("index", corpus__chunk_tokens=16).code == 0
    assert snapshot(indexed.workspace)["passages/corpus.jsonl"][1] != before["passages/corpus.jsonl"][1]


def _has(pattern: str) -> Callable[[Path], bool]:
    return lambda workspace: any(workspace.glob(pattern))


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "reading the corpus": _has(".passages.building-*"),
    "encoding passages": _has(".index-base.building-*/private"),
    "evaluating": _has(".evaluation-base-test.building-*"),
    "diagnosing": _has(".diagnosis-base-dev.building-*"),
    "training the embedder": _has(".embedder.building-*/private/checkpoints/checkpoint-*"),
    "encoding again": _has(".index-tuned.building-*"),
    "training the generator": _has(".adapter.building-*/private/checkpoints/checkpoint-*"),
    "merging": _has(".generator.building-*/private"),
    "evaluating the tuned system": _has(".evaluation-tuned-test.building-*"),
}


def test_killed_at_any_moment_it_goes_on_to_the_same_result(finished: Place, place: Place) -> None:
    workspace = place.workspace
    killed = []
    for name, reached in MOMENTS.items():
        command = place.server.start("loop", *place.options(), cwd=place.folder)
        deadline = time.monotonic() + 120
        while command.running() and not reached(workspace) and time.monotonic() < deadline:
            time.sleep(0.002)
        if command.running():
            command.kill()
        result = command.wait()
        # a moment may be over before it is seen; what counts is that no run ends in an error
        assert result.code in (0, -9), f"{name}: {result.err}"
        if result.code == -9:
            killed.append(name)
    assert {"training the embedder", "training the generator"} <= set(killed)
    assert len(killed) >= 5
    last = place.run("loop", "--json")
    assert last.code == 0, last.err

    assert data_bytes(workspace) == data_bytes(finished.workspace)
    expected = metrics(finished.workspace)
    found = metrics(workspace)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=METRIC_TOLERANCE), name
    leftovers = [path.name for path in workspace.iterdir() if "building" in path.name or path.name.endswith(".old")]
    assert leftovers == []
