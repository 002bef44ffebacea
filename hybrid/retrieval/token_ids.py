"""Token ids of many texts that overlap, as cutting asks for them: of sections, their paragraphs, their sentences."""

import json
from itertools import chain
from pathlib import Path
from typing import Any

from hybrid.errors import InputError

_MOST_WORDS = 1 << 15
"""That are remembered: some megabytes."""
_LONGEST_WORD = 100
"""Characters of one that is remembered: few longer ones come again."""


class TokenIds:
    """Ids without special tokens by a tokenizer of the `tokenizers` library. Where white space always parts tokens, as
    for BERT's, words are looked up by the letters: in Python that takes a tenth of what the tokenizer takes.

    Handed to another process, it is read there from `folder`; without one it cannot be (`TypeError`).
    """

    def __init__(self, tokenizer: Any, folder: Path | None = None) -> None:
        self._tokenizer = tokenizer
        self._folder = folder
        self._by_word = _parts_at_spaces(json.loads(tokenizer.to_str()))
        self._known: dict[str, list[int]] = {}

    def __reduce__(self) -> Any:
        if self._folder is None:
            raise TypeError("a tokenizer of no folder cannot be handed to another process")
        return read_token_ids, (self._folder,)

    def of(self, text: str) -> list[int]:
        """Ids of a text."""
        if not self._by_word:
            return self._encoded([text])[0]
        # other white space is left to the tokenizer, which drops some of it without parting the words
        words = text.replace("\n", " ").split(" ")
        known = self._known
        try:
            return list(chain.from_iterable([known[word] for word in words]))
        except KeyError:
            found = self._found(list({word for word in words if word not in known}))
            ids = list(chain.from_iterable([known[word] if word in known else found[word] for word in words]))
        if len(known) + len(found) > _MOST_WORDS:
            known = self._known = {}
        known.update((word, found[word]) for word in found if len(word) <= _LONGEST_WORD)
        return ids

    def _found(self, words: list[str]) -> dict[str, list[int]]:
        return dict(zip(words, self._encoded(words), strict=True))

    def _encoded(self, texts: list[str]) -> list[list[int]]:
        # the batch call that keeps no offsets takes a fifth less time, for one text too
        return [item.ids for item in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def read_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model, which cuts nothing off. Raises `InputError` where the folder has none."""
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    if not file.is_file():
        raise InputError(folder, "no tokenizer.json", "save the model with a fast tokenizer")
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def read_token_ids(folder: Path) -> TokenIds:
    """Those of the model in a folder. Raises `InputError` where it has no tokenizer."""
    return TokenIds(read_tokenizer(folder), folder)


def _parts_at_spaces(settings: dict[str, Any]) -> bool:
    """Whether a text has the tokens of its words: BERT's tokenizers, without added tokens that hold white space."""
    kinds = [(settings[part] or {}).get("type") for part in ("normalizer", "pre_tokenizer", "model")]
    added = [token["content"] for token in settings["added_tokens"]]
    return kinds == ["BertNormalizer", "BertPreTokenizer", "WordPiece"] and not any(
        character.isspace() for content in added for character in content
    )
