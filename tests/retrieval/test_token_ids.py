"""Ids that are put together of words are those of the tokenizer."""

import random
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from hybrid.corpus.load import load_documents
from hybrid.models import resolve
from hybrid.retrieval import token_ids
from hybrid.retrieval.token_ids import TokenIds

_PARTS = [
    *[
        "a",
        "pump",
        "Ä",
        "é",
        "ß",
        "重新启动",
        "…",
        "--",
        ",",
        ".",
        "'",
        "E-1041",
        "[SEP]",
        "[MASK]",
        "##ing",
        "�",
        "😀",
        "über",
        "Straße",
    ],
    *[
        " ",
        " ",
        "  ",
        "\n",
        "\r\n",
        "\t",
        "\u00a0",
        "\x0b",
        "\x0c",
        "\x1c",
        "\x85",
        "\u2003",
        "\u2028",
        "\u200b",
        "\x00",
    ],
    *["\u0301", " \u0301", "x" * 150],
]


@pytest.mark.parametrize("most_words", [token_ids._MOST_WORDS, 10])
def test_ids_by_word_are_those_of_the_whole_text(monkeypatch: pytest.MonkeyPatch, most_words: int) -> None:
    monkeypatch.setattr(token_ids, "_MOST_WORDS", most_words)
    tokenizer = Tokenizer.from_file(str(resolve("embedded", "embedder") / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    ids = TokenIds(tokenizer)
    assert ids._by_word
    draw = random.Random(0)
    texts = [document.text for document in load_documents(Path("corpora/pumps/documents")).documents]
    texts += ["".join(draw.choices(_PARTS, k=draw.randrange(1, 30))) for _ in range(3000)]
    for text in ["", " ", *texts]:
        assert ids.of(text) == tokenizer.encode(text, add_special_tokens=False).ids, repr(text)


def test_a_tokenizer_that_tells_white_space_is_asked_for_whole_texts() -> None:
    from tokenizers import models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(vocab={"a": 0, "Ġ": 1, "Ġa": 2}, merges=[("Ġ", "a")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert TokenIds(tokenizer).of("a a") == [0, 2]


def test_an_added_token_with_a_space_in_it_stays_one() -> None:
    tokenizer = Tokenizer.from_file(str(resolve("embedded", "embedder") / "tokenizer.json"))
    tokenizer.add_tokens(["gate valve"])
    text = "the gate valve"
    assert TokenIds(tokenizer).of(text) == tokenizer.encode(text, add_special_tokens=False).ids
