"""An answer shown while it is being written, and what of it may be shown."""

import re
from collections.abc import Callable, Collection, Sequence

from hybrid.answering.citations import plain_text
from hybrid.answering.prompt import ANSWER_MARK
from hybrid.answering.refusals import may_yet_decline
from hybrid.config_answering import AnsweringConfig

OnText = Callable[[str], None]
"""Takes the next piece of a text. It may raise to end the writing."""

_INCOMPLETE = "\ufffd"
"""What a tokenizer makes of the first bytes of a character."""


class TokenText:
    """Tokens in, pieces of text out, as soon as whole characters are there; joined they are the stripped text."""

    def __init__(self, decode: Callable[[Sequence[int]], str], stops: Collection[int], on_text: OnText) -> None:
        self._decode = decode
        self._stops = stops
        self._on_text = on_text
        self._tokens: list[int] = []
        self._given = ""
        self._ended = False

    def put(self, tokens: Sequence[int]) -> None:
        """The next tokens; those from the first that ends an answer on are left out."""
        for token in tokens:
            self._ended = self._ended or token in self._stops
            if not self._ended:
                self._tokens.append(token)
        text = self._decode(self._tokens).strip()
        # the bytes of a character may be spread over tokens; a blank may be the last of all and stripped
        if not text.endswith(_INCOMPLETE) and text.startswith(self._given) and text != self._given:
            piece, self._given = text[len(self._given) :], text
            self._on_text(piece)


def may_stream(answering: AnsweringConfig) -> bool:
    """Whether anything may be shown before an answer is judged: not where the guard may withhold it, nor where it is
    one of several.

    The guard judges an answer as a whole, and its last word may be a figure that no cited passage contains.
    """
    return answering.guard != "abstain" and answering.reading != "apart"


class Gate:
    """Lets an answer through piece by piece once it can no longer be one that declines, which is told in other words.

    In the styles that show their work first, that is known where the answer proper has begun. In the others a mark
    that comes only after other text comes too late: what is shown by then stays, even if an answer follows that
    declines.
    """

    def __init__(self, answering: AnsweringConfig, on_text: OnText) -> None:
        self._has_work = answering.style in ("quote_first", "reason_first")
        self._on_text = on_text
        self._held = ""
        self._open = False

    def put(self, piece: str) -> None:
        """The next piece of the generator's text."""
        if self._open:
            self._on_text(piece)
            return
        self._held += piece
        _, mark, rest = self._held.rpartition(ANSWER_MARK)
        if self._has_work and not mark:
            return
        self._open = not (_may_become_mark(rest) or may_yet_decline(rest))
        if self._open:
            self._on_text(self._held)


def _may_become_mark(text: str) -> bool:
    """Whether the beginning of an answer is that of the mark, which may stand anywhere, in bold or after a citation."""
    return ANSWER_MARK.startswith(re.sub(r"^\W+", "", plain_text(text)))
