"""A cache gives back what was stored, or nothing: bytes flipped in real files, and files of earlier releases."""

import json
import random
import sqlite3
from pathlib import Path

import pytest

from hybrid import progress
from hybrid.answering.generation_cache import CachedGenerator
from hybrid.checked_store import CheckedStore
from hybrid.corpus.memo import Memo
from hybrid.types import Generation, Message

VALUES = {bytes([number]) * 16: f"The pump number {number} weighs {number} kg. " * 20 for number in range(40)}


@pytest.fixture(autouse=True)
def told_anew() -> None:
    progress.tell_once.cache_clear()


def filled(path: Path) -> bytes:
    store = CheckedStore(path)
    store.put(VALUES)
    store.close()
    return path.read_bytes()


def flip(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert data.count(old) >= 1 and len(old) == len(new)
    path.write_bytes(data.replace(old, new, 1))


def test_a_letter_that_flips_is_noticed_told_once_and_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.sqlite"
    filled(path)
    flip(path, b"number 7 weighs 7 kg", b"number 7 weighs 9 kg")
    flip(path, b"number 8 weighs 8 kg", b"number 8 weighs 9 kg")
    store = CheckedStore(path)
    missing = [key for key in VALUES for _ in range(2) if store.find(key) is None]
    assert missing == [bytes([n]) * 16 for n in (7, 7, 8, 8)]
    store.put({key: VALUES[key] for key in missing})
    store.close()
    assert capsys.readouterr().err == f"2 damaged entries in {path} are made anew\n"
    store = CheckedStore(path)
    assert {key: store.find(key) for key in VALUES} == VALUES
    store.close()
    assert capsys.readouterr().err == ""


def test_wherever_a_byte_flips_nothing_else_than_what_was_stored_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    whole = filled(path)
    rng = random.Random(0)
    # the header of the file, the names of its tables, and all over it
    places = [*range(100), *range(3800, 4096, 5), *(rng.randrange(len(whole)) for _ in range(150))]
    for place in places:
        for file in tmp_path.iterdir():
            file.unlink()
        data = bytearray(whole)
        data[place] ^= rng.choice([1, 32, 128, 255])
        path.write_bytes(data)
        store = CheckedStore(path)
        for key, value in VALUES.items():
            found = store.find(key)
            assert found in (None, value), place
            if found is None:
                store.put({key: value})
        store.keep_only(VALUES.keys())
        store.close()


def test_a_file_that_is_cut_short_is_begun_anew_and_nothing_beside_it_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.sqlite"
    path.write_bytes(filled(path)[:9000])
    (tmp_path / "a.sqlite.mine").write_text("a copy of somebody's")
    store = CheckedStore(path)
    store.put(VALUES)
    assert {key: store.find(key) for key in VALUES} == VALUES
    store.close()
    assert (
        capsys.readouterr().err == f"{path}: it is damaged, so it was begun anew; what was kept in it is made again\n"
    )
    assert (tmp_path / "a.sqlite.mine").exists()


def test_a_sound_file_that_is_locked_is_not_deleted(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    filled(path)
    store = CheckedStore(path)
    store._db.execute("PRAGMA busy_timeout=10")
    with sqlite3.connect(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            store.put({b"new": "value"})
        other.rollback()
    assert {key: store.find(key) for key in VALUES} == VALUES


def test_a_damaged_document_is_not_published(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "documents.sqlite"
    memo = Memo(path)
    assert memo.get("a", lambda: ["It weighs 20 kg."]) == ["It weighs 20 kg."]
    memo.close()
    flip(path, b"20 kg", b"90 kg")
    memo = Memo(path)
    assert memo.get("a", lambda: ["It weighs 20 kg."]) == ["It weighs 20 kg."]
    memo.close()
    assert capsys.readouterr().err == f"1 damaged entry in {path} is made anew\n"
    assert b"90 kg" not in path.read_bytes()


class Told:
    """A generator whose answer says how often it was asked."""

    name = fingerprint = "told"

    def __init__(self) -> None:
        self.asked = 0

    def count_tokens(self, chat: object) -> int:
        return 1

    def generate(self, chats: list[object], *, max_new_tokens: int) -> list[Generation]:
        self.asked += len(chats)
        return [Generation("It weighs 20 kg.", "stop", 3, 5, -0.25) for _ in chats]


CHAT = (Message("user", "How heavy is it?"),)


@pytest.mark.parametrize("damage", ["letter", "file"])
def test_a_damaged_answer_is_made_again(tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    path, told = tmp_path / "generations.sqlite", Told()

    def answer() -> str:
        cached = CachedGenerator(told, path)  # type: ignore[arg-type]
        (generation,) = cached.generate([CHAT], max_new_tokens=5)
        cached._store.close()
        return generation.text

    assert answer() == answer() == "It weighs 20 kg." and told.asked == 1
    if damage == "letter":
        flip(path, b"20 kg", b"90 kg")
    else:
        path.write_bytes(b"no database" * 1000)
    assert answer() == answer() == "It weighs 20 kg." and told.asked == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and ("1 damaged entry" if damage == "letter" else "begun anew") in err


def test_answers_of_an_earlier_release_are_taken_over_and_its_documents_are_read_again(tmp_path: Path) -> None:
    path, told = tmp_path / "generations.sqlite", Told()
    cached = CachedGenerator(told, path)  # type: ignore[arg-type]
    key = cached._key(CHAT, 5)
    cached._store.close()
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE generations (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
        rows = [(key, json.dumps(["Of old.", "stop", 3, 5, -0.5])), ("0" * 64, '["cut sh'), ("no key", "[]")]
        database.executemany("INSERT INTO generations VALUES (?, ?)", rows)
    for _ in range(2):
        cached = CachedGenerator(told, path)  # type: ignore[arg-type]
        (generation,) = cached.generate([CHAT], max_new_tokens=5)
        assert (generation.text, generation.logprob, told.asked) == ("Of old.", -0.5, 0)
        cached._store.close()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT name FROM sqlite_master WHERE name = 'generations'").fetchall() == []
    documents = tmp_path / "documents.sqlite"
    with sqlite3.connect(documents) as database:
        database.execute("CREATE TABLE memo (key BLOB PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
        database.execute("INSERT INTO memo VALUES (x'00', 'The plan is called Nightjar.')")
    database.close()
    Memo(documents).close()
    assert b"Nightjar" not in documents.read_bytes()
