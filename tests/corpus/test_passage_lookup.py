"""Passages found in their file one by one."""

import json
from pathlib import Path

import pytest

from hybrid.artifacts import Manifest
from hybrid.corpus.passage_lookup import PassageLookup
from hybrid.corpus.passages import PassageSet
from hybrid.types import Passage

IDS = ["a", "ab", "b#1", 'quote "é"', "back\\slash", 'x", "text": "']
TEXTS = [
    "plain",
    'looks like a line:\n{"_id": "b#1", "text": "no"}',
    '\n{"_id": "ab", ',
    "漢字",
    "",
    '{"_id": "a", "text": ""}',
]
PASSAGES = {identity: Passage(identity, text) for identity, text in zip(IDS, TEXTS, strict=True)}


class File:
    """A lookup, and how often all of its file was read."""

    def __init__(self, path: Path, passages: dict[str, Passage]) -> None:
        lines = (json.dumps({"_id": p.id, "text": p.text}, ensure_ascii=False) + "\n" for p in passages.values())
        path.write_text("".join(lines), encoding="utf-8")
        self.passages = passages
        self.times_read = 0
        self.lookup = PassageLookup(path, lambda row: Passage(row["_id"], row["text"]), self.read_all)

    def read_all(self) -> dict[str, Passage]:
        self.times_read += 1
        return self.passages


def test_each_is_found_without_reading_all(tmp_path: Path) -> None:
    file = File(tmp_path / "corpus.jsonl", PASSAGES)
    assert {identity: file.lookup[identity] for identity in IDS} == PASSAGES
    assert file.times_read == 0


def test_unknown_ids_are_told(tmp_path: Path) -> None:
    lookup = File(tmp_path / "corpus.jsonl", PASSAGES).lookup
    for unknown in ("", "b", "b#1 ", "A"):
        with pytest.raises(KeyError):
            lookup[unknown]
        assert unknown not in lookup


def test_it_is_the_whole_mapping(tmp_path: Path) -> None:
    file = File(tmp_path / "corpus.jsonl", PASSAGES)
    assert dict(file.lookup) == PASSAGES and len(file.lookup) == len(PASSAGES)
    assert file.times_read == 1


def test_who_asks_for_many_has_all_read_once(tmp_path: Path) -> None:
    many = {str(number): Passage(str(number), f"text {number}") for number in range(300)}
    file = File(tmp_path / "corpus.jsonl", many)
    assert [file.lookup[identity] for identity in many] == list(many.values())
    assert file.times_read == 1


def test_passages_that_are_read_are_not_looked_for_in_the_file(tmp_path: Path) -> None:
    File(tmp_path / "corpus.jsonl", PASSAGES)
    found = PassageSet(tmp_path, Manifest("passages", "", 1, {}, {}))
    few = found.lookup
    assert few["ab"].text == PASSAGES["ab"].text and "passages" not in vars(found)
    assert found.lookup is few
    (first, *_) = found.passages
    (tmp_path / "corpus.jsonl").unlink()
    assert found.lookup[first.id] is first
