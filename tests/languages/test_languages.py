"""One form of a text, its words, numbers, dates and units, whatever the language."""

import re

import pytest

from hybrid.languages.dates import find_dates
from hybrid.languages.detection import language_of
from hybrid.languages.facts import pieces
from hybrid.languages.folding import fold
from hybrid.languages.numerals import in_digits, read_number, readings
from hybrid.languages.quantities import Quantity, quantities, same_quantities
from hybrid.languages.words import bordered, find_words


def test_texts_that_look_the_same_are_the_same() -> None:
    assert fold("ﬁn\u00adish “it” – now\u200b") == 'finish "it" - now'
    assert fold("u\u0308ber １５ 2½ 10²") == "über 15 2 1/2 10^2"
    assert fold("a\nb") == "a\nb"


def test_words_of_scripts_without_blanks() -> None:
    assert find_words("维修报告在48小时内提交") == ["维修", "报告", "在", "48", "小时", "内", "提交"]
    assert find_words("the pump_3 runs") == ["the", "pump_3", "runs"]


@pytest.mark.parametrize(
    ("text", "word", "there"),
    [
        ("首都是北京。", "北京", True),
        ("15 bars", "15 bar", False),
        ("서울에서", "서울", True),
        ("价格15元", "15", True),
    ],
)
def test_borders_of_words(text: str, word: str, there: bool) -> None:
    assert bool(re.search(bordered(re.escape(word), word), text)) is there


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the pressure?", "en"),
        ("Wie hoch ist der Druck der Pumpe?", "de"),
        ("首都是哪里？", "zh"),
        ("首都はどこですか", "ja"),
        ("15 bar", "en"),
    ],
)
def test_languages_of_short_texts(text: str, language: str) -> None:
    assert language_of(text) == language


def test_number_words_become_digits() -> None:
    assert in_digits("one hundred and twenty minutes", "en") == "120 minutes"
    assert in_digits("fünfundzwanzig Tage", "de") == "25 Tage"
    assert in_digits("三百二十五元", "zh") == "325元" and in_digits("百分之二十", "zh") == "20%"
    assert in_digits("двадцать пять", "ru") == "25"
    assert in_digits("1 000 mm, 2.5 million and 20 per cent", "en") == "1000 mm, 2500000 and 20 %"
    assert in_digits("one of them", "en") == "one of them"


def test_separators_are_of_the_language() -> None:
    assert (read_number("1.200", "de"), read_number("1.200", "en"), read_number("1,200", "en")) == (1200, 1.2, 1200)
    assert read_number("3.2.1") is None and read_number(".5") == 0.5 and readings("1.200") == {1.2, 1200}


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("5 March 2021", "en", ["2021-03-05"]),
        ("March 5, 2021 at 4:45 p.m.", "en", ["2021-03-05", "16:45"]),
        ("am 5. März 2021 um 14.30 Uhr", "de", ["2021-03-05", "14:30"]),
        ("2021年3月5日下午4点45分", "zh", ["2021-03-05", "16:45"]),
        ("it may 5 times; 48時間", "en", []),
    ],
)
def test_dates_and_times(text: str, language: str, found: list[str]) -> None:
    assert [form for _, _, form in find_dates(text, language)] == found


def test_quantities_of_many_hands() -> None:
    assert quantities("-$5; 3k of them; 1 bn dollars") == [
        Quantity(-5, "USD"),
        Quantity(3000, ""),
        Quantity(1_000_000_000, "USD"),
    ]
    assert quantities("1.200 Liter in 15 Tagen", "de") == [Quantity(1200, "l"), Quantity(15, "day")]
    assert same_quantities("1.2 m", "1,200 mm") and same_quantities("18 bar, not 20 bar", "18 bar")
    assert not same_quantities("2 years", "24 months") and not same_quantities("15 or 20 bar", "15 bar")


def test_nothing_is_dropped_from_inside_figures_and_names() -> None:
    def told(text: str) -> list[str]:
        return [piece.text for piece in pieces(text)]

    assert told("1.5") != told("15") and told("10:30") != told("1030") and told("10.0.0.1") != told("10001")
    assert told("C++") == ["c++"] != told("C") and told("-5") != told("5") and told("5.0") == told("5")
    assert told("SB-401") == told("SB401") and told("DN 65") == told("DN65") and told("v3.1") != told("v3.10")
