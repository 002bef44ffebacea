"""Spreadsheets: rows are records that name their columns, sheets are sections; nothing is computed."""

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

import openpyxl
import pytest

from hybrid.corpus.chunk import chunk
from hybrid.corpus.readers.content import Content, UnreadableError
from hybrid.corpus.readers.workbook import read_workbook
from hybrid.types import Document

LIMIT = 50_000_000


def saved(book: openpyxl.Workbook) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def sheet(*rows: list[Any], merge: tuple[str, ...] = (), name: str = "Prices") -> Content:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = name
    for row in rows:
        page.append(row)
    for cells in merge:
        page.merge_cells(cells)
    return read_workbook(saved(book), LIMIT)


def changed(data: bytes, change: Callable[[bytes], bytes], part: str = "xl/worksheets/sheet1.xml") -> bytes:
    """The file with the bytes of one of its parts changed."""
    source, target = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name in source.namelist():
            content = source.read(name)
            file.writestr(name, change(content) if name == part else content)
    return target.getvalue()


def with_rows(xml: str) -> bytes:
    """Two good rows, and others as they are written."""
    book = openpyxl.Workbook()
    for row in (["Part", "Price"], ["Seal", 20]):
        book.active.append(row)  # type: ignore[union-attr]
    end = b"</sheetData>"
    return changed(saved(book), lambda content: content.replace(end, xml.encode() + end))


GOOD = "Part: Seal | Price: 20"


def test_rows_are_records_below_their_sheet() -> None:
    book = openpyxl.Workbook()
    prices = book.active
    assert prices is not None
    prices.title = "Price list"
    for row in (
        ["Part", "Price", "Valid from", "Sold", "Note"],
        ["Seal", 20.5, date(2024, 5, 3), True, "two\nlines"],
        [],
        [None, None, None, None, "  "],
        ["Ring", 7.0, datetime(2024, 5, 3, 10, 30), False, None],
        ["Bolt", 0.1 + 0.2, time(6, 15), None, "x" * 201],
    ):
        prices.append(row)
    more = book.create_sheet("Hours")
    more.append([None, "Day", "From"])
    more.append([None, "Monday", "8:00"])
    content = read_workbook(saved(book), LIMIT)
    assert content.text == (
        "Part: Seal | Price: 20.5 | Valid from: 2024-05-03 | Sold: true | Note: two lines\n\n"
        "Part: Ring | Price: 7 | Valid from: 2024-05-03T10:30 | Sold: false\n\n"
        f"Part: Bolt | Price: 0.3 | Valid from: 06:15 | Note: {'x' * 201}\n\n"
        "Day: Monday | From: 8:00"
    )
    assert content.record_metadata[0] == {
        "Part": "Seal", "Price": 20.5, "Valid from": "2024-05-03", "Sold": True, "Note": "two lines",
    }  # fmt: skip
    assert content.record_metadata[2] == {"Part": "Bolt", "Price": 0.3, "Valid from": "06:15"}
    document = Document(
        "p.xlsx", content.text, "p.xlsx", "p", ".xlsx", content.marks, content.records,
        record_metadata=content.record_metadata, record_sections=content.record_sections,
    )  # fmt: skip
    passages = chunk([document], tokenize=str.split, chunk_tokens=64)
    assert [(p.source, p.section) for p in passages] == [
        ("p.xlsx#sheet=Price list:2", "Price list"),
        ("p.xlsx#sheet=Price list:5", "Price list"),
        ("p.xlsx#sheet=Price list:6", "Price list"),
        ("p.xlsx#sheet=Hours:2", "Hours"),
    ]
    assert passages[3].full_text == "p › Hours\nDay: Monday | From: 8:00"


def test_percentages_are_written_as_they_are_shown() -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(["Part", "Discount"])
    page.append(["Seal", 0.25])
    page["B2"].number_format = "0%"
    page.append(["Ring", 0.125])
    page["B3"].number_format = '0.0" of all "%'
    page.append(["Bolt", 0.25])
    page["B4"].number_format = '0.00" %"'
    assert read_workbook(saved(book), LIMIT).text == (
        "Part: Seal | Discount: 25%\n\nPart: Ring | Discount: 12.5%\n\nPart: Bolt | Discount: 0.25"
    )


def test_a_title_above_the_header_is_a_record_of_its_own() -> None:
    content = sheet(["Price list 2024"], ["of the works"], [], ["Part", "Price"], ["Seal", 20], merge=("A1:B1",))
    assert content.text == "Price list 2024\nof the works\n\nPart: Seal | Price: 20"
    assert [mark for _, mark in content.marks] == ["#sheet=Prices:1", "#sheet=Prices:5"]


def test_merged_cells() -> None:
    content = sheet(
        ["Kind", "Part", "2023", None, "Note"],
        [None, None, "Q1", "Q2", None],
        ["Seals", "Seal", 20, 21, "black"],
        [None, "Ring", 7, 8, None],
        ["Bolts", "M8", 1, 2, None],
        merge=("A1:A2", "B1:B2", "C1:D1", "E1:E2", "A3:A4"),
    )
    assert content.text == (
        "Kind: Seals | Part: Seal | 2023 Q1: 20 | 2023 Q2: 21 | Note: black\n\n"
        "Kind: Seals | Part: Ring | 2023 Q1: 7 | 2023 Q2: 8\n\n"
        "Kind: Bolts | Part: M8 | 2023 Q1: 1 | 2023 Q2: 2"
    )
    assert sheet(["Part", "Size", None], ["Seal", 3, 4], merge=("B1:C1",)).text == (
        "Part: Seal | Size (B): 3 | Size (C): 4"
    )


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([["Region", 2022, 2023], ["North", 1, 2]], "Region: North | 2022: 1 | 2023: 2"),
        ([["Part", "Price", "Price"], ["Seal", 1, 2]], "Part: Seal | Price (B): 1 | Price (C): 2"),
        ([[1, 2], [3, 4]], "1 | 2\n\n3 | 4"),
        ([["only"], ["one column"]], "only\n\none column"),
        ([["Part", "Price"]], "Part | Price"),
        ([["Part", "Price"], ["Seal", 1, "loose"]], "Part: Seal | Price: 1 | loose"),
    ],
)
def test_headers(rows: list[list[Any]], text: str) -> None:
    assert sheet(*rows).text == text


def test_what_is_left_out_is_told() -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = "Sums"
    page.append(["Part", "Price", "Rest"])
    page.append(["Seal", "=1+1", "#N/A"])
    page["C2"].data_type = "e"
    for name, state in (("Raw", "hidden"), ("Keys", "veryHidden")):
        hidden = book.create_sheet(name)
        hidden["A1"] = "secret"
        hidden.sheet_state = state
    content = read_workbook(saved(book), LIMIT)
    assert content.text == "Part: Seal"
    assert content.notes == (
        (0, "sheet 'Sums': 1 formulas have no stored value: open the file in a spreadsheet program and save it"),
        (0, "sheet 'Sums': 1 cells with errors (as #N/A) are left out"),
        (0, "hidden sheets are left out: 'Raw', 'Keys'"),
    )
    page.sheet_state = "hidden"
    book.create_sheet("Empty")
    with pytest.raises(UnreadableError, match="no text in it but in hidden sheets"):
        read_workbook(saved(book), LIMIT)


def test_formulas_have_the_value_that_was_stored() -> None:
    data = with_rows(
        '<row r="3"><c r="A3" t="str"><f>A2&amp;"s"</f><v>Seals</v></c><c r="B3"><f>B2*2</f><v>40</v></c></row>'
    )
    content = read_workbook(data, LIMIT)
    assert content.text == f"{GOOD}\n\nPart: Seals | Price: 40" and content.notes == ()


def test_a_sheet_in_another_language() -> None:
    content = sheet(["Деталь", "価格", "Größe"], ["Уплотнение", "二十", 3], name="Список")
    assert content.text == "Деталь: Уплотнение | 価格: 二十 | Größe: 3"
    assert content.marks == ((0, "#sheet=Список:2"),) and content.record_sections == ("Список",)


def test_formatted_empty_rows_take_no_memory() -> None:
    xml = "".join(f'<row r="{n}" s="0" customFormat="1"><c r="A{n}" s="0"/></row>' for n in range(3, 20_000))
    data = with_rows(f'{xml}<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>Last</t></is></c></row>')
    read_workbook(with_rows(""), LIMIT)
    tracemalloc.start()
    content = read_workbook(data, LIMIT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert content.text == f"{GOOD}\n\nPart: Last"
    assert content.marks[1][1] == "#sheet=Sheet:1048576"
    assert peak < 1_500_000, "openpyxl's own loop takes 300 bytes a row"


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("xml", "text"),
    [
        ("<row r='3'>" + "<c/>" * 20_000 + "</row>", GOOD),
        ("<row r='999999999999'><c r='XFD1048576'><v>1</v></c></row>", f"{GOOD}\n\n1"),
        ("<row r='3'><c r='A3'><v>1e999</v></c><c r='B3'><v>7</v></c></row>", f"{GOOD}\n\nPrice: 7"),
    ],
)
def test_rows_that_claim_to_be_long_or_far(xml: str, text: str) -> None:
    assert read_workbook(with_rows(xml), LIMIT).text == text


def test_a_dimension_that_is_not_true_costs_nothing() -> None:
    data = changed(with_rows(""), lambda content: content.replace(b'ref="A1:B2"', b'ref="A1:XFD1048576"'))
    assert b"XFD1048576" in zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml")
    assert read_workbook(data, LIMIT).text == GOOD


@pytest.mark.timeout(120)
def test_merged_ranges_that_overlap_a_thousand_times() -> None:
    ranges = '<mergeCell ref="A1:XFD1048576"/>' * 2_000
    data = changed(
        with_rows("".join(f'<row r="{n}"><c r="B{n}"><v>{n}</v></c></row>' for n in range(3, 1_000))),
        lambda content: content.replace(b"</sheetData>", f"</sheetData><mergeCells>{ranges}</mergeCells>".encode()),
    )
    assert read_workbook(data, LIMIT).text.count("\n\n") == 997


def test_bombs_and_entities() -> None:
    with pytest.raises(UnreadableError, match=r"^unpacks to 9\d MB: more than corpus.max_file_mb allows"):
        read_workbook(with_rows(" " * 90_000_000), 20_000_000)
    with pytest.raises(UnreadableError, match=r"^more than 0\.06 MB of text: more than corpus.max_file_mb allows"):
        read_workbook(with_rows("<row><c><v>1</v></c></row>" * 6_500), 60_000)
    outside = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd"><!ENTITY b "inside">]>'
    data = changed(
        with_rows('<row r="3"><c r="A3" t="str"><v>&a;&b;</v></c></row>'), lambda content: outside.encode() + content
    )
    with pytest.raises(UnreadableError, match="defines entities"):
        read_workbook(data, LIMIT)


def test_a_long_text_that_many_cells_share_counts_for_each() -> None:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    named = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'.encode()
    texts = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>{}</t></si></sst>'
    stream = io.BytesIO(
        changed(
            with_rows("<row>" + '<c t="s"><v>0</v></c>' * 300 + "</row>"),
            lambda content: content.replace(b"</Types>", named),
            "[Content_Types].xml",
        )
    )
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/sharedStrings.xml", texts.format("x" * 1_000_000))
    data = stream.getvalue()
    tracemalloc.start()
    with pytest.raises(UnreadableError, match=r"^more than 5 MB of text: more than corpus.max_file_mb allows"):
        read_workbook(data, 5_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000


def test_a_sheet_that_is_named_twice_is_read_once() -> None:
    def again(content: bytes) -> bytes:
        start = content.index(b"<sheet ")
        end = content.index(b"</sheets>")
        return content[:end] + content[start:end] * 50 + content[end:]

    content = read_workbook(changed(with_rows(""), again, "xl/workbook.xml"), LIMIT)
    assert content.text == GOOD and content.record_sections == ("Sheet",)


def test_a_broken_workbook() -> None:
    data = changed(with_rows(""), lambda content: b"<no" + content, "xl/workbook.xml")
    with pytest.raises(UnreadableError, match=r"no workbook that openpyxl reads \(\w+\): open it in a spreadsheet"):
        read_workbook(data, LIMIT)


def test_a_workbook_with_a_password() -> None:
    with pytest.raises(UnreadableError, match="locked by a password, or of a format before 2007"):
        read_workbook(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, LIMIT)
