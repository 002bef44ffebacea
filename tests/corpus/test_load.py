"""Files of every accepted format become documents; what cannot be read is listed, never lost in silence."""

import zipfile
from pathlib import Path

import docx
import fpdf
import nbformat
import openpyxl
import pptx
import pytest

from hybrid.config import CorpusConfig
from hybrid.corpus.ingest import build_passages
from hybrid.corpus.load import load_documents
from hybrid.corpus.passages import CorpusFolder, PassageSet
from hybrid.errors import InputError


def write_pdf(path: Path, lines: list[str]) -> None:
    pdf = fpdf.FPDF()
    pdf.add_page()
    pdf.set_font("helvetica", size=12)
    for line in lines:
        pdf.multi_cell(0, 8, line, new_x="LMARGIN", new_y="NEXT")
    pdf.output(str(path))


def texts(folder: Path) -> dict[str, str]:
    return {document.id: document.text for document in load_documents(folder).documents}


def test_every_format(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.md").write_text("# Pump A\n\n## Mass\n\nIt weighs **20 kg**.\n")
    (tmp_path / "b.txt").write_text("PUMP B\n\nMass\n====\nIt weighs 30 kg.\n")
    (tmp_path / "c.html").write_text(
        "<html><head><title>Pump C</title><style>p{}</style></head><body><nav>Home</nav><h2>Mass</h2>"
        "<p>It weighs\n <b>40</b> kg.</p><ul><li>One <em>item</em></li></ul>"
        "<table><tr><th>Flow</th><td>5 m3/h</td></tr></table><script>evil()</script></body></html>"
    )
    write_pdf(tmp_path / "d.pdf", ["Pump D", "", "1 Mass of the pump", "It weighs fifty kilograms " + "and more " * 20])
    document = docx.Document()
    document.add_heading("Pump E", 0)
    document.add_paragraph("It weighs 60 kg.")
    document.save(str(tmp_path / "e.docx"))
    (tmp_path / "f.jsonl").write_text(
        '{"id": "f1", "text": "It weighs 70 kg.", "title": "Pump F"}\n\n{"id": "f2", "text": "x"}\n'
    )
    reading = load_documents(tmp_path)
    found = {d.id: d for d in reading.documents}
    assert list(found) == ["b.txt", "c.html", "d.pdf", "deep/a.md", "e.docx", "f1", "f2"]
    assert reading.skipped == []
    assert found["deep/a.md"].title == "Pump A" and found["deep/a.md"].source == "deep/a.md"
    assert found["b.txt"].text == "# PUMP B\n\n## Mass\nIt weighs 30 kg."
    assert found["c.html"].text == (
        "# Pump C\n\n## Mass\n\nIt weighs 40 kg.\n\n- One item\n\n|  |  |\n| --- | --- |\n| Flow | 5 m3/h |"
    )
    assert found["d.pdf"].title == "Pump D"
    assert "## 1 Mass of the pump\n\nIt weighs fifty kilograms and more" in found["d.pdf"].text
    assert found["d.pdf"].text.count("\n") == 4, "lines that the page wrapped are joined"
    assert found["e.docx"].text == "# Pump E\n\nIt weighs 60 kg."
    assert (found["f1"].title, found["f1"].source, found["f2"].source) == ("Pump F", "f.jsonl:1", "f.jsonl:3")


def write_office(folder: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["#", "Part"], [7, "Seal"]):
        book.active.append(row)  # type: ignore[union-attr]
    book.save(folder / "a.xlsx")
    show = pptx.Presentation()
    show.slides.add_slide(show.slide_layouts[0]).shapes.title.text = "Slides"  # type: ignore[union-attr]
    show.slides[0].placeholders[1].text = "It hums."  # type: ignore[attr-defined]
    show.save(str(folder / "b.pptx"))
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Notes\n\nText.")]), folder / "c.ipynb"
    )
    (folder / "d.adoc").write_text("= Manual\nAnna Meier\n\nText.\n")
    (folder / "e.mdx").write_text("# Page\n\n<b>Text</b>.\n")
    (folder / "f.eml").write_text("From: a@pump.example\nSubject: Seals\n\nText.\n")
    with zipfile.ZipFile(folder / "g.epub", "w") as file:
        file.writestr("META-INF/container.xml", "<container><rootfile full-path='b.opf'/></container>")
        file.writestr("a.html", "<h1>Care</h1><p>Text.</p>")
        file.writestr(
            "b.opf",
            "<package xmlns:dc='d'><dc:title>Book</dc:title><item id='a' href='a.html' media-type='text/html'/>"
            "<itemref idref='a'/></package>",
        )


def test_what_offices_and_developers_write(tmp_path: Path) -> None:
    write_office(tmp_path)
    reading = load_documents(tmp_path)
    assert reading.skipped == []
    found = {d.id: (d.title, d.text, d.metadata, d.marks[:1]) for d in reading.documents}
    assert found == {
        "a.xlsx": ("a", "#: 7 | Part: Seal", {}, ((0, "#sheet=Sheet:2"),)),
        "b.pptx": ("Slides", "# Slides\n\nIt hums.", {}, ((0, "#slide=1"),)),
        "c.ipynb": ("Notes", "# Notes\n\nText.", {}, ((0, "#cell=1"),)),
        "d.adoc": ("Manual", "# Manual\n\nText.", {"author": "Anna Meier"}, ()),
        "e.mdx": ("Page", "# Page\n\nText.", {}, ()),
        "f.eml": ("Seals", "Text.", {"from": "a@pump.example"}, ()),
        "g.epub": ("Book", "# Care\n\nText.", {}, ((0, "#chapter=1"),)),
    }


def test_rows_of_a_sheet_reach_the_passages_with_their_section(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    write_office(corpus)
    cache = tmp_path / "documents.sqlite"
    for target in ("first", "from the cache"):
        built = build(corpus, tmp_path / target, cache)
        (row,) = (p for p in built.passages if p.document_id == "a.xlsx")
        assert (row.section, row.source, row.metadata) == ("Sheet", "a.xlsx#sheet=Sheet:2", {"#": 7, "Part": "Seal"})
        assert row.full_text == "a › Sheet\n#: 7 | Part: Seal"


def test_a_title_is_taken_from_the_file_name_where_there_is_no_heading(tmp_path: Path) -> None:
    (tmp_path / "seal-wear_notes.md").write_text("Just text.\n")
    assert load_documents(tmp_path).documents[0].title == "seal wear notes"


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        # a comment in code is no heading
        ("faq.rst", "Questions\n=========\n\nRun::\n\n    # smartctl -a\n\nMore\n----\n\nText.", "Questions"),
        ("setup.md", "Do this.\n\n```\n# the first step\nrun\n```\n\n# `hybrid` set up\n\nText.", "`hybrid` set up"),
        # the first heading is above all others
        ("page.rst", ".. include:: head.inc\n\nPumps\n=====\n\nText.\n\nParts\n-----\n\nText.", "Pumps"),
        ("low-page.md", "## Pumps\n\nText.\n\n### Parts\n\nText.", "Pumps"),
        # it is one among others
        ("low-page.md", "## Pumps\n\nText.\n\n## Parts\n\nText.", "low page"),
        ("low-page.md", "### Note\n\nText.\n\n## Parts\n\nText.", "low page"),
        ("low-page.md", "```\n# only code\n```\n\nText.", "low page"),
    ],
)
def test_the_title_is_the_heading_above_all_others(tmp_path: Path, name: str, text: str, title: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    (document,) = load_documents(tmp_path).documents
    assert document.title == title


def test_parts_that_other_files_include_are_read_as_what_they_are(tmp_path: Path) -> None:
    rst = "Create\n======\n\nIt takes ``-n``.\n"
    for name in (
        "create.rst.inc",
        "page.rst.txt",
        "part-one.MD.inc",
        "plain.txt",
        "release-1.2.txt",
        "head.inc",
        "x.php.inc",
    ):
        (tmp_path / name).write_text(rst if "rst" in name else "It takes `-n`.", encoding="utf-8")
    loaded = load_documents(tmp_path)
    assert {document.source: (document.format, document.title) for document in loaded.documents} == {
        "create.rst.inc": (".rst", "Create"),
        "page.rst.txt": (".rst", "Create"),
        "part-one.MD.inc": (".md", "part one"),
        "plain.txt": (".txt", "It takes `-n`."),
        "release-1.2.txt": (".txt", "It takes `-n`."),
    }
    assert dict(loaded.skipped) == {
        "head.inc": "format .inc is not read",
        "x.php.inc": "format .inc is not read",
    }


def test_a_byte_order_mark_and_windows_line_ends_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes("\ufeff# Title\r\n\r\nText.\r\n".encode())
    (document,) = load_documents(tmp_path).documents
    assert (document.title, document.text) == ("Title", "# Title\n\nText.\n")


def test_bad_files_are_skipped_and_listed(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("# Good\n\nText.\n")
    (tmp_path / "empty.md").write_text("  \n")
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "latin.txt").write_bytes("für 20 °C".encode("latin-1"))
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 nothing more")
    (tmp_path / "broken.docx").write_bytes(b"PK not a zip")
    (tmp_path / "hollow.html").write_text("<html><body><script>x()</script></body></html>")
    (tmp_path / "sound.mp3").write_bytes(b"ID3")
    (tmp_path / ".hidden.md").write_text("# Hidden\n\nText.\n")
    (tmp_path / "~$good.xlsx").write_bytes(b"\x05Anna")
    reading = load_documents(tmp_path)
    assert [d.id for d in reading.documents] == ["good.md"]
    skipped = dict(reading.skipped)
    assert sorted(skipped) == [
        "broken.docx", "broken.pdf", "empty.jsonl", "empty.md", "hollow.html", "latin.txt", "sound.mp3",
    ]  # fmt: skip
    assert skipped["empty.md"] == skipped["empty.jsonl"] == skipped["hollow.html"] == "no text in it"
    assert skipped["latin.txt"] == "not UTF-8"
    assert skipped["broken.pdf"].startswith("unreadable: ") and skipped["broken.docx"].startswith("unreadable: ")
    assert ".mp3" in skipped["sound.mp3"]


def test_an_empty_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        load_documents(tmp_path / "absent")
    with pytest.raises(InputError, match="the folder is empty"):
        load_documents(tmp_path)
    (tmp_path / "latin.txt").write_bytes(b"\xff\xff")
    with pytest.raises(InputError, match=r"latin\.txt: not UTF-8"):
        load_documents(tmp_path)


def test_a_folder_without_documents_is_told_what_it_holds_and_what_could_be_read(tmp_path: Path) -> None:
    for name in ("a.doc", "b.DOC", "c.xyz", "noise"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "d.eml").write_bytes(b"no mail")
    with pytest.raises(InputError) as caught:
        load_documents(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: no readable document (found 2 .doc, 1 .xyz, 1 .eml, 1 no suffix; "
        "a.doc: format .doc is not read: convert it (soffice --headless --convert-to docx FILE); "
        "b.DOC: format .DOC is not read: convert it (soffice --headless --convert-to docx FILE); "
        "c.xyz: format .xyz is not read; d.eml: no e-mail: it begins with no header of one; "
        "noise: format without suffix is not read)\n  → add files of these formats: .adoc .asciidoc .csv .docx .eml "
        ".epub .htm .html .ipynb .jsonl .markdown .md .mdx .pdf .pptm .pptx .rst .tsv .txt .xhtml .xlsm .xlsx"
    )


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        (b'{"id": "b", "text": "x"', "malformed JSON"),
        (b'["b"]', "the line is not a JSON object"),
        (b'{"id": "b"}', "no field 'text'"),
        (b'{"id": 5, "text": "x"}', "field 'id' is int, not str"),
        (b'{"id": "\xff", "text": "x"}', "not UTF-8"),
    ],
)
def test_malformed_jsonl_names_file_and_line(tmp_path: Path, second: bytes, problem: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"id": "a", "text": "x"}\n' + second + b"\n")
    with pytest.raises(InputError) as caught:
        load_documents(tmp_path)
    assert f"a.jsonl:2: {problem}" in str(caught.value)


def test_duplicate_document_ids_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "same", "text": "x"}\n')
    (tmp_path / "b.jsonl").write_text('{"id": "same", "text": "y"}\n')
    with pytest.raises(InputError, match="'same'"):
        load_documents(tmp_path)


def build(corpus: Path, target: Path, cache: Path | None = None) -> PassageSet:
    folder = CorpusFolder(corpus)
    inputs = {"corpus": folder.content_id(CorpusConfig())}
    manifest = build_passages(
        folder, CorpusConfig(chunk_tokens=32), tokenize=str.split, max_tokens=32, target=target, inputs=inputs,
        cache=cache,
    )  # fmt: skip
    return PassageSet(target, manifest)


QUESTION = (
    '{"id": "q1", "question": "How heavy?", "answers": ["20 kg"], "evidence": [{"source": "a.md", "quote": "20 kg"}]}\n'
)


@pytest.mark.parametrize("inner", ["", "documents"])
@pytest.mark.parametrize("questions", ["questions.jsonl", "questions/mine.jsonl"])
def test_every_layout_of_a_corpus_folder(tmp_path: Path, inner: str, questions: str) -> None:
    """Questions beside the documents are questions, not documents."""
    corpus = tmp_path / "corpus"
    (corpus / inner).mkdir(parents=True)
    (corpus / inner / "a.md").write_text("# Pump A\n\nIt weighs 20 kg.\n")
    (corpus / questions).parent.mkdir(exist_ok=True)
    (corpus / questions).write_text(QUESTION)
    built = build(corpus, tmp_path / "passages")
    assert [p.text for p in built.passages] == ["It weighs 20 kg."]
    assert [q.positives for q in built.questions] == [(built.passages[0].id,)]
    assert built.manifest.counts == {"documents": 1, "passages": 1, "tokens": 6, "questions": 1, "skipped_files": 0}
    assert (tmp_path / "passages" / "qrels" / "test.tsv").read_text() == (
        f"query-id\tcorpus-id\tscore\nq1\t{built.passages[0].id}\t1\n"
    )


def test_questions_beside_the_documents_of_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.md").write_text("# Pump A\n\nIt weighs 20 kg.\n")
    Path("questions.jsonl").write_text(QUESTION)
    assert build(Path(), Path(".passages")).manifest.counts["documents"] == 1


def test_skipped_files_reach_the_manifest(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.md").write_text("# A\n\nText.\n")
    (corpus / "b.txt").write_bytes(b"\xff")
    built = build(corpus, tmp_path / "passages")
    assert built.manifest.counts["skipped_files"] == 1
    assert built.manifest.facts["warnings"] == ["b.txt: skipped, not UTF-8"]


def test_a_corpus_of_bare_headings_is_refused(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.md").write_text("# Only a title\n")
    with pytest.raises(InputError, match="corpus"):
        build(corpus, tmp_path / "passages")
    assert not (tmp_path / "passages").exists()


def test_passages_are_rebuilt_when_a_document_changes_and_only_then(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.md").write_text("# A\n\nOne.\n")
    first = build(corpus, tmp_path / "passages").manifest
    before = (tmp_path / "passages" / "corpus.jsonl").stat().st_mtime_ns
    assert build(corpus, tmp_path / "passages").manifest == first
    assert (tmp_path / "passages" / "corpus.jsonl").stat().st_mtime_ns == before
    (corpus / "a.md").write_text("# A\n\nTwo.\n")
    second = build(corpus, tmp_path / "passages")
    assert second.manifest.id != first.id
    assert [p.text for p in second.passages] == ["Two."]
