"""What is wrong with the passages themselves: near-duplicates, other languages, broken encodings, private data, orders
to whoever answers from them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten

from hybrid.answering.orders import find_orders
from hybrid.corpus.duplicates import near_duplicates
from hybrid.corpus.private import masked, private_spans
from hybrid.corpus.text_quality import RARE, garbled, language
from hybrid.types import Passage


@dataclass(frozen=True, slots=True)
class Private:
    """`shown` is masked: an audit must not spread what it warns of."""

    passage: str
    kind: str
    shown: str


@dataclass(frozen=True, slots=True)
class Order:
    """A sentence that gives orders to whoever answers from the passage; `source` is its document."""

    passage: str
    source: str
    text: str


@dataclass(frozen=True)
class Passages:
    """`duplicates`: groups of ids whose texts are nearly the same, exact copies among them. `languages`: passages by
    ISO 639-1 code, those too short or too unsure left out; `foreign`: ids and languages of the rare ones.
    `garbled`: ids and what is wrong with their letters; `private`: secrets and personal data, masked; `orders`:
    sentences that give orders to whoever answers.
    """

    duplicates: tuple[tuple[str, ...], ...]
    languages: dict[str, int]
    foreign: tuple[tuple[str, str], ...]
    garbled: tuple[tuple[str, str], ...]
    private: tuple[Private, ...]
    orders: tuple[Order, ...] = ()

    @property
    def notes(self) -> list[str]:
        """One line for each kind that was found."""
        told = []
        if self.duplicates:
            spare = sum(len(group) - 1 for group in self.duplicates)
            first = ", ".join(self.duplicates[0][:2])
            told.append(f"{spare} passages are near-duplicates of others: they push gold out of the top k ({first}).")
        if self.foreign:
            name, language = self.foreign[0]
            told.append(f"{len(self.foreign)} passages are in a language of few others ({name}: {language}).")
        if self.garbled:
            name, text = self.garbled[0]
            told.append(f"{len(self.garbled)} passages hold letters that were decoded wrongly ({name}: {text}).")
        if self.private:
            kinds = Counter(item.kind for item in self.private)
            some = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
            told.append(f"Secrets or personal data are in the documents: {some} (first in {self.private[0].passage}).")
        if self.orders:
            order = self.orders[0]
            told.append(
                f"Warning: {len({each.passage for each in self.orders})} passages give orders to whoever answers "
                f"from them ({order.source or order.passage}: {shorten(order.text, 120, placeholder='…')!r}). They are "
                "left out of what the generator reads (answering.orders); look how they came into the documents."
            )
        return told


def look_at(passages: Sequence[Passage]) -> Passages:
    """All checks, in corpus order."""
    languages = [(passage.id, language(passage.text)) for passage in passages]
    known = Counter(code for _, code in languages if code)
    foreign = tuple((name, code) for name, code in languages if code and known[code] < RARE * known.total())
    return Passages(
        duplicates=tuple(near_duplicates(passages)),
        languages=dict(known.most_common()),
        foreign=foreign,
        garbled=tuple((passage.id, wrong) for passage in passages if (wrong := garbled(passage.text))),
        private=tuple(private_data(passages)),
        orders=tuple(Order(p.id, p.source, order) for p in passages for order in find_orders(p.text)),
    )


def private_data(passages: Sequence[Passage]) -> list[Private]:
    """Secrets and personal data in corpus order."""
    return [
        Private(passage.id, span.kind, masked(span.text))
        for passage in passages
        for span in private_spans(passage.text)
    ]
