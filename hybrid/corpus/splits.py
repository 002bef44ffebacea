"""Splits by group: questions that share a document go to one split, so that nothing asked in test was trained on.

A group is a connected component of documents, passages and questions. Its split is a hash of one of its documents, not
a place in a shuffled list: what is added to a corpus moves no group that it does not touch.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hybrid.types import Question

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class SplitRule:
    """Shares of train, dev and test among the groups, and the seed of the hash."""

    shares: tuple[float, float, float] = (0.6, 0.15, 0.25)
    seed: int = 13


def assign_splits(
    questions: Sequence[Question],
    document_of: Mapping[str, str],
    rule: SplitRule,
    *,
    named: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The split of every question, by id. `document_of` gives a passage's document; an unknown passage is its own.

    `named` holds splits that stay as they are: the rest of their group follows them (the first of train, dev, test
    where a group has several).
    """
    named = named or {}
    groups = group_questions(questions, document_of)
    taken: dict[str, set[str]] = {}
    for question in questions:
        if question.id in named:
            taken.setdefault(groups[question.id], set()).add(named[question.id])
    split_of = {
        group: next((split for split in SPLITS if split in taken.get(group, ())), _by_hash(group, rule))
        for group in set(groups.values())
    }
    return {question.id: named.get(question.id, split_of[groups[question.id]]) for question in questions}


def group_questions(questions: Sequence[Question], document_of: Mapping[str, str]) -> dict[str, str]:
    """The group of every question, by id. A group's name is one of its documents, or the wording where it has none.

    An unanswerable question belongs to the document that its evidence or its `topic` names, else it stands alone. The
    same wording with the same answers is one question asked twice, whatever its documents.
    """
    documents = set(document_of.values())
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    wording_of = {}
    for question in questions:
        wording = wording_of[question.id] = f"asked:{_plain(question.question)}={sorted(map(_plain, question.answers))}"
        touched = [document_of.get(passage, passage) for passage in question.positives]
        touched += [part.source for part in question.evidence]
        if not question.answerable and question.topic in documents:
            touched.append(question.topic)
        joined = root(wording)
        for document in touched:
            parent[root(f"document:{document}")] = joined
    names: dict[str, str] = {}
    # the document with the smallest digest stays the same when others join, most of the time
    for node in sorted(parent, key=lambda node: (node.startswith("asked:"), _digest(node), node)):
        names.setdefault(root(node), node)
    return {identity: names[root(wording)] for identity, wording in wording_of.items()}


def notes_on(splits: Mapping[str, str], groups: Mapping[str, str], rule: SplitRule) -> list[str]:
    """What a person should know of an assignment: sizes, splits that stayed empty, a group that outweighs the rest."""
    sizes = Counter(splits.values())
    told = ", ".join(f"{sizes[split]} {split}" for split in SPLITS)
    notes = [f"no question names a split: {told} by document, in {len(set(groups.values()))} groups (corpus.splits)"]
    for split, share in zip(SPLITS, rule.shares, strict=True):
        if share and not sizes[split]:
            notes.append(f"no group fell into {split}: set another corpus.split_seed, or name splits in the questions")
    _, largest = Counter(groups.values()).most_common(1)[0]
    if len(splits) > 1 and largest > len(splits) / 2:
        notes.append(f"{largest} of {len(splits)} questions share documents with each other: they are one group")
    return notes


def _by_hash(group: str, rule: SplitRule) -> str:
    place = int(_digest(f"{rule.seed} {group}")[:13], 16) / 16**13
    train, dev, _ = rule.shares
    if place < train:
        return "train"
    return "dev" if place < train + dev else "test"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
