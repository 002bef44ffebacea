"""Words beside vectors, from the command line: what is built, what gets a new id, and what is told of both rankings."""

import json
from typing import Any

import pytest

from hybrid.artifacts import Manifest, read_manifest, sha256_file
from hybrid.cli.options import open_workspace
from tests.cli.conftest import Place
from tests.tiny_corpus import tiny_settings

QUESTION = "How heavy is the bare Alder?"


def manifest(place: Place, name: str) -> Manifest:
    found = read_manifest(place.workspace / name)
    assert found is not None, f"{name} is not there"
    return found


def run(place: Place, *args: str, **changed: Any) -> Any:
    result = place.run(*args, "--json", **changed)
    assert result.code == 0, result.err
    return result.document()


def rows(place: Place, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (place.workspace / name).read_text(encoding="utf-8").splitlines()]


def test_dense_builds_nothing_beside_the_vectors_and_tells_nothing_of_words(indexed: Place) -> None:
    told = run(indexed, "index")
    assert "retrieval" not in told
    assert not (indexed.workspace / "lexical").exists()
    assert all("ranks" not in passage for passage in run(indexed, "query", QUESTION)["context"])


def test_dev_chooses_and_nothing_is_done_twice(indexed: Place) -> None:
    vectors = manifest(indexed, "index-base")
    told = run(indexed, "index", retrieval__mode="auto")
    assert manifest(indexed, "index-base") == vectors
    # random vectors tell the machines apart less well than their names do
    choice = told["choice"]
    (point,) = [p for p in choice["points"] if (p["mode"], p["weight"]) == (choice["mode"], choice["weight"])]
    assert point["low"] > 0 and point["gain"] == max(p["gain"] for p in choice["points"] if p["low"] > 0)
    assert len(choice["points"]) == 11 and 0 <= choice["dense"] + point["gain"] < 1.001
    assert told["retrieval"].startswith(choice["mode"]) and choice["mode"] != "dense"
    assert manifest(indexed, "fusion-base").counts == {"questions": 10}, "answerable dev questions"
    assert manifest(indexed, "lexical").counts["passages"] == 24
    before = {p: (p.stat().st_mtime_ns, sha256_file(p)) for p in indexed.workspace.rglob("*") if p.is_file()}
    assert run(indexed, "index", retrieval__mode="auto") == told
    assert {p: (p.stat().st_mtime_ns, sha256_file(p)) for p in indexed.workspace.rglob("*") if p.is_file()} == before
    shown = indexed.run("index", retrieval__mode="auto")
    assert f"retrieval: {told['retrieval']}" in shown.out and "of vectors alone" in shown.out


@pytest.mark.parametrize("mode", ["rrf", "weighted", "lexical"])
def test_a_query_in_every_mode(indexed: Place, mode: str) -> None:
    missing = indexed.run("query", QUESTION, retrieval__mode=mode)
    assert missing.code == 2 and "run `hybrid index`" in missing.err
    assert run(indexed, "index", retrieval__mode=mode)["retrieval"].startswith(mode)
    context = run(indexed, "query", QUESTION, retrieval__mode=mode, retrieval__lexical_weight=1.0)["context"]
    scores = [passage["score"] for passage in context]
    assert len(context) == 2 and scores == sorted(scores, reverse=True)
    if mode == "lexical":
        assert "ranks" not in context[0]
    else:
        assert all(set(passage["ranks"]) == {"dense", "lexical"} for passage in context)
        assert any(passage["ranks"]["lexical"] == 1 for passage in context)
    if mode != "rrf":
        assert "bare Alder weighs" in context[0]["text"]


def test_a_changed_corpus_makes_the_words_stale_and_index_mends_them(indexed: Place) -> None:
    run(indexed, "index", retrieval__mode="rrf")
    document = indexed.corpus / "documents" / "alder.md"
    document.write_text(document.read_text(encoding="utf-8") + "\n## Paint\n\nThe hood is ochre.\n", encoding="utf-8")
    assert indexed.run("query", "Is it ochre?", retrieval__mode="rrf").code == 2
    run(indexed, "index")
    stale = indexed.run("query", "Is it ochre?", retrieval__mode="rrf")
    assert stale.code == 2 and "lexical is older than the passages" in stale.err
    run(indexed, "index", retrieval__mode="rrf")
    assert manifest(indexed, "lexical").counts["passages"] == 25
    found = run(indexed, "query", "Is it ochre?", retrieval__mode="lexical")["context"]
    assert len(found) == 1 and "ochre" in found[0]["text"]


def test_a_choice_needs_dev_questions(indexed: Place) -> None:
    file = indexed.corpus / "questions.jsonl"
    kept = [line for line in file.read_text(encoding="utf-8").splitlines() if '"dev"' not in line]
    file.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
    result = indexed.run("index", retrieval__mode="auto")
    assert result.code == 2
    assert "no dev question names its passage" in result.err and "retrieval.mode to rrf" in result.err


def test_a_question_without_a_known_word_is_asked_without_passages(indexed: Place) -> None:
    run(indexed, "index", retrieval__mode="lexical")
    assert run(indexed, "query", "Zzz?", retrieval__mode="lexical")["context"] == []
    assert len(run(indexed, "query", "Zzz?", retrieval__mode="rrf")["context"]) == 2, "vectors always find something"


def test_measurements_have_other_ids_under_another_retrieval_and_the_old_one_under_the_old(indexed: Place) -> None:
    def measured(command: str, name: str, **changed: Any) -> str:
        run(indexed, command, **changed)
        return manifest(indexed, name).id

    diagnosed = [
        measured("diagnose", "diagnosis-base-dev", **changed)
        for changed in (
            {"retrieval__mode": "weighted", "retrieval__lexical_weight": 0.8},
            {"retrieval__mode": "weighted", "retrieval__lexical_weight": 0.3},
            {"retrieval__lexical_weight": 0.3, "retrieval__stemmer": "none"},
            {},
        )
    ]
    assert diagnosed[2] == diagnosed[3] and len(set(diagnosed)) == 3
    assert set(manifest(indexed, "diagnosis-base-dev").inputs) == {"passages", "index", "generator"}
    evaluated = measured("evaluate", "evaluation-base-test", retrieval__mode="rrf")
    assert measured("evaluate", "evaluation-base-test") != evaluated
    assert set(manifest(indexed, "evaluation-base-test").inputs) == {"passages", "index", "generator", "general"}


def test_the_diagnosis_tells_which_half_missed(indexed: Place) -> None:
    plain = run(indexed, "diagnose")
    assert "missed_halves" not in plain
    assert not any("half_ranks" in row for row in rows(indexed, "diagnosis-base-dev/records.jsonl"))
    told = run(indexed, "diagnose", retrieval__mode="weighted", retrieval__lexical_weight=0.1, retrieval__k=1)
    missed = told["missed_halves"]
    records = rows(indexed, "diagnosis-base-dev/records.jsonl")
    failed = [r for r in records if r["answerable"] and (r["gold_rank"] or 99) > 1]
    assert missed["missed"] == len(failed) > 0, "nothing is right under random weights"
    by_words = [r["half_ranks"]["lexical"] == 1 for r in failed]
    by_vectors = [r["half_ranks"]["dense"] == 1 for r in failed]
    assert (missed["lexical"], missed["dense"]) == (sum(by_words), sum(by_vectors))
    assert missed["neither"] == sum(not (a or b) for a, b in zip(by_words, by_vectors, strict=True))
    (note,) = [note for note in told["notes"] if "words alone" in note]
    assert f"Of {missed['missed']} failed questions" in note and f"neither for {missed['neither']}." in note
    cards = rows(indexed, "diagnosis-base-dev/failures.jsonl")
    assert all(set(card["half_ranks"]) == {"dense", "lexical"} for card in cards)
    page = (indexed.workspace / "diagnosis-base-dev" / "report.html").read_text(encoding="utf-8")
    assert note in page and "By vectors alone:" in page and "By words alone:" in page
    # what was compared before can be compared with it
    again = indexed.run("compare", "--diagnoses", *[str(indexed.workspace / "diagnosis-base-dev")] * 2)
    assert again.code == 0, again.err


def test_raft_examples_follow_the_configured_retrieval(indexed: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(indexed.folder)

    def raft(**changed: Any) -> Manifest:
        overrides = tuple(tiny_settings(indexed.models, **changed)[1::2])
        workspace = open_workspace(indexed.corpus, None, overrides, indexed.workspace)
        return workspace.raft(force=True)

    dense = raft()
    assert set(dense.inputs) == {"passages", "index", "generator", "general"}
    words = raft(retrieval__mode="lexical")
    assert words.inputs["fusion"] == "lexical, depth 24" and words.inputs["lexical"] == manifest(indexed, "lexical").id
    assert words.id != dense.id and words.files["train.jsonl"] != dense.files["train.jsonl"]
    fused = raft(retrieval__mode="weighted", retrieval__lexical_weight=0.2)
    assert fused.inputs["fusion"] == "weighted 0.2, depth 24"
    assert raft(retrieval__mode="weighted", retrieval__lexical_weight=0.3).id != fused.id
    assert raft().id == dense.id
