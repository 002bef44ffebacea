"""Which delimiter a table file has, and which of its first lines name columns."""

import pytest

from hybrid.corpus.readers.content import UnreadableError
from hybrid.corpus.readers.delimited import read_delimited


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("Part;Price, EUR;Mass, kg\nA1;3,50;1,20\nB2;17,00;4,75\n", "Part: A1 | Price, EUR: 3,50 | Mass, kg: 1,20"),
        ('"Size; width",Value\n"10; 20",good\n"11; 21",bad\n', "Size; width: 10; 20 | Value: good"),
        ('"Name, first";Age\n"Muster, Eva";30\n', "Name, first: Muster, Eva | Age: 30"),
        ('"part\nno";price\nA1;3\nB2;4\n', "part no: A1 | price: 3"),
        ("sep=;\nPart;Price\nA1;3,50\n", "Part: A1 | Price: 3,50"),
        ('"sep=|"\r\nPart|Price, net\r\nA1|3,50\r\n', "Part: A1 | Price, net: 3,50"),
        ("a\tb, c\td\n1\t2,5\t3\n4\t5,5\t6\n", "a: 1 | b, c: 2,5 | d: 3"),
        ("id,text\n1,a; b; c\n2,d; e\n", "id: 1 | text: a; b; c"),
        ("name,tags\na,x;y;z\nb,x;y;w\n", "name: a | tags: x;y;z"),
        ("Day;Time;Value\n01.02.2024;10:30:00;3,5\n02.02.2024;11:30:00;4,25\n", "Day: 01.02.2024 | Time: 10:30:00"),
        ("note\nthe pump, the valve\nthe seal\n", "note: the pump, the valve"),
        (",part,price\n0,A1,3.5\n1,B2,4\n", "index: 0 | part: A1 | price: 3.5"),
        ("part;price;\nA1;3,5;\nB2;4;\n", "part: A1 | price: 3,5"),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_delimiters(file: str, text: str, mark: str) -> None:
    content = read_delimited(f"{mark}{file}".encode())
    assert content.text.split("\n\n")[0].startswith(text)
    assert [note for line, note in content.notes if line] == []


def test_a_tie_is_told() -> None:
    tied = read_delimited(b"Part;Price, EUR\nA1;3,50\nB2;17,00\n")
    assert tied.notes == ((0, "its columns are taken to end at ';', though ',' would fit too"),)
    assert read_delimited(b"Part;Price\nA1;3,50\nB2;17,00\n").notes == ()


def test_the_line_of_a_row_counts_the_one_that_names_the_delimiter() -> None:
    assert [mark for _, mark in read_delimited(b"sep=;\na;b\n1;2\n").marks] == [":3"]


@pytest.mark.parametrize("file", ["a,,c\n1,2,3\n", "Report 2024;;;\na;b;c;d\n1;2;3;4\n"])
def test_other_columns_need_a_name(file: str) -> None:
    with pytest.raises(UnreadableError, match="line 1 is no header row"):
        read_delimited(file.encode())


def test_a_long_name_of_a_column_is_cut() -> None:
    content = read_delimited(b"a," + b"b" * 5000 + b"\n" + b"1,2\n" * 1000)
    assert content.text.startswith(f"a: 1 | {'b' * 100}… (2): 2\n") and len(content.text) < 150_000
