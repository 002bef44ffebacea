"""Documents that mean harm, in each format that is read: all far below the size limit, made from nothing."""

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping

_TEXT = "# T\n\nsome text\n\n"
_REST = "T\n=\n\nsome text\n\n"
_ADOC = "= T\n\nsome text\n\n"
_HTML = "<h1>T</h1><p>some text</p>"
_MAIL = "From: a@b.de\nTo: c@d.de\nSubject: T\nMIME-Version: 1.0\n"


def _notebook(source: str, output: str = "") -> str:
    outputs = [{"output_type": "stream", "name": "stdout", "text": output}] if output else []
    code = {"cell_type": "code", "id": "b", "metadata": {}, "source": "x", "execution_count": 1, "outputs": outputs}
    cells = [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": source}, code]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})


def _nested_mail(depth: int) -> str:
    opened = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(depth))
    return f"{_MAIL}{opened}Content-Type: text/plain\n\nsome text\n"


def _forwarded_mail(depth: int) -> str:
    return _MAIL + "Content-Type: message/rfc822\n\nSubject: x\n" * depth + "\nsome text\n"


def _records(*records: Mapping[str, object]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


TEXTS: dict[str, Callable[[], str]] = {
    "comments.md": lambda: _TEXT + "<!-- " * 60_000,
    "scripts.md": lambda: _TEXT + "<script> " * 40_000,
    "styles.md": lambda: _TEXT + "<style\n" * 40_000,
    "badges.md": lambda: _TEXT + "[![ " * 60_000,
    "images.md": lambda: _TEXT + "![ " * 60_000,
    "links.md": lambda: _TEXT + "![a](" * 40_000,
    "ticks.md": lambda: _TEXT + "`a ``b " * 40_000,
    "fences.md": lambda: _TEXT + "```\n~~~\n" * 40_000,
    "quotes.md": lambda: _TEXT + "> " * 100_000 + "x",
    "lists.md": lambda: _TEXT + "".join(f"{'  ' * (n % 500)}- a\n" for n in range(2_000)),
    "tags.md": lambda: _TEXT + "<a <b </i " * 40_000,
    "rows.md": lambda: _TEXT + "| a " * 60_000 + "|\n" + "|-" * 60_000 + "|\n",
    "underlined.md": lambda: _TEXT + "a\n--\nb\n==\n" * 30_000,
    "front-title.md": lambda: "---\ntitle: a" + " " * 200_000 + "b\n---\n" + _TEXT,
    "front-long-title.md": lambda: "---\ntitle: " + "word " * 40_000 + "\n---\n# T\n\n" + "A text.\n\n" * 20_000,
    "front-aliases.md": lambda: "---\na: &a [x, x]\n" + "b: &b [*a, *a, *a]\n" * 500 + "---\n" + _TEXT,
    "front-nested.md": lambda: "---\na: " + "[" * 15_000 + "\n---\n" + _TEXT,
    "long-heading.md": lambda: "# T\n\n## " + "word " * 20_000 + "\n\n" + "### a\n\nA text.\n\n" * 20_000,
    "headings.md": lambda: "# T\n\n" + "#\n" * 50_000 + "# \n" * 50_000,
    "one-line.md": lambda: _TEXT + "word " * 200_000,
    "one-word.md": lambda: _TEXT + "é" * 300_000,
    "marks.md": lambda: _TEXT + "e" + "\u0301" * 200_000,
    "chinese.md": lambda: _TEXT + "漢字。" * 60_000,
    "full-stops.md": lambda: _TEXT + "a.b) " * 60_000 + "." * 100_000,
    "addresses.md": lambda: _TEXT + "a@b.de " * 60_000,
    "telephones.md": lambda: _TEXT + "+49 30 1234567 " * 10_000,
    "secrets.md": lambda: _TEXT + 'password = "a' * 10_000 + "\n" + "key: " * 20_000,
    "tags.mdx": lambda: _TEXT + '<A b={"' * 30_000,
    "expressions.mdx": lambda: _TEXT + "{/* {`" * 40_000,
    "modules.mdx": lambda: "# T\n\n" + "import {\n\n" * 30_000,
    "nuls.txt": lambda: "T\n\n" + "some text\0" * 50_000,
    "one-line.txt": lambda: "x" * 999 + " " + ("y" * 999 + " ") * 1_000,
    "underlined.txt": lambda: "a\n===\n" * 50_000,
    "right-to-left.txt": lambda: "T\n\n" + "a\u202e\u200b\u00ad" * 60_000,
    "stars.rst": lambda: _REST + "*a " * 30_000 + "\n",
    "backticks.rst": lambda: _REST + "`a " * 30_000 + "\n",
    "literals.rst": lambda: _REST + "``a " * 30_000 + "\n",
    "bars.rst": lambda: _REST + "|a " * 30_000 + "\n",
    "long-paragraphs.rst": lambda: _REST + ("*a `b ``c |d " * 500 + "\n\n") * 20,
    "paragraphs.rst": lambda: _REST + ("*a `b ``c |d " * 80 + "\n\n") * 125,
    "nested.rst": lambda: _REST + "".join(f"{'  ' * n}* x\n\n" for n in range(900)),
    "directives.rst": lambda: _REST + "".join(f".. d{n}::\n\n" for n in range(3_000)),
    "references.rst": lambda: _REST + "a_ [1]_ |b|_ " * 3_000,
    "targets.rst": lambda: _REST + "".join(f".. _t{n}: t{n + 1}_\n" for n in range(2_000)),
    "substitutions.rst": lambda: (
        _REST
        + "".join(f".. |s{n}| replace:: |s{n + 1}| |s{n + 1}|\n" for n in range(30))
        + ".. |s30| replace:: x\n\n|s0|\n"
    ),
    "table.rst": lambda: _REST + "+" + "--+" * 2_000 + "\n|" + "a |" * 2_000 + "\n+" + "--+" * 2_000 + "\n",
    "blanks.adoc": lambda: _ADOC + "== a" + " " * 200_000 + "b\n",
    "macros.adoc": lambda: _ADOC + "image::" + "[" * 100_000 + "\n",
    "author.adoc": lambda: "= T\nA" + " " * 200_000 + "B <a@b.de>\n\nsome text\n",
    "marks.adoc": lambda: _ADOC + "*a _b `c #d +e " * 20_000,
    "links.adoc": lambda: _ADOC + "link:a[ <<b, (((c footnote:[ " * 10_000,
    "attributes.adoc": lambda: (
        "= T\n" + "".join(f":a{n}: {{a{n - 1}}}{{a{n - 1}}}\n" for n in range(1, 60)) + "\n{a59}\n"
    ),
    "spans.adoc": lambda: _ADOC + "|===\n" + "200+.9999+|a\n" * 20_000 + "|===\n",
    "conditions.adoc": lambda: _ADOC + "ifdef::a[]\n" * 50_000,
    "markdown.ipynb": lambda: _notebook("<!-- " * 60_000),
    "output.ipynb": lambda: _notebook("some text", "\x1b[" * 100_000 + "a\r" * 100_000),
    "nested.ipynb": lambda: '{"nbformat": 4, "cells": ' + "[" * 50_000 + "]" * 50_000 + "}",
    "surrogates.ipynb": lambda: _notebook("a \ud800 b"),
    "class.html": lambda: _HTML + "<div class='" + "cookie" * 10_000 + "'>x</div>",
    "wide-table.html": lambda: (
        f"{_HTML}<table><tr>{'<td>a' * 30_000}</tr>" + "<tr><td>b<td>c</tr>" * 30_000 + "</table>"
    ),
    "nested.html": lambda: _HTML + "<div>" * 50_000 + "x",
    "nested-tables.html": lambda: _HTML + "<table><tr><td>" * 10_000 + "x",
    "spans.html": lambda: _HTML + "<table><tr><td colspan=9999999 rowspan=9999999>a</table>",
    "attributes.html": lambda: _HTML + "<p " + "".join(f"a{n}=b " for n in range(30_000)) + ">x",
    "entities.html": lambda: '<!DOCTYPE html [<!ENTITY a "aaaa">]>' + _HTML + "&a;&amp;&#x1F600;&#" * 40_000,
    "comments.html": lambda: _HTML + "<!--" * 60_000,
    "forwarded.eml": lambda: _forwarded_mail(10_000),
    "multipart.eml": lambda: _nested_mail(9_000),
    "parameters.eml": lambda: _MAIL + "Content-Type: multipart/mixed" + ";" * 400_000 + "\n\nsome text\n",
    "recipients.eml": lambda: "To: " + "a <b@c.de>, " * 40_000 + "\nSubject: T\n\nsome text\n",
    "encoded-words.eml": lambda: "From: a@b.de\nSubject: " + "=?utf-8?q?a?= " * 40_000 + "\n\nsome text\n",
    "charset.eml": lambda: _MAIL + "Content-Type: text/plain; charset=punycode\n\n" + "a-b" * 60_000,
    "wide.csv": lambda: ",".join(f"c{n}" for n in range(50_000)) + "\n" + ",".join(["1"] * 50_000) + "\n",
    "long-name.csv": lambda: "a," + "b" * 100_000 + "\n" + "1,2\n" * 20_000,
    "quotes.csv": lambda: "a,b\n" + '1,"x\n' * 20_000,
    "only-quotes.csv": lambda: "\"',;" * 40_000,
    "delimiters.csv": lambda: ",;|\t" * 50_000,
    "field.csv": lambda: "a,b\n1," + "x y " * 100_000 + "\n",
    "ragged.tsv": lambda: "a\tb\n" + "1\t2\t3\n" * 40_000,
    "surrogates.jsonl": lambda: '{"id": "a", "text": "x \\ud800 y"}\n',
    "nested.jsonl": lambda: '{"id": "a", "text": "x"}\n{"id": "b", "text": ' + "[" * 100_000 + "]" * 100_000 + "}\n",
    "metadata.jsonl": lambda: _records(
        {"id": "a", "text": "A text. " * 30_000, "metadata": {f"k{n}": "v" * 20 for n in range(20_000)}}
    ),
    "title.jsonl": lambda: _records({"id": "a", "title": "word " * 40_000, "text": "A text. " * 30_000}),
}


def _archive(parts: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return stream.getvalue()


def _parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _word(body: bytes = b"", head: bytes = b"", **more: bytes) -> bytes:
    import docx

    stream = io.BytesIO()
    docx.Document().save(stream)
    parts = _parts(stream.getvalue())
    name = "word/document.xml"
    declaration, _, rest = parts[name].partition(b"?>")
    rest = rest.replace(b"<w:body>", b"<w:body><w:p><w:r><w:t>some text</w:t></w:r></w:p>" + body)
    return _archive({**parts, name: declaration + b"?>" + head + rest, **more})


def _book(sheet: bytes = b"") -> bytes:
    import openpyxl

    stream = io.BytesIO()
    book = openpyxl.Workbook()
    book.active.append(["part", "price"])
    book.active.append(["A1", 3])
    book.save(stream)
    parts = _parts(stream.getvalue())
    name = "xl/worksheets/sheet1.xml"
    return _archive({**parts, name: parts[name].replace(b"</sheetData>", sheet + b"</sheetData>")})


def _slides(shapes: bytes = b"") -> bytes:
    from pptx import Presentation

    stream = io.BytesIO()
    deck = Presentation()
    deck.slides.add_slide(deck.slide_layouts[0]).shapes.title.text = "T"
    deck.save(stream)
    parts = _parts(stream.getvalue())
    name = "ppt/slides/slide1.xml"
    return _archive({**parts, name: parts[name].replace(b"</p:spTree>", shapes + b"</p:spTree>")})


def _epub(page: bytes, chapters: int = 1) -> bytes:
    items = "".join(f'<item id="c{n}" href="c{n}.xhtml" media-type="text/html"/>' for n in range(chapters))
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(chapters))
    package = f"<package><metadata/><manifest>{items}</manifest><spine>{spine}</spine></package>"
    container = '<container><rootfiles><rootfile full-path="p.opf"/></rootfiles></container>'
    pages = {f"c{n}.xhtml": page for n in range(chapters)}
    return _archive({"META-INF/container.xml": container.encode(), "p.opf": package.encode(), **pages})


def _pdf(*objects: bytes) -> bytes:
    body = b"%PDF-1.4\n"
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for number, one in enumerate(objects, start=1):
        table += b"%010d 00000 n \n" % len(body)
        body += b"%d 0 obj\n" % number + one + b"\nendobj\n"
    end = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(body))
    return body + table + end


def _page(content: bytes, *, packed: bool = False) -> bytes:
    stream = zlib.compress(content, 9) if packed else content
    way = b"/Filter/FlateDecode" if packed else b""
    return _pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<<%s/Length %d>>stream\n" % (way, len(stream)) + stream + b"\nendstream\n",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )


_LAUGHS = b'<!DOCTYPE x [<!ENTITY a "' + b"ha" * 500 + b'"><!ENTITY b "' + b"&a;" * 5_000 + b'">]>'
_CELLS = b"<w:tc><w:tcPr><w:gridSpan w:val='30000'/></w:tcPr><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc>"
_ITEMS = b"<w:sdt><w:sdtContent>" * 300 + b"<w:p/>" + b"</w:sdtContent></w:sdt>" * 300
_GROUP = b"<p:grpSp><p:nvGrpSpPr><p:cNvPr id='9' name='g'/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>"

BINARIES: dict[str, Callable[[], bytes]] = {
    "spans.docx": lambda: _word(b"<w:tbl>" + (b"<w:tr>" + _CELLS * 5 + b"</w:tr>") * 20 + b"</w:tbl>"),
    "paragraphs.docx": lambda: _word(b"<w:p><w:r><w:t>a</w:t></w:r></w:p>" * 20_000),
    "nested.docx": lambda: _word(_ITEMS),
    "entities.docx": lambda: _word(b"<w:p><w:r><w:t>&b;</w:t></w:r></w:p>", _LAUGHS),
    "bomb.docx": lambda: _word(**{"word/bomb.xml": b" " * 100_000_000}),
    "truncated.docx": lambda: _word(b"<w:p/>" * 20_000)[:3_000],
    "spans.xlsx": lambda: _book(
        b"<row r='9'><c r='XFD9' t='inlineStr'><is><t>x</t></is></c></row>"
        b"<row r='1048576'><c r='A1048576'><v>1</v></c></row>"
    ),
    "rows.xlsx": lambda: _book(b"".join(b"<row r='%d'/>" % n for n in range(3, 200_000))),
    "wide.xlsx": lambda: _book(b"<row r='3'>" + b"<c t='inlineStr'><is><t>a</t></is></c>" * 16_000 + b"</row>"),
    "bomb.xlsx": lambda: _book(b"<row/>" * 15_000_000),
    "groups.pptx": lambda: _slides(_GROUP * 200 + b"</p:grpSp>" * 200),
    "truncated.pptx": lambda: _slides()[:5_000],
    "entities.epub": lambda: _epub(_LAUGHS + b"<p>&b;</p>" * 100),
    "chapters.epub": lambda: _epub(b"<p>a</p>", 5_000),
    "bomb.epub": lambda: _epub(b"<p>" + b"a " * 30_000_000),
    "nested.epub": lambda: _epub(b"<div>" * 50_000 + b"x"),
    "loop.pdf": lambda: _pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9>>"),
    "parent.pdf": lambda: _pdf(
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", b"<</Type/Page/Parent 3 0 R>>"
    ),
    "page.pdf": lambda: _page(b"BT /F 9 Tf (some text) Tj " + b"0 -9 Td (a) Tj " * 20_000 + b"ET"),
    "bomb.pdf": lambda: _page(b"BT /F 9 Tf (some text) Tj ET " + b" " * 150_000_000, packed=True),
    "arrays.pdf": lambda: _page(b"BT /F 9 Tf " + b"[" * 20_000 + b"(some text)" + b"]" * 20_000 + b" TJ ET"),
    "pages.pdf": lambda: _pdf(
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[" + b"3 0 R " * 20_000 + b"]/Count 20000>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
    ),
    "truncated.pdf": lambda: _page(b"BT (some text) Tj ET")[:200],
    "nuls.txt.md": lambda: b"\0" * 2_000_000,
    "noise.txt": lambda: bytes(n * n % 251 for n in range(500_000)),
    "broken.html": lambda: b"<meta charset=punycode>" + b"\xff-a" * 100_000,
    "endless.csv": lambda: b"a,b\n" + b"\xff\xfe" * 100_000,
}  # fmt: skip


def documents() -> dict[str, Callable[[], bytes]]:
    """Every document by its file name, made when it is asked for."""

    def encoded(make: Callable[[], str]) -> Callable[[], bytes]:
        return lambda: make().encode("utf-8", errors="surrogatepass")

    return {**{name: encoded(make) for name, make in TEXTS.items()}, **BINARIES}
