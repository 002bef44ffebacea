"""What counts as a word: identifiers whole and in parts, common words out, endings cut, each where it is asked for."""

import pytest

from hybrid.retrieval.word_tokenizer import WordTokenizer

PLAIN = WordTokenizer(stop_words="none", stemmer="none")
ENGLISH = WordTokenizer()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SB-401", ["sb-401", "sb", "401"]),
        ("TL2", ["tl2"]),
        ("max_seq_length", ["max_seq_length", "max", "seq", "length"]),
        ("dmis-lab/biobert-v1.1", ["dmis-lab/biobert-v1.1", "dmis", "lab", "biobert", "v1", "1"]),
        ("AutoModel.from_pretrained(", ["automodel.from_pretrained", "automodel", "from", "pretrained"]),
        ("3.5 kW, 1,250 rpm.", ["3.5", "3", "5", "kw", "1", "250", "rpm"]),
        ("the pump's seal", ["the", "pump", "seal"]),
        ("ﬁlter № Ärger", ["filter", "no", "ärger"]),
        ("— … ?", []),
        ("", []),
        ("__init__", ["__init__", "init"]),
        ("___", []),
    ],
)
def test_identifiers_come_whole_and_in_parts(text: str, words: list[str]) -> None:
    assert PLAIN.tokenize(text) == words


def test_common_words_are_left_out_and_endings_cut_but_not_of_identifiers() -> None:
    assert ENGLISH.tokenize("How are the bearings of the H20 greased?") == ["bear", "h20", "greas"]
    assert ENGLISH.tokenize("the-bearings") == ["the-bearings", "bear"]
    assert ENGLISH.tokenize("is it") == []


def test_each_can_be_turned_off_or_be_of_another_language() -> None:
    assert WordTokenizer(stop_words="english", stemmer="none").tokenize("the bearings") == ["bearings"]
    assert WordTokenizer(stop_words="none", stemmer="english").tokenize("the bearings") == ["the", "bear"]
    assert WordTokenizer(stop_words="german", stemmer="german").tokenize("Die Pumpen und die Häuser") == [
        "pump",
        "haus",
    ]
