"""Tables in Markdown are no longer than what is in them asks for."""

from hybrid.corpus.markdown_blocks import table


def test_short_rows_are_filled_up() -> None:
    assert table([["A", "B", "C"], ["1"], []]) == "| A | B | C |\n| --- | --- | --- |\n| 1 |  |  |\n|  |  |  |"
    assert table([["a"], ["b", "c"]], header=False) == "|  |  |\n| --- | --- |\n| a |  |\n| b | c |"
    wide = table([["x"] * 16, *[["y"]] * 100]).split("\n")
    assert {line.count("|") for line in wide} == {17}


def test_one_long_row_does_not_make_the_others_long() -> None:
    long, *_, last = table([["a"] * 3_000, *[["b", "c"]] * 3_000]).split("\n")
    assert long.count("|") == 3_001 and last == "| b | c |"
    head, rule, *_, last = table([["b", "c"], *[["b"]] * 3_000, ["a"] * 3_000]).split("\n")
    assert head.startswith("| b | c |  |") and head.count("|") == rule.count("|") == last.count("|") == 3_001
