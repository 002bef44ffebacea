"""A model of the hub, fetched from a hub of one model in this process."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hybrid.config import GeneratorConfig
from hybrid.corpus.passages import CorpusFolder
from hybrid.corpus.task import Task
from hybrid.errors import UserError
from hybrid.lifecycle.teacher import check_terms
from hybrid.models import find_local, resolve
from hybrid.preflight.permission import licence_of_model

NAME, COMMIT = "team/llama", "a" * 40
FILES = {
    "config.json": b"{}",
    "README.md": b"---\nlicense: llama3\n---\n# A Llama\n",
    "model.safetensors": b"weights",
    "model.gguf": b"not wanted",
}


class Hub(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        api = f"/api/models/{NAME}"
        if self.path.startswith(f"{api}/revision/"):
            self._send(json.dumps({"id": NAME, "sha": COMMIT, "siblings": []}).encode())
        elif self.path.startswith(f"{api}/tree/{COMMIT}"):
            entries = [{"type": "file", "path": n, "size": len(c), "oid": _id(c)} for n, c in FILES.items()]
            self._send(json.dumps(entries).encode())
        elif (name := self.path.removeprefix(f"/{NAME}/resolve/{COMMIT}/")) in FILES:
            self._send(FILES[name], ETag=f'"{_id(FILES[name])}"', **{"X-Repo-Commit": COMMIT})
        else:
            self.send_error(404)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _send(self, content: bytes, **headers: str) -> None:
        self.send_response(200)
        for key, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None: ...


def _id(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the hub is asked."""
    from huggingface_hub import constants

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    address = f"http://127.0.0.1:{server.server_port}"
    for name in ("HUGGINGFACE_CO_URL_TEMPLATE", "ENDPOINT"):
        monkeypatch.setattr(constants, name, getattr(constants, name).replace(constants.ENDPOINT, address))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    Hub.asked.clear()
    yield Hub.asked
    server.shutdown()
    server.server_close()


def test_the_model_card_comes_with_the_model_and_says_its_licence(hub: list[str]) -> None:
    assert licence_of_model(NAME, "generator", Task()) == ("", "")
    assert find_local(NAME, "generator") is None and not hub, "to look for a model fetches nothing"
    folder = resolve(NAME, "generator")
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    num_asked = len(hub)
    assert find_local(NAME, "generator") == folder and len(hub) == num_asked
    assert licence_of_model(NAME, "generator", Task()) == ("llama3", "README.md")


def test_a_llama_of_the_hub_may_not_teach_another_model(hub: list[str], tmp_path: Path) -> None:
    teacher = GeneratorConfig(model=NAME)
    base = GeneratorConfig(model="nobody/base")
    with pytest.raises(UserError, match="llama3"):
        check_terms(teacher, base, CorpusFolder(tmp_path), accepted=False)
    assert not any("base" in path for path in hub), "the base is not fetched to learn its licence"
    (tmp_path / "task.yaml").write_text("model_licences: {nobody/base: llama3}\n", encoding="utf-8")
    licence, verdict = check_terms(teacher, base, CorpusFolder(tmp_path), accepted=False)
    assert licence == "llama3" and "may teach" in verdict.reason
