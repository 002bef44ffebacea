"""Sentences are those of NLTK, without NLTK."""

import random
import subprocess
import sys
from pathlib import Path

from llama_index.core.node_parser.text.utils import split_by_sentence_tokenizer

from hybrid.corpus.load import load_documents
from hybrid.corpus.sentences import split_sentences

_PARTS = [
    *[
        "ab",
        "Z",
        "ä",
        "É",
        "²",
        "①",
        "_",
        "3",
        "42",
        "-1",
        "1,5",
        ".",
        ".",
        ".",
        "!",
        "?",
        "...",
        "..",
        "--",
        ",",
        ";",
        ":",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        '"',
        "'",
        "`",
        "“",
        "”",
        "«",
        "»",
        "‘",
        "’",
        "@",
        "#",
        "*",
        "&",
        "/",
        "…",
    ],
    *[" ", " ", " ", "  ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u2003", "\x1c", "\x0b", "\x85", "\u2028"],
    *[
        "e.g.",
        "Dr.",
        "J. Bach",
        "No. 5",
        "1. first",
        "2. Second",
        "3.5 bar.",
        "(Stop.) Go.",
        '"Yes." he',
        "。",
        "न.",
        "́.",
    ],
]


def test_the_sentences_are_those_of_nltk() -> None:
    reference = split_by_sentence_tokenizer()
    draw = random.Random(0)
    texts = [document.text for document in load_documents(Path("corpora/pumps/documents")).documents]
    texts += ["".join(draw.choices(_PARTS, k=draw.randrange(1, 25))) for _ in range(6000)]
    texts += ["".join(draw.choices(_PARTS, k=500)) for _ in range(10)]
    texts += ["", " ", "\n", ".", ". "]
    for text in texts:
        assert split_sentences(text) == reference(text), text


def test_a_long_document_is_cut_without_loading_what_takes_seconds() -> None:
    code = (
        "import sys; from hybrid.corpus.chunk import Cutter; from hybrid.types import Document\n"
        "text = 'The pump stops. The valve opens. ' * 50\n"
        "pieces = Cutter(str.split, 30).cut(Document('a', text, 'a', 'A', '.txt'))\n"
        "assert len(pieces) > 5 and not {'nltk', 'llama_index', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
