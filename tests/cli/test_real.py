"""The embedded models on three documents of the bundled corpus; questions are asked in fresh interpreters."""

import json
import math
import shutil
from pathlib import Path

import pytest

from benchmarks.cross_encoder import LabelledPair, train_cross_encoder
from hybrid.artifacts import require
from hybrid.corpus.passages import PassageSet
from hybrid.embedded_models import EMBEDDED
from hybrid.languages.words import find_words
from hybrid.models import is_pulled
from hybrid.retrieval.cross_encoder import CrossEncoderReranker
from hybrid.retrieval.sentence_embedder import SentenceEmbedder
from tests.cli.commands import CommandServer, on_terminal, run

NAMES = ("all-MiniLM-L6-v2", "SmolLM2-135M-Instruct")
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not all(is_pulled(model) for model in EMBEDDED if model.name in NAMES), reason="run `make models` first"
    ),
]

SMALL = ("--set", "generator.model=SmolLM2-135M-Instruct")
NUM_DOCUMENTS = 3


@pytest.fixture(scope="module")
def small(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the first documents that questions of the test split are about, and those questions."""
    folder = tmp_path_factory.mktemp("real")
    source = repository / "corpora" / "pumps"
    rows = [
        json.loads(line)
        for file in sorted((source / "questions").glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    about = [(row, {evidence["source"] for evidence in row.get("evidence", [])}) for row in rows]
    tests = [(row, sources) for row, sources in about if row["split"] == "test" and len(sources) == 1]
    chosen = set(sorted({next(iter(sources)) for _, sources in tests})[:NUM_DOCUMENTS])
    for name in chosen:
        target = folder / "corpora" / "pumps" / "documents" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / "documents" / name, target)
    kept = [row for row, sources in tests if sources <= chosen][:5]
    lines = "".join(json.dumps(row) + "\n" for row in kept)
    (folder / "corpora" / "pumps" / "questions.jsonl").write_text(lines, encoding="utf-8")
    return folder


def test_index_ask_and_measure_with_the_embedded_models(small: Path, server: CommandServer) -> None:
    index = server.run("index", "--json", cwd=small)
    assert index.code == 0, index.err
    facts = json.loads(index.out)
    assert facts["documents"] == NUM_DOCUMENTS
    assert facts["passages"] > NUM_DOCUMENTS
    assert facts["dim"] == 384
    row = json.loads((small / "corpora" / "pumps" / "questions.jsonl").read_text(encoding="utf-8").splitlines()[0])

    asked = run("query", row["question"], "--json", *SMALL, cwd=small)
    assert asked.code == 0, asked.err
    record = json.loads(asked.out)
    assert record["question"] == row["question"]
    assert len(record["context"]) == 8
    scores = [passage["score"] for passage in record["context"]]
    assert scores == sorted(scores, reverse=True)
    assert all(-1.001 <= score <= 1.001 for score in scores)
    assert record["generated"].strip()
    assert (record["answer"] is None) == (record["abstained"] or record["withheld"])
    texts = {passage["passage_id"]: passage["text"] for passage in record["context"]}
    for citation in record["citations"]:
        assert citation["span"] in texts[citation["passage_id"]]
        assert record["answer"] is None or f"[{citation['marker']}]" in record["answer"]

    shown = run("query", row["question"], "--show-context", *SMALL, cwd=small)
    assert shown.code == 0, shown.err
    assert shown.out.splitlines()[0] == (record["answer"] or "I don't know: the documents found do not answer this.")
    assert "\nContext\n  [1] " in shown.out
    assert ("\nSources\n" in shown.out) == (record["answer"] is not None)

    changed = (
        "evaluation.max_questions=3",
        "evaluation.general_items=4",
        "retrieval.k=2",
        "generator.max_new_tokens=16",
    )
    options = [word for change in changed for word in ("--set", change)]
    measured = server.run("evaluate", "--json", *SMALL, *options, cwd=small)
    assert measured.code == 0, measured.err
    result = json.loads(measured.out)
    assert result["counts"]["questions"] == 3
    assert result["counts"]["general_items"] == 4
    assert result["latency_s"]["median"] > 0
    for name in ("ndcg@10", "answer_score", "general"):
        interval = result["metrics"][name]
        assert 0 <= interval["low"] <= interval["value"] <= interval["high"] <= 1, name
        assert math.isfinite(interval["value"])
    # three documents hold few passages: the embedded embedder finds gold among them
    assert result["metrics"]["ndcg@10"]["value"] > 0.3


def test_a_resident_process_answers_as_a_fresh_one_and_shows_tokens_as_they_come(
    small: Path, server: CommandServer
) -> None:
    assert server.run("index", cwd=small).code == 0
    row = json.loads((small / "corpora" / "pumps" / "questions.jsonl").read_text(encoding="utf-8").splitlines()[1])
    options = [*SMALL, "--set", "answering.guard=flag"]

    def forget() -> None:
        for file in (small / "indexes" / "pumps" / "cache").glob("generations.sqlite*"):
            file.unlink()

    forget()
    serving = server.start("serve", *options, cwd=small)
    serving.printed("ready: ")
    served, pieces = on_terminal(small, row["question"], *options)
    serving.interrupt()
    assert serving.wait().code == 0
    assert pieces > 5, "word by word"
    forget()
    own = run("query", row["question"], *options, cwd=small)
    assert own.code == 0, own.err
    assert served == own.out


def test_a_cross_encoder_trained_from_the_embedded_embedder_reranks(
    small: Path, repository: Path, minilm: SentenceEmbedder, server: CommandServer, tmp_path: Path
) -> None:
    """Eight of the bundled questions ten times over: too few to be good, enough for a model that has learnt them."""
    corpus = shutil.copytree(small / "corpora" / "pumps", tmp_path / "corpora" / "pumps")
    rows = [
        json.loads(line)
        for file in sorted((repository / "corpora" / "pumps" / "questions").glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    train = [row for row in rows if row["split"] == "train" and row.get("evidence")][:8]
    quotes = [row["evidence"][0]["quote"] for row in train]
    pairs = [
        LabelledPair(row["question"], quote, label)
        for place, row in enumerate(train)
        for quote, label in ((quotes[place], 1.0), (quotes[place - 7], 0.0))
    ]
    model = tmp_path / "model"
    train_cross_encoder(
        minilm.folder, pairs, model, checkpoints=tmp_path / "checkpoints", seed=13, epochs=10, learning_rate=5e-4
    )
    scores: dict[float, list[float]] = {1.0: [], 0.0: []}
    reranker = CrossEncoderReranker(model)
    for pair in pairs:
        scores[pair.label] += reranker.score(pair.question, [pair.text])
    assert sum(scores[1.0]) / 8 > sum(scores[0.0]) / 8 + 0.5, "it has learnt what answers"

    questions = (corpus / "questions.jsonl").read_text(encoding="utf-8")
    (corpus / "questions.jsonl").write_text(questions.replace('"split": "test"', '"split": "dev"'), encoding="utf-8")
    options = [*SMALL, "--set", f"retrieval.reranker={model}", "--set", "retrieval.rerank_depth=8"]
    index = server.run("index", "--json", *options, cwd=tmp_path)
    assert index.code == 0, index.err
    told = json.loads(index.out)
    found = told["rerank"]
    assert found["questions"] == 5 and found["milliseconds"] > 0
    assert found["gain"]["value"] == pytest.approx(found["after"]["value"] - found["before"]["value"], abs=1e-6)
    assert ("a proven gain" in told["reranker_on_dev"]) == (found["gain"]["low"] > 0)
    question = json.loads(questions.splitlines()[0])["question"]
    asked = server.run("query", question, "--json", *options, cwd=tmp_path)
    assert asked.code == 0, asked.err
    context = json.loads(asked.out)["context"]
    path = tmp_path / "indexes" / "pumps" / "passages"
    texts = PassageSet(path, require(path, "hybrid index")).by_id
    again = reranker.score(question, [texts[passage["passage_id"]].full_text for passage in context])
    assert [passage["score"] for passage in context] == pytest.approx(again, abs=1e-4)
    assert again == sorted(again, reverse=True)


def test_the_embedded_model_writes_questions_under_filters(small: Path, server: CommandServer) -> None:
    result = server.run("synth", "--teacher", "--json", *SMALL, "--set", "synth.num_drafts=6", cwd=small)
    assert result.code == 0, result.err
    told = json.loads(result.out)
    assert told["drafts"] == 6 and told["filters"][0]["passed"] > 0, "it writes questions"
    drafts = [json.loads(line) for line in (small / told["drafts_file"]).read_text(encoding="utf-8").splitlines()]
    assert sum(row["kept"] for row in drafts) == told["questions"]
    assert any(row["question"].endswith("?") and row["answer"] for row in drafts)


def test_the_embedded_model_writes_answers_in_sentences_where_the_task_asks_for_them(
    small: Path, server: CommandServer, tmp_path: Path
) -> None:
    shutil.copytree(small / "corpora", tmp_path / "corpora")
    task = tmp_path / "corpora" / "pumps" / "task.yaml"
    task.write_text("answer_words: 40\nanswer_style: two whole sentences\n", encoding="utf-8")
    options = ("--set", "synth.num_drafts=6", "--set", "synth.shares={lookup: 1}")
    result = server.run("synth", "--teacher", "--json", *SMALL, *options, cwd=tmp_path)
    assert result.code == 0, result.err
    told = json.loads(result.out)
    drafts = [json.loads(line) for line in (tmp_path / told["drafts_file"]).read_text(encoding="utf-8").splitlines()]
    lengths = {row["id"]: len(find_words(row["answer"])) for row in drafts}
    assert any(12 < num <= 40 for num in lengths.values()), "it does as it is asked"
    too_long = {row["id"] for row in drafts if "longer than asked" in row["decisions"]["schema"]}
    assert too_long <= {name for name, num in lengths.items() if num > 40}
    assert told["answers"]["dropped"].get("longer than asked", 0) == len(too_long)
    assert not any(row["kept"] and lengths[row["id"]] > 40 for row in drafts)
