"""What in an answer is a citation marker, and what is text."""

import pytest

from hybrid.answering.citations import cited_numbers, plain_text, read_answer, unmarked
from hybrid.answering.grounding import Policy, ground
from hybrid.answering.markers import find_markers
from hybrid.types import Passage


@pytest.mark.parametrize(
    ("text", "numbers", "plain"),
    [
        ("15 [1]", (1,), "15"),
        ("15 [1, 2]", (1, 2), "15"),
        ("15 [1,3].", (1, 3), "15."),
        ("12 [1-2]", (1, 2), "12"),
        ("12 [2–4]", (2, 3, 4), "12"),
        ("12【1】", (1,), "12"),
        ("12【1†manual.pdf】", (1,), "12"),
        ("12 [ 1 ]", (1,), "12"),
        ("12 [Passage 1]", (1,), "12"),
        ("12 [passages 1 and 2]", (1, 2), "12"),
        ("12 [Source: 3]", (3,), "12"),
        ("12 [^1]", (1,), "12"),
        ("12 bar[1][2].", (1, 2), "12 bar."),
        ("北京[1]。", (1,), "北京。"),
        ("Kit SB-401[1]", (1,), "Kit SB-401"),
        ("The limit (1) is 12 bar", (), "The limit (1) is 12 bar"),
        ("argv[1]", (), "argv[1]"),
        ("sys.argv[1] [1]", (1,), "sys.argv[1]"),
        ("df.iloc[0]", (), "df.iloc[0]"),
        ("x[1] = 3", (), "x[1] = 3"),
        ("`names[2]`", (), "`names[2]`"),
        ("built in [1998]", (), "built in [1998]"),
        ("[0]", (), "[0]"),
        ('{"pages": [1, 2]}', (), '{"pages": [1, 2]}'),
    ],
)
def test_markers_are_told_from_text(text: str, numbers: tuple[int, ...], plain: str) -> None:
    assert cited_numbers(text) == numbers
    assert plain_text(text) == plain == unmarked(text)


def test_what_stands_so_in_a_passage_or_the_gold_answer_is_text() -> None:
    passage = Passage("p", "Read it from values[1] after the call.")
    assert read_answer("values[1] [1]", [passage]).plain == "values[1]"
    assert read_answer("flags[2]", (), gold=["flags[2]"]).plain == "flags[2]"
    assert read_answer("flags[2]", ()).plain == "flags"


def test_round_brackets_are_markers_where_they_are_asked_for() -> None:
    assert [marker.numbers for marker in find_markers("12 bar (1).", round_too=True)] == [(1,)]
    passage = Passage("p", "At most 12 bar.")
    read = read_answer("12 bar (1)", [passage], round_too=True)
    assert read.plain == "12 bar" and [citation.passage_id for citation in read.citations] == ["p"]


def test_what_is_served_has_the_markers_that_were_read() -> None:
    passage = Passage("p", "The name of the file stands in values[1] after the call.")
    read = read_answer("values[1] [1]", [passage], question="Where does the name stand?", guard=False)
    assert ground(read, "Where does the name stand?", [passage], Policy()).served == "values[1] [1]"
    limit = Passage("p", "The limit is 12 bar.")
    read = read_answer("12 bar (1)", [limit], question="What is the limit?", guard=False, round_too=True)
    assert ground(read, "What is the limit?", [limit], Policy(round_markers=True)).served == "12 bar [1]"
