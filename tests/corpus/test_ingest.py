"""From a folder to passages: duplicates, private data, boilerplate, tables, quotes, and what differs later."""

import json
import os
from pathlib import Path

import pytest

from hybrid.config import CorpusConfig
from hybrid.corpus import private
from hybrid.corpus.chunk import chunk
from hybrid.corpus.compare import compare, state_of_folder, state_of_index
from hybrid.corpus.load import load_documents
from hybrid.corpus.passages import CorpusFolder
from hybrid.errors import InputError
from hybrid.types import Document
from tests.ingested import BODY, build, documents_of, write_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path)


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
