"""Characters that a terminal obeys become escapes; what people write in any script stays."""

import json
import unicodedata

import pytest

from hybrid.controls import has_controls, one_line, visible, visible_json, without_halves

HOSTILE = "\x1b]0;T\x07 \x9b31m \x7f \x00 \u202eevil\u202c \u2066i\u2069 \u200f\u061c \u2028 \ud800 \U000e0041 a\rb"


def test_every_control_is_shown_and_nothing_else_is_changed() -> None:
    every = [chr(code) for code in (*range(0x11000), *range(0x1F000, 0x20000), *range(0xE0000, 0xE0200))]
    kept = {char for char in every if visible(char) == char}
    controls = {char for char in every if unicodedata.category(char) == "Cc"} - set("\t\n")
    turning = {char for char in every if unicodedata.bidirectional(char) in ("LRE", "RLE", "LRO", "RLO", "PDF")}
    isolating = {char for char in every if unicodedata.bidirectional(char) in ("LRI", "RLI", "FSI", "PDI")}
    marks = set("\u200e\u200f\u061c\u2028\u2029")
    halves = {char for char in every if unicodedata.category(char) == "Cs"}
    assert kept & (controls | turning | isolating | marks | halves) == set()
    # joiners, without which Persian, Hindi and families of emoji fall apart; soft hyphens and spaces
    assert kept >= set("\t\nä→中ع\u200c\u200d\u200b\xad\xa0\u3000👩")
    assert all(unicodedata.category(char)[0] not in "LMNPSZ" or char in marks for char in set(every) - kept)


@pytest.mark.parametrize(
    ("text", "shown", "line"),
    [
        ("a\x1b[31m", r"a\x1b[31m", r"a\x1b[31m"),
        ("a\x9b1m\u202eb", r"a\x9b1m\u202eb", r"a\x9b1m\u202eb"),
        ("a\tb\r\nc", "a\tb\r\nc", r"a\tb\r\nc"),
        ("good\rbad", r"good\rbad", r"good\rbad"),
        ("\ud83d \U000e0041", r"\ud83d \U000e0041", r"\ud83d \U000e0041"),
    ],
)
def test_escapes(text: str, shown: str, line: str) -> None:
    assert (visible(text), one_line(text)) == (shown, line)
    assert has_controls(text) and not has_controls(line)


def test_json_means_the_same_and_stays_readable() -> None:
    value = {"größe": [HOSTILE, "中\n"]}
    document = visible_json(json.dumps(value, ensure_ascii=False, indent=1))
    assert json.loads(document) == value
    assert visible(document) == document
    assert "größe" in document and "中" in document and r"\u001b]0;T\u0007 \u009b31m \u007f" in document


@pytest.mark.parametrize(
    ("text", "whole"), [("a\ud83d\ude00b", "a😀b"), ("a\ud83d", "a�"), ("\ude00b", "�b"), ("\ufeffa", "\ufeffa")]
)
def test_halves_are_joined_or_replaced(text: str, whole: str) -> None:
    assert without_halves(text) == whole
