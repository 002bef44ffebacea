"""Books: chapters in the order of reading, the table of contents left out, protection told."""

import io
import zipfile

import pytest

from hybrid.corpus.chunk import chunk
from hybrid.corpus.readers.content import UnreadableError
from hybrid.corpus.readers.epub import read_epub
from hybrid.types import Document

LIMIT = 10_000_000
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
HEAD = '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'


def package(items: str, spine: str, metadata: str = "<dc:title>Pumps</dc:title>") -> str:
    return (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/" version="3.0">'
        f"<metadata>{metadata}</metadata><manifest>{items}</manifest><spine>{spine}</spine></package>"
    )


def item(name: str, place: str, more: str = "") -> str:
    return f'<item id="{name}" href="{place}" media-type="application/xhtml+xml" {more}/>'


def book(files: dict[str, str | bytes], items: str, order: str, metadata: str = "<dc:title>Pumps</dc:title>") -> bytes:
    spine = "".join(f'<itemref idref="{name}"/>' for name in order.split())
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("mimetype", "application/epub+zip")
        file.writestr("META-INF/container.xml", CONTAINER)
        file.writestr("OEBPS/book.opf", package(items, spine, metadata))
        for name, content in files.items():
            file.writestr(name, content)
    return stream.getvalue()


def page(body: str) -> str:
    return f"{HEAD}<head><title>Pumps</title><style>p{{}}</style></head><body>{body}</body></html>"


def test_chapters_come_in_the_order_of_the_spine() -> None:
    content = read_epub(
        book(
            {
                "OEBPS/text/b%20.xhtml": "",
                "OEBPS/nav.xhtml": page('<nav epub:type="toc"><ol><li>Care</li></ol></nav>'),
                "OEBPS/text/two.xhtml": page("<h1>Care</h1><p>Oil<br/>it.</p><ul><li>daily</li></ul>"),
                "OEBPS/text/the first.xhtml": page("<h1>Mass</h1><p>It weighs <b>20 kg</b>.</p><script>x()</script>"),
                "OEBPS/cover.xhtml": page('<img src="cover.jpg"/>'),
            },
            item("nav", "nav.xhtml", 'properties="nav"') + item("two", "text/two.xhtml")
            + item("one", "text/the%20first.xhtml#top") + item("cover", "cover.xhtml") + item("lost", "lost.xhtml")
            + '<item id="font" href="a.otf" media-type="font/otf"/>',
            "cover nav one two two lost font unknown",
            "<dc:title> Pumps,\n explained </dc:title><dc:creator>Anna Meier</dc:creator><dc:creator>Bo</dc:creator>"
            "<dc:language>en</dc:language>",
        ),
        LIMIT,
    )  # fmt: skip
    assert content.title == "Pumps, explained"
    assert content.metadata == {"author": ("Anna Meier", "Bo"), "language": "en"}
    assert content.text == "# Mass\n\nIt weighs 20 kg.\n\n# Care\n\nOil it.\n\n- daily"
    assert content.notes == ((0, "chapter 6 is not in the file"),)
    document = Document("p.epub", content.text, "p.epub", content.title, ".epub", content.marks)
    passages = chunk([document], tokenize=str.split, chunk_tokens=64)
    assert [(p.source, p.section, p.text) for p in passages] == [
        ("p.epub#chapter=3", "Mass", "It weighs 20 kg."),
        ("p.epub#chapter=4", "Care", "Oil it.\n\n- daily"),
    ]


def test_a_book_in_another_language() -> None:
    content = read_epub(
        book(
            {"OEBPS/a.xhtml": page("<h1>Уход</h1><p>Смажьте подшипник. 每年更换。</p>")},
            item("a", "a.xhtml"), "a", "<dc:title>Насосы</dc:title><dc:creator>Ирина Петрова</dc:creator>",
        ),
        LIMIT,
    )  # fmt: skip
    assert (content.title, content.text) == ("Насосы", "# Уход\n\nСмажьте подшипник. 每年更换。")
    assert content.metadata == {"author": "Ирина Петрова"}


def encryption(algorithm: str, place: str) -> str:
    return (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" '
        'xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>'
        f'<enc:EncryptionMethod Algorithm="{algorithm}"/><enc:CipherData><enc:CipherReference URI="{place}"/>'
        "</enc:CipherData></enc:EncryptedData></encryption>"
    )


def test_protected_books_are_told_and_scrambled_fonts_are_no_protection() -> None:
    chapter = {"OEBPS/a.xhtml": page("<p>Text.</p>")}
    drm = {
        **chapter,
        "META-INF/encryption.xml": encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "OEBPS/a.xhtml"),
    }
    with pytest.raises(UnreadableError, match=r"^protected \(DRM\): add a copy without protection$"):
        read_epub(book(drm, item("a", "a.xhtml"), "a"), LIMIT)
    fonts = {**chapter, "META-INF/encryption.xml": encryption("http://www.idpf.org/2008/embedding", "OEBPS/f.otf")}
    assert read_epub(book(fonts, item("a", "a.xhtml"), "a"), LIMIT).text == "# Pumps\n\nText."


def test_hostile_books() -> None:
    one = item("a", "a.xhtml")
    with pytest.raises(UnreadableError, match=r"^unpacks to 3\d MB: more than corpus.max_file_mb allows"):
        read_epub(book({"OEBPS/a.xhtml": b" " * 30_000_000}, one, "a"), LIMIT)
    outside = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd"><!ENTITY b "' + "ha" * 1000 + '">]>'
    entities = f"<dc:title>P&a;{'&b;' * 5}</dc:title>"
    data = book({"OEBPS/a.xhtml": outside + page("<p>&a;Text.</p>")}, one, "a", entities)
    with pytest.raises(Exception, match="Entity 'a' not defined"):
        read_epub(data, LIMIT)
    content = read_epub(book({"OEBPS/a.xhtml": outside + page("<p>&a;Text.</p>")}, one, "a"), LIMIT)
    assert "root:" not in content.text and content.text.endswith("Text.")
    # what climbs out of the archive is in no archive
    climbing = read_epub(book({"OEBPS/a.xhtml": page("<p>x</p>")}, one + item("b", "../../etc/passwd"), "a b"), LIMIT)
    assert climbing.notes == ((0, "chapter 2 is not in the file"),)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a.txt": "x"}, "no EPUB: META-INF/container.xml is not in it"),
        ({"META-INF/container.xml": CONTAINER}, "no EPUB: its package file is not in it"),
    ],
)
def test_what_is_no_book(files: dict[str, str], reason: str) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    with pytest.raises(UnreadableError, match=reason):
        read_epub(stream.getvalue(), LIMIT)
