"""Every command's help carries an example that runs."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import httpx
import pytest
from click.testing import CliRunner

from hybrid.cli.main import cli
from hybrid.jsonl import read_jsonl, write_jsonl
from tests.cli.commands import Command, CommandServer, Result
from tests.tiny_corpus import tiny_corpus, tiny_settings

ORDER = (
    "models list",
    "models pull",
    "models",
    "corpus import",
    "corpus",
    "corpus show",
    "corpus stats",
    "corpus diff",
    "config",
    "synth",
    "review serve",
    "review",
    "review status",
    "review merge",
    "audit",
    "data split",
    "data commit",
    "data log",
    "data diff",
    "data checkout",
    "data card",
    "data",
    "data export",
    "preflight",
    "index",
    "evaluate",
    "diagnose",
    "prompt",
    "train-embed",
    "train-raft",
    "merge",
    "query",
    "ask",
    "serve",
    "loop",
    "compare",
)
"""Each needs what those before it made."""


def walk(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Commands and groups below a group, by their full names."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        yield f"{prefix}{name}", command
        if isinstance(command, click.Group):
            yield from walk(command, f"{prefix}{name} ")


COMMANDS = dict(walk(cli))


def example_of(name: str) -> list[str]:
    """The words of a command's example, without `hybrid`."""
    found = re.search(r"Example:\n\s+hybrid (.+)", COMMANDS[name].help or "")
    assert found is not None, f"{name}: no Example: line followed by a command"
    return shlex.split(found[1])


def named_by(words: list[str]) -> tuple[str, click.Command]:
    """The command that the words of an example call, groups included in the name."""
    name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
    return name, COMMANDS[name]


def served(command: Command) -> Result:
    """What a command that serves until it is interrupted ends with; one question is accepted at its page before."""
    url = command.address()
    item = json.loads(httpx.get(f"{url}items/0").text)
    label = {"id": item["id"], "record": item["record"], "decision": "accept"}
    assert httpx.post(f"{url}labels", json=label, headers={"Origin": url.rsplit("/", 2)[0]}).status_code == 200
    command.interrupt()
    return command.wait()


def resident(command: Command) -> Result:
    """What `hybrid serve` ends with after it was ready."""
    command.printed("serve.sock")
    command.interrupt()
    return command.wait()


def accepts(command: click.Command, option: str) -> bool:
    """Whether a command has an option."""
    return any(option in parameter.opts for parameter in command.params)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the examples' paths mean something small."""
    folder = tmp_path_factory.mktemp("checkout")
    tiny_corpus(folder / "corpora" / "pumps")
    unsplit = tiny_corpus(folder / "corpora" / "mine") / "questions.jsonl"
    write_jsonl(unsplit, [{k: v for k, v in row.items() if k != "split"} for _, row in read_jsonl(unsplit)])
    beir = folder / "datasets" / "scifact"
    (beir / "qrels").mkdir(parents=True)
    write_jsonl(beir / "corpus.jsonl", [{"_id": "d1", "title": "Cells", "text": "Cells divide."}])
    write_jsonl(beir / "queries.jsonl", [{"_id": "1", "text": "Do cells divide?"}])
    (beir / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\td1\t1\n", encoding="utf-8")
    qas = [{"id": "s1", "question": "What divides?", "answers": [{"text": "Cells"}]}]
    squad = {"data": [{"title": "Cells", "paragraphs": [{"context": "Cells divide.", "qas": qas}]}]}
    (folder / "dev-v2.0.json").write_text(json.dumps(squad), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def results(checkout: Path, models: Path, server: CommandServer) -> dict[str, tuple[Result, Result | None]]:
    """Every example's result as text and, where the command can, as JSON."""
    found = {}
    for name in ORDER:
        words = example_of(name)
        called, command = named_by(words)
        length = len(called.split())
        # before the example's own options, so that those win
        tiny = tiny_settings(models) if accepts(command, "--set") else []
        words = [*words[:length], *tiny, *words[length:]]
        if called == "ask":
            # not into the cache folder of whoever runs the tests
            words += ["--workspace", "indexes/asked"]
        if called == "review serve":
            words.append("--no-open")
            text, document = (served(server.start(*words, *json_flag, cwd=checkout)) for json_flag in ([], ["--json"]))
            found[name] = (text, document)
            continue
        if called == "serve":
            found[name] = (
                resident(server.start(*words, cwd=checkout)),
                resident(server.start(*words, "--json", cwd=checkout)),
            )
            continue
        text = server.run(*words, cwd=checkout)
        document = None
        if accepts(command, "--json"):
            if called in ("corpus import", "review merge", "data split", "data checkout", "data export"):
                words[-1] += "-again"
            document = server.run(*words, "--json", cwd=checkout)
        found[name] = (text, document)
    return found


def test_the_order_names_every_command() -> None:
    assert sorted(ORDER) == sorted(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_the_command_does(name: str) -> None:
    result = CliRunner().invoke(cli, [*name.split(), "--help"])
    assert result.exit_code == 0
    assert "Example:" in result.output
    first = (COMMANDS[name].help or "").splitlines()[0]
    assert len(first.split()) >= 3
    assert first.split()[0] in result.output
    called, _ = named_by(example_of(name))
    assert called.startswith(name)
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Option) and "--help" not in parameter.opts:
            assert parameter.help, f"{name} {parameter.opts[0]} has no help"


@pytest.mark.parametrize("name", COMMANDS)
def test_example_runs(name: str, results: dict[str, tuple[Result, Result | None]]) -> None:
    text, _ = results[name]
    assert text.code == 0, text.err
    assert text.out.strip()
    assert "Traceback" not in text.err


@pytest.mark.parametrize("name", [name for name in COMMANDS if accepts(named_by(example_of(name))[1], "--json")])
def test_json_is_one_document_alone_on_stdout(name: str, results: dict[str, tuple[Result, Result | None]]) -> None:
    _, result = results[name]
    assert result is not None
    assert result.code == 0, result.err
    assert result.document()
    assert "NaN" not in result.out


def test_what_the_examples_report(results: dict[str, tuple[Result, Result | None]], checkout: Path) -> None:
    def document(name: str) -> dict[str, object]:
        result = results[name][1]
        assert result is not None
        value = result.document()
        assert isinstance(value, dict)
        return value

    index = document("index")
    assert (index["documents"], index["passages"], index["questions"]) == (6, 24, 68)
    assert document("corpus import")["passages"] == 1
    assert document("review serve")["reviewer"] == "anna"
    assert document("review merge")["written"] == 1
    assert document("corpus diff") == {"added": [], "removed": [], "changed": [], "same": 6}
    stats = document("corpus stats")
    assert (stats["documents"], stats["passages"], stats["languages"]) == (6, 24, {"en": 6})
    query = document("query")
    assert query["question"] == "How tight are the tie rods of the H20?"
    assert query["context"]
    for name in ("train-embed", "train-raft"):
        assert document(name)["verdict"] in ("tuned", "kept base")
    assert document("merge")["method"] == "slerp"
    assert (checkout / str(document("loop")["report"])).is_file()
    shown = results["compare"][1]
    assert shown is not None
    assert {row["name"] for row in shown.document()} >= {"ndcg@10", "answer_score", "general"}


def test_the_first_steps_are_commands() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    steps = re.findall(r"^\s+hybrid (.+)$", result.output, re.MULTILINE)
    assert len(steps) >= 3
    for step in steps:
        assert named_by(shlex.split(step))[0] in COMMANDS
