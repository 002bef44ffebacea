"""Each format's structure reaches the text: headings, lists, tables, code, pages, rows."""

import io
from typing import Any

import docx
import fpdf
import pytest

from hybrid.corpus.chunk import chunk
from hybrid.corpus.readers.content import UnreadableError
from hybrid.corpus.readers.decoding import decode
from hybrid.corpus.readers.delimited import read_delimited
from hybrid.corpus.readers.html import read_html
from hybrid.corpus.readers.markdown import read_markdown
from hybrid.corpus.readers.pdf import read_pdf
from hybrid.corpus.readers.plain import read_plain
from hybrid.corpus.readers.restructured import read_restructured
from hybrid.corpus.readers.word import read_word
from hybrid.types import Document

PAGE = """<html><head><title>Pump H20 | Shop</title><script>evil()</script></head><body>
<header><a href="/">Home</a> <a>Shop</a></header>
<div class="cookie-banner">We use cookies. <button>Accept all</button></div><nav><ul><li>A</li></ul></nav>
<div role="search">Find</div><ul class="breadcrumb"><li>Pumps</li></ul>
<main><h1>Pump H20</h1><p>It weighs<br>20 <b>kg</b>.</p>Bare text.
<table><caption>Spares</caption><thead><tr><th>Part</th><th>No | code</th></tr></thead>
<tr><td>Seal <em>kit</em></td><td>TB-1</td></tr><tr><td><ul><li>one</li><li>two</li></ul></td><td></td></tr></table>
<ol><li>Stop it.<ul><li>Wait</li></ul></li><li><p>Open it.</p><p>Look inside.</p></li></ol>
<pre>if hot:
    stop()</pre>
<table role="presentation"><tr><td><h2>Care</h2><p>Oil it.</p></td></tr></table>
<div hidden>unseen</div><div style="display: none">unseen</div></main>
<footer>Copyright Example Ltd</footer></body></html>"""

READ = """# Pump H20

It weighs 20 kg.

Bare text.

Spares

| Part | No \\| code |
| --- | --- |
| Seal kit | TB-1 |
| - one - two |  |

1. Stop it.
  - Wait
2. Open it.
  Look inside.

```
if hot:
    stop()
```

## Care

Oil it."""


def test_a_web_page_keeps_its_structure_and_loses_its_frame() -> None:
    assert read_html(PAGE.encode()).text == READ


def test_plain_layout_of_a_web_page_writes_items_and_rows_as_paragraphs() -> None:
    page = b"<h1>A</h1><ul><li>one</li><li>two</li></ul><table><tr><th>k</th><th>v</th></tr><tr><td>a<td>1</table>"
    assert read_html(page, "plain").text == "# A\n\none\n\ntwo\n\nk | v\n\na | 1"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<title>T</title><p>Text", "# T\n\nText"),
        ("<p>a<p>b<li>c", "a\n\nb\n\nc"),
        ("<body class='menu'><div class='menu'>All in a menu.</div>", "All in a menu."),
        ("<header><h1>T</h1><p>Intro</p></header><p>x", "# T\n\nIntro\n\nx"),
        ("<td>cell</td></table></ul></div>end", "cell\n\nend"),
        ("<table><tr><td>a<table><tr><td>b</table>c</table>", "a\n\nb\n\nc"),
        ("<script>x()</script>", ""),
    ],
)
def test_bad_markup(page: str, text: str) -> None:
    assert read_html(page.encode()).text == text


def test_markdown_loses_what_no_reader_sees_outside_code() -> None:
    text = (
        "---\ntitle: 'Pump H20'\ndraft: true\n---\nWeights\n=======\n\n<!-- secret -->[![build](b.svg)](ci)\n"
        "<p align=center>See ![the pump](p.png).</p>\n\nMore\n----\n\n```html\n<!-- kept --><p>\nCode\n====\n```\n"
    )
    content = read_markdown(text.encode())
    assert content.title == "Pump H20"
    assert content.text == ("# Weights\n\n\nSee the pump.\n\n## More\n\n```html\n<!-- kept --><p>\nCode\n====\n```\n")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("A.\n\n<!-- use `root`, password hunter2 -->B.", "A.\n\nB."),
        ("A.\n<!--\n```\nhunter2\n```\n-->\nB.", "A.\n\nB."),
        ("A.<script>f(`hunter2`)</SCRIPT>B.", "A.B."),
        ("Write `<!--` and `-->` around it.", "Write `<!--` and `-->` around it."),
        ("```\n<!-- a\n```\nText.\n```\n-->\n```\n", "```\n<!-- a\n```\nText.\n```\n-->\n```\n"),
    ],
)
def test_comments_hold_code_and_code_holds_comments(text: str, read: str) -> None:
    assert read_markdown(text.encode()).text == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("PUMP B\n\nMass\n====\nIt weighs 30 kg.", "# PUMP B\n\n## Mass\nIt weighs 30 kg."),
        ("======\nPump B\n======\n\nText.", "## Pump B\n\nText."),
        ("A first line\nthat goes on.\n\nMore.", "A first line\nthat goes on.\n\nMore."),
        ("T\n\nThe end of\na paragraph.\n-------\nNext.", "# T\n\nThe end of\na paragraph.\n-------\nNext."),
    ],
)
def test_headings_of_plain_text(text: str, read: str) -> None:
    assert read_plain(text.encode()).text == read


def test_restructured_text() -> None:
    source = """
Pump H20
========

It weighs :term:`20 kg <kilogram>` and ``runs``.

.. note:: Wear gloves.

.. versionadded:: 2.0
   A flange.

.. include:: /etc/passwd

Spares
------

1. Seal

   * with ring

2. Gasket

Term
   Meaning.

=====  =====
Part   No
=====  =====
Seal   TB-1
=====  =====

.. code-block:: python

   stop()

.. toctree::

   other
"""
    content = read_restructured(source.encode())
    assert content.text == (
        "# Pump H20\n\nIt weighs 20 kg and runs.\n\nNote: Wear gloves.\n\nNew in version 2.0: A flange.\n\n"
        "## Spares\n\n1. Seal\n"
        "  - with ring\n2. Gasket\n\nTerm: Meaning.\n\n| Part | No |\n| --- | --- |\n| Seal | TB-1 |\n\n"
        "```\nstop()\n```"
    )


def test_word_headings_lists_and_tables() -> None:
    document = docx.Document()
    document.add_heading("Pump H20", 0)
    document.add_heading("Spares", 1)
    document.add_paragraph("Order these:")
    document.add_paragraph("Seal", style="List Bullet")
    document.add_paragraph("with ring", style="List Bullet 2")
    document.add_paragraph("First", style="List Number")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip((c for row in table.rows for c in row.cells), ("Part", "No", "Seal", "TB-1"), strict=True):
        cell.text = text
    document.add_heading("Care", 2)
    document.add_paragraph("Oil it.")
    stream = io.BytesIO()
    document.save(stream)
    assert read_word(stream.getvalue(), 10_000_000).text == (
        "# Pump H20\n\n## Spares\n\nOrder these:\n\n- Seal\n  - with ring\n1. First\n\n"
        "| Part | No |\n| --- | --- |\n| Seal | TB-1 |\n\n### Care\n\nOil it."
    )


def test_passages_of_a_pdf_name_their_page() -> None:
    pdf = fpdf.FPDF()
    pdf.set_font("helvetica", size=12)
    for lines in (["Manual", "", "Seals are black and"], [], ["made of nitrile.", "", "2 Motor", "It hums."]):
        pdf.add_page()
        for line in lines:
            pdf.multi_cell(0, 8, line, new_x="LMARGIN", new_y="NEXT")
    content = read_pdf(bytes(pdf.output()))
    assert content.text == "# Manual\n\nSeals are black and made of nitrile.\n\n## 2 Motor\n\nIt hums."
    document = Document("m.pdf", content.text, "m.pdf", "Manual", ".pdf", content.marks)
    passages = chunk([document], tokenize=str.split, chunk_tokens=64)
    assert [(p.source, p.text) for p in passages] == [
        ("m.pdf#page=1", "Seals are black and made of nitrile."),
        ("m.pdf#page=3", "It hums."),
    ]


def test_rows_of_a_table_file_are_records_with_their_lines() -> None:
    data = b'model;mass;note\nH20;20;"two\nlines"\n\nH24;24\nH30;;ok\n;;\n'
    content = read_delimited(data)
    assert content.text == "model: H20 | mass: 20 | note: two lines\n\nmodel: H30 | note: ok"
    assert content.notes == ((5, "skipped, 2 fields under a header of 3"),)
    document = Document("t.csv", content.text, "t.csv", "t", ".csv", content.marks, content.records)
    passages = chunk([document], tokenize=str.split, chunk_tokens=64)
    assert [(p.source, p.text, p.section) for p in passages] == [
        ("t.csv:2", "model: H20 | mass: 20 | note: two lines", ""),
        ("t.csv:6", "model: H30 | note: ok", ""),
    ]
    assert read_delimited(b"a\tb, c\n1\t2\n", delimiter="\t").text == "a: 1 | b, c: 2"


def test_comments_before_the_header_of_a_table_file() -> None:
    content = read_delimited(b"# from the works, 2020\n\na,b\n1,2\n")
    assert (content.text, content.marks) == ("a: 1 | b: 2", ((0, ":4"),))
    with pytest.raises(UnreadableError, match="no row fits the header of 2 columns"):
        read_delimited(b"a,b\n1\n2\n")


@pytest.mark.parametrize("data", [b"H20,20\nH24,24\n", b"a,,c\n1,2,3\n", b"a,a\n1,2\n"])
def test_a_table_file_needs_a_header(data: bytes) -> None:
    with pytest.raises(UnreadableError, match="line 1 is no header row"):
        read_delimited(data)


def test_a_quote_that_never_ends_does_not_swallow_the_file() -> None:
    content = read_delimited(b'a,b\n1,2\n"3,4\n5,6\n')
    assert content.text == "a: 1 | b: 2\n\na: 5 | b: 6"
    assert content.notes == ((3, "skipped, unexpected end of data"),)


def test_rows_after_a_quote_that_never_ends_are_all_read() -> None:
    long = {n for n in range(5_000) if n % 2}
    rows = [f'{n},"note\nof {n}"' if n in long else f"{n},note of {n}" for n in range(20_000)]
    lines = {n: 2 + n + len([m for m in long if m < n]) for n in (7, 5_000, 12_001, 19_999)}
    rows[5_000], rows[12_001], rows[19_999] = '5000,"an inch', '"12001,x', '19999,"the last'
    content = read_delimited("\n".join(["n,note", *rows]).encode())
    kept = [n for n in range(20_000) if n not in (5_000, 12_001, 19_999)]
    assert content.text.split("\n\n") == [f"n: {n} | note: note of {n}" for n in kept]
    assert [line for line, _ in content.notes] == [lines[5_000], lines[12_001], lines[19_999]]
    assert content.marks[7][1] == f":{lines[7]}"


def test_a_table_file_of_quotes_that_swallow_each_other_is_given_up() -> None:
    with pytest.raises(UnreadableError, match="quotes that never end"):
        read_delimited(b"a,b,c\n" + b'a",x,"\n' * 200_000)


def test_a_header_with_a_quote_that_never_ends_is_no_header() -> None:
    with pytest.raises(UnreadableError, match="line 1 is no header row"):
        read_delimited(b'"model,mass\nH20,heavy\nH24,light\n')


GERMAN = "Vor dem ersten Anlauf muss das Gehäuse gefüllt und das Saugventil ganz geöffnet werden. "


@pytest.mark.parametrize(
    ("data", "text", "note"),
    [
        (b"\xef\xbb\xbfa\r\nb\rc", "a\nb\nc", ""),
        ("für".encode("utf-16"), "für", "read as utf-16"),
        (GERMAN.encode("latin-1"), GERMAN, "not UTF-8: read as "),
        (b"<meta charset='koi8-r'>\xf0", "<meta charset='koi8-r'>П", "read as koi8-r, as it declares"),
        # as browsers take these labels
        (b"<meta charset=iso-8859-1>5 \x80", "<meta charset=iso-8859-1>5 €", "read as cp1252, as it declares"),
        (b"<meta charset=Latin1>\x96", "<meta charset=Latin1>–", "read as cp1252, as it declares"),
        (b"<meta charset=us-ascii>\x93", "<meta charset=us-ascii>“", "read as cp1252, as it declares"),
        (b"<meta charset=gb2312>\x81\x40", "<meta charset=gb2312>丂", "read as gbk, as it declares"),
        (b"<meta charset=cp850>\x81", "<meta charset=cp850>ü", "read as cp850, as it declares"),
        ("<meta charset=latin1>ü".encode(), "<meta charset=latin1>ü", "declared as cp1252, but it is UTF-8"),
        (b"<meta charset=latin1>u", "<meta charset=latin1>u", ""),
        (b"pump " * 50 + b"\x00\x01", "pump " * 50, "2 control characters removed"),
    ],
)
def test_decoding(data: bytes, text: str, note: str) -> None:
    decoded, notes = decode(data, html=data.startswith(b"<"))
    assert decoded == text
    assert [part.startswith(note) for _, part in notes] == ([True] if note else [])


def test_encoded_data_is_no_prose() -> None:
    blob = b"key " + b"A1b/" * 500 + b" end"
    for read in (read_markdown, read_html, read_restructured):
        content = read(blob)
        assert content.text.split() == ["key", "end"]
        assert [note[:22] for _, note in content.notes] == ["1 runs of encoded data"]
    assert read_html(b"<b>" * 1000 + b"kept").text == "kept"
    assert len(read_delimited(b"a,b\n1," + b"2" * 2000).text) > 2000


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("für 20 °C".encode("latin-1"), "not UTF-8"),
        (GERMAN.encode() * 3 + b"\xff\xfe\xfa and more", "not UTF-8"),
        (bytes(range(256)) * 20, "not UTF-8"),
        (b"ELF\x00\x00\x00\x01\x02 text", "binary data"),
    ],
)
def test_what_cannot_be_decoded_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        decode(data)


@pytest.mark.parametrize(("kind", "level"), [("x" * 3_000, 1), ("word " * 9_000, 40)])
def test_long_runs_are_cut_within_the_budget(kind: str, level: Any) -> None:
    passages = chunk([Document("a", kind, "a", "A")], tokenize=str.split, chunk_tokens=64)
    assert len(passages) >= level
    assert max(len(p.text) for p in passages) <= 64 * 12
    assert "".join("".join(p.text for p in passages).split()) == "".join(kind.split())


def test_code_of_restructured_text_stands_whatever_options_sphinx_gives_it() -> None:
    options = "   :caption: hello.py\n   :linenos:\n   :emphasize-lines: 1\n"
    data = f"Title\n=====\n\n.. code-block:: python\n{options}\n   run(pump)\n"
    assert read_restructured(data.encode()).text == "# Title\n\nhello.py\n\n```\nrun(pump)\n```"
