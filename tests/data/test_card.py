"""The data card: counts, what the team has said, who has reviewed, what was filtered, and what is missing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybrid.artifacts import publish, sha256_file, write_text
from hybrid.config import CorpusConfig
from hybrid.corpus.ingest import build_passages
from hybrid.corpus.passages import CorpusFolder, PassageSet
from hybrid.data.card import card_markdown, data_card
from hybrid.data.versions import VersionStore
from hybrid.jsonl import write_jsonl


def row(number: int, split: str, **changes: Any) -> dict[str, Any]:
    values = {"id": f"q{number}", "question": f"What | is {number}?", "answers": [f"{number}"], "split": split}
    return {**values, "evidence": [{"source": "sheets/a.md", "quote": "It is 1."}], **changes}


@pytest.fixture
def corpus(tmp_path: Path) -> CorpusFolder:
    folder = tmp_path / "machines"
    for name in ("sheets/a.md", "sheets/b.md", "top.md"):
        file = folder / "documents" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# {name}\n\nIt is 1.\n")
    rows = [row(1, "train", topic="a|b"), row(2, "dev", origin="users"), row(3, "train", answer_type="number")]
    (folder / "questions").mkdir()
    write_jsonl(folder / "questions" / "all.jsonl", rows)
    return CorpusFolder(folder)


def passages(corpus: CorpusFolder, target: Path) -> PassageSet:
    inputs = {"corpus": corpus.content_id(CorpusConfig())}
    manifest = build_passages(
        corpus, CorpusConfig(), tokenize=str.split, max_tokens=64, target=target / "passages", inputs=inputs
    )
    return PassageSet(target / "passages", manifest)


def card(corpus: CorpusFolder, folder: Path, **changes: Any) -> dict[str, Any]:
    given = {"versions": [], "changed": False, "audit": folder / "audit", **changes}
    return data_card(corpus, passages(corpus, folder), given.pop("versions"), **given)


def test_counts_sources_and_leaks(corpus: CorpusFolder, tmp_path: Path) -> None:
    told = card(corpus, tmp_path)
    assert told["num"] == {"documents": 3, "passages": 3, "questions": 3}
    assert told["splits"] == {"train": 2, "dev": 1, "test": 0}
    assert told["fields"]["topic"] == {
        "not said": {"train": 1, "dev": 1, "test": 0}, "a|b": {"train": 1, "dev": 0, "test": 0},
    }  # fmt: skip
    assert told["fields"]["origin"]["users"] == {"train": 0, "dev": 1, "test": 0}
    assert told["fields"]["case"] == {} and told["fields"]["answerable"]["yes"]["train"] == 2
    assert told["sources"] == {"documents": {"documents": 1, "sheets": 2}, "questions": {"all.jsonl": 3}}
    assert told["leaks"] == ["1 gold documents are in train and in dev: gains there overstate what is learned"]
    assert told["gaps"][0] == "no question is in test" and "2 of 3 documents have no question" in told["gaps"]
    assert any("`hybrid audit` was not run" in gap for gap in told["gaps"])
    text = card_markdown(told)
    assert "| a\\|b | 1 | 0 | 0 | 1 |" in text and "Case" not in text and "Not said: write them into task.yaml" in text


def test_licences_reviews_and_filters_are_taken_from_beside(corpus: CorpusFolder, tmp_path: Path) -> None:
    (corpus.folder / "task.yaml").write_text(
        "documents_licence: cc0-1.0\nmodel_licences: {small: apache-2.0}\naccepted_terms: [llama3.1]\nteacher: some\n"
        "reviewed_by: [Ada]\nreviewed_on: 2026-11-20\noutput: a figure\nteacher_licence: ''\n"
    )
    pair = {"reviewers": ["ada", "bob"], "same": {"value": 0.9, "low": 0.8, "high": 1.0, "num": 3}, "kappa": None}
    beside = corpus.folder / "questions"
    file = beside / "all.jsonl"
    review = {"file": file.name, "sha256": sha256_file(file), "reviewers": [{"name": "ada"}, "bob"]}
    (beside / "all.jsonl.review.json").write_text(
        json.dumps({**review, "counts": {"accepted": 3}, "agreement": [pair]})
    )
    (beside / "older.review.json").write_text(json.dumps({**review, "sha256": "of another state"}))
    filters = [{"filter": "critic", "reached": 9, "passed": 5}, {"filter": "alone", "reached": 5, "passed": 3}]
    (beside / "all.jsonl.yield.json").write_text(json.dumps({"filters": filters, "notes": []}))
    told = card(corpus, tmp_path)
    assert json.loads(json.dumps(told)) == told
    assert told["licences"] == {
        "documents_licence": "cc0-1.0", "model_licences": {"small": "apache-2.0"}, "accepted_terms": ["llama3.1"],
    }  # fmt: skip
    assert told["said"] == {"teacher": "some", "reviewed_by": ["Ada"], "reviewed_on": "2026-11-20"}
    text = card_markdown(told)
    for line in (
        "- documents licence: cc0-1.0",
        "- model licences: small: apache-2.0",
        "- accepted terms: llama3.1",
        "- reviewed by: Ada",
        "- all.jsonl.review.json: read by ada, bob; 3 accepted; agreement 0.90",
        "- older.review.json: read by ada, bob; all.jsonl has changed since",
        "- all.jsonl: filters: (filter: critic, reached: 9, passed: 5), (filter: alone, reached: 5, passed: 3)",
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize("content", [b"a: [", b"- list", b"\xff", b"licences: own", b"reviewed_on: [2026-11-20]"])
def test_what_cannot_be_read_is_a_gap(corpus: CorpusFolder, tmp_path: Path, content: bytes) -> None:
    (corpus.folder / "task.yaml").write_bytes(content)
    for name in ("all.jsonl.review.json", "all.jsonl.yield.json"):
        (corpus.folder / "questions" / name).write_text("[1]")
    told = card(corpus, tmp_path)
    task, review, filters = told["gaps"][:3]
    assert told["licences"] == told["said"] == {} and told["reviews"] == told["filters"] == []
    assert task.startswith("task.yaml:") and str(tmp_path) not in "".join(told["gaps"])
    assert review == "all.jsonl.review.json: not a JSON object"
    assert filters == "all.jsonl.yield.json: not a JSON object"
    assert f"- {review}" in card_markdown(told)


def test_lineage(corpus: CorpusFolder, tmp_path: Path) -> None:
    store = VersionStore(tmp_path / "data")
    version, _ = store.commit(corpus, "first | of all")
    told = card(corpus, tmp_path, versions=store.log(), changed=True)
    assert [item["id"] for item in told["versions"]] == [version.id]
    text = card_markdown(told)
    assert f"| {version.id[:12]} |" in text and "first \\| of all" in text and "has changed since" in text
    assert str(tmp_path) not in text


def test_topics_without_questions_come_from_a_fresh_audit(corpus: CorpusFolder, tmp_path: Path) -> None:
    made = passages(corpus, tmp_path)
    topics = [{"name": "seals", "passages": 40, "questions": 0}, {"name": "oil", "passages": 50, "questions": 2}]

    def audited(passages_id: str) -> list[str]:
        with publish(tmp_path / "audit", "audit", 1, {}, {"passages": passages_id}) as build:
            write_text(build.path / "audit.json", json.dumps({"coverage": {"topics": topics}}))
        gaps: list[str] = card(corpus, tmp_path)["gaps"]
        return [gap for gap in gaps if "topic" in gap or "no question on" in gap]

    assert audited(made.manifest.id) == ["no question on: seals (40 passages)"]
    (stale,) = audited(replace(made.manifest, id="other").id)
    assert "the audit is of other data" in stale
