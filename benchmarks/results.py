"""benchmarks/results.json: one row a figure, system and set; differences of two systems are rows of their own."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.figures import GENERAL, RANKING, figures, kept_share
from benchmarks.machine import describe
from hybrid.artifacts import write_text
from hybrid.config import Config
from hybrid.evaluation.figure import Figure, gain, is_known, measure
from hybrid.jsonl import read_jsonl, write_jsonl
from hybrid.types import Interval

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
ROWS = HERE / "rows"
"""Scores of each question and item, without their texts: what the pooled figures are made of, kept with the results."""
POOLED = "pooled"
COMMAND = "make bench"
POOLED_SYSTEMS = ("base", "tuned", "merged")
_RANKING_NAMES = {figure.name for figure in RANKING}
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


def record(
    name: str, config: Config, evaluations: dict[str, Evaluated], minutes: float, *, base_prompt: str = ""
) -> None:
    """Replace the set's rows of the kinds that were measured, and those of all sets together; others stay as they are.
    `base_prompt`: what the untuned generator was asked in, where dev chose it.

    Where nothing was asked, only the ranking is replaced.
    """
    options = config.evaluation
    made = _rows_of_set(name, config, evaluations, minutes)
    if base_prompt:
        made = [{**row, "base_prompt": base_prompt} for row in made]
    asked = any(found.questions for found in evaluations.values())
    if asked:
        _keep(name, evaluations)

    def stale(row: dict[str, Any]) -> bool:
        return row["command"] == COMMAND and row["set"] == name and (asked or row["metric"] in _RANKING_NAMES)

    kept = [row for row in load() if not stale(row) and (row["set"], row["command"]) != (POOLED, COMMAND)]
    pooled = _pooled(options.resamples, config.seed)
    # in the order of the sets, whichever was run last
    order = {set_: place for place, set_ in enumerate(dict.fromkeys(row["set"] for row in [*load(), *made]))}
    rows = sorted([*made, *kept], key=lambda row: order[row["set"]])
    _write([*rows, *pooled])


def record_rows(command: str, rows: list[dict[str, Any]], *, of: str = "") -> None:
    """Replace all rows of another benchmark's command, or those that are of the set `of`."""
    kept = [row for row in load() if row["command"] != command or (of and row["set"] != of)]
    _write([*kept, *rows])


def _write(rows: list[dict[str, Any]]) -> None:
    """All rows. Those that are new name the machine that they were measured on; those that are kept name theirs."""
    here = describe()
    told = [{**row, "machine": row.get("machine", here)} for row in rows]
    write_text(RESULTS, json.dumps(told, indent=1, ensure_ascii=False) + "\n")


def load() -> list[dict[str, Any]]:
    """All rows; none where the file is not there yet."""
    found: list[dict[str, Any]] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else []
    return found


def has_answers(name: str) -> bool:
    """Whether the figures of a set's answers are there already."""
    return any(row["set"] == name and row["metric"] == "exact/retrieved" for row in load())


def _rows_of_set(name: str, config: Config, evaluations: dict[str, Evaluated], minutes: float) -> list[dict[str, Any]]:
    options, seed = config.evaluation, config.seed
    stamp = {"of": name, "split": options.split, "seed": seed, "minutes": minutes}
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
        found = measure(figure, rows, resamples=resamples, seed=seed)
        if found and is_known(found):
            yield system, figure.name, found
    for after, before in PAIRS:
        if not sides.get(after) or not sides.get(before):
            continue
        found = gain(figure, sides[before], sides[after], resamples=resamples, seed=seed)
        if found and is_known(found):
            yield f"{after} − {before}", figure.name, found


def spread(values: Sequence[float], num: int) -> Interval:
    """Median, least and most of the rounds of a measurement over `num` items."""
    return Interval(statistics.median(values), min(values), max(values), num)


def make_row(
    metric: str, system: str, interval: Interval, *, of: str, split: str, seed: int, minutes: float, command: str
) -> dict[str, Any]:
    """A row of results.json; `of` is the set, `interval` goes to four places."""
    return {
        "set": of,
        "split": split,
        "metric": metric,
        "system": system,
        "value": round(interval.value, 4),
        "low": round(interval.low, 4),
        "high": round(interval.high, 4),
        "n": interval.num,
        "seed": seed,
        "minutes": minutes,
        "command": command,
        "date": date.today().isoformat(),
    }


def _row(stamp: dict[str, Any], metric: str, system: str, interval: Interval) -> dict[str, Any]:
    return make_row(metric, system, interval, **stamp, command=COMMAND)


def _keep(name: str, evaluations: dict[str, Evaluated]) -> None:
    """The scores that the pooled figures need of a set; none where its generator was not tuned."""
    file = ROWS / f"{name}.jsonl"
    if "merged" not in evaluations:
        file.unlink(missing_ok=True)
        return
    ROWS.mkdir(parents=True, exist_ok=True)
    rows = []
    for kind, score in (("questions", "score"), ("general", "right")):
        for together in zip(*(getattr(evaluations[system], kind) for system in POOLED_SYSTEMS), strict=True):
            first = together[0]
            if not first.get("answerable", True):
                continue
            # one item is asked of the models of all sets: its answers are drawn together
            cluster = first["cluster"] if kind == "questions" else first["id"]
            values = [round(float(item[score]), 4) for item in together]
            rows.append({"kind": kind, "id": first["id"], "cluster": cluster, "values": values})
    write_jsonl(file, rows)


def _pooled(resamples: int, seed: int) -> list[dict[str, Any]]:
    """General ability over the models of all sets, and the share of the domain gain that merging kept."""
    sides: dict[str, dict[str, list[dict[str, Any]]]] = {
        kind: {system: [] for system in POOLED_SYSTEMS} for kind in ("questions", "general")
    }
    for file in sorted(ROWS.glob("*.jsonl")):
        for _, row in read_jsonl(file):
            item = {"id": f"{file.stem}/{row['id']}", "cluster": row["cluster"], "answerable": True}
            for system, value in zip(POOLED_SYSTEMS, row["values"], strict=True):
                sides[row["kind"]][system].append({**item, "score": value, "right": value})
    if not sides["questions"]["base"]:
        return []
    stamp = {"of": POOLED, "split": "test", "seed": seed, "minutes": 0.0}
    made = [
        _row(stamp, metric, system, interval)
        for system, metric, interval in _values(GENERAL, sides["general"], resamples, seed)
    ]
    kept = kept_share(*(sides["questions"][s] for s in POOLED_SYSTEMS), resamples=resamples, seed=seed)
    return [*made, *([_row(stamp, "gain-kept/answer-score", "merged", kept)] if is_known(kept) else [])]
