"""benchmarks/results.json: one row a figure, system and set; differences of two systems are rows of their own."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.figures import GENERAL, RANKING, Figure, figures, gain, kept_share, measure
from hybrid.artifacts import write_text
from hybrid.config import Config
from hybrid.jsonl import read_jsonl, write_jsonl
from hybrid.types import Interval

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
ROWS = Path("indexes") / "bench-rows"
POOLED = "pooled"
COMMAND = "make bench"
PAIRS = (
    ("embedder", "base"),
    ("few-shot", "base"),
    ("tuned", "base"),
    ("tuned", "few-shot"),
    ("merged", "base"),
    ("merged", "few-shot"),
    ("merged", "tuned"),
)
"""After and before of the differences that are told; the row's system is written `after − before`."""


@dataclass(frozen=True)
class Evaluated:
    """Rows of a system: ranking of the whole split, answers to all or a sample of its questions, general items.

    Where the retriever is another system's, `ranking` is empty: it is told once.
    """

    ranking: list[dict[str, Any]]
    questions: list[dict[str, Any]]
    general: list[dict[str, Any]]


def record(name: str, config: Config, evaluations: dict[str, Evaluated], minutes: float) -> None:
    """Replace the rows of a set and of all sets together; other rows stay as they are."""
    options = config.evaluation
    made = _rows_of_set(name, config, evaluations, minutes)
    _keep(name, evaluations)
    kept = [row for row in load() if row["set"] not in (name, POOLED) or row["command"] != COMMAND]
    pooled = _pooled(options.resamples, config.seed)
    write_text(RESULTS, json.dumps([*kept, *made, *pooled], indent=1, ensure_ascii=False) + "\n")


def load() -> list[dict[str, Any]]:
    """All rows; none where the file is not there yet."""
    found: list[dict[str, Any]] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else []
    return found


def has_answers(name: str) -> bool:
    """Whether the figures of a set's answers are there already."""
    return any(row["set"] == name and row["metric"] == "exact/retrieved" for row in load())


def _rows_of_set(name: str, config: Config, evaluations: dict[str, Evaluated], minutes: float) -> list[dict[str, Any]]:
    options, seed = config.evaluation, config.seed
    stamp = {"set": name, "split": options.split, "seed": seed, "minutes": minutes}
    asked = next((row for row in evaluations["base"].questions if row["answerable"]), None)
    told = figures(asked["answer_type"] if asked else "span")
    made = []
    parts = {"ranking": RANKING, "questions": told, "general": [GENERAL]}
    for kind, figure in ((kind, figure) for kind, part in parts.items() for figure in part):
        sides = {system: getattr(found, kind) for system, found in evaluations.items()}
        for system, metric, interval in _values(figure, sides, options.resamples, seed):
            made.append(_row(stamp, metric, system, interval))
    return made


def _values(
    figure: Figure, sides: dict[str, list[dict[str, Any]]], resamples: int, seed: int
) -> Iterable[tuple[str, str, Interval]]:
    for system, rows in sides.items():
        if rows and (found := measure(figure, rows, resamples=resamples, seed=seed)):
            yield system, figure.name, found
    for after, before in PAIRS:
        if not sides.get(after) or not sides.get(before):
            continue
        if found := gain(figure, sides[before], sides[after], resamples=resamples, seed=seed):
            yield f"{after} − {before}", figure.name, found


def _row(stamp: dict[str, Any], metric: str, system: str, interval: Interval) -> dict[str, Any]:
    return {
        "set": stamp["set"],
        "split": stamp["split"],
        "metric": metric,
        "system": system,
        "value": round(interval.value, 4),
        "low": round(interval.low, 4),
        "high": round(interval.high, 4),
        "n": interval.num,
        "seed": stamp["seed"],
        "minutes": stamp["minutes"],
        "command": COMMAND,
        "date": date.today().isoformat(),
    }


def _keep(name: str, evaluations: dict[str, Evaluated]) -> None:
    """What the pooled figures need of a set, so that sets may be run one at a time."""
    ROWS.mkdir(parents=True, exist_ok=True)
    if "merged" not in evaluations:
        (ROWS / f"{name}.jsonl").unlink(missing_ok=True)
        return
    systems = ("base", "tuned", "merged")
    rows = [
        {"kind": kind, **dict(zip(systems, together, strict=True))}
        for kind in ("questions", "general")
        for together in zip(*(getattr(evaluations[system], kind) for system in systems), strict=True)
    ]
    write_jsonl(ROWS / f"{name}.jsonl", rows)


def _pooled(resamples: int, seed: int) -> list[dict[str, Any]]:
    """General ability over the models of all sets, and the share of the domain gain that merging kept."""
    sides: dict[str, dict[str, list[dict[str, Any]]]] = {
        kind: {"base": [], "tuned": [], "merged": []} for kind in ("questions", "general")
    }
    for file in sorted(ROWS.glob("*.jsonl")):
        for _, row in read_jsonl(file):
            for system, rows in sides[row["kind"]].items():
                item = row[system]
                # one item is asked of the models of all sets: its answers are drawn together
                cluster = item["id"] if row["kind"] == "general" else item["cluster"]
                rows.append({**item, "id": f"{file.stem}/{item['id']}", "cluster": cluster})
    if not sides["questions"]["base"]:
        return []
    stamp = {"set": POOLED, "split": "test", "seed": seed, "minutes": 0.0}
    made = [
        _row(stamp, metric, system, interval)
        for system, metric, interval in _values(GENERAL, sides["general"], resamples, seed)
    ]
    kept = kept_share(*(sides["questions"][s] for s in ("base", "tuned", "merged")), resamples=resamples, seed=seed)
    return [*made, _row(stamp, "gain-kept/answer-score", "merged", kept)]
