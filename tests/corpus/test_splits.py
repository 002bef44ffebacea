"""Splits by group: nothing asked in test shares a document with train, and what is added moves nothing else."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hybrid.config import CorpusConfig
from hybrid.corpus.ingest import build_passages
from hybrid.corpus.passages import CorpusFolder, PassageSet, passage_settings
from hybrid.corpus.splits import SplitRule, assign_splits, group_questions, notes_on
from hybrid.errors import ConfigError
from hybrid.types import Evidence, Question

RULE = SplitRule()


def asked(number: int, *documents: int, **changes: Any) -> Question:
    positives = tuple(f"d{document}#{number}" for document in documents)
    return Question(f"q{number}", f"What about {number}?", (str(number),), positives, **changes)


def document_of(questions: list[Question]) -> dict[str, str]:
    return {passage: passage.partition("#")[0] for question in questions for passage in question.positives}


def many(first: int = 0, last: int = 400) -> list[Question]:
    """Three questions a document; every tenth document is joined with the one before."""
    return [asked(n, n // 3, *([n // 3 - 1] if n % 30 == 0 and n else [])) for n in range(first, last)]


def test_questions_that_share_a_document_stay_together() -> None:
    questions = many()
    splits = assign_splits(questions, document_of(questions), RULE)
    of_document: dict[str, set[str]] = {}
    for question in questions:
        for passage in question.positives:
            of_document.setdefault(passage.partition("#")[0], set()).add(splits[question.id])
    assert {len(found) for found in of_document.values()} == {1}
    sizes = Counter(splits.values())
    assert [sizes[name] / 400 for name in ("train", "dev", "test")] == pytest.approx(RULE.shares, abs=0.1)


def test_added_documents_move_no_other_and_another_seed_does() -> None:
    few, more = many(last=297), many()
    before = assign_splits(few, document_of(few), RULE)
    after = assign_splits(more, document_of(more), RULE)
    assert {name: after[name] for name in before} == before
    assert assign_splits(few[::-1], document_of(few), RULE) == before
    assert assign_splits(few, document_of(few), SplitRule(seed=14)) != before


def test_shares_are_followed() -> None:
    questions = many()
    assert set(assign_splits(questions, document_of(questions), SplitRule((0, 0, 1))).values()) == {"test"}
    assert set(assign_splits(questions, document_of(questions), SplitRule((1, 0, 0))).values()) == {"train"}


def test_what_a_group_is() -> None:
    questions = [
        asked(1, 1),
        asked(2, evidence=(Evidence("d1", "quoted"),)),
        asked(3, 2, 1),
        asked(4, answerable=False, topic="d2"),
        asked(5, answerable=False, topic="elsewhere"),
        Question("q6", "What ABOUT  1?", ("1",), ("d9#6",)),
        Question("q7", "What about 1?", ("another",), ("d8#7",)),
    ]
    groups = group_questions(questions, document_of(questions))
    together = {groups[f"q{number}"] for number in (1, 2, 3, 4, 6)}
    assert len(together) == 1, "by passage, evidence, chain, named topic and wording"
    assert len({*together, groups["q5"], groups["q7"]}) == 3, "no document, and another answer"
    assert groups["q5"].startswith("asked:")


def test_named_splits_stay_and_their_group_follows() -> None:
    questions = [asked(1, 1), asked(2, 1), asked(3, 2)]
    for split in ("train", "dev", "test"):
        found = assign_splits(questions, document_of(questions), RULE, named={"q1": split})
        assert (found["q1"], found["q2"]) == (split, split)
        assert found["q3"] == assign_splits(questions, document_of(questions), RULE)["q3"]


def test_notes_name_an_empty_split_and_a_group_that_outweighs() -> None:
    questions = [asked(n, 1) for n in range(5)]
    known = document_of(questions)
    notes = notes_on(assign_splits(questions, known, RULE), group_questions(questions, known), RULE)
    assert sum("no group fell into" in note for note in notes) == 2
    assert "5 of 5 questions share documents" in notes[-1]


def corpus(folder: Path, *, splits: dict[int, str], origin: str = "") -> CorpusFolder:
    folder.mkdir()
    passages = [{"id": f"d{n}", "text": f"It is {n}."} for n in range(30)]
    rows = [
        {"id": f"q{n}", "question": f"What is {n}?", "answers": [str(n)], "positives": [f"d{n}"]}
        | ({"split": splits[n]} if n in splits else {})
        | ({"origin": origin} if origin else {})
        for n in range(30)
    ]
    for name, records in (("passages", passages), ("questions", rows)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return CorpusFolder(folder)


def build(made: CorpusFolder, config: CorpusConfig | None = None) -> PassageSet:
    target = made.folder / "out"
    config = config or CorpusConfig()
    inputs = {"corpus": made.content_id(CorpusConfig())}
    manifest = build_passages(made, config, tokenize=str.split, max_tokens=64, target=target, inputs=inputs)
    return PassageSet(target, manifest)


def test_a_corpus_that_names_no_split_gets_one_by_document(tmp_path: Path) -> None:
    made = corpus(tmp_path / "c", splits={})
    found = build(made)
    assert {q.split for q in found.questions} == {"train", "dev", "test"}
    assert sorted(file.stem for file in (found.path / "qrels").iterdir()) == ["dev", "test", "train"]
    assert any("no question names a split" in warning for warning in found.manifest.facts["warnings"])
    all_test = build(made, CorpusConfig(splits=(0, 0, 1)))
    assert {q.split for q in all_test.questions} == {"test"}
    assert all_test.manifest.id != found.manifest.id


def test_named_splits_are_kept_and_how_to_split_is_not_part_of_their_artefact(tmp_path: Path) -> None:
    made = corpus(tmp_path / "named", splits=dict.fromkeys(range(30), "dev"))
    first = build(made)
    assert {q.split for q in first.questions} == {"dev"} and first.manifest.facts["warnings"] == []
    assert build(made, CorpusConfig(splits=(0, 0, 1), split_seed=1)).manifest.id == first.manifest.id
    assert not {"splits", "split_seed"} & set(passage_settings(made, CorpusConfig()))
    assert "origin" not in (first.path / "queries.jsonl").read_text()


def test_where_some_name_a_split_the_others_are_test_questions(tmp_path: Path) -> None:
    found = build(corpus(tmp_path / "c", splits=dict.fromkeys(range(20), "train")))
    assert Counter(q.split for q in found.questions) == {"train": 20, "test": 10}
    (warning,) = found.manifest.facts["warnings"]
    assert warning.startswith("10 of 30 questions name no split and count as test") and "hybrid data split" in warning


def test_origin_is_carried(tmp_path: Path) -> None:
    found = build(corpus(tmp_path / "c", splits={}, origin="users"))
    assert {q.origin for q in found.questions} == {"users"}


@pytest.mark.parametrize("shares", ["[0.5, 0.2, 0.2]", "[-0.1, 0.1, 1.0]", "[0.5, 0.5]"])
def test_shares_that_cannot_be(shares: str) -> None:
    from hybrid.config_file import load_config

    with pytest.raises(ConfigError, match="splits"):
        load_config(None, (f"corpus.splits={shares}",))
