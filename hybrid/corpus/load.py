"""A folder of files to documents. Headings of every format become Markdown ones, so that one splitter serves all."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from hybrid.errors import InputError
from hybrid.jsonl import field as json_field
from hybrid.jsonl import read_jsonl
from hybrid.types import Document

_NUMBERED_HEADING = re.compile(r"^\d+(?:\.\d+)*\.?\s+[A-Z][^.!?:;]{2,70}$")
_UNDERLINE = re.compile(r"^(=|-)\1{2,}\s*$")


@dataclass
class Reading:
    """Documents in the order of their paths, and what could not be read: path and reason."""

    documents: list[Document] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def load_documents(folder: Path, *, leave_out: Collection[Path] = ()) -> Reading:
    """Read every .md .html .htm .txt .pdf .docx .jsonl below `folder`; hidden files and `leave_out` are passed over.

    Unreadable, empty and non-UTF-8 files are skipped and listed. Raises `InputError` for malformed JSONL, duplicate
    ids, and a folder without any readable document.
    """
    if not folder.is_dir():
        raise InputError(folder, "no such folder", "point CORPUS at a folder that holds documents/ or passages.jsonl")
    reading = Reading()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not _hidden(p.relative_to(folder))):
        if path in leave_out:
            continue
        source = path.relative_to(folder).as_posix()
        if path.suffix.lower() == ".jsonl":
            records = _from_jsonl(path, source)
            reading.documents.extend(records)
            if not records:
                reading.skipped.append((source, "no text in it"))
            continue
        reader = _READERS.get(path.suffix.lower())
        if reader is None:
            reading.skipped.append((source, f"format {path.suffix or 'without suffix'} is not read"))
            continue
        try:
            text = reader(path)
        except UnicodeDecodeError:
            reading.skipped.append((source, "not UTF-8"))
            continue
        except Exception as error:  # whatever a broken PDF or DOCX makes its library raise
            reading.skipped.append((source, f"unreadable: {type(error).__name__}: {str(error)[:80]}"))
            continue
        if not text.strip():
            reading.skipped.append((source, "no text in it"))
            continue
        reading.documents.append(Document(id=source, text=text, source=source, title=_title(text, path)))
    _refuse_duplicates(folder, reading.documents)
    if not reading.documents:
        reasons = "; ".join(f"{source}: {reason}" for source, reason in reading.skipped[:5])
        raise InputError(
            folder,
            f"no readable document ({reasons or 'the folder is empty'})",
            "add .md .html .txt .pdf .docx or .jsonl files",
        )
    return reading


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _refuse_duplicates(folder: Path, documents: list[Document]) -> None:
    seen: set[str] = set()
    for document in documents:
        if document.id in seen:
            raise InputError(folder, f"two documents have the id {document.id!r}", "ids must be unique over all files")
        seen.add(document.id)


def _from_jsonl(path: Path, source: str) -> list[Document]:
    documents = []
    for line, record in read_jsonl(path):
        identity = json_field(path, line, record, "id", str)
        text = json_field(path, line, record, "text", str)
        title = json_field(path, line, record, "title", str, "")
        documents.append(Document(id=identity, text=text, source=f"{source}:{line}", title=title))
    return documents


def _read_markdown(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")


def _read_text(path: Path) -> str:
    """First line is the title; underlined lines are headings."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    output: list[str] = []
    for line in lines:
        if _UNDERLINE.match(line) and output and output[-1].strip() and not output[-1].startswith("#"):
            output[-1] = f"## {output[-1].strip()}"
        else:
            output.append(line)
    first = next((i for i, line in enumerate(output) if line.strip()), None)
    if first is not None and not output[first].startswith("#") and len(output[first]) <= 120:
        output[first] = f"# {output[first].strip()}"
    return "\n".join(output)


def _read_html(path: Path) -> str:
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(path.read_text(encoding="utf-8-sig"), "html.parser")
    for element in soup(["script", "style", "nav", "noscript", "template"]):
        element.decompose()
    body = soup.body or soup
    blocks: list[str] = []
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    if title and not body.find("h1"):
        blocks.append(f"# {title}")
    for element in body.find_all(["h1", "h2", "h3", "h4", "p", "li", "tr", "pre", "blockquote", "dt", "dd"]):
        if element.find_parent(["li", "tr", "blockquote", "pre"]) is not None:
            continue
        if element.name == "tr":
            text = " | ".join(cell.get_text(" ", strip=True) for cell in element.find_all(["td", "th"]))
        else:
            text = re.sub(r"\s+", " ", element.get_text("", strip=False)).strip()
        if text:
            level = int(element.name[1]) if re.fullmatch(r"h[1-4]", element.name) else 0
            blocks.append(f"{'#' * level} {text}" if level else text)
    return "\n\n".join(blocks) if blocks else body.get_text(" ", strip=True)


def _read_pdf(path: Path) -> str:
    """Text of all pages with wrapped lines joined; numbered short lines become headings."""
    from llama_index.readers.file import PDFReader

    pages = PDFReader(return_full_document=True).load_data(path)
    blocks: list[str] = []
    for line in (raw.strip() for page in pages for raw in page.text.splitlines()):
        if not line:
            blocks.append("")
        elif _NUMBERED_HEADING.match(line):
            blocks.extend(["", f"## {line}", ""])
        elif blocks and blocks[-1] and not blocks[-1].startswith("#"):
            blocks[-1] = f"{blocks[-1]} {line}"
        else:
            blocks.append(f"# {line}" if not any(blocks) and len(line) <= 120 else line)
            if blocks[-1].startswith("#"):
                blocks.append("")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(blocks)).strip()


def _read_docx(path: Path) -> str:
    from llama_index.readers.file import DocxReader

    return "\n".join(str(part.text) for part in DocxReader().load_data(path))


_READERS: dict[str, Callable[[Path], str]] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".txt": _read_text,
    ".html": _read_html,
    ".htm": _read_html,
    ".pdf": _read_pdf,
    ".docx": _read_docx,
}


def _title(text: str, path: Path) -> str:
    heading = re.search(r"^#\s+(.+)$", text, re.MULTILINE)
    return heading[1].strip() if heading else path.stem.replace("-", " ").replace("_", " ")
