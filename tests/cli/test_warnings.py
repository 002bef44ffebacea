"""What is told of documents on stderr: what is alike together, and the rest of it not hidden behind."""

from pathlib import Path

import pytest

from hybrid.cli import show


def test_what_is_skipped_for_one_reason_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    told = [
        "a.png: skipped, format .png is not read",
        "b.doc: skipped, format .doc is not read",
        "c.png: skipped, format .png is not read",
        "d.doc: skipped, format .doc is not read",
        "e: skipped, f.png: skipped, format .png is not read",
        "f.png: skipped, format .png is not read",
        "g.md: 8% of its words were not read",
    ]
    show.warnings(told, Path("passages"))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "warning: 3 × skipped, format .png is not read (first: a.png)",
        "warning: b.doc: skipped, format .doc is not read",
        "warning: d.doc: skipped, format .doc is not read",
        "warning: e: skipped, f.png: skipped, format .png is not read",
        "warning: g.md: 8% of its words were not read",
        f"all of them: {Path('passages') / 'manifest.json'}",
    ]


def test_few_are_told_as_they_are_and_of_many_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    show.warnings(["a.doc: skipped, empty"], Path("passages"))
    assert capsys.readouterr().err == "warning: a.doc: skipped, empty\n"
    show.warnings([f"{number}.md: odd" for number in range(25)], Path("passages"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 21 and lines[-1] == f"warning: … and 5 more in {Path('passages') / 'manifest.json'}"
