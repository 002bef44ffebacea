"""The files below a folder that may be read: regular ones, reached without a link, in a fixed order."""

import os
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from hybrid.artifacts import sha256_file, sha256_json
from hybrid.controls import has_controls, one_line
from hybrid.corpus.unread_formats import why_unread
from hybrid.errors import InputError

_DEEPEST = 64
"""Folders inside folders; paths get too long for the system at some depth."""
_BEHIND = (".inc", ".txt")
"""What stands behind a suffix: parts that other files include, and sources beside built pages."""
_MARKUP = (".rst", ".md", ".markdown", ".adoc", ".asciidoc", ".txt")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A regular file. `source` is its path relative to the folder."""

    path: Path
    source: str
    size: int

    @property
    def format(self) -> str:
        return format_of(self.path.name)


def format_of(name: str) -> str:
    """The suffix of a file's name in lower case; of `page.rst.inc` and `page.rst.txt` the one before."""
    path = PurePath(name)
    suffix = path.suffix.lower()
    if suffix in _BEHIND:
        before = PurePath(path.stem).suffix.lower()
        return before if before in _MARKUP else suffix
    return suffix


@dataclass
class Listing:
    """Files in the order of their paths, and what is passed over: path and reason."""

    files: list[SourceFile] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def digests(self, max_bytes: int) -> dict[str, str]:
        """SHA-256 of every file by its `source`; of one above `max_bytes`, which is not opened, its size."""
        return {file.source: _digest(file, max_bytes) for file in self.files}

    def content_id(self, max_bytes: int) -> str:
        """SHA-256 over names and bytes of the files and the names of what is passed over."""
        return sha256_json([list(self.digests(max_bytes).items()), self.skipped])


def _digest(file: SourceFile, max_bytes: int) -> str:
    # of JSONL the limit is that of a line
    if file.size > max_bytes and file.format != ".jsonl":
        return f"{file.size} bytes"
    try:
        return sha256_file(file.path)
    except OSError as error:
        # it is skipped when it is read
        return f"cannot be opened: {error.strerror}"


def list_files(folder: Path, *, formats: Collection[str], leave_out: Collection[Path] = ()) -> Listing:
    """Links, devices, pipes and other formats are listed as skipped; hidden names and `leave_out` are passed over.

    Names are told composed (NFC), as people type them; some systems store them otherwise.
    """
    listing = Listing()
    left_out = set(leave_out)
    found = sorted(_entries(os.fspath(folder), listing), key=lambda entry: entry[0].split("/"))
    taken = {source for source, _, _ in found}
    for stored, path, size in found:
        composed = unicodedata.normalize("NFC", stored)
        # both may be there
        source = stored if composed in taken else composed
        file = SourceFile(Path(path), source, size)
        if file.path in left_out:
            continue
        if file.format in formats:
            listing.files.append(file)
        else:
            listing.skipped.append((source, why_unread(file.path.suffix)))
    listing.skipped.sort(key=lambda item: item[0].split("/"))
    return listing


def _entries(folder: str, listing: Listing) -> Iterator[tuple[str, str, int]]:
    """Path relative to the folder, whole path and size of each regular file. A stack instead of recursion."""
    todo = [(folder, "", 0)]
    while todo:
        place, prefix, depth = todo.pop()
        try:
            entries = list(os.scandir(place))
        except OSError as error:
            listing.skipped.append((prefix.rstrip("/"), f"folder cannot be opened: {error.strerror}"))
            continue
        for entry in entries:
            # "~$" begins the name of what Office keeps beside a file that is open
            if entry.name.startswith((".", "~$")):
                continue
            source = f"{prefix}{entry.name}"
            if not _is_utf8(entry.name):
                shown = os.fsencode(source).decode("utf-8", errors="replace")
                listing.skipped.append((one_line(shown), "its name is not UTF-8"))
            elif has_controls(entry.name):
                listing.skipped.append((one_line(source), "its name holds control characters: rename it"))
            elif entry.is_symlink():
                listing.skipped.append((source, "a symbolic link: not followed"))
            elif entry.is_dir(follow_symlinks=False):
                if depth >= _DEEPEST:
                    listing.skipped.append((source, f"folders nested deeper than {_DEEPEST}"))
                else:
                    todo.append((entry.path, f"{source}/", depth + 1))
            elif not entry.is_file(follow_symlinks=False):
                listing.skipped.append((source, "no regular file (a pipe, socket or device)"))
            else:
                yield source, entry.path, entry.stat(follow_symlinks=False).st_size


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def refuse_link_out(corpus: Path, documents: Path) -> None:
    """Raise `InputError` where a folder inside the corpus is a link that leads out of it."""
    if documents.is_symlink() and not documents.resolve().is_relative_to(corpus.resolve()):
        raise InputError(
            documents, "a symbolic link that leads out of the corpus", "put the folder itself there, not a link to it"
        )
