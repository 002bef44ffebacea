"""Questions are counted, spread over the corpus, and free of secrets."""

from pathlib import Path

import pytest

from hybrid.preflight import data
from tests.preflight.situations import Make, artefact, told


def test_counts_are_those_that_training_refuses(make: Make) -> None:
    found = data.enough(make("embed"))
    assert found.status == "yes" and "40 answerable training questions" in told(found)
    short = data.enough(make("embed", train_embed={"min_pairs": 41}))
    assert short.status == "no" and "1 more" in short.next
    sampled = data.enough(make("embed", train_embed={"min_pairs": 40, "max_questions": 39}))
    assert sampled.status == "no", "what is sampled away does not count"
    # 40 answerable and, at a share of a tenth, 4 that nothing answers
    assert data.enough(make("raft", raft={"min_examples": 44})).status == "yes"
    assert data.enough(make("raft", raft={"min_examples": 45})).status == "no"
    assert "40 of 2000" in told(data.enough(make("dpo"))) and data.enough(make("dpo")).status == "no"
    assert "40 of 1000" in told(data.enough(make("grpo")))


def test_an_evaluation_set_has_enough_dev_questions(make: Make) -> None:
    assert data.evaluation_set(make()).status == "yes"
    assert data.evaluation_set(make(train_embed={})).status == "no", "10 of 30"


def test_coverage_names_what_is_not_asked_and_trusts_a_current_audit(make: Make) -> None:
    situation = make()
    assert data.coverage(situation).status == "yes"
    topics = [{"name": "invoices, discounts", "passages": 40, "questions": 0}, {"name": "x", "questions": 3}]
    artefact(situation, "audit", "audit.json", {"coverage": {"documents": 0.9, "topics": topics}})
    found = data.coverage(situation)
    assert found.status == "no" and "invoices, discounts" in found.next and found.evidence[0].file == "audit/audit.json"
    artefact(situation, "audit", "audit.json", {"coverage": {"documents": 0.9, "topics": topics}}, passages="older")
    assert data.coverage(situation).status == "yes"


PRIVATE = {"question": "Who is called under +49 30 1234567?", "answers": ["jane.doe@example.org"]}


@pytest.mark.parametrize(
    ("split", "allowed", "training", "documents"),
    [
        ("train", False, "no", "yes"),
        ("train", True, "yes", "yes"),
        ("train", ["e-mail address"], "no", "yes"),
        ("train", ["e-mail address", "telephone number"], "yes", "yes"),
        ("test", False, "yes", "no"),
    ],
)
def test_private_data_must_be_allowed_by_kind(
    make: Make, split: str, allowed: object, training: str, documents: str
) -> None:
    evidence = [{"source": "alder.md", "quote": "Its crate weighs"}]
    asked = ({**PRIVATE, "split": split, "evidence": evidence, "answerable": False},)
    situation = make(task={"personal_data": allowed}, questions=asked)
    found = data.private_training(situation)
    assert (found.status, data.private_documents(situation).status) == (training, documents)
    assert "jane.doe" not in told(found) + told(data.private_documents(situation)), "what it warns of it does not show"


def test_private_data_in_a_document_is_placed(make: Make, tmp_path: Path) -> None:
    make()
    note = "# Note\n\nThe key is with the porter, who is asked by mail.\n\nHe is jane.doe@example.org, at night too.\n"
    (tmp_path / "machines" / "documents" / "note.md").write_text(note, encoding="utf-8")
    found = data.private_documents(make(task={"personal_data": False}))
    assert found.status == "no" and "1 e-mail address in the documents, first in note.md:5" in told(found)
    assert "jane.doe" not in told(found)
    assert data.private_documents(make(task={"personal_data": True})).status == "yes"
