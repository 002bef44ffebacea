"""The untuned rungs of the ladder: plain prompt, best prompt, worked examples; which of them is best, dev alone says.

The evidence is that of `hybrid prompt`. Its candidates answered unequally many questions, so their scores cannot be
held against each other: of two that were halved the one that stayed longer did better on the questions that both
answered, and what a candidate gains over the present prompt is of the same questions by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from hybrid.prompting.settled import COMMAND, Prompt

PLAIN, BEST, EXAMPLES = "plain prompt", "best prompt", "worked examples"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UntunedRung:
    """A prompt by its place on the ladder. `below`: the rung under it that dev liked best, None for the first; `dev`:
    `questions` that it answered there and the `score` with its interval, None where dev has not chosen.
    """

    name: str
    prompt: Prompt
    below: str | None = None
    note: str = ""
    dev: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class UntunedRungs:
    """`best` names the rung that dev chose, whether or not that `is_proven`; where dev `has_chosen` nothing it is the
    plain one. `left_out`: names with what is to be said of them.
    """

    rungs: Sequence[UntunedRung]
    best: str = PLAIN
    has_chosen: bool = False
    is_proven: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def prompt(self) -> Prompt:
        """Of the best rung."""
        return next(rung.prompt for rung in self.rungs if rung.name == self.best)


def untuned_rungs(choice: Mapping[str, Any] | None) -> UntunedRungs:
    """The rungs by the facts of the artefact `prompt`; None: there is no current one, and plain is all that is known.

    The form is that of the prompt that was proven, or else of the one with the best score on dev.
    """
    if choice is None:
        missing = f"dev has not chosen: run `{COMMAND}`"
        return UntunedRungs([UntunedRung(PLAIN, Prompt())], left_out={BEST: missing, EXAMPLES: missing})
    rows = {Prompt(row["style"], row["examples"]): row for row in choice["candidates"]}
    proven = bool(choice["proven"])
    chosen = Prompt(choice["style"], choice["examples"]) if proven else _prompt(_best(_finalists(rows.values())))
    said = "proven on dev" if proven else "best on dev, not proven"
    rungs = [UntunedRung(PLAIN, Prompt(), dev=_evidence(rows.get(Prompt())))]
    left_out: dict[str, str] = {}
    form = Prompt(chosen.style)
    if form == Prompt():
        left_out[BEST] = "dev liked no form better than the plain one"
    elif form not in rows:
        left_out[BEST] = f"without examples {form.name} could not be asked on dev"
    else:
        said_of_form = said if chosen == form else f"the form of {chosen.name}, {said}"
        rungs.append(UntunedRung(BEST, form, PLAIN, said_of_form, _evidence(rows[form])))
    shown = [row for row in rows.values() if row["style"] == chosen.style and row["examples"]]
    if shown:
        liked = chosen if chosen.examples else _prompt(_best(shown))
        below = _best([rows[rung.prompt] for rung in rungs if rung.prompt in rows])
        under = next((rung.name for rung in rungs if rung.prompt == _prompt(below)), PLAIN)
        note = said if liked == chosen else "no better than without examples on dev"
        rungs.append(UntunedRung(EXAMPLES, liked, under, note, _evidence(rows[liked])))
    else:
        unfit = any(row["style"] == chosen.style and row["examples"] for row in choice["unfit"])
        left_out[EXAMPLES] = (
            "they did not fit the model's window on dev (generator.window_tokens)"
            if unfit
            else "train has too few questions that can be examples"
        )
    best = next((rung.name for rung in rungs if rung.prompt == chosen), PLAIN)
    return UntunedRungs(rungs, best, has_chosen=True, is_proven=proven, left_out=left_out)


def _finalists(rows: Iterable[Row]) -> list[Row]:
    """Those that were not sent away: the present prompt, and all that answered as many questions."""
    listed = list(rows)
    most = max(row["questions"] for row in listed)
    return [row for row in listed if row["questions"] == most]


def _best(rows: Sequence[Row]) -> Row:
    return reduce(lambda held, row: row if _beats(row, held) else held, rows)


def _beats(row: Row, other: Row) -> bool:
    """Whether dev liked it better; of equal ones the shorter prompt."""
    halved = row["gain"] is not None and other["gain"] is not None
    if halved and row["questions"] != other["questions"]:
        return bool(row["questions"] > other["questions"])
    return (_gain(row), -row["tokens"]) > (_gain(other), -other["tokens"])


def _gain(row: Row) -> float:
    """Over the present prompt, which gains nothing over itself."""
    return float(row["gain"]["value"]) if row["gain"] is not None else 0.0


def _prompt(row: Row) -> Prompt:
    return Prompt(row["style"], row["examples"])


def _evidence(row: Row | None) -> dict[str, Any] | None:
    return None if row is None else {"questions": row["questions"], "score": row["score"]}
