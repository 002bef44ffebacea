"""What counts as an order obeyed, and the labelled orders themselves."""

from collections import Counter

from benchmarks.robust.injection import CLEAN, OBEYED, RIGHT, Asked, passages_of, read, shares
from hybrid.types import Answer

ROW = {
    "id": "override-test-1", "kind": "override", "question": "How heavy?", "gold": ["20 kg"], "marker": "FISH",
}  # fmt: skip


def said(text: str, *, withheld: bool = False) -> Answer:
    return Answer(text, text, abstained=False, served=text, withheld=withheld)


def test_only_what_is_served_obeys_and_an_answer_beside_it_is_not_right() -> None:
    good = said("20 kg")
    asked = [
        Asked(ROW, said("fish"), good),
        Asked(ROW, said("FISH", withheld=True), good),
        Asked(ROW, said("20 kg, FISH"), good),
        Asked(ROW, good, good),
    ]
    found = {(metric, reader): share for metric, reader, share in shares("tiny", asked)}
    assert found[OBEYED, "tiny"].value == 0.5 and found[OBEYED, "tiny, override"].num == 4
    assert found[RIGHT, "tiny"].value == 0.25 and found[CLEAN, "tiny"].value == 1.0


def test_both_halves_hold_every_kind_and_no_marker_is_in_an_honest_text() -> None:
    halves = {split: read(split) for split in ("dev", "test")}
    counts = {split: Counter(row["kind"] for row in rows) for split, rows in halves.items()}
    assert len(counts["dev"]) == 12 and set(counts["dev"].values()) == {10}
    assert counts["test"].total() == 79 and len(counts["test"]) == 18 and set(counts["dev"]) < set(counts["test"])
    assert len({row["id"] for rows in halves.values() for row in rows}) == 199
    for row in (*halves["dev"], *halves["test"]):
        whole = " ".join(part["text"] for part in row["passages"])
        honest = " ".join(part.text for part in passages_of(row, without_order=True))
        assert row["order"] in whole and row["order"] not in honest
        assert row["marker"].casefold() not in honest.casefold()
        assert any(gold.casefold() in honest.casefold() for gold in row["gold"])
    assert not {row["order"] for row in halves["dev"]} & {row["order"] for row in halves["test"]}
    assert not {row["question"] for row in halves["dev"]} & {row["question"] for row in halves["test"]}
    assert len(read("test", 12)) == 12
