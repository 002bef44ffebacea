"""A folder of files to documents. Headings of every format become Markdown ones, so that one splitter serves all."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from hybrid.artifacts import sha256_file, text_digest
from hybrid.config import CorpusConfig
from hybrid.corpus.boilerplate import Boilerplate
from hybrid.corpus.memo import Memo
from hybrid.corpus.prepare import Preparation, make_ready, read_and_prepare
from hybrid.corpus.read_file import HTML, READERS, Limits, content_of, document_of, read_file
from hybrid.corpus.readers import ocr
from hybrid.corpus.readers.content import Content
from hybrid.corpus.readers.json_lines import read_records
from hybrid.corpus.walk import SourceFile, list_files
from hybrid.corpus.workers import Call, CrashedError, OutOfMemoryError, OutOfTimeError, WorkerError, Workers, ahead
from hybrid.errors import InputError
from hybrid.progress import track
from hybrid.types import Document

READERS_VERSION = 4
"""Goes up when a reader gives another text or other metadata for the same bytes."""
_JSONL = ".jsonl"
AHEAD = 4
"""Documents a worker that are begun before they are asked for: enough that none waits, few enough to hold."""
FORMATS = frozenset({*READERS, _JSONL})


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
    with closing(DocumentFolder(folder, config or CorpusConfig(), Memo(), leave_out=leave_out)) as source:
        return Reading(list(source), source.skipped, source.notes)


class DocumentFolder:
    """The documents below a folder, one at a time in the order of their paths, as often as they are asked for.

    Files that `memo` does not know are read in `workers`, a few ahead, each within the limits of `config`; `close` ends
    them. JSONL, which needs no parser of others, is read here.

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
        self._failed: dict[str, str] = {}
        """Reasons that are not remembered longer than this: the next pass has them, the next run tries again."""
        self.workers = Workers()
        self._preparation: Preparation | None = None
        self._num_unprepared = 0
        self._prepared: set[str] = set()
        """Files that are being read and prepared."""
        self._made: dict[str, list[str]] = {}
        """Of the files whose documents are yielded next."""

    @property
    def num_files(self) -> int:
        """Files that may be documents."""
        return len(self._listing.files)

    def prepare(self, preparation: Preparation, *, after: int) -> None:
        """From now on prepare a file in the call that reads it, but for the next `after` that are read."""
        self._preparation = preparation
        self._num_unprepared = after

    def __iter__(self) -> Iterator[Document]:
        return self._pass(self._contents(self._listing.files))

    def under_bar(self, description: str) -> Iterator[Document]:
        """The same under a progress bar."""
        return self._pass(track(self._contents(self._listing.files), total=self.num_files, description=description))

    def close(self) -> None:
        """End the workers."""
        self.workers.close()

    def _pass(self, contents: Iterable[tuple[SourceFile, Content | str]]) -> Iterator[Document]:
        self.skipped = list(self._listing.skipped)
        self.notes = []
        repeated = self._repeated
        seen: set[str] = set()
        for file, content in contents:
            for document in self._documents(file, content):
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

    def _documents(self, file: SourceFile, content: Content | str) -> Iterator[Document]:
        if file.format == _JSONL:
            num = 0
            try:
                for document in read_records(file, max_bytes(self._config), self.notes):
                    num += 1
                    yield document
            except OSError as error:
                self.skipped.append((file.source, _unopened(error.strerror or str(error))))
                return
            if not num:
                self.skipped.append((file.source, "no text in it"))
            return
        if isinstance(content, str):
            self.skipped.append((file.source, content))
            return
        self.notes += [f"{file.source}{f':{line}' if line else ''}: {note}" for line, note in content.notes]
        text = self._repeated.without(file.source, content.text) if file.format in HTML else content.text
        document = document_of(file.source, file.format, content, text)
        if made := self._made.pop(file.source, None):
            assert self._preparation is not None
            self._preparation.keep(document, text_digest(document.title, document.text), made)
        yield document

    @cached_property
    def _repeated(self) -> Boilerplate:
        """What repeats over the web pages."""
        counts = Boilerplate()
        if self._config.drop_boilerplate:
            for file, content in self._contents(file for file in self._listing.files if file.format in HTML):
                if not isinstance(content, str):
                    counts.count(file.source, content.text)
        return counts

    def _contents(self, files: Iterable[SourceFile]) -> Iterator[tuple[SourceFile, Content | str]]:
        """Files in order with their contents, or the reasons why they have none; of JSONL nothing ("")."""
        for file, begun in ahead(files, self._begin, AHEAD * self.workers.num):
            yield file, self._finish(file, begun) if isinstance(begun, _Begun) else begun

    def _begin(self, file: SourceFile) -> "Content | str | _Begun":
        parts = self._parts(file)
        if isinstance(parts, str):
            return parts
        if (found := self._memo.find(parts)) is not None:
            return content_of(found)
        return _Begun(parts, self._start_reading(file, self._digests[file.source], self._limits))

    @property
    def _limits(self) -> Limits:
        return Limits(max_bytes(self._config), self._config.html_layout)

    def _parts(self, file: SourceFile) -> list[Any] | str:
        """What the content of a file is made from, or why it has none; of JSONL nothing ("")."""
        if file.format == _JSONL:
            return ""
        limits = self._limits
        if file.size > limits.max_bytes:
            return f"{file.size / 1e6:.0f} MB: more than corpus.max_file_mb allows"
        if file.source in self._failed:
            return self._failed[file.source]
        try:
            digest = self._digests.get(file.source) or sha256_file(file.path)
        except OSError as error:
            return self._fail(file, _unopened(error.strerror or str(error)))
        self._digests[file.source] = digest
        parts = ["read", READERS_VERSION, file.format, digest, *limits]
        if file.format == ".pdf":
            # a scan that had no text has some once the extra is there
            parts.append(ocr.installed())
        return parts

    def _start_reading(self, file: SourceFile, digest: str, limits: Limits) -> Call:
        arguments = str(file.path), file.format, digest, limits
        # of a web page the text is known when what repeats over all of them is
        is_whole = file.format not in HTML or not self._config.drop_boilerplate
        if self._preparation is None or not is_whole:
            return self._submit(read_file, *arguments)
        self._num_unprepared -= 1
        if self._num_unprepared >= 0:
            return self._submit(read_file, *arguments)
        if not self._prepared:
            # what it takes to make workers ready is no document's
            self.workers.begin_with(make_ready, self._preparation.cutting)
        self._prepared.add(file.source)
        return self._submit(read_and_prepare, read_file, arguments, file.source, self._preparation.cutting)

    def _submit(self, function: Callable[..., Any], *arguments: Any) -> Call:
        return self.workers.submit(
            function,
            *arguments,
            seconds=self._config.max_read_seconds,
            memory=int(self._config.max_read_memory_mb * 1_000_000),
        )

    def _finish(self, file: SourceFile, begun: "_Begun") -> Content | str:
        try:
            found = self._result(file, begun.call)
        except WorkerError as error:
            return self._fail(file, self._reason(error))
        if "unopened" in found:
            return self._fail(file, _unopened(found["unopened"]))
        if "json" not in found:
            return content_of(self._memo.keep(begun.parts, found["read"]))
        self._memo.keep_text(begun.parts, found["json"])
        self._made[file.source] = found["made"]
        return content_of(json.loads(found["json"]))

    def _result(self, file: SourceFile, call: Call) -> Any:
        try:
            return call.result()
        except WorkerError:
            if file.source not in self._prepared:
                raise
        # the limits are for reading, whatever preparing took
        digest = self._digests[file.source]
        return self._submit(read_file, str(file.path), file.format, digest, self._limits).result()

    def _fail(self, file: SourceFile, reason: str) -> str:
        self._failed[file.source] = reason
        return reason

    def _reason(self, error: WorkerError) -> str:
        match error:
            case OutOfTimeError():
                seconds = self._config.max_read_seconds
                return f"took longer than {seconds:g} s to read: raise corpus.max_read_seconds or split it"
            case OutOfMemoryError():
                megabytes = self._config.max_read_memory_mb
                return f"needs more than {megabytes:g} MB to read: raise corpus.max_read_memory_mb or split it"
            case CrashedError():
                return f"the process that read it did not end well: {error}"
        return f"unreadable: {error}"


@dataclass(frozen=True, slots=True)
class _Begun:
    """A file that is being read, and by what its content will be remembered."""

    parts: list[Any]
    call: Call


def _unopened(why: str) -> str:
    return f"cannot be opened: {why}"
