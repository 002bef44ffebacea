"""Conditions on passages: what they mean, value by value, and what is told of those that mean nothing."""

import pytest

from hybrid.errors import ConfigError, UserError
from hybrid.passage_filter import Condition, parse_conditions, select
from hybrid.types import Passage

SHELF = [
    Passage(
        "a", "text", title="Pump H20", section="Safety › Guards", document_id="manuals/h20.pdf",
        source="manuals/h20.pdf#page=3", metadata={"year": 2019, "product": "H20", "valid": True, "date": "2019-03-01"},
    ),
    Passage(
        "b", "text", title="Pump H21", section="", document_id="manuals/h21.md", source="manuals/h21.md",
        metadata={"year": 2024.5, "product": ("H21", "h22"), "valid": False, "title": "second", "code": "0012"},
    ),
    Passage("c", "text", title="Stock", document_id="stock.csv", source="stock.csv:12", metadata={"year": "2021"}),
    Passage("d", "text", document_id="d", source="notes.jsonl:7", metadata={"tags": (), "note": "ÖL 50% [x] a|b"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("source=manuals/h20.pdf", "a"),
        ("source=manuals/h20.pdf#page=3", "a"),
        ("source=manuals/*", "ab"),
        ("source=MANUALS/*.PDF", "a"),
        ("source=stock.csv", "c"),
        ("source=stock.csv:12", "c"),
        ("source!=manuals/*", "cd"),
        ("document=d", "d"),
        ("title=pump*", "ab"),
        ("title=*", "abc"),
        ("title!=*", "d"),
        ("metadata.title=second", "b"),
        ("section=*guards", "a"),
        ("section!=*", "bcd"),
        ("year=2019", "a"),
        ("year==2019", "a"),
        ("year=2019.0", "a"),
        ("year=20*", "abc"),
        ("year>=2021", "bc"),
        ("year>2021", "b"),
        ("year<2021", "a"),
        ("year <= 2021", "ac"),
        ("year!=2019", "bcd"),
        ("year=2019|2021", "ac"),
        ("product=h20 | H22", "ab"),
        ("product!=H21", "acd"),
        ("product=*", "ab"),
        ("valid=true", "a"),
        ("valid=False", "b"),
        ("valid>0", ""),
        ("date>=2019-02", "a"),
        ("date<2019-03-01", ""),
        ("date>2018-12-31", "a"),
        ("code=12", ""),
        ("code=0012", "b"),
        ("note=öl 50% [x] a*", "d"),
        ("note=öl 50% .x. a*", ""),
        ("metadata.year=2019", "a"),
    ],
)
def test_which_passages_fulfil_a_condition(condition: str, found: str) -> None:
    parsed = Condition.parse(condition)
    assert "".join(passage.id for passage in SHELF if parsed.holds(passage)) == found


def test_all_conditions_must_hold() -> None:
    assert select(SHELF, parse_conditions(["source=manuals/*", "year>2020"])) == {"b"}
    assert select(SHELF, ()) == {"a", "b", "c", "d"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("year", "no condition on passages"),
        ("", "no condition on passages"),
        ("=2020", "no condition on passages"),
        ("a|b=c", "no condition on passages"),
        ("year=", "compares with nothing"),
        ("year=2019|", "compares with nothing"),
        ("year>", "compares with nothing"),
        ("year>2019|2020", "> takes one value"),
    ],
)
def test_what_is_no_condition_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        Condition.parse(text)
    assert told in str(error.value) and "→" in str(error.value)


def test_a_field_that_no_passage_has_is_told_with_those_that_are_there() -> None:
    with pytest.raises(UserError) as error:
        select(SHELF, parse_conditions(["year>2000", "yaer>2000"]))
    assert "yaer>2000: no passage has a field 'yaer'" in str(error.value)
    # most frequent first
    assert "source, document, title, section, year, product, valid, code, date, note" in str(error.value)


def test_where_nothing_is_left_the_values_are_told() -> None:
    with pytest.raises(UserError) as error:
        select(SHELF, parse_conditions(["year>2030"]))
    assert str(error.value) == "no passage fulfils year>2030\n  → year is 2019, 2021, 2024.5"
    with pytest.raises(UserError, match="each of them fits some, but not together"):
        select(SHELF, parse_conditions(["year=2019", "product=H21"]))
