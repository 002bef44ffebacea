"""What is known of passages beside their text: read from each source, checked, published, read back."""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybrid.artifacts import sha256_file
from hybrid.config import CorpusConfig
from hybrid.corpus import ingest as ingest_module
from hybrid.corpus.chunk import chunk
from hybrid.corpus.importers import import_corpus
from hybrid.corpus.load import READERS_VERSION, load_documents, max_bytes
from hybrid.corpus.memo import Memo
from hybrid.corpus.passages import read_passages
from hybrid.corpus.readers.delimited import read_delimited
from hybrid.corpus.readers.front_matter import read_front_matter
from hybrid.corpus.readers.markdown import read_markdown
from hybrid.corpus.workers import Workers
from hybrid.errors import InputError
from hybrid.types import Document, Passage
from tests.ingested import BODY, build

FIELDS = {"year": 2024, "share": 0.5, "draft": False, "kind": "sheet", "tags": ["a", 1, True], "none": None, "no": []}
READ = {"year": 2024, "share": 0.5, "draft": False, "kind": "sheet", "tags": ("a", 1, True), "no": ()}


def lines(path: Path, *records: dict[str, Any] | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records), encoding="utf-8")
    return path


def same(found: object, expected: object) -> bool:
    """Equal, and of the same types: 1, 1.0 and true are equal to Python."""
    return found == expected and repr(found) == repr(expected)


def test_metadata_is_no_part_of_what_is_read_or_hashed() -> None:
    plain = Passage("p", "It weighs 20 kg.", "H20")
    told = replace(plain, metadata={"tags": ("a", "b")})
    assert (told.full_text, hash(told), told == plain) == (plain.full_text, hash(plain), False)
    assert list(Passage.__dataclass_fields__)[-1] == "metadata"


def test_ready_passages_have_the_metadata_of_their_line(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "passages.jsonl",
        {"id": "a", "text": "A.", "metadata": FIELDS, "unknown": {"deep": [None]}},
        {"id": "b", "text": "B."},
        {"id": "c", "text": "C.", "metadata": None},
        {"id": "d", "text": "D.", "metadata": {}},
        '{"id": "e", "text": "E.", "metadata": {"na\\ud800me": "a\\u0000b"}}',
    )
    passages = read_passages(path)
    assert same(dict(passages[0].metadata), READ)
    assert [p.metadata for p in passages[1:]] == [{}, {}, {}, {"na\ufffdme": "ab"}]


BAD = [
    ('{"year": {"from": 1}}', "metadata 'year' is an object"),
    ('{"ok": 1, "year": [1, {"from": 1}]}', "metadata 'year' is a list that holds an object"),
    ('{"year": [1, null]}', "metadata 'year' is a list that holds null"),
    ('{"year": [[1]]}', "metadata 'year' is a list that holds a list"),
    ('{"year": NaN}', "metadata 'year' is a number that is not finite or has more than 64 bits"),
    ('{"year": [-Infinity]}', "metadata 'year' is a list that holds a number that is not finite"),
    ('{"year": 1e999}', "metadata 'year' is a number that is not finite"),
    ('{"year": 9223372036854775808}', "metadata 'year' is a number that is not finite or has more than 64 bits"),
    ('{" ": 1}', "metadata ' ' is a number"),
    ('{"": 1}', "metadata has an empty key"),
    ('"2024"', "field 'metadata' is a text"),
    ("[1]", "field 'metadata' is a list"),
    ("true", "field 'metadata' is true or false"),
]


@pytest.mark.parametrize(("metadata", "problem"), BAD, ids=[text for text, _ in BAD])
@pytest.mark.parametrize("file", ["passages.jsonl", "documents/d.jsonl"])
def test_what_is_no_metadata_is_refused_with_its_line(tmp_path: Path, file: str, metadata: str, problem: str) -> None:
    path = tmp_path / file
    lines(path, {"id": "a", "text": "A."}, f'{{"id": "b", "text": "B.", "metadata": {metadata}}}')
    with pytest.raises(InputError) as caught:
        read_passages(path) if file == "passages.jsonl" else load_documents(path.parent)
    told = str(caught.value)
    assert f"{path}:2: {problem}" in told
    is_object = metadata.startswith("{")
    assert ("texts, finite numbers, true, false, or lists of these" if is_object else '{"year": 2024}') in told


def test_a_number_of_thousands_of_digits_is_malformed(tmp_path: Path) -> None:
    path = lines(tmp_path / "passages.jsonl", f'{{"id": "a", "text": "A.", "metadata": {{"n": {"9" * 5000}}}}}')
    with pytest.raises(InputError, match=r"passages\.jsonl:1: malformed JSON: Exceeds the limit"):
        read_passages(path)
    largest = lines(tmp_path / "most.jsonl", {"id": "a", "text": "A.", "metadata": {"n": 2**63 - 1, "m": 1 - 2**63}})
    assert read_passages(largest)[0].metadata == {"n": 2**63 - 1, "m": 1 - 2**63}


def test_every_passage_of_a_record_has_its_metadata(tmp_path: Path) -> None:
    text = "\n\n".join(f"Paragraph {n}. {BODY}" for n in range(3))
    lines(tmp_path / "d.jsonl", {"id": "a", "text": text, "metadata": FIELDS}, {"id": "b", "text": "Short."})
    documents = load_documents(tmp_path).documents
    passages = chunk(documents, tokenize=str.split, chunk_tokens=32)
    assert len(passages) > 4
    assert all(same(p.metadata, READ if p.document_id == "a" else {}) for p in passages)


def test_the_columns_of_a_row_are_the_metadata_of_all_that_is_cut_from_it() -> None:
    notes = [" ".join(f"{name}{n}" for n in range(60)) for name in ("red", "blue")]
    rows = [f"H20,020,{notes[0]},", f'"H 24,\n x",1.50,{notes[1]},new', "H30,7,,"]
    content = read_delimited(("model,mass kg,note,state\n" + "\n".join(rows) + "\n").encode())
    document = Document("t.csv", content.text, "t.csv", "t", ".csv", content.marks, True, {}, content.record_metadata)
    passages = chunk([document], tokenize=str.split, chunk_tokens=32)
    by_line = {":2": {"model": "H20", "mass kg": "020"}, ":5": {"model": "H30", "mass kg": "7"}}
    by_line[":3"] = {"model": "H 24, x", "mass kg": "1.50", "state": "new"}
    cut = [p.source.removeprefix("t.csv") for p in passages]
    assert cut.count(":2") > 1 and cut.count(":3") > 1 and cut.count(":5") == 1
    for passage, line in zip(passages, cut, strict=True):
        assert passage.metadata == by_line[line]
        assert "blue" not in passage.text or line == ":3"


@pytest.mark.parametrize(("length", "kept"), [(200, True), (201, False)])
def test_a_long_value_of_a_row_is_text_and_no_field(length: int, kept: bool) -> None:
    (fields,) = read_delimited(b"a,b\n1," + b"x" * length).record_metadata
    assert fields == ({"a": "1", "b": "x" * length} if kept else {"a": "1"})


def test_rows_that_are_skipped_shift_no_metadata() -> None:
    content = read_delimited(b'a,b\n1,2\n3\n"4,5\n;\n,\n6,7\n')
    assert [mark for _, mark in content.marks] == [":2", ":7"]
    assert content.record_metadata == ({"a": "1", "b": "2"}, {"a": "6", "b": "7"})


FRONT = """title: 'Pump H20'
year: 2024
share: 0.5
draft: false
day: 2024-01-05
no iso: 2024-1-5
at: 2024-01-05 10:30:00
no day: 2024-13-45
tags: [a, 1, 2024-01-05]
nothing:
infinite: .inf
large: 0xFFFFFFFFFFFFFFFFFFFF
author: {name: Ann}
deep: [[1]]
mixed: [1, null]
7: seven
quoted: "2024"
"""
FRONT_READ = {
    "year": 2024, "share": 0.5, "draft": False, "day": "2024-01-05", "no iso": "2024-1-5",
    "at": "2024-01-05T10:30:00", "no day": "2024-13-45", "tags": ("a", 1, "2024-01-05"), "quoted": "2024",
}  # fmt: skip


def test_front_matter_is_metadata(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(f"---\n{FRONT}---\n# Mass\n\nIt weighs 20 kg.\n\n# Oil\n\nTwo litres.\n")
    (tmp_path / "b.md").write_text("# No front matter\n\n---\nyear: 2024\n---\n")
    reading = load_documents(tmp_path)
    passages = chunk(reading.documents, tokenize=str.split, chunk_tokens=32)
    assert [(p.document_id, p.title) for p in passages] == [
        ("a.md", "Pump H20"), ("a.md", "Pump H20"), ("b.md", "No front matter"),
    ]  # fmt: skip
    assert [same(dict(p.metadata), FRONT_READ) for p in passages[:2]] == [True, True]
    assert (passages[2].metadata, reading.notes) == ({}, [])


@pytest.mark.parametrize(
    ("front", "line", "problem"),
    [
        ("year: 2024\nkind: a: b", 3, "mapping values are not allowed here"),
        ("a: &a [x, x]\nb: [*a, *a]", 3, "aliases (`*name`) are not allowed"),
        ("a: &a {k: 1}\nb:\n  <<: *a", 4, "aliases (`*name`) are not allowed"),
        ("a: !!python/object/apply:os.system ['true']", 2, "could not determine a constructor for the tag"),
        ("a: !!int ''", 1, "IndexError"),
        ("a: \x0c", 1, "ReaderError"),
        ("[ " * 3000, 1, "RecursionError"),
        ("only words", 1, "it has no keys"),
        ("- a\n- b", 1, "it has no keys"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_front_matter_that_cannot_be_read_is_a_note(tmp_path: Path, front: str, line: int, problem: str) -> None:
    (tmp_path / "a.md").write_text(f"---\ntitle: T\n{front}\n---\nText.\n")
    (tmp_path / "b.md").write_text(f"---\n{front}\n---\nText.\n")
    reading = load_documents(tmp_path)
    assert [(d.text, d.metadata) for d in reading.documents] == [("Text.\n", {})] * 2
    told = [note for note in reading.notes if note.startswith("b.md")]
    assert len(told) == 1 and told[0].startswith(f"b.md:{line}: front matter is not read: {problem}"), reading.notes
    # a title is read as it always was
    assert reading.documents[0].title == "T"


def test_front_matter_of_a_huge_size_is_not_parsed() -> None:
    front = "title: T\nkind: a\n" + "# padding\n" * 2_000
    content = read_markdown(f"---\n{front}\n---\nText.".encode())
    assert (content.text, content.title, content.metadata) == ("Text.", "T", {})
    assert content.notes == ((1, "front matter of more than 20 kB is not read"),)
    assert read_front_matter("kind: a\n" + "# padding\n" * 1_990) == ({"kind": "a"}, ())
    assert read_front_matter("# nothing but a comment") == ({}, ())


def corpus_of_all(folder: Path) -> Path:
    (folder / "documents").mkdir(parents=True)
    (folder / "documents" / "a.md").write_text(f"---\n{FRONT}---\n# Mass\n\nIt weighs 20 kg.\n\n# Oil\n\nTwo litres.\n")
    (folder / "documents" / "b.csv").write_text("model,mass\nH20,20\nH24,\n")
    (folder / "documents" / "c.txt").write_text("Nothing is\nknown of it.\n")
    lines(folder / "documents" / "d.jsonl", {"id": "d", "text": "From a record.", "metadata": FIELDS})
    return folder


def test_metadata_is_published_and_read_back(tmp_path: Path) -> None:
    corpus = corpus_of_all(tmp_path / "corpus")
    built = build(corpus, tmp_path / "passages")
    found = {p.text: dict(p.metadata) for p in built.passages}
    expected = {
        "It weighs 20 kg.": FRONT_READ,
        "Two litres.": FRONT_READ,
        "model: H20 | mass: 20": {"model": "H20", "mass": "20"},
        "model: H24": {"model": "H24"},
        "Nothing is\nknown of it.": {},
        "From a record.": READ,
    }
    assert same(found, expected)
    for passage in built.passages:
        assert same(built._few[passage.id], passage)
    rows = [json.loads(line) for line in (tmp_path / "passages" / "corpus.jsonl").read_text().splitlines()]
    assert [("metadata" in row, list(row)[-1]) for row in rows] == [
        (bool(p.metadata), "metadata" if p.metadata else "end_char") for p in built.passages
    ]
    counts = {**dict.fromkeys(FRONT_READ, 2), "model": 2, "mass": 1, "kind": 1, "no": 1}
    counts |= {"year": 3, "share": 3, "draft": 3, "tags": 3}
    assert built.manifest.facts["metadata"] == counts


def test_the_manifest_lists_the_fields_of_most_passages(tmp_path: Path) -> None:
    records = [
        {
            "id": f"p{n}",
            "text": f"Number {n}.",
            "metadata": {"all": n, f"own{n:02}": 1, **({"odd": n} if n % 2 else {})},
        }
        for n in range(60)
    ]
    lines(tmp_path / "corpus" / "passages.jsonl", *records)
    facts = build(tmp_path / "corpus", tmp_path / "passages").manifest.facts
    assert facts["metadata"] == {"all": 60, "odd": 30, **{f"own{n:02}": 1 for n in range(48)}}
    lines(tmp_path / "corpus" / "passages.jsonl", {"id": "p", "text": "None.", "metadata": {}})
    assert "metadata" not in build(tmp_path / "corpus", tmp_path / "passages").manifest.facts


def test_metadata_from_the_cache_is_what_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus, cache = corpus_of_all(tmp_path / "corpus"), tmp_path / "documents.sqlite"
    build(corpus, tmp_path / "first", cache)
    monkeypatch.setattr(Workers, "submit", lambda *_: pytest.fail("it is in the cache"))
    build(corpus, tmp_path / "second", cache)
    monkeypatch.undo()
    assert sha256_file(tmp_path / "second" / "corpus.jsonl") == sha256_file(tmp_path / "first" / "corpus.jsonl")
    # the text stays, and so does how it is cut; its metadata is another
    front = corpus / "documents" / "a.md"
    front.write_text(front.read_text().replace("year: 2024", "year: 2025"))
    changed = {p.document_id: p.metadata.get("year") for p in build(corpus, tmp_path / "second", cache).passages}
    assert changed == {"a.md": 2025, "b.csv": None, "c.txt": None, "d": 2024}


def test_the_cache_of_an_earlier_release_is_not_misread(tmp_path: Path) -> None:
    corpus, cache = corpus_of_all(tmp_path / "corpus"), tmp_path / "documents.sqlite"
    memo = Memo(cache)
    for file in (corpus / "documents").iterdir():
        parts = ["read", 1, file.suffix, sha256_file(file), max_bytes(CorpusConfig()), CorpusConfig().html_layout]
        memo.get(parts, lambda: ["It is old.", "Old", [], False, []])
    memo.close()
    assert READERS_VERSION > 1 and ingest_module.VERSION == 8
    built = build(corpus, tmp_path / "passages", cache)
    assert "It is old." not in {p.text for p in built.passages}
    assert built.manifest.facts["metadata"]["model"] == 2


PUMPS = "990a18a62a0c20bf742184658f43abaaff0ffbda40245d683873a62931a9f1e4"
"""SHA-256 of the bundled corpus's passages, cut by words, before there was metadata."""


def test_a_corpus_without_metadata_has_the_same_bytes_as_before(tmp_path: Path, repository: Path) -> None:
    built = build(repository / "corpora" / "pumps", tmp_path / "passages")
    written = (tmp_path / "passages" / "corpus.jsonl").read_bytes()
    assert (len(built.passages), hashlib.sha256(written).hexdigest()) == (1009, PUMPS)
    assert "metadata" not in built.manifest.facts


def test_beir_keeps_what_else_is_known_of_a_passage(tmp_path: Path) -> None:
    lines(
        tmp_path / "in" / "corpus.jsonl",
        {"_id": "a", "text": "A.", "metadata": {**FIELDS, "title": "no", "section": "no", "metadata.title": "kept"}},
        {"_id": "b", "text": "B.", "metadata": {"url": {"host": "x"}, "n": math.nan, "": 1, "year": 1}},
        {"_id": "c", "text": "C.", "metadata": {"url": [None]}},
        {"_id": "d", "text": "D.", "metadata": "none"},
    )
    lines(tmp_path / "in" / "queries.jsonl", {"_id": "q", "text": "?"})
    lines(tmp_path / "in" / "qrels" / "test.tsv", "q\ta\t1")
    told = import_corpus(tmp_path / "in", "beir", tmp_path / "corpus")
    note = "4 values of metadata are left out (first: 'url'): values are texts, finite numbers, true, false, or lists "
    assert told == {"passages": 4, "questions": 1, "notes": [f"{note}of these"]}
    passages = read_passages(tmp_path / "corpus" / "passages.jsonl")
    assert [p.title for p in passages] == ["", "", "", ""]
    assert same([dict(p.metadata) for p in passages], [{**READ, "metadata.title": "kept"}, {"year": 1}, {}, {}])


def test_ready_passages_are_imported_with_their_metadata(tmp_path: Path) -> None:
    lines(tmp_path / "in" / "passages.jsonl", {"id": "a", "text": "A.", "metadata": FIELDS})
    assert import_corpus(tmp_path / "in", "passages", tmp_path / "out") == {"passages": 1, "questions": 0}
    assert same(dict(read_passages(tmp_path / "out" / "passages.jsonl")[0].metadata), READ)
    lines(tmp_path / "in" / "passages.jsonl", {"id": "a", "text": "A.", "metadata": {"x": {}}})
    with pytest.raises(InputError, match=r"in/passages\.jsonl:1: metadata 'x' is an object"):
        import_corpus(tmp_path / "in", "passages", tmp_path / "other")
