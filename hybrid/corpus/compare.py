"""What changed between two states of a corpus, name by name."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from hybrid.artifacts import text_digest
from hybrid.config import CorpusConfig
from hybrid.corpus.memo import Memo
from hybrid.corpus.passages import CorpusFolder, PassageSet, read_passages


@dataclass(frozen=True)
class Difference:
    """Names that came, went, and stayed with another content, sorted; `same` counts the rest. False: no change."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    same: int

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def compare(before: Mapping[str, object], after: Mapping[str, object]) -> Difference:
    """The difference between two states, each a content, or the SHA-256 of one, by name."""
    both = before.keys() & after.keys()
    changed = {name for name in both if before[name] != after[name]}
    return Difference(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(changed)),
        same=len(both) - len(changed),
    )


def state_of_folder(corpus: CorpusFolder, config: CorpusConfig) -> dict[str, str]:
    """The documents of a folder as they are now, or its ready passages."""
    if corpus.ready_passages.is_file():
        return {p.id: text_digest(p.title, p.text) for p in read_passages(corpus.ready_passages)}
    with closing(corpus.read(config, Memo())) as folder:
        documents = folder.under_bar(f"reading {corpus.name}")
        return {document.id: text_digest(document.title, document.text) for document in documents}


def state_of_index(passages: PassageSet) -> dict[str, str]:
    """The documents as they were when they were indexed, duplicates among them."""
    return {row["_id"]: row["sha256"] for row in passages.documents}
