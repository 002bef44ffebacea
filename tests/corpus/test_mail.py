"""E-mails: subject, people and date beside the text, plain before HTML, whatever encoding is declared."""

from email.message import EmailMessage

import pytest

from hybrid.corpus.readers.content import UnreadableError
from hybrid.corpus.readers.mail import read_mail


def mail(text: str = "", **headers: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in {"From": "Anna Meier <anna@pump.example>", "Subject": "Seals", **headers}.items():
        message[name] = value
    if text:
        message.set_content(text)
    return message


def raw(head: str, body: bytes) -> bytes:
    return f"From: a@pump.example\nSubject: s\n{head}\n\n".encode() + body


def test_text_people_date_and_attachments() -> None:
    message = mail(
        "Hello Bo,\n\nthe seal is worn.\n\n> How is the seal?\n>> Look at it.\n",
        To="Bo Berg <bo@pump.example>, c@pump.example", Cc="Dora <d@pump.example>",
        Date="Fri, 03 May 2024 10:00:00 +0200",
    )  # fmt: skip
    message.add_alternative("<p>The <b>HTML</b>.</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Preis für H20.pdf")
    message.add_attachment(b"x", maintype="image", subtype="png", filename="seal.png")
    content = read_mail(message.as_bytes())
    assert content.title == "Seals"
    assert content.text == (
        "Hello Bo,\n\nthe seal is worn.\n\n> How is the seal?\n>> Look at it.\n\n"
        "Attachments: Preis für H20.pdf, seal.png"
    )
    assert content.metadata == {
        "from": "Anna Meier <anna@pump.example>",
        "to": ("Bo Berg <bo@pump.example>", "c@pump.example"),
        "cc": "Dora <d@pump.example>",
        "date": "2024-05-03T10:00:00+02:00",
    }
    assert content.notes == ()


def test_html_where_there_is_no_plain_text() -> None:
    message = mail()
    message.set_content("  \n")
    message.add_alternative(
        "<h1>Seal</h1><ul><li>black</li></ul><img src='https://track.example/x'><script>evil()</script>", subtype="html"
    )
    assert read_mail(message.as_bytes()).text == "# Seal\n\n- black"
    alone = mail()
    alone.set_content("<p>Größe 3</p>", subtype="html", charset="latin-1")
    alone.add_related(b"x", maintype="image", subtype="png", cid="<a>", filename="a.png")
    assert read_mail(alone.as_bytes()).text == "Größe 3"


def test_an_attached_message_is_read() -> None:
    message = mail("See below.")
    message.add_attachment(mail("The seal is worn.", Subject="Wear"))
    assert read_mail(message.as_bytes()).text == "See below.\n\nAttached message: Wear\n\nThe seal is worn."


GERMAN = "Vor dem ersten Anlauf muss das Gehäuse gefüllt und das Saugventil ganz geöffnet werden."


@pytest.mark.parametrize(
    ("head", "body", "text", "note"),
    [
        ("Content-Type: text/plain; charset=us-ascii", "Kühlmittel".encode(), "Kühlmittel", ""),
        ("Content-Type: text/plain; charset=iso-8859-1", "Kühlmittel".encode(), "Kühlmittel", ""),
        ("Content-Type: text/plain; charset=iso-8859-1", "Kühlmittel".encode("latin-1"), "Kühlmittel", ""),
        (
            "Content-Type: text/plain; charset=utf-8",
            "Kühlmittel".encode("latin-1"),
            "Kühlmittel",
            "not in the encoding",
        ),
        ("Content-Type: text/plain; charset=iso-8859-1", b"5 \x80 \x96 10 \x80", "5 € – 10 €", ""),
        ("Content-Type: text/plain; charset=nonsense", GERMAN.encode("cp1252"), GERMAN, "not UTF-8: read as "),
        ("Content-Type: text/plain; charset=utf-8", "Насос".encode("koi8-r"), "\ufffd" * 5, "5 letters are not in"),
        ("Content-Type: text/plain; charset=koi8-r", "Насос".encode("koi8-r"), "Насос", ""),
        ("Content-Type: text/plain; charset=iso-2022-jp", "ポンプ".encode("iso-2022-jp"), "ポンプ", ""),
        (
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64",
            b"0J3QsNGB0L7RgQ==",
            "Насос",
            "",
        ),
        ("Content-Transfer-Encoding: quoted-printable", b"20 =E2=82=AC for=\n it", "20 € for it", ""),
        ("Content-Type: multipart/mixed", b"no border", "no border", ""),
        ("X-Other: x", b"one\r\ntwo\r\n", "one\ntwo", ""),
    ],
)
def test_encodings(head: str, body: bytes, text: str, note: str) -> None:
    content = read_mail(raw(head, body))
    assert content.text == text
    assert [told.startswith(note) for _, told in content.notes] == ([True] if note else [])


@pytest.mark.parametrize(
    ("written", "title"),
    [
        (b"=?utf-8?b?0J3QsNGB0L7RgQ==?= =?utf-8?q?_H20?=", "Насос H20"),
        (b"=?iso-8859-1?Q?Gr=F6=DFe?=", "Größe"),
        ("Größe".encode(), "Größe"),
        (b"two\n lines", "two lines"),
        (b"=?nonsense?q?x?=", "x"),
    ],
)
def test_subjects(written: bytes, title: str) -> None:
    assert read_mail(b"From: a@pump.example\nSubject: " + written + b"\n\nText.").title == title


def test_a_date_that_is_none_is_no_metadata() -> None:
    message = b"From: a@pump.example\nDate: next Monday\nTo: undisclosed-recipients:;\n\nText."
    assert read_mail(message).metadata == {"from": "a@pump.example", "to": "undisclosed-recipients:;"}


def test_encrypted_mails_are_told() -> None:
    sealed = raw(
        'Content-Type: multipart/encrypted; boundary="b"; protocol="application/pgp-encrypted"',
        b"--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: application/octet-stream\n\nx"
        b"\n--b--\n",
    )
    with pytest.raises(UnreadableError, match="encrypted: save it as it is shown in your mail program"):
        read_mail(sealed)
    with pytest.raises(UnreadableError, match="encrypted"):
        read_mail(raw("Content-Type: application/pkcs7-mime; smime-type=enveloped-data", b"MIAG"))
    with pytest.raises(UnreadableError, match="no e-mail"):
        read_mail(b"Just a text: with a colon\n\nand more")


@pytest.mark.timeout(120)
def test_hostile_mails() -> None:
    many = read_mail(b"From: a@b.c\nTo: " + b"a@pump.example, " * 20_000 + b"z@b.c\nSubject: s\n\nText.")
    people = many.metadata["to"]
    assert isinstance(people, tuple) and 200 < len(people) < 300 and many.text == "Text."
    assert read_mail(b"From: " + b"(" * 20_000 + b"\nSubject: s\n\nText.").text == "Text."
    assert read_mail(b"From: a@b.c\nContent-Type: text/plain; " + b"a=b; " * 10_000 + b"\n\nText.").text == "Text."
    with pytest.raises(UnreadableError, match="more parts than a mail has"):
        read_mail(b'From: a@b.c\nContent-Type: multipart/mixed; boundary="x"\n\n' + b"--x\n\nhi\n" * 100_000)
    with pytest.raises(UnreadableError, match="its header is longer than 1 MB"):
        read_mail(b"From: a@b.c\n" + b"X-A: b\n" * 200_000 + b"\nText.")
    opened = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(60))
    deep = read_mail(b"From: a@b.c\n" + opened + b"\ninner\n")
    assert deep.text == "" and deep.notes == ((0, "parts inside more than 20 others are left out"),)
    with pytest.raises((UnreadableError, RecursionError)):
        read_mail(b"From: a@b.c\n" + opened * 50 + b"\ninner\n")
