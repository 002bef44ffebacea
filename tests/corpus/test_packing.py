"""Parts of prose are those of llama-index's splitter, in any script, at any budget."""

import random

import pytest
from llama_index.core.node_parser import SentenceSplitter

from hybrid.corpus.packing import pack
from hybrid.corpus.sentences import split_sentences

_UNITS = [
    *("The pump, which was new, leaks.", "Close it!", "Why?", "See fig. 3; then p. 4.", "e.g. oil", "and", "x" * 40),
    *("重新启动。", "请检查泵，然后关闭阀门。", "สูบน้ำ", "Größe 3,5 m", "…", "- item", "1.", "😀😀", "--"),
]
_BORDERS = [" ", " ", " ", "  ", "\n", "\n\n", "\n\n\n", "\n \n", "", "\t", "\u00a0", "\u3000"]


def of_llama_index(text: str, budget: int, overlap: int, length: int) -> list[str]:
    splitter = SentenceSplitter(
        chunk_size=budget,
        chunk_overlap=overlap,
        tokenizer=lambda part: range(tokens(part, length)),
        chunking_tokenizer_fn=split_sentences,
        paragraph_separator="\n\n",
        include_metadata=False,
    )
    return [part for part in splitter.split_text(text) if part.strip()]


def tokens(text: str, length: int) -> int:
    """Words, longer ones in parts of so many letters; white space has none, as in most tokenizers."""
    return sum(-(-len(word) // length) for word in text.split())


@pytest.mark.parametrize("length", [1, 4, 12])
def test_parts_are_those_of_llama_index(length: int) -> None:
    rng = random.Random(length)
    cut = 0
    for _ in range(400):
        text = "".join(rng.choice(_UNITS) + rng.choice(_BORDERS) for _ in range(rng.randrange(40)))
        budget = rng.choice([1, 2, 5, 9, 20, 60])
        overlap = rng.choice([0, 0, 1, budget // 2, budget])
        found = pack(text, lambda part: tokens(part, length), budget, overlap)
        assert found == of_llama_index(text, budget, overlap, length), (text, budget, overlap)
        cut += len(found) > 1
    assert cut > 200


def test_a_letter_above_the_budget_stays_whole() -> None:
    assert pack("a😀b", lambda part: sum(3 if letter == "😀" else 1 for letter in part), 2) == ["a", "😀", "b"]
