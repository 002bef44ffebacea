"""Which versions of a corpus a workspace has seen: an append-only record, by which the change rate is judged.

`corpus-history.jsonl` holds a line a version: the id of the corpus's documents, the date on which it was first seen,
how many documents it has, and the SHA-256 of each document that is new or changed against the line before. It is a log
of what happened, not an artefact: nothing is made from it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from hybrid.artifacts import sha256_json, write_text
from hybrid.config import CorpusConfig
from hybrid.corpus.load import max_bytes
from hybrid.corpus.passages import CorpusFolder
from hybrid.jsonl import read_jsonl

FILE = "corpus-history.jsonl"


@dataclass(frozen=True)
class Change:
    """From one version to the next. `before` counts the documents of the earlier one; `days` lie between them."""

    before: int
    added: int
    changed: int
    removed: int
    days: int

    @property
    def share(self) -> float:
        """Share of the earlier version's documents that no longer say the same."""
        return (self.changed + self.removed) / self.before if self.before else 0.0


def record_version(root: Path, corpus: CorpusFolder, documents_id: str, config: CorpusConfig) -> bool:
    """Add a version to the workspace's record; False where it is the last one there."""
    path = root / FILE
    rows = _rows(path)
    if rows and rows[-1]["corpus"] == documents_id:
        return False
    seen = _replay(rows)[-1] if rows else {}
    documents = document_hashes(corpus, config)
    if rows and documents == seen:
        # what is passed over alone is new
        return False
    row = {
        "corpus": documents_id,
        "date": date.today().isoformat(),
        "documents": len(documents),
        "new": {name: digest for name, digest in documents.items() if seen.get(name) != digest},
        "removed": sorted(set(seen) - set(documents)),
    }
    root.mkdir(parents=True, exist_ok=True)
    before = path.read_text(encoding="utf-8") if rows else ""
    # whole or not at all: half a line would spoil the record
    write_text(path, before + json.dumps(row, ensure_ascii=False) + "\n")
    return True


def changes(root: Path) -> list[Change]:
    """From each recorded version to the next; empty where fewer than two were seen."""
    rows = _rows(root / FILE)
    versions = _replay(rows)
    found = []
    for place in range(1, len(rows)):
        before, new = versions[place - 1], rows[place]["new"]
        days = (date.fromisoformat(rows[place]["date"]) - date.fromisoformat(rows[place - 1]["date"])).days
        known = sum(name in before for name in new)
        found.append(Change(len(before), len(new) - known, known, len(rows[place]["removed"]), days))
    return found


def num_versions(root: Path) -> int:
    """How many versions of the documents were seen."""
    return len(_rows(root / FILE))


def document_hashes(corpus: CorpusFolder, config: CorpusConfig) -> dict[str, str]:
    """SHA-256 by document: files by their path, ready passages by the document that they belong to."""
    if corpus.ready_passages.is_file():
        parts: dict[str, list[str]] = {}
        for _, record in read_jsonl(corpus.ready_passages):
            parts.setdefault(str(record.get("document_id") or record["id"]), []).append(str(record.get("text", "")))
        return {name: sha256_json(texts) for name, texts in parts.items()}
    return corpus.listing().digests(max_bytes(config))


def _rows(path: Path) -> list[Mapping[str, Any]]:
    return [row for _, row in read_jsonl(path)] if path.is_file() else []


def _replay(rows: list[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The documents of every version."""
    versions: list[dict[str, str]] = []
    for row in rows:
        gone = set(row["removed"])
        kept = {name: digest for name, digest in (versions[-1] if versions else {}).items() if name not in gone}
        versions.append({**kept, **row["new"]})
    return versions
