"""A cross-encoder behind retrieval, from the command line: measured on dev, told of, served, and refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from hybrid.artifacts import Manifest, read_manifest
from hybrid.cli.options import open_workspace
from hybrid.corpus.passages import PassageSet
from hybrid.evaluation.ranking import rank_metrics
from hybrid.lifecycle.preflight import situation_of
from hybrid.retrieval.cross_encoder import CrossEncoderReranker
from tests.cli.commands import artefacts, refused, write_lines
from tests.cli.conftest import Place
from tests.tiny_corpus import corpus_texts, tiny_settings
from tests.tiny_models import tiny_cross_encoder

QUESTION = "How heavy is the bare Alder?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_cross_encoder(tmp_path_factory.mktemp("reranker") / "model", corpus_texts())


@pytest.fixture
def changed(folder: Path) -> dict[str, Any]:
    """Settings that name it."""
    return {"retrieval__reranker": str(folder), "retrieval__rerank_depth": 10}


def run(place: Place, *args: str, **changed: Any) -> Any:
    result = place.run(*args, "--json", **changed)
    assert result.code == 0, result.err
    return result.document()


def manifest(place: Place, name: str) -> Manifest:
    found = read_manifest(place.workspace / name)
    assert found is not None, f"{name} is not there"
    return found


def test_index_says_what_it_does_to_dev_and_nothing_is_done_twice(
    indexed: Place, folder: Path, changed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(indexed, "index")
    assert "rerank" not in plain and not (indexed.workspace / "rerank-base").exists()
    told = run(indexed, "index", **changed)
    gain = told["rerank"]["gain"]
    # by hand: the base ranking, its first ten by the model's scores
    monkeypatch.chdir(indexed.folder)
    workspace = open_workspace(indexed.corpus, None, tuple(tiny_settings(indexed.models)[1::2]), indexed.workspace)
    search = workspace.search("base")
    dev = [q for q in search.passages.questions if q.split == "dev" and q.answerable]
    rankings = search.pipeline(None).retrieve([q.question for q in dev], 24)  # type: ignore[arg-type]
    model, by_id = CrossEncoderReranker(folder), search.passages.by_id
    golds = {q.id: set(q.positives) for q in dev}
    run_before = {q.id: hits for q, hits in zip(dev, rankings, strict=True)}
    run_after = {}
    for q, hits in zip(dev, rankings, strict=True):
        scores = model.score(q.question, [by_id[hit.passage_id].full_text for hit in hits[:10]])
        order = sorted(zip(scores, hits[:10], strict=True), key=lambda pair: -pair[0])
        run_after[q.id] = [type(h)(h.passage_id, s, rank) for rank, (s, h) in enumerate(order, start=1)]
    before, after = (rank_metrics(ranked, golds)["ndcg@10"] for ranked in (run_before, run_after))
    mean = {name: sum(values.values()) / len(dev) for name, values in (("before", before), ("after", after))}
    assert told["rerank"]["questions"] == len(dev) == 10
    assert told["rerank"]["before"]["value"] == pytest.approx(mean["before"], abs=1e-6)
    assert told["rerank"]["after"]["value"] == pytest.approx(mean["after"], abs=1e-6)
    assert gain["value"] == pytest.approx(mean["after"] - mean["before"], abs=1e-6)
    assert gain["low"] < gain["value"] < gain["high"] and told["rerank"]["milliseconds"] > 0
    shown = indexed.run("index", **changed)
    assert f"reranker on dev: {told['reranker_on_dev']}" in shown.out
    assert f"nDCG@10 {gain['value']:+.3f} (95 % interval {gain['low']:+.3f} to {gain['high']:+.3f})" in shown.out
    assert manifest(indexed, "rerank-base").inputs["reranker"] == f"{model.fingerprint}, depth 10"
    files = artefacts(indexed.workspace)
    assert run(indexed, "index", **changed) == told
    assert artefacts(indexed.workspace) == files
    run(indexed, "index", **changed | {"retrieval__rerank_depth": 12})
    assert artefacts(indexed.workspace) != files


def test_without_dev_questions_there_is_a_note_and_no_error(indexed: Place, changed: dict[str, Any]) -> None:
    file = indexed.corpus / "questions.jsonl"
    kept = [line for line in file.read_text(encoding="utf-8").splitlines() if '"dev"' not in line]
    write_lines(file, *(json.loads(line) for line in kept))
    told = run(indexed, "index", **changed)
    assert told["reranker_on_dev"].startswith("no dev question names its passage") and "rerank" not in told
    assert not (indexed.workspace / "rerank-base").exists()


@pytest.mark.parametrize("mode", ["dense", "rrf"])
def test_a_query_shows_its_order_and_the_ranks_before(
    indexed: Place, folder: Path, changed: dict[str, Any], mode: str
) -> None:
    changed = changed | {"retrieval__mode": mode, "retrieval__k": 8}
    run(indexed, "index", **changed)
    context = run(indexed, "query", QUESTION, generator__context_tokens=4000, **changed)["context"]
    assert len(context) == 8
    path = indexed.workspace / "passages"
    passages = PassageSet(path, manifest(indexed, "passages")).by_id
    texts = [passages[item["passage_id"]].full_text for item in context]
    scores = CrossEncoderReranker(folder).score(QUESTION, texts)
    assert [item["score"] for item in context] == pytest.approx(scores, abs=1e-5)
    assert scores == sorted(scores, reverse=True)
    ranks = [item["ranks"]["before_reranking"] for item in context]
    assert ranks != sorted(ranks) and set(ranks) < set(range(1, 11)), "eight of the first ten, in another order"
    halves = {"dense", "lexical"} if mode == "rrf" else set()
    assert all(set(item["ranks"]) == halves | {"before_reranking"} for item in context)


def test_what_rests_on_the_order_goes_stale_with_it(
    indexed: Place, changed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def identity(command: str, name: str, **more: Any) -> str:
        run(indexed, command, **more)
        return manifest(indexed, name).id

    other = {**changed, "retrieval__reranker": str(tiny_cross_encoder(tmp_path / "other", ["other words"]))}
    deeper = {**changed, "retrieval__rerank_depth": 11}
    ids = [identity("evaluate", "evaluation-base-test", **more) for more in ({}, changed, other, deeper, {})]
    assert ids[0] == ids[4] and len(set(ids[:4])) == 4
    told = run(indexed, "diagnose", **changed)
    assert manifest(indexed, "diagnosis-base-dev").inputs["reranker"].endswith(", depth 10")
    assert "retrieval.reranker" not in told["next_command"]
    monkeypatch.chdir(indexed.folder)
    # a preflight knows which of them a diagnosis is of
    diagnosis = manifest(indexed, "diagnosis-base-dev")
    for more, same in ((changed, True), (other, False), (deeper, False), ({}, False)):
        overrides = tuple(tiny_settings(indexed.models, **more)[1::2])
        workspace = open_workspace(indexed.corpus, None, overrides, indexed.workspace)
        assert situation_of(workspace, ["embed"]).is_of_base(diagnosis) == same
    rafts = []
    for more in ({}, changed, other, deeper, {}):
        overrides = tuple(tiny_settings(indexed.models, **more)[1::2])
        rafts.append(open_workspace(indexed.corpus, None, overrides, indexed.workspace).raft(force=True))
    assert rafts[0].id == rafts[4].id and len({raft.id for raft in rafts}) == 4
    assert set(rafts[0].inputs) == {"passages", "index", "generator", "general"}
    assert rafts[1].files["train.jsonl"] != rafts[0].files["train.jsonl"]


def test_a_wrong_model_is_the_callers_mistake(indexed: Place, changed: dict[str, Any]) -> None:
    before = artefacts(indexed.workspace)
    embedder = str(indexed.models / "tiny-embedder")
    for name, words in (
        (embedder, "an embedder of sentence-transformers"),
        (str(indexed.models / "tiny-generator"), "ForCausalLM is not a cross-encoder"),
        ("no/such/folder/here", "neither a local folder, nor a model the hub gives"),
        ("embedded", "no cross-encoder is embedded"),
    ):
        for command in (["index"], ["query", QUESTION]):
            result = indexed.run(*command, **changed | {"retrieval__reranker": name})
            refused(result, words)
    refused(indexed.run("index", **changed | {"retrieval__rerank_depth": 25}), "not go beyond depth (24)")
    assert artefacts(indexed.workspace) == before


def test_a_resident_process_reranks_as_a_fresh_one_and_follows_a_changed_model(
    indexed: Place, folder: Path, changed: dict[str, Any]
) -> None:
    shutil.copytree(folder, indexed.folder / "mine")
    changed = {**changed, "retrieval__reranker": "mine"}
    options = indexed.options(**changed)
    own = indexed.run("query", QUESTION, "--json", "--no-daemon", **changed)
    assert own.code == 0, own.err
    serving = indexed.server.start("serve", *options, cwd=indexed.folder)
    try:
        serving.printed("ready: ")
        assert indexed.run("query", QUESTION, "--json", **changed) == own
        plain = indexed.run("query", QUESTION, "--json")
        assert plain.document()["context"] != own.document()["context"], "another configuration: not by that process"
        shutil.rmtree(indexed.folder / "mine")
        shutil.copytree(tiny_cross_encoder(indexed.folder / "new", [*corpus_texts(), "else"]), indexed.folder / "mine")
        moved = indexed.run("query", QUESTION, "--json", **changed)
        assert moved == indexed.run("query", QUESTION, "--json", "--no-daemon", **changed)
        assert moved.document()["context"] != own.document()["context"]
    finally:
        serving.interrupt()
    done = serving.wait()
    assert done.code == 0 and "loaded anew" in done.err


def test_a_reranker_reads_only_passages_that_fulfil_the_conditions(indexed: Place, changed: dict[str, Any]) -> None:
    wide = {**changed, "retrieval__k": 10, "generator__context_tokens": 4000}
    answer = run(indexed, "query", QUESTION, "--where", "source=birch.md|elm.md", **wide)
    assert {passage["source"] for passage in answer["context"]} == {"birch.md", "elm.md"}
    assert answer["num_searched"] == len(answer["context"]) == 8
    assert {passage["ranks"]["before_reranking"] for passage in answer["context"]} == set(range(1, 9))
    scores = [passage["score"] for passage in answer["context"]]
    assert scores == sorted(scores, reverse=True)
