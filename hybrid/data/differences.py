"""What changed between two states of a corpus: questions field by field, documents, and the files beside them."""

from dataclasses import dataclass
from typing import Any

from hybrid.artifacts import sha256_file
from hybrid.corpus.compare import Difference, compare
from hybrid.data.versions import Tree, documents_of, parts, questions_of


@dataclass(frozen=True)
class Change:
    """A field of a question before and after; None where it was not there."""

    question: str
    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class VersionDifference:
    """`changes` lists the fields of `questions.changed`; `files` are those that are neither questions nor documents."""

    questions: Difference
    documents: Difference
    files: Difference
    changes: list[Change]

    def __bool__(self) -> bool:
        return bool(self.questions or self.documents or self.files)


def differences(before: Tree, after: Tree) -> VersionDifference:
    """From `before` to `after`. The order of lines, and the file that a question stands in, do not count."""
    old, new = questions_of(before), questions_of(after)
    questions = compare(old, new)
    changes = [
        Change(name, key, old[name].get(key), new[name].get(key))
        for name in questions.changed
        for key in dict.fromkeys([*old[name], *new[name]])
        if old[name].get(key) != new[name].get(key)
    ]
    documents, files = (compare(content(before), content(after)) for content in (documents_of, _files))
    return VersionDifference(questions, documents, files, changes)


def _files(tree: Tree) -> dict[str, str]:
    return {name: sha256_file(tree[name]) for name in parts(tree).others}
