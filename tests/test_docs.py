"""What the documents promise is there."""

import re
import subprocess
from pathlib import Path

import click
import pytest

from hybrid.cli.main import cli

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|!\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_SOMEBODYS_PATH = re.compile(r"(?<![\w.{}])/(?:home|Users|root|workspace|mnt|w[o]rk)/[\w.]")


def documents(repository: Path) -> list[Path]:
    return [
        file
        for file in (
            repository / "README.md",
            repository / "CHANGELOG.md",
            *sorted((repository / "docs").rglob("*.md")),
        )
        if file.is_file()
    ]


def tracked(repository: Path) -> list[Path]:
    """Files that a commit would hold."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [repository / name for name in listed.stdout.split("\0") if name]


def make_targets(repository: Path) -> list[str]:
    shown = subprocess.run(["make", "help"], cwd=repository, capture_output=True, text=True, check=True)
    targets = re.findall(r"^([a-z-]+) {2,}\S", shown.stdout, re.MULTILINE)
    assert {"demo", "test", "help"} <= set(targets)
    return targets


def command_names() -> list[str]:
    names = []
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        inner = command.commands if isinstance(command, click.Group) else {}
        names += [f"{name} {part}" for part in inner] or [name]
    return names


@pytest.mark.parametrize("name", command_names())
def test_every_command_is_documented(repository: Path, name: str) -> None:
    text = " ".join(file.read_text(encoding="utf-8") for file in documents(repository) if file.name != "CHANGELOG.md")
    assert re.search(rf"\bhybrid {re.escape(name)}\b", text)


def test_the_readme_names_every_make_target(repository: Path) -> None:
    text = (repository / "README.md").read_text(encoding="utf-8")
    missing = [name for name in make_targets(repository) if not re.search(rf"\bmake {name}(?![\w-])", text)]
    assert missing == []


def test_every_make_target_says_what_it_does(repository: Path) -> None:
    text = (repository / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert phony is not None
    assert sorted(make_targets(repository)) == sorted(phony[1].split())


def test_documents_name_only_commands_and_targets_that_exist(repository: Path) -> None:
    names = set(command_names())
    groups = {name.split()[0] for name in names if " " in name}
    targets = set(make_targets(repository))
    for file in documents(repository):
        text = file.read_text(encoding="utf-8")
        code = "\n".join(re.findall(r"`([^`\n]+)`", text) + _FENCE.findall(text))
        named = re.findall(r"\bhybrid ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", code)
        called = {f"{name} {sub}" if name in groups and sub else name for name, sub in named}
        unknown = called - names - groups
        unknown |= set(re.findall(r"\bmake ([a-z][a-z-]*)", code)) - targets
        assert unknown == set(), file.name


def test_the_changelog_has_a_section(repository: Path) -> None:
    text = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[?(Unreleased|\d+\.\d+\.\d+)\]?", text, re.MULTILINE)


def test_relative_links_resolve(repository: Path) -> None:
    broken = []
    for file in documents(repository):
        text = _FENCE.sub("", file.read_text(encoding="utf-8"))
        for match in _LINK.finditer(text):
            link = (match[1] or match[2]).partition("#")[0]
            if link and not re.match(r"[a-z]+:", link) and not (file.parent / link).exists():
                broken.append(f"{file.relative_to(repository)}: {link}")
    assert broken == []


def test_no_path_of_anybodys_machine(repository: Path) -> None:
    found = []
    for file in tracked(repository):
        if not file.is_file() or file == Path(__file__).resolve():
            continue
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{file.relative_to(repository)}:{number}: {line.strip()[:80]}"
            for number, line in enumerate(lines, start=1)
            if _SOMEBODYS_PATH.search(line)
        ]
    assert found == []


@pytest.mark.parametrize("text", ["see /root/main/x", '"/home/me/a.txt"', "cd /Users/me"])
def test_such_paths_would_be_found(text: str) -> None:
    assert _SOMEBODYS_PATH.search(text)
