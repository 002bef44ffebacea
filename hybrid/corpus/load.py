"""A folder of files to documents. Headings of every format become Markdown ones, so that one splitter serves all."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from hybrid.artifacts import sha256_file
from hybrid.config import CorpusConfig
from hybrid.corpus.boilerplate import Boilerplate
from hybrid.corpus.memo import Memo
from hybrid.corpus.metadata import from_json
from hybrid.corpus.readers.asciidoc import read_asciidoc
from hybrid.corpus.readers.content import Content, UnreadableError
from hybrid.corpus.readers.delimited import read_delimited
from hybrid.corpus.readers.epub import read_epub
from hybrid.corpus.readers.html import read_html
from hybrid.corpus.readers.json_lines import read_records
from hybrid.corpus.readers.mail import read_mail
from hybrid.corpus.readers.markdown import outside_code, read_markdown
from hybrid.corpus.readers.mdx import read_mdx
from hybrid.corpus.readers.notebook import read_notebook
from hybrid.corpus.readers.pdf import read_pdf
from hybrid.corpus.readers.plain import read_plain
from hybrid.corpus.readers.restructured import read_restructured
from hybrid.corpus.readers.slides import read_slides
from hybrid.corpus.readers.word import read_word
from hybrid.corpus.readers.workbook import read_workbook
from hybrid.corpus.walk import SourceFile, list_files, read_bytes
from hybrid.errors import InputError
from hybrid.progress import track
from hybrid.types import Document

READERS_VERSION = 3
"""Goes up when a reader gives another text or other metadata for the same bytes."""
_HTML = (".html", ".htm", ".xhtml")
_JSONL = ".jsonl"
_READERS: dict[str, Callable[[bytes, CorpusConfig], Content]] = {
    ".md": lambda data, _: read_markdown(data),
    ".markdown": lambda data, _: read_markdown(data),
    ".mdx": lambda data, _: read_mdx(data),
    ".txt": lambda data, _: read_plain(data),
    ".rst": lambda data, _: read_restructured(data),
    **dict.fromkeys((".adoc", ".asciidoc"), lambda data, _: read_asciidoc(data)),
    ".ipynb": lambda data, _: read_notebook(data),
    **dict.fromkeys(_HTML, lambda data, config: read_html(data, config.html_layout)),
    ".pdf": lambda data, _: read_pdf(data),
    ".docx": lambda data, config: read_word(data, max_bytes(config)),
    **dict.fromkeys((".xlsx", ".xlsm"), lambda data, config: read_workbook(data, max_bytes(config))),
    **dict.fromkeys((".pptx", ".pptm"), lambda data, config: read_slides(data, max_bytes(config))),
    ".epub": lambda data, config: read_epub(data, max_bytes(config), config.html_layout),
    ".eml": lambda data, config: read_mail(data, config.html_layout),
    ".csv": lambda data, _: read_delimited(data),
    ".tsv": lambda data, _: read_delimited(data, delimiter="\t"),
}
FORMATS = frozenset({*_READERS, _JSONL})


@dataclass
class Reading:
    """Documents in the order of their paths, what could not be read (path and reason), and what else to know."""

    documents: list[Document] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def max_bytes(config: CorpusConfig) -> int:
    """`max_file_mb` in bytes."""
    return int(config.max_file_mb * 1_000_000)


def load_documents(folder: Path, config: CorpusConfig | None = None, *, leave_out: Collection[Path] = ()) -> Reading:
    """All documents below `folder` at once; see `DocumentFolder` for what is read and what is raised."""
    source = DocumentFolder(folder, config or CorpusConfig(), Memo(), leave_out=leave_out)
    documents = list(source)
    return Reading(documents, source.skipped, source.notes)


class DocumentFolder:
    """The documents below a folder, one at a time in the order of their paths, as often as they are asked for.

    Hidden files and `leave_out` are passed over; unreadable, empty, oversized files and links are listed in `skipped`
    after a pass. Raises `InputError` for malformed JSONL, duplicate ids, and a folder without any readable document.
    """

    def __init__(self, folder: Path, config: CorpusConfig, memo: Memo, *, leave_out: Collection[Path] = ()) -> None:
        if not folder.is_dir():
            raise InputError(
                folder, "no such folder", "point CORPUS at a folder that holds documents/ or passages.jsonl"
            )
        self.folder = folder
        self._config = config
        self._memo = memo
        self._listing = list_files(folder, formats=FORMATS, leave_out=leave_out)
        self.skipped: list[tuple[str, str]] = []
        self.notes: list[str] = []
        self._digests: dict[str, str] = {}
        """Of the files as they were first read: every pass has the same contents, or a note that a file changed."""

    def __iter__(self) -> Iterator[Document]:
        return self._pass(self._listing.files)

    def under_bar(self, description: str) -> Iterator[Document]:
        """The same under a progress bar."""
        return self._pass(track(self._listing.files, total=len(self._listing.files), description=description))

    def _pass(self, files: Iterable[SourceFile]) -> Iterator[Document]:
        self.skipped = list(self._listing.skipped)
        self.notes = []
        repeated = self._repeated
        seen: set[str] = set()
        for file in files:
            for document in self._documents(file):
                if document.id in seen:
                    raise InputError(
                        self.folder, f"two documents have the id {document.id!r}", "ids must be unique over all files"
                    )
                seen.add(document.id)
                yield document
        self.skipped.sort(key=lambda item: item[0].split("/"))
        if repeated.removed:
            first = next(iter(repeated.removed.values()))
            self.notes.append(
                f"{len(repeated.removed)} paragraphs that repeat over web pages were left out as boilerplate, "
                f"first: {first[:60]!r}"
            )
        if not seen:
            raise InputError(
                self.folder,
                f"no readable document ({self._found() or 'the folder is empty'})",
                f"add files of these formats: {' '.join(sorted(FORMATS))}",
            )

    def _found(self) -> str:
        """What there is instead of documents: suffixes with their numbers, and why the first files are no documents."""
        suffixes = Counter(PurePosixPath(source).suffix.lower() or "no suffix" for source, _ in self.skipped)
        counts = ", ".join(f"{num} {suffix}" for suffix, num in suffixes.most_common(10))
        reasons = "; ".join(f"{source}: {reason}" for source, reason in self.skipped[:5])
        return f"found {counts}; {reasons}" if reasons else ""

    def _documents(self, file: SourceFile) -> Iterator[Document]:
        if file.format == _JSONL:
            num = 0
            try:
                for document in read_records(file, max_bytes(self._config), self.notes):
                    num += 1
                    yield document
            except OSError as error:
                self.skipped.append((file.source, _unopened(error)))
                return
            if not num:
                self.skipped.append((file.source, "no text in it"))
            return
        content = self._read(file)
        if isinstance(content, str):
            self.skipped.append((file.source, content))
            return
        self.notes += [f"{file.source}{f':{line}' if line else ''}: {note}" for line, note in content.notes]
        text = self._repeated.without(file.source, content.text) if file.format in _HTML else content.text
        title = content.title or title_of_name(file.source)
        yield Document(
            file.source, text, file.source, title, file.format, content.marks, content.records,
            content.metadata, content.record_metadata, content.record_sections,
        )  # fmt: skip

    @cached_property
    def _repeated(self) -> Boilerplate:
        """What repeats over the web pages."""
        counts = Boilerplate()
        if self._config.drop_boilerplate:
            for file in self._listing.files:
                if file.format in _HTML and not isinstance(content := self._read(file), str):
                    counts.count(file.source, content.text)
        return counts

    def _read(self, file: SourceFile) -> Content | str:
        """The content of a file, or the reason why there is none."""
        limit = max_bytes(self._config)
        if file.size > limit:
            return f"{file.size / 1e6:.0f} MB: more than corpus.max_file_mb allows"
        try:
            digest = self._digests.get(file.source) or sha256_file(file.path)
            self._digests[file.source] = digest
            parts = [
                "read", READERS_VERSION, file.format, digest, limit, self._config.html_layout,
            ]  # fmt: skip
            found: Any = self._memo.get(parts, lambda: _read_now(file, digest, self._config))
        except OSError as error:
            return _unopened(error)
        if isinstance(found, str):
            return found
        # sections came later: what an earlier release stored has none
        text, title, marks, records, notes, metadata, record_metadata, *sections = found
        return Content(
            text,
            title,
            tuple((o, m) for o, m in marks),
            records,
            tuple((n, t) for n, t in notes),
            from_json(metadata),
            tuple(map(from_json, record_metadata)),
            tuple(sections[0]) if sections else (),
        )


def _unopened(error: OSError) -> str:
    return f"cannot be opened: {error.strerror or error}"


def _read_now(file: SourceFile, digest: str, config: CorpusConfig) -> Any:
    """The fields of the content, or the reason, as plain JSON."""
    data = read_bytes(file.path, max_bytes(config))
    if hashlib.sha256(data).hexdigest() != digest:
        raise OSError("it changes while it is read")
    try:
        content = _READERS[file.format](data, config)
    except UnreadableError as error:
        return str(error)
    except Exception as error:  # whatever a broken PDF or DOCX makes its library raise
        return f"unreadable: {type(error).__name__}: {str(error)[:80]}"
    if not content.text.strip():
        return "no text in it"
    # of a sheet "#" is the name of a column
    title = content.title or ("" if content.record_sections else _title(content.text))
    sections = [content.record_sections] if content.record_sections else []
    return [
        content.text, title, content.marks, content.records, content.notes, content.metadata, content.record_metadata,
        *sections,
    ]  # fmt: skip


def _title(text: str) -> str:
    """The first heading of the first level outside code; "" where there is none."""
    heading = re.search(r"^#\s+(.+)$", outside_code(text, str), re.MULTILINE)
    return heading[1].strip() if heading else ""


def title_of_name(source: str) -> str:
    """The title of a file that has none of its own."""
    return PurePosixPath(source).stem.replace("-", " ").replace("_", " ")
