"""Passages keep within the token budget, point at their text, and keep their ids while others change."""

import re
from itertools import pairwise

import pytest

from hybrid.corpus.chunk import chunk
from hybrid.retrieval.sentence_embedder import SentenceEmbedder
from hybrid.types import Document, Passage

SENTENCES = [
    "The gland is packed with four rings of graphite cord.",
    "Tighten both nuts evenly until a drop falls every second.",
    "Never run the pump against a closed valve for longer than one minute.",
    "A worn bearing announces itself by a hum that grows with speed.",
    "Order the repair kit TB-4471 together with the paper gasket.",
    "At 60 °C the motor derates itself and the panel shows E17.",
]


def document(*sections: tuple[str, int], title: str = "Harrier H20") -> Document:
    """Sections of as many sentences as given, each sentence told apart by a number."""
    parts = [f"# {title}"]
    for name, count in sections:
        body = " ".join(f"{SENTENCES[i % 6][:-1]}, remark {name.lower()} {i}." for i in range(count))
        parts.append(f"## {name}\n\n{body}")
    return Document(id="manual.md", text="\n\n".join(parts) + "\n", source="manual.md", title=title)


def check_spans(document: Document, passages: list[Passage]) -> None:
    for passage in passages:
        assert document.text[passage.start_char : passage.end_char] == passage.text


def words(text: str) -> list[str]:
    return re.findall(r"\S+", text)


def test_short_sections_are_one_passage_each() -> None:
    source = document(("Packing", 1), ("Bearings", 2))
    passages = chunk([source], tokenize=words, chunk_tokens=64)
    assert [p.section for p in passages] == ["Packing", "Bearings"]
    assert {(p.title, p.document_id, p.source) for p in passages} == {("Harrier H20", "manual.md", "manual.md")}
    assert passages[0].full_text.startswith("Harrier H20 › Packing\nThe gland")
    check_spans(source, passages)


def test_nested_headings_become_a_path() -> None:
    text = "# Manual\n\nIntro.\n\n## Care\n\n### Weekly\n\nOil it.\n\n## Faults\n\nCall us.\n\n```\n# no heading\n```\n"
    source = Document("m", text, "m", "Manual")
    passages = chunk([source], tokenize=words, chunk_tokens=64)
    assert [(p.section, p.text.split()[0]) for p in passages] == [
        ("", "Intro."), ("Care › Weekly", "Oil"), ("Faults", "Call"),
    ]  # fmt: skip
    assert "# no heading" in passages[2].text
    check_spans(source, passages)


@pytest.mark.parametrize("fence", ["````", "~~~~"])
def test_a_longer_fence_holds_a_shorter_one(fence: str) -> None:
    text = f"# Manual\n\nSee:\n\n{fence}md\n{fence[1:]}\n# no heading\n{fence[1:]}\n{fence}\n\n## Care\n\nOil it.\n"
    passages = chunk([Document("m", text, "m", "Manual")], tokenize=words, chunk_tokens=64)
    assert [(p.section, p.text.split()[0]) for p in passages] == [("", "See:"), ("Care", "Oil")]


@pytest.mark.parametrize("overlap", [0, 24])
@pytest.mark.parametrize("budget", [64, 128])
def test_passages_keep_within_the_budget_of_the_real_tokenizer(
    minilm: SentenceEmbedder, budget: int, overlap: int
) -> None:
    source = document(("Packing", 3), ("Bearings and seals", 25), ("Electrical", 14))
    passages = chunk([source], tokenize=minilm.tokenize, chunk_tokens=budget, overlap_tokens=overlap)
    assert len(passages) > 7
    assert max(minilm.count_tokens(p.full_text) for p in passages) <= budget
    check_spans(source, passages)
    covered = {i for p in passages for i in range(p.start_char, p.end_char)}
    lost = "".join(c for i, c in enumerate(source.text) if i not in covered)
    assert lost.split() == [
        "#",
        "Harrier",
        "H20",
        "##",
        "Packing",
        "##",
        "Bearings",
        "and",
        "seals",
        "##",
        "Electrical",
    ]
    starts = [p.start_char for p in passages]
    assert starts == sorted(set(starts))
    if overlap:
        cut = [(a, b) for a, b in pairwise(passages) if a.section == b.section]
        assert any(b.start_char < a.end_char for a, b in cut)
    else:
        assert all(a.end_char <= b.start_char for a, b in pairwise(passages))


def test_a_text_without_a_sentence_end_is_cut_too(minilm: SentenceEmbedder) -> None:
    text = "# Codes\n\n" + " ".join(f"TB-{n}" for n in range(4000, 4300)) + "\n"
    source = Document("codes.md", text, "codes.md", "Codes")
    passages = chunk([source], tokenize=minilm.tokenize, chunk_tokens=128)
    assert max(minilm.count_tokens(p.full_text) for p in passages) <= 128
    assert " ".join(p.text for p in passages).split() == text.split()[2:]
    check_spans(source, passages)


@pytest.mark.parametrize("overlap", [0, 16])
def test_repeated_text_points_at_its_own_place(overlap: int) -> None:
    text = "# Log\n\n## May\n\nNothing found.\n\n## June\n\nNothing found.\n\n## July\n\nNothing found.\n"
    source = Document("log.md", text, "log.md", "Log")
    passages = chunk([source], tokenize=words, chunk_tokens=64, overlap_tokens=overlap)
    assert [p.start_char for p in passages] == [m.start() for m in re.finditer("Nothing", text)]
    check_spans(source, passages)


def test_text_that_repeats_its_heading_points_at_itself() -> None:
    text = "# Faults\n\n## E17\n\nE17\n\n## E18\n\nE18 is rare.\n"
    passages = chunk([Document("f", text, "f", "Faults")], tokenize=words, chunk_tokens=64)
    assert [p.start_char for p in passages] == [text.index("E17\n\n## E18"), text.index("E18 is")]


def test_ids_are_distinct_and_stable_when_another_section_changes() -> None:
    before = chunk([document(("Packing", 9), ("Bearings", 4))], tokenize=words, chunk_tokens=48)
    after = chunk([document(("Packing", 9), ("Motor", 2), ("Bearings", 3))], tokenize=words, chunk_tokens=48)

    def ids(passages: list[Passage], section: str) -> list[str]:
        return [p.id for p in passages if p.section == section]

    assert ids(before, "Packing") == ids(after, "Packing") and len(ids(before, "Packing")) > 1
    assert ids(before, "Bearings") != ids(after, "Bearings")
    assert len({p.id for p in after}) == len(after)
    assert all(p.id.startswith("manual.md#") for p in after)


def test_the_same_text_twice_gets_two_ids() -> None:
    text = "# Log\n\n## May\n\nNothing.\n\n## May\n\nNothing.\n"
    first, second = chunk([Document("log.md", text, "log.md", "Log")], tokenize=words, chunk_tokens=64)
    assert second.id == f"{first.id}-2"


def test_headings_alone_give_no_passage() -> None:
    assert chunk([Document("a", "# Title\n\n## Empty\n", "a", "Title")], tokenize=words, chunk_tokens=64) == []
