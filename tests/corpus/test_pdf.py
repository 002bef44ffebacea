"""What a PDF says: words over line ends, columns, tables, running heads, turned pages, pages that are pictures."""

import io
from importlib.util import find_spec
from pathlib import Path

import fpdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from hybrid.corpus.load import load_documents
from hybrid.corpus.readers import ocr
from hybrid.corpus.readers.content import UnreadableError
from hybrid.corpus.readers.hyphens import join_lines, words_inside
from hybrid.corpus.readers.pdf import read_pdf
from hybrid.corpus.readers.pdf_pieces import HYPHEN

FONT = Path(pytest.importorskip("matplotlib").get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def new_pdf() -> fpdf.FPDF:
    pdf = fpdf.FPDF()
    pdf.set_auto_page_break(False)
    pdf.set_font("helvetica", size=11)
    pdf.add_page()
    return pdf


def put(pdf: fpdf.FPDF, x: float, y: float, text: str) -> None:
    pdf.set_xy(x, y)
    pdf.cell(80, 5, text)


def text_of(pdf: fpdf.FPDF) -> str:
    return read_pdf(bytes(pdf.output())).text


def test_words_that_a_line_divides_are_whole() -> None:
    pdf = new_pdf()
    for number, line in enumerate((
        "The preventive main-", "tenance of the well-", "known pump takes a soft\u00ad", "ened ring of class GS-",
        "Prüfung. Ein- und Aus-", "gang, in- and output, Ein-", "und Ausfuhr: COVID-", "19 is well-known.",
    )):  # fmt: skip
        put(pdf, 10, 20 + 5 * number, line)
    assert text_of(pdf).endswith(
        "The preventive maintenance of the well-known pump takes a softened ring of class GS-Prüfung. "
        "Ein- und Ausgang, in- and output, Ein- und Ausfuhr: COVID-19 is well-known."
    )


def test_a_hyphen_of_the_author_stays_where_the_document_says_nothing() -> None:
    lines = [f"the high{HYPHEN}", f"pressure hose is low{HYPHEN}", f"er than the state-of-the{HYPHEN}", "art pump"]
    assert join_lines(lines, words_inside(lines)) == "the high-pressure hose is lower than the state-of-the-art pump"


@pytest.mark.parametrize(
    ("elsewhere", "whole"),
    [
        ("a reentry", "reentry"),
        ("a re-entry", "re-entry"),
        ("", "reentry"),
        ("reentry, twice reentry, re-entry", "reentry"),
    ],
)
def test_the_document_decides_about_a_hyphen(elsewhere: str, whole: str) -> None:
    lines = [elsewhere, f"the re{HYPHEN}", "entry"]
    assert join_lines(lines[1:], words_inside(lines)) == f"the {whole}"


@pytest.mark.parametrize("row_by_row", [False, True])
def test_two_columns_are_read_one_after_the_other(row_by_row: bool) -> None:
    pdf = new_pdf()
    left = [f"left{n} of the pump stands here {n}" for n in range(6)]
    right = [f"right{n} of the pump stands here {n}" for n in range(6)]
    placed = [(10, 20 + 5 * n, text) for n, text in enumerate(left)]
    placed += [(110, 20 + 5 * n, text) for n, text in enumerate(right)]
    for x, y, text in sorted(placed, key=lambda item: item[1]) if row_by_row else placed:
        put(pdf, x, y, text)
    assert " ".join(text_of(pdf).split()) == " ".join(left + right)


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_table_keeps_its_cells_apart(turned: int) -> None:
    from pypdf import PdfWriter

    pdf = new_pdf()
    put(pdf, 10, 10, "Spare parts of the pump are listed below.")
    pdf.set_xy(10, 20)
    with pdf.table() as table:
        for cells in (
            ("Part", "No", "Remark"),
            ("Seal ring", "TB-1", "Fits every pump of the years " * 3),
            ("Motor", "TB-2", "none"),
        ):
            row = table.row()
            for cell in cells:
                row.cell(cell)
    writer = PdfWriter(clone_from=io.BytesIO(bytes(pdf.output())))
    writer.pages[0].rotate(turned)
    stream = io.BytesIO()
    writer.write(stream)
    assert read_pdf(stream.getvalue()).text == (
        "# Spare parts of the pump are listed below.\n\n| Part | No | Remark |\n| --- | --- | --- |\n"
        f"| Seal ring | TB-1 | {('Fits every pump of the years ' * 3).strip()} |\n| Motor | TB-2 | none |"
    )


def test_running_heads_and_footnotes_cut_no_sentence() -> None:
    pdf = fpdf.FPDF()
    pdf.set_auto_page_break(False)
    sides = (
        ("The inlet valve of a pump is", "opened before the motor runs, for the"),
        ("impeller would else run dry and the", "seals of it would burn, and its"),
        ("bearings too. Data sheet 4711 says", "what they cost."),
    )
    for number, lines in enumerate(sides, start=1):
        pdf.add_page()
        pdf.set_font("helvetica", size=9)
        put(pdf, 10, 8, "Handbook of the pump")
        put(pdf, 100, 285, f"Page {number} of 3")
        pdf.set_font("helvetica", size=11)
        put(pdf, 10, 25, lines[0])
        put(pdf, 10, 30, lines[1])
        if number == 2:
            pdf.set_font("helvetica", size=7)
            put(pdf, 10, 265, "* Seals are made of nitrile.")
    content = read_pdf(bytes(pdf.output()))
    assert content.text == (
        "# The inlet valve of a pump is opened before the motor runs, for the\n\n"
        "* Seals are made of nitrile.\n\n"
        "impeller would else run dry and the seals of it would burn, and its bearings too. Data sheet 4711 says what "
        "they cost."
    )
    assert [mark for _, mark in content.marks] == ["#page=1", "#page=2", "#page=3"]
    assert content.text[content.marks[2][0] :].startswith("bearings too.")
    assert content.notes == ((0, "2 lines that repeat at the edges of pages left out, first: 'Handbook of the pump'"),)


def test_titles_that_differ_by_a_number_are_no_running_heads() -> None:
    pdf = fpdf.FPDF()
    for number in (4711, 4719, 4750):
        pdf.add_page()
        pdf.set_font("helvetica", size=11)
        put(pdf, 10, 10, f"Data sheet {number}")
        put(pdf, 10, 30, f"The pump weighs {number / 100} kg.")
    assert [f"Data sheet {number}" in text_of(pdf) for number in (4711, 4719, 4750)] == [True] * 3


def test_ligatures_are_letters() -> None:
    pdf = new_pdf()
    pdf.add_font("dejavu", "", FONT)
    pdf.set_font("dejavu", size=11)
    put(pdf, 10, 20, "o\ufb03ce \ufb01nal \ufb02ow Größe насос")
    assert text_of(pdf) == "# office final flow Größe насос"


def scan(lines: list[str]) -> io.BytesIO:
    image = Image.new("L", (1240, 700), 255)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((90, 90 + 50 * number), line, font=ImageFont.truetype(str(FONT), 28), fill=0)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream


def test_pages_that_are_pictures_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hybrid.corpus.readers.ocr.find_spec", lambda name: None)
    ocr.installed.cache_clear()
    pdf = new_pdf()
    pdf.image(scan(["The pump weighs 42 kg."]), 10, 10, 150)
    (tmp_path / "scan.pdf").write_bytes(bytes(pdf.output()))
    pdf = new_pdf()
    put(pdf, 10, 20, "A page of text.")
    pdf.add_page()
    pdf.image(scan(["The pump weighs 42 kg."]), 10, 10, 150)
    (tmp_path / "half.pdf").write_bytes(bytes(pdf.output()))
    try:
        reading = load_documents(tmp_path)
    finally:
        ocr.installed.cache_clear()
    way = "install OCR with `pip install 'hybrid-rag-diagnosis[ocr]'`, then run the same command again"
    assert reading.skipped == [
        ("scan.pdf", f"no text in it: 1 of 1 pages are pictures without text: {way}"),
    ]
    assert reading.notes == [f"half.pdf: 1 of 2 pages are pictures without text: {way}"]


@pytest.mark.skipif(find_spec("rapidocr") is None, reason="the extra [ocr] is not installed")
def test_a_scan_is_read_where_ocr_is_installed() -> None:
    pdf = new_pdf()
    pdf.image(
        scan(["The pump weighs 42.5 kg and needs 380 V.", "Der Kühlkreislauf muß täglich geprüft werden."]), 10, 10, 190
    )
    content = read_pdf(bytes(pdf.output()))
    assert "The pump weighs 42.5 kg and needs 380 V." in content.text
    assert "Der Kühlkreislauf muß täglich geprüft werden." in content.text
    assert content.marks == ((0, "#page=1"),)
    assert content.notes == (
        (0, "1 of 1 pages are pictures without text: it was recognised by OCR, which may misread a word"),
    )


def test_letters_without_meaning_are_no_text() -> None:
    from pypdf import PdfWriter

    pdf = new_pdf()
    pdf.add_font("dejavu", "", FONT)
    pdf.set_font("dejavu", size=11)
    put(pdf, 10, 20, "The pump weighs 42 kg.")
    writer = PdfWriter(clone_from=io.BytesIO(bytes(pdf.output())))
    for font in writer.pages[0]["/Resources"]["/Font"].values():  # type: ignore[index]
        font.get_object().pop("/ToUnicode", None)
    stream = io.BytesIO()
    writer.write(stream)
    if find_spec("rapidocr") is None:
        with pytest.raises(UnreadableError, match="install OCR"):
            read_pdf(stream.getvalue())
    else:
        assert "The pump weighs 42 kg." in read_pdf(stream.getvalue()).text
