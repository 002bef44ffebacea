"""`hybrid evaluate` on dev tells what the guard costs there."""

from tests.cli.conftest import Place


def test_the_guard_s_price_is_told_on_dev_and_on_no_other_split(indexed: Place) -> None:
    document = indexed.run("evaluate", "--json", evaluation__split="dev").document()
    told = document["guard"]["as configured"]
    assert told["min_support"] == 1.08 and told["num_answerable"] + told["num_unanswerable"] > 0
    assert document["guard"]["by dev"] is None, "a tiny model answers too few rightly"
    text = indexed.run("evaluate", evaluation__split="dev").out
    assert f"guard, as configured: {told['sentence']}" in text
    assert "guard, by dev: too few right answers to say" in text
    assert "guard" not in indexed.run("evaluate", "--json").document()
    assert "guard" not in indexed.run("evaluate", "--json", evaluation__split="dev", answering__guard="off").document()
