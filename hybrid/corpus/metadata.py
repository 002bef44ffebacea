"""What is known of a passage beside its text: fields of a record or of front matter, checked."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from hybrid.corpus.readers.decoding import storable
from hybrid.errors import InputError
from hybrid.types import MetadataValue, Scalar

Metadata = Mapping[str, MetadataValue]

_ALLOWED = "values are texts, finite numbers, true, false, or lists of these"
_MOST_FIELDS = 200
_LONGEST_FIELDS = 20_000
"""Characters of keys and values together."""
_BITS = 63
"""Of a whole number, beside its sign: JSON readers and vector stores hold no more."""


def read_metadata(path: Path, line: int, record: Mapping[str, Any]) -> Metadata:
    """`metadata` of a JSON record, empty where it has none; null values are left out.

    Raises `InputError` where it is no object, a key is empty, or a value is not allowed.
    """
    given = record.get("metadata")
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InputError(path, f"field 'metadata' is {_kind(given)}", 'write {"year": 2024}', line=line)
    found, refused = allowed(given)
    if refused:
        key = refused[0]
        problem = f"metadata {key!r} is {_kind(given[key])}" if key else "metadata has an empty key"
        raise InputError(path, problem, f"{_ALLOWED}; mend it or leave it out", line=line)
    return found


def allowed(fields: Mapping[Any, Any]) -> tuple[dict[str, MetadataValue], list[Any]]:
    """Fields that passages can hold, and the keys of those that they cannot; null values are neither."""
    found: dict[str, MetadataValue] = {}
    refused: list[Any] = []
    for key, value in fields.items():
        if value is None:
            continue
        items = value if isinstance(value, list | tuple) else [value]
        if not isinstance(key, str) or not key.strip() or not all(map(_is_scalar, items)):
            refused.append(key)
            continue
        kept = tuple(storable(item) if isinstance(item, str) else item for item in items)
        found[storable(key)] = kept if isinstance(value, list | tuple) else kept[0]
    return found, refused


def within_bounds(fields: Metadata) -> tuple[Metadata, int]:
    """Fields that each passage of a document or record can carry, and how many of the last ones are left out: a row of
    50,000 columns is thousands of passages."""
    kept: dict[str, MetadataValue] = {}
    length = 0
    for key, value in fields.items():
        length += len(key) + sum(map(len, map(str, value if isinstance(value, tuple) else (value,))))
        if len(kept) == _MOST_FIELDS or length > _LONGEST_FIELDS:
            return kept, len(fields) - len(kept)
        kept[key] = value
    return fields, 0


def told_dropped(num: int) -> list[str]:
    """A note on fields that `within_bounds` left out; none where it left out nothing."""
    told = f"{num} fields are no metadata: the first {_MOST_FIELDS} are, to {_LONGEST_FIELDS // 1000} kB"
    return [told] if num else []


def entry(given: object, refused: list[Any]) -> dict[str, Any]:
    """`{"metadata": …}` for a line of `passages.jsonl`, or nothing. Keys whose values are left out join `refused`."""
    if not isinstance(given, dict):
        return {}
    found, wrong = allowed(given)
    refused += wrong
    return {"metadata": found} if found else {}


def left_out(refused: Sequence[Any]) -> list[str]:
    """A note on what an import left out; none where it left out nothing."""
    told = f"{len(refused)} values of metadata are left out (first: {refused[0]!r}): {_ALLOWED}" if refused else ""
    return [told] if told else []


def from_json(fields: Mapping[str, Any]) -> Metadata:
    """Metadata that was written as JSON, which has lists where passages have tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}


def _is_scalar(value: object) -> TypeGuard[Scalar]:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str) or (isinstance(value, int) and value.bit_length() <= _BITS)


def _kind(value: object) -> str:
    """What a value is, in the words of JSON."""
    if isinstance(value, list):
        wrong = next((item for item in value if not _is_scalar(item)), None)
        return f"a list that holds {_kind(wrong)}" if not all(map(_is_scalar, value)) else "a list"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "a number" if _is_scalar(value) else "a number that is not finite or has more than 64 bits"
    return {dict: "an object", bool: "true or false", type(None): "null"}.get(type(value), "a text")
