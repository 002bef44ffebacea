"""`hybrid serve` and the `hybrid query` that asks it."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hybrid.serving import client
from tests.cli.commands import Command, Result, on_terminal, refused, run
from tests.cli.conftest import Place
from tests.tiny_generator import tiny_generator

QUESTION = "How heavy is the MX100?"
NESTED = b'{"question": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
HEAVY = ("torch", "transformers", "sentence_transformers", "faiss", "numpy", "pydantic", "yaml", "openvino_genai")


_STARTED: list[Command] = []


@pytest.fixture(autouse=True)
def _no_server_outlives_its_test() -> Iterator[None]:
    yield
    for command in _STARTED:
        if Path(f"/proc/{command.pid}").exists() and command.running():
            command.kill()
            command.wait()
    _STARTED.clear()


def start(place: Place, *args: str, **changed: object) -> Command:
    """A server that is ready."""
    command = place.server.start("serve", *args, *place.options(**changed), cwd=place.folder)
    _STARTED.append(command)
    command.printed("ready: ")
    return command


@pytest.fixture
def serving(indexed: Place) -> Command:
    return start(indexed)


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Settings of a generator that writes letters without end, which may be shown while they are written."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tiny_generator(tmp_path_factory.mktemp("writer") / "model")
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    table = model.get_input_embeddings().weight.data
    for token in range(len(table)):
        if not re.fullmatch("[b-hj-mo-su-z]", tokenizer.decode([token])):
            table[token] = 0
    model.save_pretrained(folder)
    return {"generator__model": str(folder), "answering__guard": "off", "generator__max_new_tokens": 60}


def thin(place: Place, *args: str, **changed: object) -> Result:
    """A query in an interpreter that can import nothing heavy: only a resident process can answer it."""
    code = (
        f"import sys\nsys.modules.update(dict.fromkeys({HEAVY!r}))\n"
        f"sys.argv = ['hybrid', 'query', *{[*args, *place.options(**changed)]!r}]\n"
        "from hybrid.cli.main import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=place.folder, capture_output=True, text=True, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


def forget_answers(place: Place) -> None:
    for file in (place.workspace / "cache").glob("generations.sqlite*"):
        file.unlink()


@pytest.mark.parametrize("form", [[], ["--json"], ["--show-context"], ["--json", "--where", "source=birch.md"]])
def test_the_output_is_the_same_to_the_byte(indexed: Place, serving: Command, form: list[str]) -> None:
    served = thin(indexed, QUESTION, *form)
    assert served.code == 0, served.err
    own = run("query", QUESTION, *form, "--no-daemon", *indexed.options(), cwd=indexed.folder)
    assert served == own
    assert served.out


def test_only_its_user_can_ask_and_it_leaves_nothing_behind(indexed: Place) -> None:
    for end in (Command.interrupt, Command.terminate):
        command = start(indexed)
        path = indexed.workspace / client.SOCKET
        assert stat.S_ISSOCK(path.stat().st_mode) and stat.S_IMODE(path.stat().st_mode) == 0o600
        end(command)
        result = command.wait()
        assert result.code == 0, result.err
        assert "Traceback" not in result.err
        assert not path.exists()


def test_a_second_server_is_refused_and_the_first_goes_on(indexed: Place, serving: Command) -> None:
    refused(indexed.run("serve"), "another process serves", "serve.sock")
    assert thin(indexed, QUESTION).code == 0
    assert thin(indexed, QUESTION, "--socket", "other.sock").code != 0, "nobody serves there yet"
    elsewhere = start(indexed, "--socket", "other.sock")
    assert thin(indexed, QUESTION, "--socket", "other.sock").code == 0
    elsewhere.interrupt()
    assert elsewhere.wait().code == 0


def test_after_a_kill_queries_answer_and_the_next_server_starts(indexed: Place) -> None:
    command = start(indexed)
    answer = thin(indexed, QUESTION)
    command.kill()
    assert command.wait().code == -9
    assert (indexed.workspace / client.SOCKET).exists(), "a dead socket"
    assert indexed.run("query", QUESTION) == answer
    again = start(indexed)
    assert thin(indexed, QUESTION) == answer
    again.interrupt()
    again.wait()


def test_another_configuration_is_answered_by_the_client_itself(indexed: Place, serving: Command) -> None:
    assert thin(indexed, QUESTION, retrieval__k=1).code != 0
    own = indexed.run("query", QUESTION, "--json", retrieval__k=1)
    assert len(own.document()["context"]) == 1
    assert thin(indexed, QUESTION, "--system", "base").code == 0
    refused(indexed.run("query", QUESTION, "--system", "tuned"), "nothing is tuned")


def test_a_changed_index_is_loaded_anew_and_a_stale_one_is_told(indexed: Place, serving: Command) -> None:
    new = indexed.corpus / "documents" / "new.md"
    new.write_text("# MX900\n\nThe MX900 hums in a low voice.\n", encoding="utf-8")
    refused(indexed.run("query", QUESTION), "changed since it was indexed", "hybrid index")
    assert indexed.run("index").code == 0
    served = thin(indexed, "How does the MX900 hum?", "--json")
    assert served.code == 0, served.err
    assert any("MX900 hums" in passage["text"] for passage in served.document()["context"])


def test_a_question_that_does_not_fit_is_refused_in_the_same_words(indexed: Place, serving: Command) -> None:
    long = "Why? " * 400
    served = thin(indexed, long)
    refused(served, "takes more than 440 tokens")
    assert served == indexed.run("query", long, "--no-daemon")
    unknown = thin(indexed, QUESTION, "--where", "year>2000")
    refused(unknown, "no passage has a field 'year'", "section")
    assert unknown == indexed.run("query", QUESTION, "--where", "year>2000", "--no-daemon")
    assert thin(indexed, QUESTION).code == 0


def test_questions_of_one_session_are_all_served(indexed: Place, serving: Command) -> None:
    code = f"import sys\nsys.modules.update(dict.fromkeys({HEAVY!r}))\nfrom hybrid.cli.main import main\nmain()"
    asked = subprocess.run(
        [sys.executable, "-c", code, "query", "--json", *indexed.options()],
        input=f"{QUESTION}\nWhich seal?\n\n",
        cwd=indexed.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.count('"question"') == 2


def request(place: Place, **changed: Any) -> bytes:
    """A line as the client sends it."""
    options = place.options()
    wanted = {
        "protocol": client.PROTOCOL,
        "version": client.__version__,
        "folder": str(place.folder),
        "workspace": os.path.realpath(place.workspace),
        "corpus": os.path.realpath(place.corpus),
        "config": None,
        "overrides": options[3::2],
        "system": "live",
        "cache": os.path.realpath(client_cache()),
        "question": QUESTION,
        "where": [],
        "ranks": False,
        "stream": True,
    }
    return json.dumps(wanted | changed).encode() + b"\n"


def client_cache() -> Path:
    from hybrid.digests import cache_folder

    return cache_folder()


def converse(place: Place, line: bytes) -> list[dict[str, Any]]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(place.workspace / client.SOCKET))
        connection.sendall(line)
        with connection.makefile("rb") as stream:
            return [json.loads(reply) for reply in stream]


def test_what_is_no_request_is_refused_and_harms_nobody(indexed: Place, serving: Command) -> None:
    for line in (b"\n", b"hello\n", b"[1]\n", b'{"protocol": 1}\n', b"\xff\xfe\n", b"x" * 50_000_000 + b"\n", NESTED):
        assert "not a request" in converse(indexed, line)[-1]["refused"], line[:20]
    strange = ({"question": 7}, {"overrides": 3}, {"system": "none"}, {"where": 3}, {"where": [3]}, {"ranks": 1})
    strange += (
        {"folder": 3},
        {"folder": "\0"},
        {"config": "\0"},
        {"config": "/"},
        {"overrides": [5]},
        {"where": {"a": "b"}},
    )
    strange += ({"question": "\ud800"}, {"system": ["live"]}, {"protocol": "3"}, {"cache": None}, {"workspace": {}})
    for changed in ({"version": "0.0"}, {"workspace": "/"}, *strange):
        (reply,) = [line for line in converse(indexed, request(indexed, **changed)) if "accepted" not in line]
        assert "refused" in reply and "fault" not in reply["refused"], (changed, reply)
    assert "reply" in converse(indexed, request(indexed))[-1]
    assert "Traceback" not in (serving.folder / "stderr").read_text(encoding="utf-8")


def test_a_crowd_is_answered_by_the_one_server_and_who_leaves_costs_nobody_else(
    indexed: Place, serving: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    num, leaving = 60, 10
    wanted = {key: value for key, value in json.loads(request(indexed)).items() if key not in ("stream", "ranks")}
    del wanted["question"], wanted["where"]

    def ask(number: int) -> Any:
        return client.ask_served(indexed.workspace / client.SOCKET, wanted, f"How heavy is the MX{number}?")

    def leave(number: int) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(str(indexed.workspace / client.SOCKET))
            connection.sendall(request(indexed, question=f"Who leaves {number}?"))
            connection.recv(1)

    with ThreadPoolExecutor(num + leaving) as crowd:
        asked = [crowd.submit(ask, number) for number in range(num)]
        left = [crowd.submit(leave, number) for number in range(leaving)]
        answers = [one.result() for one in asked]
        assert [one.result() for one in left] == [None] * leaving
    assert [answer["record"]["question"] for answer in answers] == [f"How heavy is the MX{n}?" for n in range(num)]
    assert "the server is busy" in capsys.readouterr().err
    assert "Traceback" not in (serving.folder / "stderr").read_text(encoding="utf-8")


def test_a_fault_while_loading_anew_is_told_as_one(indexed: Place, serving: Command) -> None:
    manifest = indexed.workspace / "index-base" / "manifest.json"
    before = manifest.read_text(encoding="utf-8")
    manifest.write_text(json.dumps(json.loads(before) | {"inputs": {}}), encoding="utf-8")
    assert converse(indexed, request(indexed))[-1] == {"refused": "a fault of hybrid's"}
    assert "KeyError" in (serving.folder / "stderr").read_text(encoding="utf-8")
    manifest.write_text(before, encoding="utf-8")
    assert "reply" in converse(indexed, request(indexed))[-1]


def test_a_client_that_leaves_or_says_nothing_keeps_nobody_waiting(indexed: Place, writer: dict[str, Any]) -> None:
    serving = start(indexed, **writer)
    path = str(indexed.workspace / client.SOCKET)
    silent = socket.socket(socket.AF_UNIX)
    silent.connect(path)
    for _ in range(3):
        forget = socket.socket(socket.AF_UNIX)
        forget.connect(path)
        overrides = indexed.options(**writer)[3::2]
        forget.sendall(request(indexed, overrides=overrides))
        with forget.makefile("rb") as stream:
            while "accepted" in (line := json.loads(stream.readline())):
                pass
            assert "text" in line, "in mid-answer"
        forget.close()
    started = time.monotonic()
    assert thin(indexed, QUESTION, **writer).code == 0
    assert time.monotonic() - started < 60
    silent.close()
    serving.interrupt()
    result = serving.wait()
    assert result.code == 0 and "Traceback" not in result.err, result.err


def test_a_terminal_shows_an_answer_while_it_is_written_where_none_is_withheld(
    indexed: Place, writer: dict[str, Any]
) -> None:
    served = start(indexed, **writer)
    through_socket, _ = on_terminal(indexed.folder, QUESTION, *indexed.options(**writer))
    forget_answers(indexed)
    piped = thin(indexed, QUESTION, **writer)
    served.interrupt()
    served.wait()
    forget_answers(indexed)
    own, pieces = on_terminal(indexed.folder, QUESTION, *indexed.options(**writer))
    assert through_socket == own == piped.out
    assert pieces > 5


def test_nothing_is_shown_early_that_may_be_withheld(indexed: Place, writer: dict[str, Any]) -> None:
    for guard in ("off", "abstain"):
        options = writer | {"answering__guard": guard}
        serving = start(indexed, **options)
        replies = converse(indexed, request(indexed, overrides=indexed.options(**options)[3::2]))
        serving.interrupt()
        serving.wait()
        forget_answers(indexed)
        assert replies[-1]["reply"]["record"]["generated"]
        assert any("text" in reply for reply in replies) == (guard == "off")


def test_a_server_that_dies_without_an_answer_is_replaced_without_a_word(
    indexed: Place, writer: dict[str, Any]
) -> None:
    options = writer | {"generator__max_new_tokens": 200}
    serving = start(indexed, **options)
    asked = indexed.server.start("query", QUESTION, *indexed.options(**options), cwd=indexed.folder)
    os.kill(serving.pid, signal.SIGSTOP)
    time.sleep(0.5)
    serving.kill()
    serving.wait()
    result = asked.wait()
    assert result.code == 0 and result.out, result.err
    assert result == indexed.run("query", QUESTION, "--no-daemon", **options)


def test_a_socket_that_cannot_be_is_refused_before_anything_is_loaded(indexed: Place) -> None:
    refused(indexed.run("serve", "--socket", "x" * 120), "longer than a socket's path")
    (indexed.folder / "file").write_text("mine", encoding="utf-8")
    refused(indexed.run("serve", "--socket", "file"), "is no socket")
    assert (indexed.folder / "file").read_text(encoding="utf-8") == "mine"
    refused(indexed.run("serve", "--socket", "file/serve.sock"), "no socket can be made there")
