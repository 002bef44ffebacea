"""From a folder to passages: duplicates, private data, boilerplate, and only what changed is read again."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from hybrid.config import CorpusConfig
from hybrid.corpus import ingest as ingest_module
from hybrid.corpus import load as load_module
from hybrid.corpus import private
from hybrid.corpus.chunk import Cutter, chunk
from hybrid.corpus.compare import compare, state_of_folder, state_of_index
from hybrid.corpus.ingest import build_passages
from hybrid.corpus.load import load_documents
from hybrid.corpus.memo import Memo
from hybrid.corpus.passages import CorpusFolder, PassageSet
from hybrid.errors import InputError
from hybrid.types import Document

BODY = (
    "Before the pump is started for the first time the casing must be filled with liquid, the suction valve opened "
    "wholly, the discharge valve opened by a quarter, and the direction of rotation checked by a short start. "
    "Afterwards the gland is tightened evenly until only a drop falls every now and then, and the strainer is cleaned."
)


def build(corpus: Path, target: Path, cache: Path | None = None, **settings: Any) -> PassageSet:
    folder = CorpusFolder(corpus)
    manifest = build_passages(
        folder,
        CorpusConfig(**{"chunk_tokens": 48, **settings}),
        tokenize=str.split,
        max_tokens=64,
        target=target,
        inputs={"corpus": folder.content_id(CorpusConfig()), "tokenizer": "words"},
        cache=cache,
    )
    return PassageSet(target, manifest)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Four documents, the later three of them the first one again: copied, reworded in one place, of other figures."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.md").write_text(f"# Start\n\n{BODY} It takes 20 minutes.\n")
    (folder / "b.md").write_text(f"# Start\n\n{BODY}  It takes\n20 minutes.\n")
    (folder / "c.md").write_text(f"# Start\n\n{BODY} It takes 20 minutes. Be careful.\n")
    (folder / "d.md").write_text(f"# Start\n\n{BODY} It takes 30 minutes.\n")
    (folder / "e.md").write_text(f"# Stop\n\n{BODY} It takes 20 minutes.\n")
    return folder


def documents_of(built: PassageSet) -> set[str]:
    return {passage.document_id for passage in built.passages}


def test_copies_and_near_copies_are_left_out_and_listed(corpus: Path, tmp_path: Path) -> None:
    built = build(corpus, tmp_path / "passages")
    # another figure or another title says another thing
    assert documents_of(built) == {"a.md", "d.md", "e.md"}
    assert built.manifest.facts["warnings"] == [
        "b.md: left out, the same text as a.md",
        "c.md: left out, nearly the same as a.md",
    ]
    assert built.manifest.facts["duplicates"] == {"exact": 1, "near": 1}
    assert built.manifest.facts["formats"][".md"]["documents"] == built.manifest.counts["documents"] == 3
    assert {row["_id"]: row["duplicate_of"] for row in built.documents}["c.md"] == "a.md"


@pytest.mark.parametrize(("how", "kept"), [("exact", "acde"), ("keep", "abcde")])
def test_what_counts_as_a_duplicate_is_configured(corpus: Path, tmp_path: Path, how: str, kept: str) -> None:
    built = build(corpus, tmp_path / "passages", duplicates=how)
    assert documents_of(built) == {f"{name}.md" for name in kept}


def questions(corpus: Path, *evidence: tuple[str, str]) -> None:
    rows = [
        {"id": f"q{n}", "question": f"Number {n}?", "answers": ["x"], "evidence": [{"source": s, "quote": q}]}
        for n, (s, q) in enumerate(evidence)
    ]
    (corpus / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_evidence_in_a_duplicate_is_found_in_the_one_that_was_kept(corpus: Path, tmp_path: Path) -> None:
    questions(corpus, ("a.md", "20 minutes"), ("b.md", "20 minutes"), ("c.md", "the strainer is cleaned"))
    built = build(corpus, tmp_path / "passages")
    assert documents_of(built) == {"a.md", "d.md", "e.md"}
    assert all(q.positives[0].startswith("a.md#") for q in built.questions)
    assert built.questions[0].positives == built.questions[1].positives


def test_a_near_duplicate_whose_own_words_are_quoted_is_kept(corpus: Path, tmp_path: Path) -> None:
    questions(corpus, ("c.md", "Be careful."))
    built = build(corpus, tmp_path / "passages")
    assert documents_of(built) == {"a.md", "c.md", "d.md", "e.md"}
    assert built.questions[0].positives[0].startswith("c.md#")
    assert any(w.startswith("c.md: kept, though nearly the same as a.md") for w in built.manifest.facts["warnings"])
    assert built.manifest.facts["duplicates"] == {"exact": 1, "near": 0}


def test_a_mistyped_quote_of_a_copy_is_told_with_its_line(corpus: Path, tmp_path: Path) -> None:
    questions(corpus, ("a.md", "20 minutes"), ("b.md", "21 minutes"))
    with pytest.raises(InputError, match=r"questions\.jsonl:2: question 'q1': the quote is not in b\.md"):
        build(corpus, tmp_path / "passages")


def test_ready_passages_are_never_changed(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    rows = [
        {"id": "p1", "text": BODY},
        {"id": "p2", "text": BODY},
        {"id": "p3", "text": f"{BODY} Wait."},
        {"id": "p4", "text": "Write to jane.doe@example.org."},
    ]
    (corpus / "passages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    built = build(corpus, tmp_path / "passages")
    assert [(p.id, p.text) for p in built.passages] == [(row["id"], row["text"]) for row in rows]
    warnings = "\n".join(built.manifest.facts["warnings"])
    assert "1 passages are the same text as others, and are kept (first: p2, p1)" in warnings
    assert "1 passages are nearly the same as others, and are kept (first: p3, p1)" in warnings
    assert "1 × e-mail address (first: passages.jsonl:4:1" in warnings
    assert built.manifest.counts["documents"] == 4


def test_private_data_is_counted_and_placed_and_never_stored(corpus: Path, tmp_path: Path) -> None:
    secrets = ("AKIAIOSFODNN7EXAMPLE", "jane.doe@example.org")
    (corpus / "f.md").write_text(f"# Keys\n\nThe key is {secrets[0]}.\nWrite to {secrets[1]}.\n")
    cache = tmp_path / "cache.sqlite"
    facts = build(corpus, tmp_path / "passages", cache).manifest.facts
    assert facts["private"]["counts"] == {"secret (AWS Access Key)": 1, "e-mail address": 1}
    assert facts["private"]["places"] == [["f.md:3", "secret (AWS Access Key)"], ["f.md:4", "e-mail address"]]
    told = (tmp_path / "passages" / "manifest.json").read_text()
    assert not any(secret in told for secret in secrets)


def test_languages_and_letters_are_noted(corpus: Path, tmp_path: Path) -> None:
    for number in range(12):
        (corpus / f"n{number}.md").write_text(f"# Note {number}\n\n{BODY} Number {number}.\n")
    (corpus / "g.md").write_text(
        "# Start\n\nVor dem ersten Anlauf muss das Gehäuse der Pumpe mit Flüssigkeit gefüllt werden.\n"
    )
    (corpus / "h.md").write_text(
        "# Start\n\nThe casing is called GehÃ¤use, and nothing more is said of it here for the time being.\n"
    )
    facts = build(corpus, tmp_path / "passages").manifest.facts
    assert facts["languages"]["en"] > 10 and "de" in facts["languages"]
    assert facts["garbled"] == ["h.md: text in a wrong encoding"]
    assert any("in a language of few others (first: g.md, de)" in warning for warning in facts["warnings"])


def page(number: int) -> str:
    return (
        f"<h1>Page {number}</h1><h2>Care</h2><p>All our pumps are made by hand in one small town.</p>"
        f"<p>Pump {number} weighs {number * 7} kg.</p><div>Sign up for our letter and save!</div>"
    )


def test_paragraphs_that_repeat_over_web_pages_are_boilerplate(tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"p{number}.html").write_text(page(number))
    (tmp_path / "other.md").write_text("# Other\n\nSign up for our letter and save!\n")
    (tmp_path / "all.html").write_text("<div>Sign up for our letter and save!</div>")
    reading = load_documents(tmp_path)
    found = {document.id: document.text for document in reading.documents}
    assert found["p3.html"] == "# Page 3\n\n## Care\n\nPump 3 weighs 21 kg."
    assert "Sign up" in found["other.md"] and found["all.html"] == "Sign up for our letter and save!"
    assert reading.notes == [
        "2 paragraphs that repeat over web pages were left out as boilerplate, first: "
        "'All our pumps are made by hand in one small town.'"
    ]
    kept = load_documents(tmp_path, CorpusConfig(drop_boilerplate=False)).documents
    assert all("Sign up" in document.text for document in kept)
    (tmp_path / "p5.html").unlink()
    (tmp_path / "p4.html").unlink()
    (tmp_path / "all.html").unlink()
    assert all("Sign up" in document.text for document in load_documents(tmp_path).documents), "four pages are too few"


class Counted:
    """Counts what is read and cut."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: list[str] = []
        self.cut: list[str] = []
        read, cut = load_module._read_now, Cutter.cut

        def read_now(file: Any, digest: str, config: CorpusConfig) -> Any:
            self.read.append(file.source)
            return read(file, digest, config)

        def cut_now(cutter: Cutter, document: Document) -> Any:
            self.cut.append(document.id)
            return cut(cutter, document)

        monkeypatch.setattr(load_module, "_read_now", read_now)
        monkeypatch.setattr(Cutter, "cut", cut_now)

    def taken(self) -> tuple[list[str], list[str]]:
        found = self.read, self.cut
        self.read, self.cut = [], []
        return found


def test_only_what_changed_is_read_and_cut(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    target, cache = tmp_path / "passages", tmp_path / "cache" / "documents.sqlite"
    build(corpus, target, cache)
    assert counted.taken() == (["a.md", "b.md", "c.md", "d.md", "e.md"], ["a.md", "d.md", "e.md"])
    (corpus / "d.md").write_text("# Start\n\nIt takes 31 minutes.\n")
    (corpus / "new.md").write_text("# New\n\nA new one.\n")
    (corpus / "e.md").rename(corpus / "moved.md")
    (corpus / "a.md").unlink()
    again = build(corpus, target, cache)
    assert counted.taken() == (["d.md", "new.md"], ["b.md", "d.md", "new.md"]), "b.md is no copy of another any more"
    assert documents_of(again) == {"b.md", "d.md", "moved.md", "new.md"}
    build(corpus, tmp_path / "fresh")
    counted.taken()
    for name in ("corpus.jsonl", "documents.jsonl", "queries.jsonl", "manifest.json"):
        assert (target / name).read_bytes() == (tmp_path / "fresh" / name).read_bytes()
    # another budget cuts anew and reads nothing
    build(corpus, target, cache, chunk_tokens=24)
    assert counted.taken() == ([], ["b.md", "d.md", "moved.md", "new.md"])


def test_the_text_of_a_removed_document_leaves_the_cache(corpus: Path, tmp_path: Path) -> None:
    (corpus / "secret.md").write_text("# Secret\n\nThe plan is called Nightjar.\n")
    cache = tmp_path / "documents.sqlite"
    build(corpus, tmp_path / "passages", cache)
    assert b"Nightjar" in cache.read_bytes()
    (corpus / "secret.md").unlink()
    build(corpus, tmp_path / "passages", cache)
    assert all(b"Nightjar" not in path.read_bytes() for path in tmp_path.glob("documents.sqlite*"))


def test_a_killed_build_goes_on_where_it_stopped(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, cache = tmp_path / "passages", tmp_path / "documents.sqlite"
    counted = Counted(monkeypatch)
    names = ingest_module.name_passages

    def killed(document: Document, pieces: Any) -> Any:
        if document.id == "d.md":
            raise KeyboardInterrupt
        return names(document, pieces)

    monkeypatch.setattr(ingest_module, "name_passages", killed)
    with pytest.raises(KeyboardInterrupt):
        build(corpus, target, cache)
    assert not target.exists()
    counted.taken()
    monkeypatch.setattr(ingest_module, "name_passages", names)
    built = build(corpus, target, cache)
    assert counted.taken() == ([], ["e.md"])
    assert documents_of(built) == {"a.md", "d.md", "e.md"}


def test_a_memo_survives_a_kill_and_forgets_what_is_not_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "memo.sqlite"
    memo = Memo(path)
    for number in range(300):
        assert memo.get(["n", number], lambda number=number: {"n": (number,)}) == {"n": [number]}
    # no close: what was stored by then is there
    second = Memo(path)
    made: list[int] = []
    for number in range(300):
        second.get(["n", number], lambda number=number: made.append(number) or number)
    assert made == list(range(256, 300))
    second.close()
    third = Memo(path)
    third.get(["n", 5], lambda: pytest.fail("it was stored"))
    third.forget_unused()
    assert third.get(["n", 6], lambda: "anew") == "anew"


def test_a_damaged_cache_is_made_anew(corpus: Path, tmp_path: Path) -> None:
    cache = tmp_path / "documents.sqlite"
    cache.write_bytes(b"no database" * 1000)
    assert documents_of(build(corpus, tmp_path / "passages", cache)) == {"a.md", "d.md", "e.md"}


@pytest.mark.parametrize("junk", [b"\xff" * 4096, b"x" * 100], ids=["pages", "values"])
def test_a_cache_that_is_damaged_in_the_middle_is_made_anew(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "memo.sqlite"

    def filled() -> list[int]:
        """Those of the values that had to be made."""
        made: list[int] = []
        memo = Memo(path)
        for number in range(400):
            found = memo.get(["n", number], lambda number=number: made.append(number) or f"{number}ü" * 400)
            assert found == f"{number}ü" * 400
        memo.forget_unused()
        memo.close()
        return made

    assert filled() == list(range(400)) and filled() == []
    size = path.stat().st_size
    with path.open("r+b") as stream:
        for place in range(size // 4 // 4096 * 4096 + 2000 * (len(junk) < 4096), size // 2, 4096):
            stream.seek(place)
            stream.write(junk)
    # what was read before the damage showed is made anew by the next build
    assert set(filled()) | set(filled()) == set(range(400))
    assert filled() == []


def test_what_is_damaged_shows_when_a_cache_is_written_too(tmp_path: Path) -> None:
    path = tmp_path / "memo.sqlite"
    memo = Memo(path)
    for number in range(400):
        memo.get(["n", number], lambda number=number: f"{number}" * 400)
    memo.close()
    with path.open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xff" * (path.stat().st_size - 4096))
    for use in (lambda memo: memo.forget_unused(), lambda memo: memo.get("new", lambda: "new")):
        memo = Memo(path)
        use(memo)
        memo.close()
    assert Memo(path).get("new", lambda: pytest.fail("it was stored")) == "new"


def test_what_utf8_cannot_hold_is_replaced(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.jsonl").write_text(
        '{"id": "a", "text": "half \\ud800 a pair, a \\u0000 bell \\u0007"}\n{"id": "b\\udc00", "text": "x"}\n'
    )
    name = os.fsencode(corpus) + b"/broken-\xff.md"
    Path(os.fsdecode(name)).write_text("# T\n\nText.\n")
    built = build(corpus, tmp_path / "passages", tmp_path / "cache.sqlite")
    assert [p.text for p in built.passages] == ["half \ufffd a pair, a  bell"]
    assert "broken-\ufffd.md: skipped, its name is not UTF-8" in built.manifest.facts["warnings"]
    assert "a.jsonl:2: skipped, its id holds characters that are no text" in built.manifest.facts["warnings"]


def test_the_difference_of_two_states(corpus: Path, tmp_path: Path) -> None:
    built = build(corpus, tmp_path / "passages")
    before = state_of_index(built)
    assert state_of_folder(CorpusFolder(corpus), CorpusConfig()) == before
    (corpus / "a.md").unlink()
    (corpus / "b.md").write_text("# Start\n\nAnew.\n")
    (corpus / "f.md").write_text("# F\n\nText.\n")
    found = compare(before, state_of_folder(CorpusFolder(corpus), CorpusConfig()))
    assert (found.added, found.removed, found.changed, found.same) == (("f.md",), ("a.md",), ("b.md",), 3)


TABLE = "| Part | Number |\n| --- | --- |\n" + "\n".join(f"| Seal of size {n} | TB-{n} |" for n in range(40))


def test_a_table_is_whole_or_cut_between_rows_with_its_header() -> None:
    text = f"# Spares\n\nOrder these parts.\n\n{TABLE}\n\nAsk us for others. " + "They are on stock. " * 20
    document = Document("s.md", text, "s.md", "Spares")
    passages = chunk([document], tokenize=str.split, chunk_tokens=64)
    tables = [p for p in passages if "|" in p.text]
    assert len(tables) > 3 and max(len(p.text.split()) for p in passages) <= 60
    assert tables[0].text.startswith("Order these parts.\n\n| Part | Number |") or tables[0].text.startswith("| Part")
    for passage in tables:
        assert "| Part | Number |\n| --- | --- |\n| Seal" in passage.text
        rows = [line for line in passage.text.split("\n") if line.startswith("| Seal")]
        assert "\n".join(rows) == text[passage.start_char : passage.end_char][-len("\n".join(rows)) :]
    rows = [line for passage in tables for line in passage.text.split("\n") if line.startswith("| Seal")]
    assert rows == TABLE.split("\n")[2:], "no row is lost, none is there twice"
    small = f"# Spares\n\n{'Filler text here. ' * 30}\n\n{chr(10).join(TABLE.split(chr(10))[:5])}\n\nEnd.\n"
    found = chunk([Document("t.md", small, "t.md", "Spares")], tokenize=str.split, chunk_tokens=64)
    assert sum("| Part" in p.text for p in found) == 1, "a table that fits is in one passage"


def test_a_quote_that_only_a_heading_holds(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.md").write_text("# Pump\n\n## Weight of 20 kg\n\nSee above.\n\n## Nothing below of 30 kg\n")
    questions(corpus, ("a.md", "Weight of 20 kg"))
    built = build(corpus, tmp_path / "passages")
    assert built.questions[0].positives == (built.passages[0].id,)
    questions(corpus, ("a.md", "Nothing below of 30 kg"))
    with pytest.raises(InputError, match="but in no passage"):
        build(corpus, tmp_path / "passages")


def test_evidence_may_quote_a_row_of_a_table_file(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "pumps.csv").write_text("model,mass\nH20,20 kg\nH24,24 kg\nH30\n")
    questions(corpus, ("pumps.csv", "mass: 24 kg"))
    built = build(corpus, tmp_path / "passages")
    assert built.questions[0].positives == (built.passages[1].id,)
    assert built.passages[1].source == "pumps.csv:3"
    assert "pumps.csv:4: skipped, 1 fields under a header of 2" in built.manifest.facts["warnings"]


def test_code_and_lists_that_do_not_fit_are_cut_between_lines() -> None:
    code = "\n".join(f"pump-{n} --start --port {n} && wait" for n in range(40))
    items = "\n".join(f"- item number {n} of the list" for n in range(40))
    text = f"# Shell\n\nRun this:\n\n```\n{code}\n```\n\n## Items\n\nThese are:\n\n{items}\n"
    passages = chunk([Document("s.md", text, "s.md", "Shell")], tokenize=str.split, chunk_tokens=64)
    lines = [line for passage in passages for line in passage.text.split("\n") if line.startswith(("pump", "- item"))]
    assert lines == [*code.split("\n"), *items.split("\n")]
    assert all(text[p.start_char : p.end_char] == p.text for p in passages) and len(passages) > 6


def test_no_keyword_is_passed_over_by_the_quick_look() -> None:
    from detect_secrets.plugins.keyword import DENYLIST

    assert all(any(part in keyword for part in private._IN_KEYWORDS) for keyword in DENYLIST)
    for text in ('password = "hunter2aB9xQ"', 'PASſWORD = "hunter2aB9xQ"', 'API_\u212aEY = "hunter2aB9xQ"'):
        assert private._may_hold_keyword(text)
    card, iban = "3782 822463 10005", "DE89 3704 0044 0532 0130 00"
    found = {
        span.text for span in private.private_spans(f"{card}; 4111111111111111; 4111-1111-1111-1111; {iban}; a@b.de")
    }
    assert found == {card, "4111111111111111", "4111-1111-1111-1111", iban, "a@b.de"}
    patterns = {pattern.pattern for _, pattern in private._patterns()[0]}
    assert set(private._IN_SECRETS) <= patterns
