"""The benchmark from end to end on a tiny corpus with tiny models: every system, every file, resumed without work."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from benchmarks import fusion, page, rerank, results, run
from tests.tiny_corpus import tiny_corpus, tiny_values


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of public sets with one set in it and its configuration; nothing is written into the checkout."""
    data = tmp_path / "data"
    corpus = tiny_corpus(data / "toy")
    # a ready set has passages, and questions that name them
    from hybrid.corpus.chunk import chunk
    from hybrid.corpus.load import load_documents
    from hybrid.corpus.questions import read_questions, resolve

    documents = load_documents(corpus / "documents").documents
    passages = chunk(documents, tokenize=str.split, chunk_tokens=64)
    found = resolve(read_questions([corpus / "questions.jsonl"]), passages, {d.id: d for d in documents}).questions
    lines = [json.dumps({"id": p.id, "title": p.heading, "text": p.text}) + "\n" for p in passages]
    (corpus / "passages.jsonl").write_text("".join(lines))
    rows = [
        {
            "id": q.id, "question": q.question, "answers": q.answers, "positives": q.positives, "split": q.split,
            "answerable": q.answerable, "answer_type": "span" if q.answerable else "unanswerable",
        }
        for q in found
    ]  # fmt: skip
    (corpus / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    values = tiny_values(tmp_path)
    configs = tmp_path / "configs"
    configs.mkdir()
    sections: dict[str, Any] = {}
    for key, value in values.items():
        section, _, name = key.partition(".")
        sections.setdefault(section, {})[name] = value
    general = Path(sections["evaluation"].pop("general_files")[0])
    (data / "general_toy").mkdir()
    general.rename(data / "general_toy" / "items.jsonl")
    sections["evaluation"] |= {"dims": [16], "general_dev_share": 0.5, "arms": ["oracle", "oracle_in_distractors"]}
    sections["merge"] = {"sweep": [0.5, 1.0], "max_general_loss": 0.9}
    sections["train_raft"]["evals_per_epoch"] = 1
    # the tiny model's own holds no worked example beside a question
    sections["generator"]["window_tokens"] = 2048
    (configs / "common.yaml").write_text(yaml.safe_dump({"seed": 13, **sections}))
    (configs / "toy.yaml").write_text(yaml.safe_dump({"retrieval": {"k": 2}}))
    (configs / "order.yaml").write_text("[toy, absent]\n")

    monkeypatch.setattr(run, "CONFIGS", configs)
    monkeypatch.setattr(run, "INDEXES", tmp_path / "indexes")
    monkeypatch.setattr(results, "ROWS", tmp_path / "rows")
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(page, "PAGE", tmp_path / "BENCHMARKS.md")
    ranking = [figure for figure in results.RANKING if figure.name != "ndcg@10/64"]
    monkeypatch.setattr(results, "RANKING", ranking)
    return tmp_path


def call(bench: Path, *arguments: str) -> str:
    outcome = CliRunner().invoke(run.main, ["--data", str(bench / "data"), *arguments])
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def test_every_system_is_told_and_a_second_run_does_nothing(bench: Path) -> None:
    chosen = ("--best-prompt", "300")
    call(bench, "--ranking-only")
    first = json.loads((bench / "results.json").read_text())
    assert {row["metric"] for row in first} == {"ndcg@10/384", "recall@5"}

    call(bench, *chosen)
    rows = json.loads((bench / "results.json").read_text())
    told = {(row["set"], row["metric"]) for row in rows}
    assert {("toy", name) for name in ("f1/retrieved", "exact/oracle", "abstention/unanswerable")} <= told
    systems = {row["system"] for row in rows if row["set"] == "toy"}
    assert {"base", "few-shot", "few-shot − base"} <= systems
    assert {"tuned", "merged", "merged − base", "merged − tuned"} <= systems
    assert ("pooled", "general/mean") in told
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows if row["low"] == row["low"])
    assert "## toy" in (bench / "BENCHMARKS.md").read_text()
    # base is the best untuned rung that dev chose, and it is said which
    (prompt,) = {row["base_prompt"] for row in rows if row["set"] == "toy"}
    assert "better than the configured one" in prompt
    assert f"best untuned prompt by dev: {prompt}." in (bench / "BENCHMARKS.md").read_text()
    base = json.loads(next((bench / "indexes").rglob("evaluation-base-test/manifest.json")).read_text())
    answering = base["config"]["answering"]
    assert prompt.startswith(answering["style"] + (f", {answering['examples']}" if answering["examples"] else ""))

    # the ranking alone is told again beside the answers, and pooled figures stay
    told_before = {(r["set"], r["metric"], r["system"]) for r in rows}
    call(bench, "--ranking-only")
    assert {
        (r["set"], r["metric"], r["system"]) for r in json.loads((bench / "results.json").read_text())
    } == told_before
    assert (bench / "rows" / "toy.jsonl").is_file()

    before = {p: p.stat().st_mtime_ns for p in (bench / "indexes").rglob("manifest.json")}
    minutes = {row["set"]: row["minutes"] for row in rows}
    call(bench, *chosen)
    again = json.loads((bench / "results.json").read_text())
    assert {p: p.stat().st_mtime_ns for p in (bench / "indexes").rglob("manifest.json")} == before
    assert [(r["metric"], r["system"], r["value"]) for r in again] == [
        (r["metric"], r["system"], r["value"]) for r in rows
    ]
    assert {row["set"]: row["minutes"] for row in again} == minutes


def test_words_and_vectors_are_told_alone_and_fused(bench: Path) -> None:
    for _ in range(2):
        outcome = CliRunner().invoke(fusion.main, ["--data", str(bench / "data"), "--sets", "toy"])
        assert outcome.exit_code == 0, outcome.output
    rows = json.loads((bench / "results.json").read_text())
    found = {row["system"]: row for row in rows}
    fused = ("rrf", "weighted", "auto")
    assert list(found) == [fusion.WORDS, "dense, base embedder", *fused, *(f"{name} − better alone" for name in fused)]
    assert {(row["set"], row["split"], row["metric"], row["n"]) for row in rows} == {
        ("toy", "test", "fusion/ndcg@10", 10)
    }
    better = max(found[fusion.WORDS]["value"], found["dense, base embedder"]["value"])
    for name in fused:
        gain = found[f"{name} − better alone"]
        assert gain["value"] == pytest.approx(found[name]["value"] - better, abs=2e-4)
        assert gain["detail"] in ("over BM25", "over dense, base embedder")
    told = (bench / "BENCHMARKS.md").read_text()
    assert "## Words beside vectors" in told and f"| {found['weighted']['detail']} |" in told


def test_a_cross_encoder_is_trained_on_train_and_judged_by_test(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = tiny_values(bench)["embedder.model"]
    monkeypatch.setattr(rerank, "resolve", lambda name, role: Path(embedder))
    monkeypatch.setattr(rerank, "DEPTH", 10)
    for _ in range(2):
        outcome = CliRunner().invoke(rerank.main, ["--data", str(bench / "data"), "--sets", "toy"])
        assert outcome.exit_code == 0, outcome.output
    model = bench / "indexes" / "bench-rerank-toy" / "cross-encoder"
    assert json.loads((model / "manifest.json").read_text())["counts"] == {"pairs": 40 * (1 + rerank.NEGATIVES)}
    rows = json.loads((bench / "results.json").read_text())
    assert len(rows) == 8, "two first stages, four rows each, and nothing twice"
    found = {row["system"]: row for row in rows}
    before, after = rerank.BEFORE, f"{rerank.BEFORE}, reranked"
    gain = found[f"{after} − {before}"]
    assert gain["value"] == pytest.approx(found[after]["value"] - found[before]["value"], abs=2e-4)
    assert gain["low"] <= gain["value"] <= gain["high"] and gain["n"] == 10
    assert 0 < found[f"{before}, 10 hits"]["low"] <= found[f"{before}, 10 hits"]["value"]
    assert "## A cross-encoder behind retrieval: toy" in (bench / "BENCHMARKS.md").read_text()


def test_the_weight_of_the_benchmark_is_the_best_of_dev() -> None:
    points = [
        {"mode": "weighted", "weight": 0.1, "gain": 0.4},
        {"mode": "weighted", "weight": 0.2, "gain": 0.5},
        {"mode": "weighted", "weight": 0.3, "gain": 0.5},
        {"mode": "rrf", "weight": None, "gain": 0.9},
    ]
    assert fusion.best_weighted(points).name == "weighted 0.2"


def test_without_the_sets_it_says_so(bench: Path, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    outcome = CliRunner().invoke(run.main, ["--data", str(tmp_path / "nothing")])
    assert outcome.exit_code == 0
    assert "nothing to run" in outcome.output


@pytest.mark.parametrize("file", sorted((Path(run.__file__).parent / "configs").glob("*.yaml")), ids=lambda f: f.stem)
def test_every_configuration_is_valid_over_what_all_share(file: Path, tmp_path: Path) -> None:
    from hybrid.config import Config

    if file.stem in ("common", "order"):
        names = yaml.safe_load((file.parent / "order.yaml").read_text())
        assert set(names) == {f.stem for f in file.parent.glob("*.yaml")} - {"common", "order"}
        return
    (tmp_path / "general_x").mkdir()
    (tmp_path / "general_x" / "items.jsonl").touch()
    values = run.configuration(file.stem, tmp_path)
    values.pop("bench", None)
    config = Config.model_validate(values)
    share = config.raft.general_share
    assert config.raft.num_examples * (1 + share / (1 - share)) <= 600.5
    assert 0 < config.train_embed.max_questions <= 600
