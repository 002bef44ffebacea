"""The bundled corpus: its size and formats, its questions against its record of facts, and that it is no template."""

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hybrid.config_file import load_config
from hybrid.corpus.chunk import chunk
from hybrid.corpus.load import Reading, load_documents
from hybrid.corpus.questions import Resolved, read_questions, resolve
from hybrid.retrieval.sentence_embedder import SentenceEmbedder
from hybrid.types import Passage, Question

PUMPS = Path(__file__).resolve().parents[2] / "corpora" / "pumps"
FILES = sorted((PUMPS / "questions").glob("*.jsonl"))
RECORDS: dict[str, dict[str, Any]] = {
    record["id"]: record for path in FILES for record in map(json.loads, path.read_text(encoding="utf-8").splitlines())
}
FACTS = {
    row["fact"]: row
    for path in sorted((PUMPS / "record").glob("*.csv"))
    for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())
}


@pytest.fixture(scope="module")
def reading(repository: Path) -> Reading:
    return load_documents(PUMPS / "documents", load_config(repository / "configs" / "pumps.yaml").corpus)


@pytest.fixture(scope="module")
def passages(reading: Reading, minilm: SentenceEmbedder, repository: Path) -> list[Passage]:
    config = load_config(repository / "configs" / "pumps.yaml").corpus
    return chunk(
        reading.documents,
        tokenize=minilm.tokenize,
        chunk_tokens=config.chunk_tokens,
        overlap_tokens=config.overlap_tokens,
    )


@pytest.fixture(scope="module")
def resolved(reading: Reading, passages: list[Passage]) -> Resolved:
    return resolve(read_questions(FILES), passages, {document.id: document for document in reading.documents})


def of_split(resolved: Resolved, split: str) -> list[Question]:
    return [question for question in resolved.questions if question.split == split]


def squeezed(text: str) -> str:
    """Emphasis, table rules and line breaks are no part of a figure."""
    return re.sub(r"[\s|*`]+", " ", text)


def test_it_is_small_and_holds_every_format() -> None:
    assert sum(path.stat().st_size for path in PUMPS.rglob("*") if path.is_file()) < 2_000_000
    formats = Counter(path.suffix for path in (PUMPS / "documents").rglob("*") if path.is_file())
    assert {".md", ".html", ".txt", ".pdf"} == set(formats) and min(formats.values()) >= 4


def test_every_document_is_read(reading: Reading) -> None:
    assert reading.skipped == []
    assert len(reading.documents) >= 90
    assert not [d.id for d in reading.documents if not re.search(r"^# \S", d.text, re.MULTILINE)]


def test_passages_are_many_and_fit_the_embedder(passages: list[Passage], minilm: SentenceEmbedder) -> None:
    assert len(passages) >= 250
    assert max(minilm.count_tokens(passage.full_text) for passage in passages) <= 128


def test_spans_point_at_the_passages(reading: Reading, passages: list[Passage]) -> None:
    texts = {document.id: document.text for document in reading.documents}
    assert [p.id for p in passages if texts[p.document_id][p.start_char : p.end_char] != p.text] == []
    ends: dict[str, int] = {}
    for passage in passages:
        assert ends.get(passage.document_id, 0) <= passage.start_char, passage.id
        ends[passage.document_id] = passage.end_char


def test_questions_are_many_enough_in_every_split(resolved: Resolved) -> None:
    assert len(of_split(resolved, "train")) >= 260
    assert len(of_split(resolved, "dev")) >= 60
    assert len(of_split(resolved, "test")) >= 120


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_a_share_of_the_questions_has_no_answer(resolved: Resolved, split: str) -> None:
    questions = of_split(resolved, split)
    declined = [q for q in questions if not q.answerable]
    assert 0.15 <= len(declined) / len(questions) <= 0.3
    assert not [q.id for q in declined if q.answers or q.positives or q.evidence]


def test_nothing_is_warned_of(resolved: Resolved) -> None:
    assert resolved.warnings == []


def test_the_questions_that_come_next_rest_on_current_facts_and_their_documents(
    reading: Reading, passages: list[Passage]
) -> None:
    files = sorted((PUMPS / "next").glob("*.jsonl"))
    records = {record["id"]: record for path in files for record in map(json.loads, path.open(encoding="utf-8"))}
    found = resolve(read_questions(files), passages, {document.id: document for document in reading.documents})
    assert found.warnings == [] and len(found.questions) == len(records) == 366
    texts = {passage.id: squeezed(passage.full_text) for passage in passages}
    for question in found.questions:
        facts = records[question.id]["facts"]
        assert question.answerable == bool(question.positives) == bool(question.answers), question.id
        if facts:
            (row,) = (FACTS[fact] for fact in facts)
            assert row["status"] == "current" and question.answers[0] == f"{row['value']} {row['unit']}".strip()
            assert any(question.answers[0] in texts[p] for p in question.positives), question.id
    kinds = Counter((question.split, question.origin) for question in found.questions)
    assert kinds == {
        ("dev", "plain"): 63, ("dev", "reworded"): 42, ("dev", "slang"): 21,
        ("test", "plain"): 120, ("test", "reworded"): 80, ("test", "slang"): 40,
    }  # fmt: skip


def test_gold_documents_of_the_splits_are_disjoint(resolved: Resolved, passages: list[Passage]) -> None:
    document_of = {passage.id: passage.document_id for passage in passages}
    gold = {
        split: {document_of[p] for question in of_split(resolved, split) for p in question.positives}
        for split in ("train", "dev", "test")
    }
    assert min(len(documents) for documents in gold.values()) >= 15
    assert not gold["train"] & gold["dev"] and not gold["train"] & gold["test"] and not gold["dev"] & gold["test"]


def test_no_question_is_asked_twice(resolved: Resolved) -> None:
    wordings = Counter(" ".join(re.findall(r"\w+", q.question.lower())) for q in resolved.questions)
    assert [wording for wording, count in wordings.items() if count > 1] == []


def test_every_fact_that_is_cited_is_recorded_and_current() -> None:
    cited = {fact for record in RECORDS.values() for fact in record["facts"]}
    assert len(cited) > 300
    assert sorted(fact for fact in cited if FACTS[fact]["status"] != "current") == []


def test_superseded_facts_name_what_replaced_them() -> None:
    old = {fact: row for fact, row in FACTS.items() if row["status"] == "superseded"}
    assert len(old) >= 20
    assert [fact for fact, row in old.items() if row["replaced_by"] not in FACTS] == []
    assert {row["status"] for row in FACTS.values()} == {"current", "superseded"}


def test_facts_name_documents_that_exist() -> None:
    assert (
        sorted({row["source"] for row in FACTS.values() if not (PUMPS / "documents" / row["source"]).is_file()}) == []
    )


def test_answers_with_one_fact_equal_the_record_and_stand_in_the_gold_passage(
    resolved: Resolved, passages: list[Passage]
) -> None:
    texts = {passage.id: squeezed(passage.full_text) for passage in passages}
    checked = 0
    for question in resolved.questions:
        facts = RECORDS[question.id]["facts"]
        if not question.answerable or question.answer_type == "yes_no" or len(facts) != 1:
            continue
        row = FACTS[facts[0]]
        assert question.answers[0] == f"{row['value']} {row['unit']}".strip(), question.id
        assert row["source"] in {evidence.source for evidence in question.evidence}, question.id
        assert any(question.answers[0] in texts[p] for p in question.positives), question.id
        checked += 1
    assert checked > 400


def test_answerable_questions_cite_facts_and_evidence(resolved: Resolved) -> None:
    answerable = [q for q in resolved.questions if q.answerable]
    assert [q.id for q in answerable if not (q.answers and q.positives)] == []
    assert {q.answer_type for q in answerable if not RECORDS[q.id]["facts"]} <= {"yes_no"}
    assert {q.answers[0] for q in answerable if q.answer_type == "yes_no"} == {"yes", "no"}


def skeleton(sentence: str) -> str:
    """A sentence without what a generator of templates would fill in: names, codes and figures."""
    masked = re.sub(r"\b[A-Z]{1,4}-?[A-Z]{0,2}\d[\w/.-]*", "@", sentence)
    masked = re.sub(r"\b(?:Harrier|Siskin|Caldera|Dorn|Gannet|Veery|Plover|Tarnlink|Tarnbrook)s?\b", "@", masked)
    masked = re.sub(r"\d+(?:[.,]\d+)*", "#", masked)
    return " ".join(re.findall(r"[\w@#]+", masked.lower()))


def sentences(reading: Reading) -> list[str]:
    """Sentences of running text, and rows of tables; headings apart."""
    found = []
    for document in reading.documents:
        running = re.sub(r"^#.*$", "", document.text, flags=re.MULTILINE)
        for block in re.split(r"\n\s*\n|\n(?=\s*[-*|\d])", running):
            found += re.split(r"(?<=[.!?;:])\s+", " ".join(block.split()))
    return [sentence for sentence in found if len(sentence.split()) >= 3]


def test_no_sentence_is_a_template(reading: Reading) -> None:
    counts = Counter(map(skeleton, sentences(reading)))
    assert sum(counts.values()) > 1500
    assert {text: count for text, count in counts.items() if count > 3} == {}


def test_the_mask_finds_templates() -> None:
    one, two = "The Harrier H20 weighs 20 kg, see SB-401.", "The Veery V12 weighs 1,300.5 kg, see TB-4471."
    assert skeleton(one) == skeleton(two) == "the @ @ weighs # kg see @"
    assert skeleton("Fault E17 stops it.") == skeleton("Fault E38 stops it.") != skeleton("Fault E17 starts it.")


def test_questions_are_no_template() -> None:
    counts = Counter(skeleton(record["question"]) for record in RECORDS.values())
    assert {text: count for text, count in counts.items() if count > 3} == {}


def test_words_alone_do_not_find_the_answers(resolved: Resolved, passages: list[Passage]) -> None:
    """BM25 must leave something to learn, and must not be at a loss either."""
    import bm25s

    questions = [q for q in of_split(resolved, "test") if q.answerable]
    index = bm25s.BM25()
    index.index(
        bm25s.tokenize([p.full_text for p in passages], stopwords="en", show_progress=False), show_progress=False
    )
    queries = bm25s.tokenize([q.question for q in questions], stopwords="en", show_progress=False)
    rows, _ = index.retrieve(queries, k=5, show_progress=False)
    found = [bool({passages[i].id for i in row} & set(q.positives)) for row, q in zip(rows, questions, strict=True)]
    assert 0.2 < sum(found) / len(found) <= 0.75
