"""What a reader loses is told; what it leaves out on purpose is no loss."""

import io
import zipfile
from pathlib import Path

import pytest

from hybrid.corpus.crude_text import crude_text
from hybrid.corpus.load import load_documents
from hybrid.corpus.lost_text import compare, loss_notes
from hybrid.corpus.readers.content import Content

WORDS = "The pump weighs forty kilograms and its seal is made of black nitrile rubber from Kilbrae"


def test_lost_words_are_counted_as_often_as_they_are_lost() -> None:
    loss = compare("seal pump Seal seal 浴槽", Content("The SEAL of 浴", title="Pump"))
    assert (loss.num, loss.lost, loss.share) == (6, ("seal", "seal", "槽"), 0.5)
    assert compare("o\ufb03ce “well\u00adknown”", Content("office wellknown")).lost == ()
    assert compare("", Content("")).share == 0.0


def test_a_loss_is_told_with_its_share_and_first_words() -> None:
    crude = f"{WORDS} {WORDS} lost one two three four five".encode()
    assert loss_notes(".txt", crude, Content(f"{WORDS} {WORDS}")) == (
        (0, "16% of its words (6 of 38) were not read, first: 'lost one two three four five'"),
    )
    assert loss_notes(".txt", crude, Content(f"{WORDS} {WORDS} lost one two three four")) == ()
    assert loss_notes(".docx", b"no archive at all", Content("text")) == ()
    assert loss_notes(".csv", crude, Content("")) == ()
    assert loss_notes(".html", "<p>Größe Übermaß häufig größer Öl für Säure".encode(), Content("x"))[0][1].endswith(
        "first: 'grösse übermass häufig grösser öl für säure'"
    )


@pytest.mark.parametrize(
    ("suffix", "data", "expected"),
    [
        (
            ".md",
            "---\ntags: a\n---\n# One\n<!-- not this --> two [three](https://a.b/c) <b>four</b>",
            "# One two [three four",
        ),
        (
            ".rst",
            ".. comment: none\n   of it\n\n.. note:: One :ref:`two <x>`\n\n.. toctree::\n   :maxdepth: 2\n\n   a\n\n"
            "three\n\n__ https://a.org",
            "One `two ` three",
        ),
        (
            ".adoc",
            ":toc: x\n// none\nifdef::x[]\nnone\nendif::[]\n[source]\nOne link:a.html[two]\n\nimage::a.png[]\nthree",
            "One [two] three",
        ),
        (
            ".html",
            "<head><title>x</title></head><nav>menu</nav><script>x</script><td>One</td><td>t<b>w</b>o</td>"
            "<li><a href=x>menu</a>",
            "One two",
        ),
        (".ipynb", '{"cells": [{"source": ["One ", "two"], "outputs": [{"text": "x"}]}]}', "One two"),
        (".eml", "Subject: x\nContent-Type: text/plain\n\nOne two", "One two"),
    ],
)
def test_crude_readings_leave_out_what_nobody_reads(suffix: str, data: str, expected: str) -> None:
    assert " ".join(crude_text(suffix, data.encode()).split()) == expected


@pytest.mark.parametrize(
    ("suffix", "part", "xml", "expected"),
    [
        (
            ".docx",
            "word/document.xml",
            "<p><r><t>On</t></r><r><t>e</t><tab/><t>two</t></r><del><r><t>none</t></r></del></p><p><r><t>three</t></r></p>",
            "One two three",
        ),
        (
            ".pptx",
            "ppt/slides/slide1.xml",
            "<p><r><t>One</t></r><fld><t>7</t></fld></p><p><r><t>two</t></r></p>",
            "One two",
        ),
        (
            ".xlsx",
            "xl/sharedStrings.xml",
            "<si><t>One</t></si><si><r><t>two</t></r><rPh><t>none</t></rPh></si>",
            "One two",
        ),
    ],
)
def test_crude_readings_of_office_files(suffix: str, part: str, xml: str, expected: str) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(part, f'<root xmlns="urn:x">{xml}</root>')
    assert " ".join(crude_text(suffix, stream.getvalue()).split()) == expected


def test_a_folder_tells_of_a_page_that_lost_text(tmp_path: Path) -> None:
    (tmp_path / "whole.html").write_text(f"<nav>Home Pumps</nav><p>{WORDS}</p>")
    (tmp_path / "part.html").write_text(
        f"<p>{WORDS}</p><div class='toolbar'><p>It must never run dry in summer</p></div>"
    )
    notes = load_documents(tmp_path).notes
    assert notes == ["part.html: 30% of its words (7 of 23) were not read, first: 'it must never run dry in summer'"]


def test_the_benchmark_weighs_files_by_their_words(tmp_path: Path) -> None:
    from benchmarks.robust.lost_text import figures

    for num in range(3):
        (tmp_path / f"{num}.html").write_text(
            f"<p>{WORDS} {WORDS}</p><div class='toolbar'><p>{'lost ' * num}</p></div>"
        )
    ((metric, system, value),) = figures([tmp_path])
    assert (metric, system, value.num) == ("robust/text-lost", ".html", 3)
    assert value.value == pytest.approx(3 / (3 * 32 + 3)) and value.low < value.value < value.high
