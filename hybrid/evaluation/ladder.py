"""The ladder: what plain prompt, best prompt, worked examples and tuning serve, each with its interval and its tokens.

All rungs answer the same questions, so that a gain is paired. What a rung is held against was chosen on dev and is
given: the split that is shown chooses nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hybrid.evaluation.attribution import jsonable
from hybrid.evaluation.figure import gain, measure, ratio
from hybrid.evaluation.graders import grade, served_right
from hybrid.evaluation.questions import cluster_of
from hybrid.types import Answer, Interval, Question

SERVED = ratio("served", lambda row: float(row["served"]), lambda row: 1.0, title="right, as served")
RIGHT = ratio("right", lambda row: float(row["right"]), lambda row: 1.0, title="right, before the guard")

_AS_GOOD = {"tuned": ("embedder",), "adapter": ("tuned",)}
"""Where a system has no rung it answers as another does: with the embedder alone tuned, or merged at full weight."""

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Rung:
    """`system` asked in the form `style` with `examples`; `against` is the best untuned rung below, None for the first.
    `is_tuned`: whether anything in it is. `dev`: what dev said of it, where it did.
    """

    name: str
    system: str
    style: str
    examples: int
    against: str | None = None
    is_tuned: bool = False
    note: str = ""
    dev: Mapping[str, Any] | None = None


def answer_rows(
    rung: str,
    questions: Sequence[Question],
    answers: Sequence[Answer],
) -> list[dict[str, Any]]:
    """A row a question: `served` right or rightly declined, and `right` before the guard."""
    return [
        {
            "rung": rung,
            "id": question.id,
            "cluster": cluster_of(question),
            "answerable": question.answerable,
            "served": served_right(answer, question),
            "right": grade(answer.plain, question, abstained=answer.abstained).correct,
            "abstained": answer.abstained,
            "withheld": answer.withheld,
            "prompt_tokens": answer.prompt_tokens,
            "new_tokens": answer.new_tokens,
            "examples": answer.examples,
            "examples_left_out": answer.examples_left_out,
            "text": answer.plain,
        }
        for question, answer in zip(questions, answers, strict=True)
    ]


def build_ladder(rungs: Sequence[Rung], rows: Mapping[str, Rows], *, resamples: int, seed: int) -> list[dict[str, Any]]:
    """The rungs as facts, lowest first: `served` and `right` with intervals of 95 %, the paired `gain` in what is
    served over the rung it is held against, its `verdict` (better, worse or unclear), mean `prompt_tokens` and
    `new_tokens`.

    `rows` are those of `answer_rows` by rung; every rung must have answered the same questions, at least one.
    """
    draws = {"resamples": resamples, "seed": seed}
    found = []
    for rung in rungs:
        mine = rows[rung.name]
        over = gain(SERVED, rows[rung.against], mine, **draws) if rung.against else None
        figures = {
            "questions": len(mine),
            "served": _plain(measure(SERVED, mine, **draws)),
            "right": _plain(measure(RIGHT, mine, **draws)),
            "gain": _plain(over),
            "verdict": _verdict(over),
            "prompt_tokens": round(_mean(mine, "prompt_tokens"), 1),
            "new_tokens": round(_mean(mine, "new_tokens"), 1),
        }
        found.append({**asdict(rung), **figures})
    return found


def verdict_line(ladder: Mapping[str, Any], system: str) -> str | None:
    """What a tuned system serves beside the best untuned rung, in a sentence; None where the ladder lacks one of both.

    `ladder`: `rungs` as `build_ladder` gives them, `chosen` on dev or not, `proven` or not.
    """
    rows = {row["system"]: row for row in ladder["rungs"] if row["is_tuned"]}
    row = next((rows[name] for name in (system, *_AS_GOOD.get(system, ())) if name in rows), None)
    if row is None or row["gain"] is None:
        return None
    base = next(rung for rung in ladder["rungs"] if rung["name"] == row["against"])
    told = {"better": "proven better than", "worse": "proven worse than", "unclear": "not proven to differ from"}
    change = row["gain"]
    bounds = "" if change["low"] is None else f" [{change['low']:+.3f}, {change['high']:+.3f}]"
    chosen = "the best untuned rung by dev" if ladder["chosen"] else "dev has not chosen a better one"
    return (
        f"{row['name']} is {told[row['verdict']]} {base['name']} ({prompt_name(base)}; {chosen}): "
        f"{change['value']:+.3f}{bounds} right, as served"
    )


def prompt_name(row: Mapping[str, Any]) -> str:
    """The prompt of a rung, for people."""
    return f"{row['style']}, {row['examples']} examples" if row["examples"] else str(row["style"])


def _verdict(over: Interval | None) -> str:
    if over is None or not (over.low > 0 or over.high < 0):
        return "unclear"
    return "better" if over.low > 0 else "worse"


def _mean(rows: Rows, key: str) -> float:
    return sum(float(row[key]) for row in rows) / len(rows)


def _plain(interval: Interval | None) -> object:
    return None if interval is None else jsonable(asdict(interval))
