"""Quotes, ids and names as other systems write them."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from hybrid.corpus.importers import import_corpus
from hybrid.corpus.questions import read_questions
from hybrid.corpus.quotes import find_quote
from hybrid.corpus.readers.html import read_html
from hybrid.corpus.readers.markdown import read_markdown
from hybrid.corpus.readers.restructured import read_restructured
from hybrid.corpus.walk import list_files
from hybrid.errors import InputError


@pytest.mark.parametrize(
    ("quote", "text", "found"),
    [
        (
            'The pump\'s "dry" weight - no more',
            "A. The pump’s “dry” weight – no more.",
            "The pump’s “dry” weight – no more",
        ),
        ("start it with ``--strokes 20``.", "Now start it with --strokes 20.", "start it with --strokes 20."),
        ("The *default* is **none**", "The default is none.", "The default is none"),
        ("Prüfung bestanden", unicodedata.normalize("NFD", "Die Prüfung bestanden."), None),
        ("office", "the of\u00adﬁce door", "of\u00adﬁce"),
        ("ガイド", "Das ｶﾞｲﾄﾞ.", "ｶﾞｲﾄﾞ"),
        ("☎ call", "Now ☎\ufe0f call.", "☎\ufe0f call"),
        ("10^2 m, not less", "It is 10² m, not less.", "10² m, not less"),
        ("102 m", "It is 10² m.", ""),
        ("سلام", "a ســلام b", "ســلام"),
        ("20 kg", "It is\u00a020\u202fkg\u200b.", "20\u202fkg"),
        ("cafe\u0301", "A cafe\u0301!", "cafe\u0301"),
        ("not there", "Something else.", ""),
        (" * ", "Something else.", ""),
    ],
)
def test_quotes_are_found_however_they_were_copied(quote: str, text: str, found: str | None) -> None:
    place = find_quote(quote, text)
    if found == "":
        assert place is None
        return
    assert place is not None
    there = text[slice(*place)]
    assert there == found if found else unicodedata.normalize("NFC", there) == quote


def test_names_of_files_are_told_composed(tmp_path: Path) -> None:
    name = "Prüfung.md"
    (tmp_path / unicodedata.normalize("NFD", name)).write_text("x")
    (file,) = list_files(tmp_path, formats={".md"}).files
    assert file.source == name and file.path.is_file()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"answers": [6.5]}, "`answers` holds 6.5"),
        ({"answers": [True]}, "`answers` holds true"),
        ({"answers": [None]}, "`answers` holds null"),
        ({"id": "q\t1"}, "holds a tab, a line end"),
    ],
)
def test_values_that_would_be_changed_are_refused(change: dict[str, object], problem: str, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text("\ufeff" + json.dumps({"id": "q", "question": "?", "answers": [6], **change}), encoding="utf-8")
    with pytest.raises(InputError, match=problem) as told:
        read_questions([file])
    assert told.value.line == 1


def test_what_an_import_leaves_out_or_settles_is_told(tmp_path: Path) -> None:
    source = tmp_path / "beir"
    (source / "qrels").mkdir(parents=True)
    (source / "corpus.jsonl").write_text('\ufeff{"_id": "p", "text": "The pump is blue."}\r\n', encoding="utf-8")
    (source / "queries.jsonl").write_text('{"_id": "q1", "text": "Which colour?"}\n')
    (source / "qrels" / "test.tsv").write_text("\ufeffquery-id\tcorpus-id\tscore\r\nq1\tp\t1\r\nq9\tp\t1\r\n", "utf-8")
    (source / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tp\t1\n")
    told = import_corpus(source, "beir", tmp_path / "out")
    assert any("1 judged queries are not in queries.jsonl" in note for note in told["notes"])
    assert any("1 queries are judged in two splits" in note for note in told["notes"])


_MARKDOWN = b"""# T

The **default** is _none_, see [the manual](https://x.y/z) for `--a`. H<sub>2</sub>O costs 5 &lt; 6 at AT&amp;T.

> It stops
> by itself.

![The seal](a.png) is new.
"""
_RESTRUCTURED = b"""T
=

The *default* is ``--a``, see `the manual <https://x.y>`_ and :ref:`the guide <guide>` [1]_. A \\*star\\*.

.. note:: It stops
   by itself.

.. [1] See there.
"""
_HTML = (
    b"<h1>T</h1><p>The <b>default</b> is <code>--a</code>&nbsp;&amp; <a href='x'>none</a>.</p><ul><li>One<li>Two</ul>"
)


@pytest.mark.parametrize(
    ("read", "data", "quote", "begins", "ends"),
    [
        (read_markdown, _MARKDOWN, "The default is none, see the manual for --a.", "The **default", "`--a`."),
        (read_markdown, _MARKDOWN, "The **default** is _none_, see [the manual](https://x.y/z)", "The **", "/z)"),
        (read_markdown, _MARKDOWN, "H<sub>2</sub>O costs 5 &lt; 6 at AT&amp;T", "H2O", "T"),
        (read_markdown, _MARKDOWN, "H2O costs 5 < 6 at AT&T", "H2O", "T"),
        (read_markdown, _MARKDOWN, "It stops by itself.", "It stops", "itself."),
        (read_markdown, _MARKDOWN, "![The seal](a.png) is new.", "The seal", "new."),
        (
            read_restructured,
            _RESTRUCTURED,
            "The *default* is ``--a``, see `the manual <https://x.y>`_",
            "The d",
            "manual",
        ),
        (read_restructured, _RESTRUCTURED, ":ref:`the guide <guide>` [1]_. A \\*star\\*.", "the guide", "star*."),
        (read_restructured, _RESTRUCTURED, ".. note:: It stops\n   by itself.", "It stops", "itself."),
        (read_html, _HTML, "The <b>default</b> is <code>--a</code>&nbsp;&amp; <a href='x'>none</a>.", "The d", "none."),
        (read_html, _HTML, "<li>One<li>Two</ul>", "One", "Two"),
    ],
)
def test_quotes_are_found_from_the_source_and_as_shown(
    read: Any, data: bytes, quote: str, begins: str, ends: str
) -> None:
    text = read(data).text
    place = find_quote(quote, text)
    assert place is not None
    there = text[slice(*place)]
    assert there.startswith(begins) and there.endswith(ends)
    assert find_quote(f"{quote} not", text) is None
