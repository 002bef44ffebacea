"""Review from the command line: served, killed, gone on with, counted and merged; and what is refused."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hybrid.cli.main import cli
from hybrid.errors import UserError
from tests.cli.conftest import Place
from tests.cli.test_errors import refused

FILE = "corpora/machines/questions.jsonl"


def serving(place: Place, reviewer: str, *more: str) -> Any:
    """The command, started."""
    options = ["--reviewer", reviewer, "--no-open", *more, *place.options()]
    return place.server.start("review", "serve", FILE, *options, cwd=place.folder)


def press(page: Any, keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_selector("main[aria-busy=false]")


def test_two_people_review_one_is_killed_and_what_they_agree_on_is_merged(indexed: Place, browser: Any) -> None:
    page = browser.new_page()
    killed = serving(indexed, "anna")
    page.goto(killed.address())
    page.wait_for_selector("main[aria-busy=false]")
    press(page, "aar1")
    killed.kill()
    killed.wait()
    for reviewer, before, keys in (("anna", 3, "a"), ("ben", 0, "aaaar3")):
        command = serving(indexed, reviewer)
        page.goto(command.address())
        page.wait_for_selector("main[aria-busy=false]")
        assert page.locator("#counts").text_content().startswith(f"{before} of 68 reviewed")
        assert page.locator("mark").first.is_visible()
        press(page, keys)
        command.interrupt()
        ended = command.wait()
        assert ended.code == 0 and "of 68 reviewed" in ended.err and "Traceback" not in ended.err
    page.close()
    rows = [json.loads(line) for line in (indexed.folder / FILE).read_text().splitlines()]
    told = indexed.run("review", "status", FILE, "--json").document()
    assert told["counts"]["accepted"] == 3 and told["counts"]["unreviewed"] == 63
    assert told["disputed"] == {rows[2]["id"]: {"anna": "reject", "ben": "accept"}}
    assert told["agreement"][0]["same"]["num"] == 4 and told["agreement"][0]["same"]["value"] == 0.75
    text = indexed.run("review", "status", FILE).out
    assert "anna and ben" in text and f"disputed: {rows[2]['id']} (anna: reject, ben: accept)" in text
    disputed = serving(indexed, "cleo", "--disputed", "--json")
    disputed.address()
    disputed.interrupt()
    assert disputed.wait().document()["questions"] == 1
    merged = indexed.run("review", "merge", FILE, "--out", "kept/reviewed.jsonl", "--json").document()
    out = indexed.folder / merged["path"]
    assert [json.loads(line) for line in out.read_text().splitlines()] == [rows[0], rows[1], rows[3]]
    assert json.loads((indexed.folder / merged["review"]).read_text())["reviewers"][1]["name"] == "ben"
    refused(indexed.run("review", "merge", FILE, "--out", "kept/reviewed.jsonl"), "is there already", "--out")


def test_what_is_refused(indexed: Place, tmp_path: Path) -> None:
    refused(indexed.run("review", "serve", "none.jsonl", "--reviewer", "anna"), "none.jsonl", "no such file")
    refused(indexed.run("review", "status", "none.jsonl"), "none.jsonl", "no such file")
    (tmp_path / "empty.jsonl").write_text("")
    refused(indexed.run("review", "serve", "empty.jsonl", "--reviewer", "anna"), "empty.jsonl", "no questions in it")
    (tmp_path / "bad.jsonl").write_text('{"id": "q"}\n')
    assert "bad.jsonl:1" in indexed.run("review", "status", "bad.jsonl").err
    refused(indexed.run("review", "serve", FILE, "--reviewer", "../anna"), "'../anna'", "--reviewer")
    refused(indexed.run("review", "serve", FILE, "--reviewer", "anna", "--disputed"), "nothing is disputed")
    refused(indexed.run("review", "merge", FILE, "--out", "out.jsonl"), "nothing of", "hybrid review serve")
    nameless = CliRunner().invoke(cli, ["review", "serve", str(indexed.folder / FILE)], env={"USER": ""})
    assert isinstance(nameless.exception, UserError) and "--reviewer" in str(nameless.exception)
    assert not (indexed.workspace / "reviews").exists()
    status = indexed.run("review", "status", FILE)
    assert status.code == 0 and "68 questions: 68 unreviewed" in status.out


@pytest.mark.parametrize("reviewer", ["anna", "ben"])
def test_a_port_and_a_reviewer_that_are_taken(indexed: Place, reviewer: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused(indexed.run("review", "serve", FILE, "--reviewer", reviewer, "--port", port), port, "is taken")
    first = serving(indexed, "anna")
    first.address()
    if reviewer == "anna":
        refused(indexed.run("review", "serve", FILE, "--reviewer", "anna"), "anna is already reviewing")
    else:
        # two people at once, and other commands beside them
        second = serving(indexed, "ben")
        second.address()
        assert indexed.run("corpus", "show").code == 0
        second.interrupt()
        assert second.wait().code == 0
    first.interrupt()
    assert first.wait().code == 0
