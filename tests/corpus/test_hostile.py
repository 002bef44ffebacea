"""A folder that means harm: every file is skipped or cleaned with a reason, in bounded memory, and nothing outside is
read."""

import errno
import io
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import fpdf
import pytest

from benchmarks.robust.hostile_documents import documents
from hybrid.config import CorpusConfig
from hybrid.corpus.chunk import chunk
from hybrid.corpus.history import record_version
from hybrid.corpus.load import Reading, load_documents
from hybrid.corpus.passages import CorpusFolder
from hybrid.errors import InputError
from hybrid.jsonl import read_jsonl


def read(folder: Path, config: CorpusConfig | None = None) -> Reading:
    (folder / "good.md").write_text("# Good\n\nText.\n")
    reading = load_documents(folder, config)
    assert "good.md" in {document.id for document in reading.documents}
    return reading


def refuse_to_open(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As the system refuses a file without read permission; a superuser's tests could not be refused otherwise."""
    really = Path.open

    def opened(path: Path, *args: Any, **options: Any) -> Any:
        if path.name == name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return really(path, *args, **options)

    monkeypatch.setattr(Path, "open", opened)


def word_file(**parts: bytes) -> bytes:
    """A DOCX whose parts are as given."""
    import docx

    stream = io.BytesIO()
    docx.Document().save(stream)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name.replace("__", "/"), content)
    return stream.getvalue()


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    (tmp_path / "bomb.docx").write_bytes(word_file(**{"word__bomb.xml": b" " * 20_000_000}))
    (tmp_path / "media.docx").write_bytes(word_file(**{"word__media__a.png": b"\0" * 60_000_000}))
    assert max(path.stat().st_size for path in tmp_path.iterdir()) < 200_000
    skipped = dict(read(tmp_path, CorpusConfig(max_file_mb=10)).skipped)
    assert re.fullmatch(r"unpacks to 2\d MB: more than corpus.max_file_mb allows", skipped["bomb.docx"])
    assert re.fullmatch(r"unpacks to 6\d MB: more than corpus.max_file_mb allows", skipped["media.docx"])


def test_entities_of_a_word_file_are_not_expanded(tmp_path: Path) -> None:
    laughs = b'<!DOCTYPE x [<!ENTITY a "' + b"ha" * 500 + b'"><!ENTITY b "' + b"&a;" * 500 + b'">]>'
    source = zipfile.ZipFile(io.BytesIO(word_file()))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for name in source.namelist():
            content = source.read(name)
            if name == "word/document.xml":
                head, _, body = content.partition(b"?>")
                content = (
                    head + b"?>" + laughs + body.replace(b"<w:body>", b"<w:body><w:p><w:r><w:t>&b;</w:t></w:r></w:p>")
                )
            file.writestr(name, content)
    (tmp_path / "laughs.docx").write_bytes(target.getvalue())
    reading = read(tmp_path)
    assert sum(len(document.text) for document in reading.documents) < 1000


@pytest.mark.parametrize("name", ["long.txt", "long.md", "long.html", "long.csv", "long.pdf"])
def test_a_file_above_the_limit_is_not_opened(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / name).open("wb") as stream:
        stream.truncate(5_000_000_000)
    refuse_to_open(monkeypatch, name)
    reading = read(tmp_path)
    assert reading.skipped == [(name, "5000 MB: more than corpus.max_file_mb allows")]
    before = CorpusFolder(tmp_path).content_id(CorpusConfig())
    os.truncate(tmp_path / name, 4_000_000_000)
    assert CorpusFolder(tmp_path).content_id(CorpusConfig()) != before


@pytest.mark.parametrize("name", ["locked.md", "locked.jsonl"])
def test_a_file_that_may_not_be_opened_is_skipped(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_text('{"id": "a", "text": "x"}\n')
    refuse_to_open(monkeypatch, name)
    assert read(tmp_path).skipped == [(name, "cannot be opened: Permission denied")]
    corpus = CorpusFolder(tmp_path)
    assert record_version(tmp_path / "workspace", corpus, corpus.documents_id(CorpusConfig()), CorpusConfig())


def test_a_line_of_jsonl_above_the_limit_is_passed_over_in_bounded_memory(tmp_path: Path) -> None:
    with (tmp_path / "long.jsonl").open("wb") as stream:
        stream.write(b'{"id": "a", "text": "first"}\n')
        stream.seek(400_000_000, os.SEEK_CUR)
        stream.write(b'\n{"id": "b", "text": "last"}\n')
    code = (
        "import sys, resource\nfrom pathlib import Path\nfrom hybrid.corpus.load import load_documents\n"
        "from hybrid.config import CorpusConfig\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "reading = load_documents(Path(sys.argv[1]), CorpusConfig(max_file_mb=1))\n"
        "assert [d.id for d in reading.documents] == ['a', 'b'], reading\n"
        "assert reading.notes == ['long.jsonl:2: skipped, longer than 1 MB'], reading.notes\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 60_000, "kB above what the imports take"


def test_deep_nesting(tmp_path: Path) -> None:
    deep = 100_000
    (tmp_path / "div.html").write_text("<div>" * deep + "middle" + "</div>" * deep + "<p>after</p>")
    (tmp_path / "list.html").write_text("<ul><li>" * 10_000 + "inner")
    (tmp_path / "table.html").write_text("<table><tr><td>" * 10_000 + "cell")
    (tmp_path / "header.html").write_text("<header><h1>x</h1>" * 10_000)
    (tmp_path / "quote.md").write_text("> " * deep + "quoted\n")
    (tmp_path / "quote.rst").write_text("".join(f"{'  ' * i}x\n\n" for i in range(1200)))
    (tmp_path / "list.jsonl").write_text('{"id": "a", "text": "kept"}\n{"id": ' + "[" * deep + "]" * deep + "}\n")
    reading = read(tmp_path)
    found = {document.id: document.text for document in reading.documents}
    assert found["div.html"] == "middle\n\nafter"
    assert "inner" in found["list.html"] and found["table.html"].endswith("cell")
    assert found["a"] == "kept" and reading.notes[-1] == "list.jsonl:2: skipped, nested too deeply"
    assert dict(reading.skipped)["quote.rst"].startswith("unreadable: RecursionError")
    with pytest.raises(InputError, match=r"list\.jsonl:2: nested too deeply"):
        list(read_jsonl(tmp_path / "list.jsonl"))


def test_folders_nested_beyond_what_a_path_can_name(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(450):
        os.mkdir("deepfolder", dir_fd=here)
        inner = os.open("deepfolder", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    (skipped,) = read(tmp_path).skipped
    assert skipped[0].count("/") == 64 and skipped[1] == "folders nested deeper than 64"
    subprocess.run(["rm", "-rf", str(tmp_path / "deepfolder")], check=True)


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "corpus" / "documents"
    outside.mkdir()
    inside.mkdir(parents=True)
    (outside / "secret.md").write_text("# Secret\n\nThe password.\n")
    (inside / "file.md").symlink_to(outside / "secret.md")
    (inside / "folder").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    (inside / "gone.md").symlink_to(tmp_path / "nowhere")
    reading = read(inside)
    assert [document.id for document in reading.documents] == ["good.md"]
    assert reading.skipped == [
        (name, "a symbolic link: not followed") for name in ("file.md", "folder", "gone.md", "loop")
    ]


def test_a_document_folder_that_leads_out_of_the_corpus_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.md").write_text("# Secret\n")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "documents").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="leads out of the corpus"):
        CorpusFolder(tmp_path / "corpus").content_id(CorpusConfig())
    # the corpus itself is where its owner says it is
    (tmp_path / "link").symlink_to(tmp_path / "outside")
    assert CorpusFolder(tmp_path / "link").content_id(CorpusConfig())


def test_pipes_sockets_and_devices_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    try:
        os.mknod(tmp_path / "zero.txt", 0o600 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        (tmp_path / "zero.txt").symlink_to("/dev/zero")
    skipped = dict(read(tmp_path).skipped)
    assert "no regular file" in skipped["pipe.md"]
    assert skipped["zero.txt"]


def test_scripts_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        "<body onload='evil()'><p>Text <script>evil()</script>here</p><svg><script>evil()</script></svg>"
        "<a href='javascript:evil()'>link</a><img src=x onerror=evil()><style>evil{}</style><!-- evil -->"
    )
    (tmp_path / "b.md").write_text("# T\n\n<script>\nevil()\n</script>\n\n<img src=x onerror=evil()>Text\n")
    for document in read(tmp_path).documents:
        assert "evil" not in document.text and "<" not in document.text


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "broken.md").write_bytes(b"# T\n\nUTF-8 \xc3\xbc and then \xff\xfe\xfd\xfc not\n")
    (tmp_path / "german.txt").write_bytes(
        "Vor dem Anlauf muss das Gehäuse gefüllt und das Ventil ganz geöffnet werden.".encode("cp1252")
    )
    (tmp_path / "program.txt").write_bytes(b"\x7fELF\x02\x01\x01" + b"\0" * 200 + b"main")
    (tmp_path / "nul.md").write_bytes(b"# Title\n\nThe pump\x00 weighs " + b"20 kg and more. " * 30)
    (tmp_path / "empty.md").write_bytes(b"")
    (tmp_path / "empty.pdf").write_bytes(b"")
    (tmp_path / "empty.csv").write_bytes(b"")
    reading = read(tmp_path)
    skipped = dict(reading.skipped)
    assert skipped["broken.md"] == "not UTF-8"
    assert skipped["program.txt"] == "binary data, not text"
    assert skipped["empty.md"] == skipped["empty.csv"] == "no text in it"
    assert skipped["empty.pdf"].startswith("unreadable: ")
    found = {document.id: document.text for document in reading.documents}
    assert "Gehäuse" in found["german.txt"] and "The pump weighs" in found["nul.md"]
    assert any(note.startswith("german.txt: not UTF-8: read as ") for note in reading.notes)
    assert "nul.md: 1 control characters removed" in reading.notes


def test_pdf_files_that_are_broken_or_locked(tmp_path: Path) -> None:
    pdf = fpdf.FPDF()
    pdf.add_page()
    pdf.set_font("helvetica", size=12)
    pdf.cell(0, 8, "The text of the page.")
    whole = bytes(pdf.output())
    (tmp_path / "cut.pdf").write_bytes(whole[: len(whole) // 3])
    (tmp_path / "loop.pdf").write_bytes(
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[2 0 R]/Count 9>>endobj\n"
        b"trailer<</Root 1 0 R>>\n%%EOF"
    )
    from pypdf import PdfWriter

    for name, password in (("locked.pdf", "secret"), ("open.pdf", "")):
        writer = PdfWriter(clone_from=io.BytesIO(whole))
        writer.encrypt(user_password=password, owner_password="owner", algorithm="RC4-128")
        writer.write(tmp_path / name)
    blank = fpdf.FPDF()
    blank.add_page()
    (tmp_path / "blank.pdf").write_bytes(bytes(blank.output()))
    reading = read(tmp_path)
    skipped = dict(reading.skipped)
    assert sorted(skipped) == ["blank.pdf", "cut.pdf", "locked.pdf", "loop.pdf"]
    assert skipped["locked.pdf"] == "encrypted: save it without a password"
    assert skipped["blank.pdf"] == "no text in it"
    assert "The text of the page." in {d.id: d.text for d in reading.documents}["open.pdf"]


_FAST = (
    "comments.md", "badges.md", "front-title.md", "long-heading.md", "stars.rst", "paragraphs.rst", "backticks.rst",
    "blanks.adoc", "class.html", "wide.csv", "long-name.csv", "parameters.eml", "charset.eml", "metadata.jsonl",
    "substitutions.rst", "bomb.xlsx", "pages.pdf",
)  # fmt: skip


@pytest.mark.parametrize("name", _FAST)
def test_a_document_that_means_harm_costs_little(name: str, tmp_path: Path) -> None:
    """Time of the processor, that neighbours on the machine cost none; most took minutes once."""
    (tmp_path / name).write_bytes(documents()[name]())
    started = time.process_time()
    reading = read(tmp_path)
    passages = chunk(reading.documents, tokenize=str.split, chunk_tokens=128)
    assert time.process_time() - started < 8
    shown = sum(len(p.full_text) + sum(len(key) + len(str(p.metadata[key])) for key in p.metadata) for p in passages)
    assert shown < 60 * (tmp_path / name).stat().st_size + 1_000_000


def test_what_all_passages_carry_is_short(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text(
        ",".join(f"c{n}" for n in range(300)) + "\n" + ",".join(str(n) for n in range(1000, 1300))
    )
    (tmp_path / "title.jsonl").write_text(json.dumps({"id": "a", "title": "t" * 5000, "text": "x"}))
    (tmp_path / "heading.md").write_text(f"# T\n\n## {'word ' * 1000}\n\nText.\n")
    reading = read(tmp_path)
    found = {document.id: document for document in reading.documents}
    assert found["a"].title == "t" * 300 + "…"
    assert len(found["wide.csv"].record_metadata[0]) == 200 and "c299: 1299" in found["wide.csv"].text
    assert reading.notes == ["wide.csv: 100 fields are no metadata: the first 200 are, to 20 kB"]
    (passage,) = chunk([found["heading.md"]], tokenize=str.split, chunk_tokens=5000)
    assert passage.section.startswith("word word ") and len(passage.section) < 310
