"""Only passages that fulfil conditions are searched: for one question, and for a whole system."""

import json
from typing import Any

import pytest

from hybrid.artifacts import read_manifest
from hybrid.cli.options import open_workspace
from tests.cli.commands import refused
from tests.cli.conftest import Place
from tests.tiny_corpus import tiny_settings

QUESTION = "How heavy is the bare Alder?"


def ask(place: Place, *args: str, **changed: Any) -> Any:
    result = place.run("query", QUESTION, "--json", *args, **changed)
    assert result.code == 0, result.err
    return result.document()


def sources(answer: Any) -> set[str]:
    return {passage["source"] for passage in answer["context"]}


@pytest.fixture
def dated(indexed: Place) -> Place:
    """Three of the six documents say in their front matter what they are."""
    for name, front in (
        ("birch", "year: 2019\nstatus: obsolete"),
        ("cedar", "year: 2021\nstatus: valid"),
        ("elm", "year: 2024\nstatus: [valid, draft]"),
    ):
        file = indexed.corpus / "documents" / f"{name}.md"
        file.write_text(f"---\n{front}\n---\n{file.read_text(encoding='utf-8')}", encoding="utf-8")
    result = indexed.run("index")
    assert result.code == 0, result.err
    return indexed


@pytest.mark.parametrize("mode", ["dense", "lexical", "rrf"])
@pytest.mark.parametrize(
    ("where", "wanted", "num"),
    [
        (["source=birch.md"], {"birch.md"}, 4),
        (["year>=2021"], {"cedar.md", "elm.md"}, 8),
        (["status=valid"], {"cedar.md", "elm.md"}, 8),
        (["status=*", "status!=obsolete|draft"], {"cedar.md"}, 4),
        (["year!=*", "section=Oil|weight"], {"alder.md", "dogwood.md", "fir.md"}, 6),
    ],
)
def test_a_question_is_answered_from_the_passages_that_fulfil_its_conditions(
    dated: Place, mode: str, where: list[str], wanted: set[str], num: int
) -> None:
    assert dated.run("index", retrieval__mode=mode).code == 0
    options = [part for condition in where for part in ("--where", condition)]
    answer = ask(dated, *options, retrieval__mode=mode, retrieval__k=24, generator__context_tokens=4000)
    assert sources(answer) == wanted or (mode == "lexical" and sources(answer) < wanted)
    assert (answer["where"], answer["num_searched"]) == (where, num)
    if mode != "lexical":
        assert len(answer["context"]) == num
    years = {"birch.md": 2019, "cedar.md": 2021, "elm.md": 2024}
    assert all(p.get("metadata", {}).get("year") == years.get(p["source"]) for p in answer["context"])
    told = dated.run("query", QUESTION, *options, retrieval__mode=mode)
    assert f"searched {num} passages, those with {' and '.join(where)}" in told.err


def test_without_a_condition_nothing_is_told_of_any(indexed: Place) -> None:
    answer = ask(indexed)
    assert "where" not in answer and "num_searched" not in answer
    assert "searched" not in indexed.run("query", QUESTION).err


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("sauce=birch.md", ("no passage has a field 'sauce'", "source, document, title, section, status, year")),
        ("year>2030", ("no passage fulfils year>2030", "2019, 2021, 2024")),
        ("year", ("'year' is no condition", "year>=2020")),
        ("year=", ("compares with nothing",)),
    ],
)
def test_a_condition_that_cannot_be_meant_is_told_with_what_there_is(
    dated: Place, where: str, told: tuple[str, ...]
) -> None:
    refused(dated.run("query", QUESTION, "--where", where), *told)
    refused(dated.run("query", QUESTION, retrieval__where=[where]), told[0])


def test_a_system_may_be_held_to_conditions_and_is_another_one_then(dated: Place) -> None:
    held = {"retrieval__where": ["status!=obsolete"], "retrieval__k": 24, "generator__context_tokens": 4000}
    assert sources(ask(dated, **held)) == {"alder.md", "cedar.md", "dogwood.md", "elm.md", "fir.md"}
    assert sources(ask(dated, "--where", "year<2024", **held)) == {"cedar.md"}, "both must hold"
    refused(dated.run("query", QUESTION, "--where", "year<2021", **held), "no passage fulfils year<2021")
    assert "searched: 20 passages, those with status!=obsolete" in dated.run("index", **held).out
    refused(dated.run("index", retrieval__where="staus=valid"), "no passage has a field 'staus'")
    ids = []
    for changed in ({}, {"retrieval__where": "status!=obsolete"}, {"retrieval__where": "year>2020"}, {}):
        result = dated.run("diagnose", "--json", **changed)
        assert result.code == 0, result.err
        manifest = read_manifest(dated.workspace / "diagnosis-base-dev")
        assert manifest is not None
        ids.append(manifest.id)
        assert manifest.inputs.get("where") == changed.get("retrieval__where")
    assert ids[0] == ids[3] and len(set(ids)) == 3


def test_gold_that_a_system_may_not_find_is_missing_from_its_documents(dated: Place) -> None:
    def missing(**changed: Any) -> set[str]:
        assert dated.run("diagnose", **changed).code == 0
        rows = (dated.workspace / "diagnosis-base-dev" / "records.jsonl").read_text(encoding="utf-8").splitlines()
        records = [json.loads(row) for row in rows]
        return {r["question_id"] for r in records if r["answerable"] and not r["gold_in_index"]}

    lines = (dated.workspace / "passages" / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    dev = [q for q in map(json.loads, lines) if q["split"] == "dev" and q["answerable"]]
    from_birch = {q["_id"] for q in dev if q["evidence"][0]["source"] == "birch.md"}
    assert missing() == set()
    assert missing(retrieval__where="source!=birch.md") == from_birch != set()


def test_raft_examples_are_of_questions_that_the_system_may_answer(
    dated: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(dated.folder)

    def shown(**changed: Any) -> str:
        overrides = tuple(tiny_settings(dated.models, **changed)[1::2])
        open_workspace(dated.corpus, None, overrides, dated.workspace).raft(force=True)
        return (dated.workspace / "raft" / "train.jsonl").read_text(encoding="utf-8")

    assert "Birch" in shown()
    held = shown(retrieval__where="source!=birch.md")
    assert "Alder" in held and "bare Birch weighs" not in held
