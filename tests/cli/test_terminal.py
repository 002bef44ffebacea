"""Commands that show documents let no control character of them, of names, questions or libraries reach a terminal."""

import json
import os
import re
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hybrid.controls import visible
from tests.cli.commands import run, write_lines
from tests.cli.conftest import Place

HOSTILE = "\x1b]0;PWNED\x07 \x1b[31mRED\x1b[2J \x9b1m \u202eevil \u2066 \u200f \x7f good\rbad"
NAME = "\x1b[31m\u202ename"


@contextmanager
def terminal(pieces: list[str]) -> Iterator[int]:
    """A terminal's descriptor for commands to write to; all that it shows joins `pieces` in the end."""
    master, slave = os.openpty()
    # a bar shows nothing on a terminal without columns
    termios.tcsetwinsize(slave, (40, 100))
    read: list[bytes] = []

    def read_all() -> None:
        try:
            while piece := os.read(master, 65536):
                read.append(piece)
        except OSError:
            # how a terminal ends whose other side is closed
            pass

    reader = threading.Thread(target=read_all)
    reader.start()
    try:
        yield slave
    finally:
        os.close(slave)
        reader.join()
        os.close(master)
        pieces.append(b"".join(read).decode().replace("\r\n", "\n"))


def seen(place: Place, *args: str) -> tuple[int, str]:
    """Exit code and all that a command shows on a terminal, stdout and stderr."""
    shown: list[str] = []
    with terminal(shown) as slave:
        name = os.ttyname(slave)
        pid = place.server.ask({"args": list(args), "cwd": str(place.folder), "stdout": name, "stderr": name})
        code = place.server.ask({"wait": pid})
    return code, shown[0]


def harmless(shown: str) -> None:
    """Nothing but what a progress bar needs: CR before a line, the cursor up."""
    own = re.sub(r"\x1b\[A|\r(?=[a-z ]|$)", "", shown)
    bars = re.sub(r"\r *", "", own)
    assert visible(bars) == bars
    assert "good\rbad" not in shown


@pytest.fixture
def hostile(place: Place) -> Place:
    """The tiny corpus with a document, metadata, a file name and a question that hold what a terminal obeys."""
    documents = place.corpus / "documents"
    title = json.dumps(HOSTILE)
    escaped = "".join(f"&#{ord(char)};" for char in HOSTILE.replace("\x9b", "").replace("\r", ""))
    (documents / "page.html").write_text(
        f"<html><body><h1>{escaped}</h1><p>The Yew weighs 5 kg {escaped}.</p></body></html>", encoding="utf-8"
    )
    (documents / "front.md").write_text(
        f"---\nvendor: {title}\n---\n# A {HOSTILE[-30:]}\n\nThe Ash is \u202e5 m high.\n", encoding="utf-8"
    )
    (documents / f"{NAME}.md").write_text("# Hidden\n\nNever read.\n", encoding="utf-8")
    (documents / "a\nwarning: forged.md").write_text("# Forged\n\nNever read.\n", encoding="utf-8")
    with (place.corpus / "questions.jsonl").open("a", encoding="utf-8") as stream:
        row = {"id": "h1", "question": f"How heavy is the Yew {HOSTILE}?", "answers": ["5 kg"], "split": "dev"}
        evidence = [{"source": "page.html", "quote": "The Yew weighs 5 kg"}]
        stream.write(json.dumps({**row, "evidence": evidence, "topic": HOSTILE, "group": HOSTILE}) + "\n")
    return place


def test_commands_that_show_documents_show_no_control_character(hostile: Place) -> None:
    options = hostile.options()
    folder = hostile.folder
    commands = [
        ["index"],
        ["corpus", "show", "--limit", "40"],
        ["corpus", "stats"],
        ["query", "--show-context", f"How heavy is the Yew {HOSTILE}?"],
        ["query", "--show-context", "--json", f"How heavy is the Yew {HOSTILE}?"],
        ["query", "--where", f"{HOSTILE}=1", "How heavy?"],
        ["audit"],
        ["evaluate", "--set", "evaluation.split=dev"],
        ["diagnose", "--set", "diagnosis.orders=1", "--set", "diagnosis.max_questions=4"],
        ["synth"],
        ["data", "commit", "-m", HOSTILE],
        ["data", "log"],
        ["data", "diff"],
        ["data", "card"],
        ["data", "export", "--to", "beir", f"out{NAME}"],
        ["data", "export", "--to", "hf", f"hf{NAME}"],
    ]
    shown = {}
    for command in commands:
        code, text = seen(hostile, *command, *options)
        assert code == (2 if "--where" in command else 0), (command, text)
        harmless(text)
        shown[" ".join(command[:2])] = text
    assert r"\x1b]0;PWNED\x07 \x1b[31mRED\x1b[2J" in shown["corpus show"]
    assert r"\x1b[31m\u202ename.md: skipped, its name holds control characters: rename it" in shown["index"]
    assert "\nwarning: forged" not in shown["index"]
    for page in hostile.workspace.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert visible(text) == text, page
    assert len(list(hostile.workspace.rglob("report.html"))) == 2
    for card in folder.glob("hf*/README.md"):
        assert visible(card.read_text(encoding="utf-8")) == card.read_text(encoding="utf-8")


def test_json_is_whole_for_programs_and_harmless_on_a_terminal(hostile: Place) -> None:
    result = hostile.run("corpus", "show", "--limit", "40", "--json")
    assert visible(result.out) == result.out
    told = result.document()
    page = next(passage for passage in told["passages"] if passage["source"] == "page.html")
    assert page["heading"].startswith("\x1b]0;PWNED\x07 \x1b[31mRED")
    assert "\u202eevil" in page["text"]


_PRINTS = """
import logging, sys, traceback, warnings
from hybrid.cli import main, show
from hybrid.progress import tell_once, track
text = sys.argv[1]
def all_ways(*_, **__):
    print(text)
    print(text, file=sys.stderr)
    sys.stdout.writelines([text, "\\n"])
    tell_once(text)
    show.table([text, "b"], [[text, "c"]], text)
    warnings.warn(text)
    logging.getLogger("library").error(text)
    for _ in track([1, 2], total=2, description="progress " + text[:3]):
        pass
    raise ValueError(text)
main.cli.main = all_ways
sys.warnoptions.append("default")
main.main()
"""


def test_whatever_is_printed_next_month_is_harmless(tmp_path: Path) -> None:
    pieces: list[str] = []
    with terminal(pieces) as slave:
        command = [sys.executable, "-c", _PRINTS, HOSTILE]
        code = subprocess.run(command, cwd=tmp_path, stdout=slave, stderr=slave, check=False).returncode
    assert code == 1
    shown = pieces[0]
    assert "progress" in shown and "2/2" in shown
    harmless(shown)
    # print twice, writelines, tell_once, three times in the table, a warning, a log, an exception
    assert shown.count(r"\x1b]0;PWNED\x07") >= 10


def test_a_pipe_gets_text_without_commands_and_all_of_it(tmp_path: Path) -> None:
    result = run("query", "--where", f"{HOSTILE.replace(chr(0), '')}=", "x", cwd=tmp_path)
    assert result.code == 2
    assert visible(result.err) == result.err


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("c.yaml", "retrieval: {k: '" + "x" * 500_000 + "'}", "valid integer"),
        ("c.yaml", "'" + "x" * 500_000 + "': 1", "not valid YAML"),
        ("c.yaml", "retrieval: " + "[" * 20_000, "nested more than 100 deep"),
        ("c.yaml", "seed: 2026-13-45", "month must be in 1..12"),
    ],
)
def test_a_huge_or_strange_value_gives_a_short_error(tmp_path: Path, file: str, content: str, words: str) -> None:
    (tmp_path / file).write_text(content, encoding="utf-8")
    result = run("config", "--config", file, cwd=tmp_path)
    assert result.code == 2
    assert words in result.err and "Traceback" not in result.err
    assert len(result.err) < 2_000


def test_a_huge_value_of_a_question_file_gives_a_short_error(place: Place) -> None:
    write_lines(place.corpus / "questions.jsonl", {"id": "x", "question": "?", "split": "s" * 5_000_000})
    result = place.run("index")
    assert result.code == 2
    assert "is not one of train, dev, test" in result.err and "questions.jsonl:1" in result.err
    assert len(result.err) < 2_000
