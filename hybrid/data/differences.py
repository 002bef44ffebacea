"""What changed between two states of a corpus: questions field by field, documents, and the files beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hybrid.artifacts import sha256_file
from hybrid.data.versions import Tree, documents_of, parts, questions_of


@dataclass(frozen=True)
class Change:
    """A field of a question before and after; None where it was not there."""

    question: str
    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Names:
    """Names that came, went, and stayed with another content."""

    added: list[str]
    removed: list[str]
    changed: list[str]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True)
class Difference:
    """`changes` lists the fields of `questions.changed`; `files` are those that are neither questions nor documents."""

    questions: Names
    documents: Names
    files: Names
    changes: list[Change]

    def __bool__(self) -> bool:
        return bool(self.questions or self.documents or self.files)


def differences(before: Tree, after: Tree) -> Difference:
    """From `before` to `after`. The order of lines, and the file that a question stands in, do not count."""
    old, new = questions_of(before), questions_of(after)
    questions = _names(old, new)
    changes = [
        Change(name, key, old[name].get(key), new[name].get(key))
        for name in questions.changed
        for key in dict.fromkeys([*old[name], *new[name]])
        if old[name].get(key) != new[name].get(key)
    ]
    return Difference(questions, _names(documents_of(before), documents_of(after)), _files(before, after), changes)


def _files(before: Tree, after: Tree) -> Names:
    old, new = ({name: sha256_file(tree[name]) for name in parts(tree).others} for tree in (before, after))
    return _names(old, new)


def _names(before: Mapping[str, object], after: Mapping[str, object]) -> Names:
    return Names(
        added=sorted(set(after) - set(before)),
        removed=sorted(set(before) - set(after)),
        changed=sorted(name for name in set(before) & set(after) if before[name] != after[name]),
    )
