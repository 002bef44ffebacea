"""Conditions that passages must fulfil to be searched: `year>=2020`, `source=manuals/*`, `product=H20|H21`.

A condition names a field, compares it, and gives a value. Fields are `source`, `document`, `title`, `section` and those
of a passage's metadata (`metadata.title` where one is named as one of the former).

`=` and `!=` compare texts without regard to case; `*` stands for any letters, `|` parts alternatives. `<`, `<=`, `>`
and `>=` compare numbers where both sides are, else texts, which suits ISO dates. Of a list one value must fit.
A passage without the field fulfils `!=` alone, so that `field=*` and `field!=*` ask whether there is one.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import ge, gt, le, lt
from typing import Any

from hybrid.errors import ConfigError, UserError
from hybrid.types import Passage, Scalar

_CONDITION = re.compile(r"\s*([^=!<>|]+?)\s*(!=|<=|>=|==|=|<|>)\s*(.*?)\s*", re.DOTALL)
_PLACE = re.compile(r"(?::\d+|#page=\d+)$")
"""Behind the path of a source: a line or a page."""
_ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_OWN: dict[str, Callable[[Passage], tuple[str, ...]]] = {
    "source": lambda passage: tuple({passage.source: None, _PLACE.sub("", passage.source): None}),
    "document": lambda passage: (passage.document_id,),
    "title": lambda passage: (passage.title,),
    "section": lambda passage: (passage.section,),
}
_METADATA = "metadata."
_TOLD = 8
"""Fields or values that an error lists."""


@dataclass(frozen=True)
class Condition:
    """One comparison; `text` is how it was written."""

    text: str
    name: str
    operator: str
    value: str
    _pattern: re.Pattern[str] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Raises `ConfigError` where this is no condition."""
        found = _CONDITION.fullmatch(text)
        if not found:
            raise ConfigError(
                f"{text!r} is no condition on passages", "write a field, one of = != < <= > >=, and a value: year>=2020"
            )
        name, operator, value = found.groups()
        operator = "=" if operator == "==" else operator
        alternatives = [part.strip() for part in value.split("|")]
        if not all(alternatives):
            raise ConfigError(
                f"{text!r} compares with nothing", f"write a value behind {operator}; * is any, as in {name}!=*"
            )
        if operator in _ORDER and len(alternatives) > 1:
            raise ConfigError(f"{text!r}: {operator} takes one value", "alternatives with | go with = and != alone")
        choices = "|".join(".*".join(map(re.escape, part.split("*"))) for part in alternatives)
        return cls(text.strip(), name, operator, value, re.compile(choices, re.IGNORECASE | re.DOTALL))

    def values(self, passage: Passage) -> tuple[Scalar, ...]:
        """What the passage holds in the field; nothing where it is empty or not there."""
        if own := _OWN.get(self.name):
            return tuple(value for value in own(passage) if value)
        found = passage.metadata.get(self.name.removeprefix(_METADATA), passage.metadata.get(self.name, ()))
        return found if isinstance(found, tuple) else (found,)

    def holds(self, passage: Passage) -> bool:
        """Whether the passage fulfils it."""
        values = self.values(passage)
        if self.operator in _ORDER:
            return any(map(self._is_in_order, values))
        return any(map(self._equals, values)) == (self.operator == "=")

    def _equals(self, value: Scalar) -> bool:
        # digits in a text may be a code, where 0012 is not 12
        is_number = not isinstance(value, str) and _number_in(value) in self._numbers
        return is_number or self._pattern.fullmatch(_text_of(value)) is not None

    def _is_in_order(self, value: Scalar) -> bool:
        compare, own, wanted = _ORDER[self.operator], _number_in(value), _number_in(self.value)
        if own is not None and wanted is not None:
            return compare(own, wanted)
        # a number is neither before nor behind a word
        return isinstance(value, str) and compare(value.casefold(), self.value.casefold())

    @cached_property
    def _numbers(self) -> set[float]:
        found = (_number_in(part.strip()) for part in self.value.split("|"))
        return {number for number in found if number is not None}


def parse_conditions(texts: Iterable[str]) -> tuple[Condition, ...]:
    """All of them. Raises `ConfigError` for the first that is none."""
    return tuple(map(Condition.parse, texts))


def select(passages: Sequence[Passage], conditions: Sequence[Condition]) -> frozenset[str]:
    """Ids of the passages that fulfil all conditions. Raises `UserError` where no passage has a field that is named,
    or none is left: it tells which fields or values there are.
    """
    for condition in conditions:
        if not any(condition.values(passage) for passage in passages):
            raise UserError(
                f"{condition.text}: no passage has a field {condition.name!r}", f"fields here: {_fields_of(passages)}"
            )
    found = frozenset(p.id for p in passages if all(condition.holds(p) for condition in conditions))
    if not found:
        alone = next((c for c in conditions if not any(map(c.holds, passages))), None)
        told = f"{alone.name} is {_values_of(alone, passages)}" if alone else "each of them fits some, but not together"
        raise UserError(f"no passage fulfils {' and '.join(c.text for c in conditions)}", told)
    return found


def _fields_of(passages: Iterable[Passage]) -> str:
    counts = Counter(name for passage in passages for name in passage.metadata)
    return ", ".join([*_OWN, *_most_frequent(counts)])


def _values_of(condition: Condition, passages: Iterable[Passage]) -> str:
    return ", ".join(_most_frequent(Counter(_text_of(v) for p in passages for v in condition.values(p))))


def _most_frequent(counts: Counter[str]) -> list[str]:
    shown = [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_TOLD]]
    return [*shown, *(["…"] if len(counts) > _TOLD else [])]


def _text_of(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number_in(value: Scalar) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
