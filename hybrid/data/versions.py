"""Versions of a corpus folder: its files by content, a message and a parent each, kept in the workspace.

`objects/` holds every file that any version has, once, under its SHA-256; `versions/<id>.json` says which files a
version has; `HEAD` names the last one. A file appears under its name only when it is whole, HEAD is written last: a
commit that is killed leaves the version before in place and at worst objects that the next one uses.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from hybrid.artifacts import new_folder, sha256_file, sha256_json, write_text
from hybrid.corpus.load import FORMATS
from hybrid.corpus.passages import CorpusFolder, read_passages
from hybrid.corpus.questions import read_questions
from hybrid.corpus.walk import format_of
from hybrid.errors import InputError, IntegrityError, MissingError, UserError
from hybrid.jsonl import read_jsonl
from hybrid.progress import track

Tree = Mapping[str, Path]
"""Where the bytes of each file lie, by its path below the corpus folder."""

MIN_PREFIX = 4
READY = "passages.jsonl"


@dataclass(frozen=True)
class Version:
    """One state of a corpus folder. `files` maps paths below it to SHA-256. `id` hashes everything but `date`."""

    parent: str
    message: str
    counts: dict[str, int]
    files: dict[str, str]
    date: str = ""
    id: str = field(init=False)

    def __post_init__(self) -> None:
        hashed = {key: value for key, value in vars(self).items() if key not in ("date", "id")}
        object.__setattr__(self, "id", sha256_json(hashed))


@dataclass(frozen=True)
class Parts:
    """Which files of a corpus hold questions, which documents, and which neither."""

    questions: list[str]
    documents: list[str]
    others: list[str]


def parts(names: Mapping[str, Any]) -> Parts:
    """By the layout that `CorpusFolder` reads: a single question file hides `questions/`, ready passages the rest."""
    found = sorted(names)
    questions = [name for name in found if re.fullmatch(r"questions/[^/]+\.jsonl", name)]
    if "questions.jsonl" in names:
        questions = ["questions.jsonl"]
    inner = [name for name in found if name.startswith("documents/")]
    documents = [name for name in inner or found if format_of(name) in FORMATS and name not in questions]
    if READY in names:
        documents = [READY]
    taken = {*questions, *documents}
    return Parts(questions, documents, [name for name in found if name not in taken])


@dataclass(frozen=True)
class VersionStore:
    """The versions in `folder`, a workspace's `data/`."""

    folder: Path

    def commit(self, corpus: CorpusFolder, message: str) -> tuple[Version, bool]:
        """Keep the corpus folder as it is; False where it is the last version already.

        Hidden files and links that lead out of the folder are left out. Raises `InputError` where questions or passages
        cannot be read: a version can always be checked out and used.
        """
        if not message.strip():
            raise UserError("a version needs a message", 'say what changed: -m "answers of the seals corrected"')
        tree = self.working_tree(corpus)
        if not tree:
            raise InputError(corpus.folder, "no files in it", "add documents and questions")
        read_questions(corpus.question_files)
        if corpus.ready_passages.is_file():
            read_passages(corpus.ready_passages)
        bar = track(tree.items(), total=len(tree), description="keeping files")
        files = {name: self._keep(path) for name, path in bar}
        head = self.head()
        if head and head.files == files:
            return head, False
        version = Version(
            parent=head.id if head else "",
            message=message.strip(),
            counts=self._counts(files),
            files=files,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        (self.folder / "versions").mkdir(parents=True, exist_ok=True)
        record = {key: value for key, value in asdict(version).items() if key != "id"}
        write_text(self._path(version.id), json.dumps(record, indent=1, sort_keys=True) + "\n")
        write_text(self.folder / "HEAD", version.id + "\n")
        return version, True

    def is_current(self, corpus: CorpusFolder) -> bool:
        """Whether the corpus folder is as the last version has it, by the rule of `commit`."""
        head = self.head()
        tree = self.working_tree(corpus)
        return head is not None and head.files == {name: sha256_file(path) for name, path in tree.items()}

    def head(self) -> Version | None:
        """The last version, or None before the first."""
        file = self.folder / "HEAD"
        return self._read(file.read_text(encoding="utf-8").strip()) if file.is_file() else None

    def log(self) -> list[Version]:
        """From the last version to the first."""
        found = []
        version = self.head()
        while version:
            found.append(version)
            version = self._read(version.parent) if version.parent else None
        return found

    def find(self, prefix: str) -> Version:
        """The version whose id starts so. Raises `UserError` where none or several do, or it is too short to tell."""
        if not re.fullmatch(rf"[0-9a-f]{{{MIN_PREFIX},64}}", prefix):
            raise UserError(
                f"{prefix!r} is no version", f"give at least {MIN_PREFIX} characters of an id: hybrid data log"
            )
        found = [file.stem for file in sorted((self.folder / "versions").glob(f"{prefix}*.json"))]
        if not found:
            raise UserError(f"no version starts with {prefix}", "`hybrid data log` lists them")
        if len(found) > 1:
            raise UserError(
                f"{len(found)} versions start with {prefix}: {', '.join(name[:12] for name in found)}",
                "give more of it",
            )
        return self._read(found[0])

    def tree(self, version: Version) -> Tree:
        """Where the version's files lie. Raises `IntegrityError` for an object that is gone or changed."""
        return {name: self._object(name, digest) for name, digest in version.files.items()}

    def working_tree(self, corpus: CorpusFolder) -> Tree:
        """The corpus folder as it is now."""
        if not corpus.folder.is_dir():
            raise InputError(corpus.folder, "no such corpus folder", "give --corpus the folder of the data")
        base, workspace = corpus.folder.resolve(), self.folder.parent.resolve()
        # artefacts are not data, even where the workspace lies among them
        own = workspace if workspace.is_relative_to(base) and workspace != base else self.folder.resolve()
        found = {}
        for path in sorted(corpus.folder.rglob("*")):
            name = path.relative_to(corpus.folder)
            hidden = any(part.startswith(".") for part in name.parts) or path.suffix == ".partial"
            real = path.resolve()
            if hidden or not path.is_file() or not real.is_relative_to(base) or real.is_relative_to(own):
                continue
            found[name.as_posix()] = path
        return found

    def checkout(self, version: Version, target: Path) -> int:
        """Write the version's files into a new folder, whole or not at all; returns how many."""
        with new_folder(target) as folder:
            tree = self.tree(version)
            for name, source in track(tree.items(), total=len(tree), description="writing files"):
                place = folder / name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, place)
        return len(tree)

    def _keep(self, path: Path) -> str:
        """Store a file under its digest, unless it is there."""
        digest = sha256_file(path)
        place = self._place(digest)
        if not place.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            partial = place.with_name(f"{digest}.{os.getpid()}.partial")
            shutil.copyfile(path, partial)
            if sha256_file(partial) != digest:
                partial.unlink()
                raise InputError(path, "changed while it was read", "run the same command again")
            partial.replace(place)
        return digest

    def _place(self, digest: str) -> Path:
        return self.folder / "objects" / digest[:2] / digest

    def _object(self, name: str, digest: str) -> Path:
        place = self._place(digest)
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise IntegrityError(f"{name!r} is no path below a corpus folder", "the version was not written by hybrid")
        if not place.is_file() or sha256_file(place) != digest:
            raise IntegrityError(
                f"{place}: {'changed' if place.is_file() else 'missing'}, it was {name}",
                "bring the workspace's data/ back from a backup; other versions may be whole",
            )
        return place

    def _path(self, identity: str) -> Path:
        return self.folder / "versions" / f"{identity}.json"

    def _read(self, identity: str) -> Version:
        file = self._path(identity)
        if not file.is_file():
            raise MissingError(f"{file}: no such version", "bring the workspace's data/ back from a backup")
        try:
            version = Version(**json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise IntegrityError(f"{file}: not a readable version", "bring it back from a backup") from error
        if version.id != identity:
            raise IntegrityError(f"{file}: changed since it was written", "bring it back from a backup")
        return version

    def _counts(self, files: Mapping[str, str]) -> dict[str, int]:
        """Counted in the stored bytes, which nobody edits meanwhile."""
        tree = {name: self._place(digest) for name, digest in files.items()}
        # only ready passages must be read for it: to hash every document of the store would take as long as a commit
        documents = documents_of(tree) if READY in files else parts(files).documents
        return {"files": len(files), "documents": len(documents), "questions": len(questions_of(tree))}


def questions_of(tree: Tree) -> dict[str, dict[str, Any]]:
    """The question records of a tree, by id."""
    return {str(record.get("id")): record for name in parts(tree).questions for _, record in read_jsonl(tree[name])}


def documents_of(tree: Tree) -> dict[str, str]:
    """A digest of every document: of the file, or of a document's passages where they are ready ones."""
    names = parts(tree).documents
    if names != [READY]:
        return {name.removeprefix("documents/"): sha256_file(tree[name]) for name in names}
    found: dict[str, list[dict[str, Any]]] = {}
    for _, record in read_jsonl(tree[READY]):
        found.setdefault(str(record.get("document_id") or record.get("id")), []).append(record)
    return {name: sha256_json(records) for name, records in found.items()}
