"""Questions out of documents alone: each design on a text that allows it, and none on one that does not."""

import pytest

from hybrid.synth.model_free import DESIGNS, make_questions
from hybrid.types import Passage

TEXTS = {
    "asked": "The pump is loud. Why does the pump lose its prime at night? Air enters at the seal.",
    "abbreviation": "The net positive suction head (NPSH) must be checked first.",
    "definition": "A wear ring is a replaceable part that keeps the gap small.",
    "figure": "The gearbox of the winch holds 12 litres of oil when it is cold.",
    "keywords": "Sediment blocks the strainer whenever upstream valves discharge gravel quickly.",
}
WANTED = {
    "asked": "Why does the pump lose its prime at night?",
    "abbreviation": "What does NPSH stand for?",
    "definition": "What is a wear ring?",
    "figure": "The gearbox of the winch holds how many litres of oil when it is cold?",
}


def passage(name: str, text: str, **changes: str) -> Passage:
    return Passage(name, text, document_id=changes.pop("document_id", name), **changes)


@pytest.mark.parametrize("design", list(WANTED))
def test_each_design_makes_its_question(design: str) -> None:
    (made,) = make_questions([passage("p", TEXTS[design])], per_passage=1, dev_share=0, seed=1, designs=[design])
    assert (made.question, made.positives, made.topic, made.answers) == (WANTED[design], ("p",), design, ())
    assert made.answerable


def test_a_heading_that_is_the_passages_own_and_the_rare_words_of_a_sentence() -> None:
    shelf = [
        passage("p1", TEXTS["keywords"], title="Strainers", section="Cleaning"),
        passage("p2", TEXTS["keywords"].replace("strainer", "filter"), title="Filters", section="Storage"),
        passage("p3", "Nothing here.", title="Filters", section="Storage"),
    ]
    made = {q.topic: q for q in make_questions(shelf, per_passage=2, dev_share=0, seed=1)}
    assert made["heading"].question == "Strainers: Cleaning"
    assert "Filters: Storage" not in {q.question for q in make_questions(shelf, per_passage=2, dev_share=0, seed=1)}
    words = made["keywords"].question.split()
    assert 4 <= len(words) <= 7 and set(words) <= set(TEXTS["keywords"].lower().rstrip(".").split()) | {"filter"}


@pytest.mark.parametrize(
    ("design", "text"),
    [
        ("abbreviation", "The head of sales (NPSH) left."),
        ("definition", "This is a part that nobody needs."),
        ("figure", "It took 12 tries and 13 people to lift the lid of it."),
        ("figure", "Article DN-12 of the standard is about flanges and nothing else."),
        ("asked", "Really? Why not."),
        ("heading", "No heading at all."),
        ("keywords", "Too short."),
    ],
)
def test_what_a_text_does_not_allow_is_not_made(design: str, text: str) -> None:
    assert make_questions([passage("p", text)], per_passage=3, dev_share=0, seed=1, designs=[design]) == []


def test_documents_are_whole_in_one_split_and_the_same_seed_gives_the_same() -> None:
    shelf = [
        passage(
            f"p{i}",
            f"The gearbox of winch number W{i}x holds {i + 3} litres of oil when cold.",
            document_id=f"d{i // 5}",
        )
        for i in range(100)
    ]
    made = make_questions(shelf, per_passage=1, dev_share=0.3, seed=7, designs=["figure"])
    splits: dict[str, set[str]] = {}
    document = {p.id: p.document_id for p in shelf}
    for question in made:
        splits.setdefault(document[question.positives[0]], set()).add(question.split)
    assert all(len(found) == 1 for found in splits.values())
    assert {"train", "dev"} == set.union(*splits.values())
    assert made == make_questions(shelf, per_passage=1, dev_share=0.3, seed=7, designs=["figure"])
    assert len({q.id for q in made}) == len(made)


def test_the_evidence_stands_in_the_passage() -> None:
    shelf = [passage(name, text, source=f"{name}.md") for name, text in TEXTS.items()]
    for question in make_questions(shelf, per_passage=3, dev_share=0, seed=1):
        (part,) = question.evidence
        assert part.quote in TEXTS[part.source.removesuffix(".md")]
    assert set(DESIGNS) > set(WANTED)
