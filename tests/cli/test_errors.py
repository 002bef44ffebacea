"""Bad input and broken artefacts: exit code 2, a message that says what to do, nothing damaged, no traceback."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import artefacts, refused, run, write_lines
from tests.cli.conftest import Place
from tests.tiny_corpus import tiny_settings


def questions(corpus: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (corpus / "questions.jsonl").read_text(encoding="utf-8").splitlines()]


# -- corpus and questions --------------------------------------------------------------------------------------------


def test_empty_corpus_folder(place: Place) -> None:
    shutil.rmtree(place.corpus)
    place.corpus.mkdir()
    refused(place.run("index"), "corpora/machines", "no readable document", ".md")
    assert not (place.workspace / "passages").exists()


def test_no_corpus_folder(place: Place) -> None:
    shutil.rmtree(place.corpus)
    refused(place.run("index"), "corpora/machines: no corpus here", "hybrid ask FOLDER")
    assert not place.workspace.exists()


def test_a_plan_of_vectors_that_milvus_holds(indexed: Place) -> None:
    before = artefacts(indexed.workspace)
    result = indexed.run("index", "--plan", "--set", "index.store=milvus", "--set", "index.milvus_uri=m.db")
    refused(result, "index.store is milvus", "index.milvus_index")
    assert artefacts(indexed.workspace) == before


def test_question_naming_an_unknown_passage(indexed: Place) -> None:
    before = artefacts(indexed.workspace)
    rows = questions(indexed.corpus)
    write_lines(indexed.corpus / "questions.jsonl", *rows[:2], {**rows[2], "positives": ["alder.md#00000000"]})
    refused(indexed.run("index"), "questions.jsonl:3", rows[2]["id"], "alder.md#00000000")
    assert artefacts(indexed.workspace) == before


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        ({"source": "yew.md", "quote": "x"}, ["unknown document", "yew.md"]),
        ({"source": "alder.md", "quote": "The Alder is green."}, ["quote is not in alder.md", "verbatim"]),
        ({"source": "alder.md"}, ["no field 'quote'"]),
    ],
)
def test_evidence_that_cannot_be_found(indexed: Place, evidence: dict[str, str], words: list[str]) -> None:
    before = artefacts(indexed.workspace)
    rows = questions(indexed.corpus)
    write_lines(indexed.corpus / "questions.jsonl", {**rows[0], "evidence": [evidence]}, *rows[1:])
    refused(indexed.run("index"), "questions.jsonl:1", *words)
    assert artefacts(indexed.workspace) == before


def test_duplicate_ids(indexed: Place) -> None:
    before = artefacts(indexed.workspace)
    rows = questions(indexed.corpus)
    write_lines(indexed.corpus / "questions.jsonl", *rows, {**rows[4], "question": "Another?"})
    refused(indexed.run("index"), "questions.jsonl:69", f"duplicate id '{rows[4]['id']}'", "questions.jsonl:5")
    passages = [{"id": "a", "text": "One."}, {"id": "b", "text": "Two."}, {"id": "a", "text": "Three."}]
    write_lines(indexed.corpus / "passages.jsonl", *passages)
    refused(indexed.run("index"), "passages.jsonl:3", "duplicate id 'a'", "line 1")
    assert artefacts(indexed.workspace) == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"id": "x", "question": ', ["malformed JSON"]),
        ("[1, 2]", ["not a JSON object"]),
        ('{"id": "x"}', ["no field 'question'"]),
        ('{"id": 5, "question": "?"}', ["'id'", "int", "str"]),
        ('{"id": "x", "question": "?", "split": "validation"}', ["validation", "train, dev, test"]),
    ],
)
def test_malformed_jsonl_is_named_by_file_and_line(indexed: Place, line: str, words: list[str]) -> None:
    before = artefacts(indexed.workspace)
    write_lines(indexed.corpus / "questions.jsonl", *questions(indexed.corpus)[:6], line)
    result = indexed.run("index")
    assert result.code == 2
    assert "Traceback" not in result.err
    for word in ("questions.jsonl:7", *words):
        assert word in result.err
    assert artefacts(indexed.workspace) == before


def test_malformed_jsonl_in_a_real_process(place: Place) -> None:
    write_lines(place.corpus / "questions.jsonl", *questions(place.corpus)[:2], '{"id": "x",')
    result = run("index", *place.options(), cwd=place.folder)
    refused(result, "corpora/machines/questions.jsonl:3", "malformed JSON")


def test_no_questions_in_the_split(indexed: Place) -> None:
    rows = [row for row in questions(indexed.corpus) if row["split"] == "train"]
    write_lines(indexed.corpus / "questions.jsonl", *rows)
    refused(indexed.run("evaluate"), "no questions in split 'test'", "questions.jsonl")


def test_unreadable_documents_are_warned_of_counted_and_listed(place: Place) -> None:
    documents = place.corpus / "documents"
    (documents / "empty.md").write_text("\n \n", encoding="utf-8")
    (documents / "latin.txt").write_bytes("Größe: 5 µm".encode("latin-1"))
    (documents / "broken.pdf").write_bytes(b"%PDF-1.4 and then nothing of the kind")
    (documents / "sheet.xlsx").write_bytes(b"PK")
    for attempt in ("built", "up to date"):
        result = place.run("index", "--json")
        assert result.code == 0, result.err
        facts = result.document()
        assert (facts["documents"], facts["passages"]) == (6, 24), attempt
        warnings = [line for line in result.err.splitlines() if line.startswith("warning: ")]
        assert facts["warnings"] == len(warnings)
        assert sum("skipped" in line for line in warnings) == 4, attempt
        for name, reason in {
            "empty.md": "no text",
            "latin.txt": "not UTF-8",
            "broken.pdf": "unreadable",
            "sheet.xlsx": "unreadable",
        }.items():
            assert any(name in line and reason in line for line in warnings), name
    shown = place.server.run("corpus", "show", "--json", *place.options(), cwd=place.folder)
    assert shown.code == 0
    assert shown.document()["counts"]["skipped_files"] == 4
    assert sum("skipped" in warning for warning in shown.document()["warnings"]) == 4


# -- configuration ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("retrieval.kk=3", ["retrieval.kk", "unknown key"]),
        ("retriever.k=3", ["retriever", "unknown key"]),
        ("retrieval.k=many", ["retrieval.k", "integer"]),
        ("retrieval.k=0", ["retrieval.k", "greater than or equal to 1"]),
        ("answering.style=rude", ["answering.style", "'cited'"]),
        ("retrieval.k", ["stage.key=value"]),
        ("generator.kind=openai", ["generator.base_url"]),
        ("train_embed.dims=[64, 128]", ["train_embed", "descend"]),
    ],
)
def test_configuration_that_cannot_be(place: Place, override: str, words: list[str]) -> None:
    refused(place.server.run("index", "--set", override, cwd=place.folder), *words)
    assert not place.workspace.exists()


def test_unknown_key_in_a_file_in_a_real_process(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("retrieval:\n  top_k: 3\n", encoding="utf-8")
    refused(run("config", "--config", "mine.yaml", cwd=tmp_path), "mine.yaml", "retrieval.top_k", "hybrid config")


@pytest.mark.parametrize(
    ("text", "words"),
    [("a: [1\nb: 2\n", ["mine.yaml:2", "YAML"]), ("- a\n- b\n", ["mine.yaml", "mapping"])],
)
def test_a_file_that_is_no_configuration(place: Place, text: str, words: list[str]) -> None:
    (place.folder / "mine.yaml").write_text(text, encoding="utf-8")
    result = place.server.run("config", "--config", "mine.yaml", cwd=place.folder)
    assert result.code == 2
    assert "Traceback" not in result.err
    assert all(word in result.err for word in words), result.err


def test_a_configuration_file_that_is_not_there(place: Place) -> None:
    refused(place.server.run("config", "--config", "none.yaml", cwd=place.folder), "none.yaml", "gpu-qlora")


def test_unknown_command_and_option(place: Place) -> None:
    for words, named in (
        (["indx"], "indx"),
        (["data", "frob"], "frob"),
        (["index", "--corpas", "x"], "--corpas"),
        (["evaluate", "--system", "best"], "best"),
    ):
        result = place.server.run(*words, cwd=place.folder)
        assert result.code == 2, words
        assert "Traceback" not in result.err
        assert named in result.err


@pytest.mark.parametrize(
    ("command", "key"), [("evaluate", "evaluation.general_files"), ("train-raft", "raft.general_file")]
)
def test_a_general_file_that_is_not_there(indexed: Place, command: str, key: str) -> None:
    value: object = ["nowhere.jsonl"] if key.endswith("s") else "nowhere.jsonl"
    refused(indexed.run(command, **{key: value}), "nowhere.jsonl", "no such file")


def test_a_model_that_is_not_there(indexed: Place) -> None:
    refused(indexed.run("query", "Why?", embedder__model="./nowhere"), "nowhere", "neither `embedded`")
    (indexed.folder / "hollow").mkdir()
    refused(indexed.run("query", "Why?", generator__model="hollow"), "hollow", "config.json")
    refused(indexed.run("query", "Why?", embedder__model="hollow"), "hollow", "modules.json")


def test_a_dimension_above_the_models(indexed: Place) -> None:
    refused(indexed.run("index", embedder__dim=4096), "embedder.dim is 4096", "lower embedder.dim")


def test_models_that_were_not_pulled_in_a_real_process(place: Place) -> None:
    cache = str(place.folder / "no-cache")
    result = run("index", "--corpus", "corpora/machines", cwd=place.folder, HYBRID_CACHE=cache)
    refused(result, "not in the model cache", "hybrid models pull")


# -- too little ------------------------------------------------------------------------------------------------------


def test_fewer_training_pairs_than_the_rule(indexed: Place) -> None:
    before = artefacts(indexed.workspace)
    refused(
        indexed.run("train-embed", train_embed__min_pairs=200), "40 answerable training questions", "200", "--force"
    )
    refused(indexed.run("train-embed", train_embed__min_dev_questions=30), "10 answerable dev", "30", "--force")
    refused(indexed.run("train-raft", raft__min_examples=100), "RAFT examples", "100", "--force")
    assert artefacts(indexed.workspace) == before
    forced = indexed.run("train-embed", "--force", "--json", train_embed__min_pairs=200, train_embed__epochs=1)
    assert forced.code == 0, forced.err
    assert forced.document()["verdict"] in ("tuned", "kept base")


def test_the_rule_for_pairs_is_two_hundred(indexed: Place) -> None:
    words = tiny_settings(indexed.models)
    place = words.index(next(word for word in words if word.startswith("train_embed.min_pairs=")))
    del words[place - 1 : place + 1]
    refused(
        indexed.server.run("train-embed", "--corpus", "corpora/machines", *words, cwd=indexed.folder),
        "200 are the least",
    )


# -- budgets ---------------------------------------------------------------------------------------------------------


def test_dropped_passages_are_a_warning(indexed: Place) -> None:
    narrow = {"retrieval__k": 6, "generator__context_tokens": 460}
    text = indexed.run("evaluate", **narrow)
    assert text.code == 0, text.err
    assert "warning: in 12 contexts passages were dropped to fit generator.context_tokens" in text.err
    document = indexed.run("evaluate", "--json", **narrow)
    assert document.document()["counts"]["contexts_with_dropped_passages"] == 12
    asked = indexed.run("query", "How heavy is the bare Alder?", "--json", **narrow).document()
    assert asked["dropped"]
    assert len(asked["dropped"]) + len(asked["context"]) == 6
    roomy = indexed.run("evaluate", "--json", retrieval__k=1)
    assert roomy.document()["counts"]["contexts_with_dropped_passages"] == 0


def test_question_and_oracle_that_do_not_fit(indexed: Place) -> None:
    before = artefacts(indexed.workspace)
    refused(indexed.run("diagnose", generator__context_tokens=170), "170 tokens", "raise generator.context_tokens")
    refused(indexed.run("query", "Why?", generator__context_tokens=64), "question alone", "generator.context_tokens")
    refused(indexed.run("train-raft", raft__max_example_tokens=170), "over 170", "raise raft.max_example_tokens")
    assert artefacts(indexed.workspace) == before
