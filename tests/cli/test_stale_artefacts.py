"""Artefacts that are stale, broken, missing or held by another command: exit code 2, and what to do."""

import shutil

import pytest
from filelock import FileLock

from hybrid.artifacts import publish, read_manifest, sha256_tree
from tests.cli.commands import artefacts, refused, write_lines
from tests.cli.conftest import Place
from tests.tiny_models import tiny_embedder


def tune_by_hand(place: Place, *, seed_words: str, index: bool) -> None:
    """Publish another embedder as the tuned one, as a train-embed killed before its last step leaves it."""
    base = place.models / "tiny-embedder"
    manifest = read_manifest(place.workspace / "passages")
    assert manifest is not None
    inputs = {"passages": manifest.id, "embedder": sha256_tree(base)}
    with publish(place.workspace / "embedder", "embedder", 1, {"words": seed_words}, inputs) as build:
        tiny_embedder(place.folder / f"tuned-{seed_words}", [seed_words, "How heavy is the bare Alder?"])
        shutil.copytree(place.folder / f"tuned-{seed_words}", build.path / "model")
        build.facts["verdict"] = "tuned"
    if index:
        result = place.run("index")
        assert result.code == 0, result.err


def test_an_index_older_than_its_embedder(indexed: Place) -> None:
    tune_by_hand(indexed, seed_words="one", index=False)
    refused(indexed.run("query", "How heavy is the bare Alder?"), "index-tuned", "run `hybrid index`")
    assert indexed.run("index").code == 0
    assert indexed.run("query", "How heavy is the bare Alder?", "--json").code == 0
    tune_by_hand(indexed, seed_words="two", index=False)
    before = artefacts(indexed.workspace)
    refused(indexed.run("query", "How heavy is the bare Alder?"), "another embedder", "run `hybrid index`")
    assert artefacts(indexed.workspace) == before
    assert indexed.run("query", "How heavy is the bare Alder?", "--system", "base").code == 0


def test_tuned_parts_of_another_base_are_not_served(indexed: Place) -> None:
    tune_by_hand(indexed, seed_words="one", index=True)
    other = tiny_embedder(indexed.folder / "other", ["another vocabulary"])
    refused(indexed.run("query", "Why?", embedder__model=str(other)), "tuned from another model", "train-embed")


def test_a_tuned_embedder_serves_at_another_dimension(indexed: Place) -> None:
    tune_by_hand(indexed, seed_words="one", index=True)
    refused(indexed.run("query", "Why?", embedder__dim=16), "dimensions", "hybrid index")
    result = indexed.run("index", "--json", embedder__dim=16)
    assert result.code == 0, result.err
    assert result.document()["dim"] == 16


def test_an_index_older_than_the_passages(indexed: Place) -> None:
    document = indexed.corpus / "documents" / "alder.md"
    document.write_text(document.read_text(encoding="utf-8").replace("crate", "box"), encoding="utf-8")
    write_lines(indexed.corpus / "questions.jsonl")
    shown = indexed.server.run("corpus", "show", *indexed.options(), cwd=indexed.folder)
    assert shown.code == 0, shown.err
    refused(indexed.run("query", "How heavy is the box of the Alder?"), "index-base", "run `hybrid index`")


def test_a_corpus_changed_since_indexing(indexed: Place) -> None:
    before = artefacts(indexed.workspace)
    with (indexed.corpus / "documents" / "fir.md").open("a", encoding="utf-8") as stream:
        stream.write("It hums.\n")
    refused(indexed.run("query", "Does the Fir hum?"), "changed since it was indexed", "run `hybrid index`")
    assert artefacts(indexed.workspace) == before


def test_passages_cut_otherwise_than_configured(indexed: Place) -> None:
    refused(indexed.run("query", "Why?", corpus__chunk_tokens=16), "corpus", "run `hybrid index`")


def test_nothing_made_yet(place: Place) -> None:
    refused(place.run("query", "Why?"), "not made yet", "run `hybrid index`")
    refused(place.run("merge"), "not made yet", "run `hybrid train-raft`")
    refused(place.run("compare"), "not made yet", "run `hybrid evaluate --system base`")


@pytest.mark.parametrize("command", ["query", "evaluate", "diagnose", "index"])
def test_a_tuned_system_where_nothing_is_tuned(indexed: Place, command: str) -> None:
    words = ["Why?"] if command == "query" else []
    refused(indexed.run(command, *words, "--system", "tuned"), "nothing is tuned", "hybrid train-embed")


@pytest.mark.parametrize("name", ["index-base/vectors.faiss", "passages/corpus.jsonl", "index-base/manifest.json"])
def test_a_truncated_artefact(indexed: Place, name: str) -> None:
    file = indexed.workspace / name
    file.write_bytes(file.read_bytes()[:-40])
    for words in (["query", "Why?"], ["index"]):
        refused(indexed.run(*words), name, f"delete indexes/machines/{name.partition('/')[0]}")
    shutil.rmtree(file.parent)
    assert indexed.run("index").code == 0
    assert indexed.run("query", "How heavy is the bare Alder?").code == 0


def test_a_missing_file_of_an_artefact(indexed: Place) -> None:
    (indexed.workspace / "index-base" / "ids.jsonl").unlink()
    refused(indexed.run("query", "Why?"), "ids.jsonl", "missing", "delete indexes/machines/index-base")


def test_an_adapter_for_another_base(indexed: Place) -> None:
    from tests.tiny_generator import tiny_generator

    other = tiny_generator(indexed.folder / "other", seed=7, hidden=64)
    with publish(indexed.workspace / "adapter", "adapter", 1, {}, {}) as build:
        (build.path / "adapter").mkdir()
        build.facts.update(verdict="tuned", base=sha256_tree(other))
    before = artefacts(indexed.workspace)
    refused(indexed.run("merge"), "trained for another base", "hybrid train-raft")
    assert artefacts(indexed.workspace) == before


def test_an_adapter_that_is_no_better_is_not_merged(indexed: Place) -> None:
    with publish(indexed.workspace / "adapter", "adapter", 1, {}, {}) as build:
        build.facts.update(verdict="kept base", base=sha256_tree(indexed.models / "tiny-generator"))
    refused(indexed.run("merge"), "no better than its base", "hybrid train-raft")


def test_systems_measured_differently_are_not_compared(indexed: Place) -> None:
    assert indexed.run("evaluate", "--system", "base").code == 0
    tune_by_hand(indexed, seed_words="one", index=True)
    assert indexed.run("evaluate", retrieval__k=1).code == 0
    refused(indexed.run("compare"), "under different settings", "hybrid evaluate")
    assert indexed.run("evaluate").code == 0
    assert indexed.run("compare").code == 0


def test_two_commands_at_once(indexed: Place) -> None:
    with FileLock(indexed.workspace / ".lock"):
        for command in ("index", "evaluate", "train-embed", "loop"):
            refused(indexed.run(command), "another hybrid command is working in indexes/machines", "wait for it")
        # asking only reads
        assert indexed.run("query", "How heavy is the bare Alder?").code == 0
    assert indexed.run("index").code == 0
