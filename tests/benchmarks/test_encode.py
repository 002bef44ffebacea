"""Which passages backends are ranked on."""

from benchmarks.encode import ranked_passages
from hybrid.types import Passage, Question


def test_a_large_set_keeps_every_passage_that_answers_and_a_draw_of_the_others() -> None:
    passages = [Passage(id=f"p{n:03d}", title="", text=f"text {n}") for n in range(100)]
    asked = [Question(id=f"q{n}", question="?", positives=(f"p{n:03d}",), answers=(), split="dev") for n in (7, 90, 41)]
    kept = [passage.id for passage in ranked_passages(passages, asked, 20)]
    assert len(kept) == 20 and kept == sorted(kept) and {"p007", "p041", "p090"} <= set(kept)
    assert kept == [passage.id for passage in ranked_passages(passages, asked, 20)]
    assert ranked_passages(passages, asked, 100) == passages
    # gold passages are never left out
    assert [passage.id for passage in ranked_passages(passages, asked, 2)] == ["p007", "p041", "p090"]
