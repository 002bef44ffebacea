"""What reviewers left beside a question file: `<questions>.review.json` with reviewers, counts and agreement.

`reviewers` are names or objects with `name`; `counts` says how many questions have which status; `agreement` is a
number, or a list with `kappa` (or `same`) of each pair, a number or an object with `value`. With `file` and `sha256` a
review holds for that file as it was reviewed, and for no other.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid.artifacts import sha256_file
from hybrid.errors import InputError
from hybrid.jsonl import read_json


@dataclass(frozen=True)
class Review:
    """`counts`: somebody is named, and the file is still the one that was reviewed."""

    counts: bool
    text: str


def read_review(path: Path) -> Review:
    """What the file says, in a line. Raises `InputError` where it is no JSON object."""
    told = read_json(path, "mend or remove the file")
    if not isinstance(told, dict):
        raise InputError(path, "not a JSON object", 'write {"reviewers": [...], "counts": {...}, "agreement": …}')
    names = [str(one.get("name", "")) if isinstance(one, dict) else str(one) for one in _listed(told.get("reviewers"))]
    names = [name for name in names if name]
    parts = [f"read by {', '.join(names)}" if names else "no reviewer is named"]
    counts = told.get("counts")
    if isinstance(counts, dict) and (some := [f"{value} {key}" for key, value in counts.items() if value]):
        parts.append(", ".join(some))
    if agreements := _agreements(told.get("agreement")):
        parts.append(f"agreement {', '.join(agreements)}")
    changed = _changed(path, told)
    if changed:
        parts.append(f"{changed} has changed since")
    return Review(bool(names) and not changed, "; ".join(parts))


def _agreements(value: object) -> list[str]:
    """Each pair's kappa, or its share of equal decisions where there is none."""
    found = []
    for one in _listed(value):
        named = [one.get("kappa"), one.get("same")] if isinstance(one, dict) else [one]
        figures = [part.get("value") if isinstance(part, dict) else part for part in named]
        found += [f"{figure:.2f}" for figure in figures if isinstance(figure, int | float)][:1]
    return found


def _changed(path: Path, told: dict[str, Any]) -> str:
    """The name of the reviewed file where it is not as it was reviewed."""
    name, digest = told.get("file"), told.get("sha256")
    if not isinstance(name, str) or not isinstance(digest, str):
        return ""
    file = path.parent / Path(name).name
    return "" if file.is_file() and sha256_file(file) == digest else file.name


def _listed(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
