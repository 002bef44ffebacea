"""What another prompt before the queries gains in right answers: measured, and told before any retune."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hybrid.config import DiagnosisConfig
from hybrid.evaluation.halves import reciprocal
from hybrid.evaluation.pick import MIN_QUESTIONS, Pick
from hybrid.evaluation.records import Record
from hybrid.evaluation.statistics import paired_interval
from hybrid.types import Arm, Interval, Layer

SET_PROMPT = "set embedder.query_prompt to "
"""How the next command begins where the prompt must be changed: a preflight knows by it that tuning waits."""


@dataclass(frozen=True, slots=True)
class PromptGain:
    """Accuracy under the arm `reprompted` less that under `retrieved`, over the questions that have both, with the
    majority verdicts that it turns; `ranks` is its gain in the reciprocal rank of the gold. `prompt` and `ranks` are
    None where another system recorded the answers and did not say them.
    """

    prompt: str | None
    gain: Interval
    ranks: Interval | None
    num_gained: int
    num_lost: int

    @property
    def is_proven(self) -> bool:
        """Whether answers are better with that prompt: what it turns right was then broken by the present one."""
        return self.gain.low > 0

    def instead_of(self, choice: Pick, num: int, config: DiagnosisConfig) -> Pick:
        """The pick of `num` questions, or this prompt where its gain is worth more than a retune's least: it costs
        nothing, and what else is wrong shows only when it is set.
        """
        if num < MIN_QUESTIONS or not self.gain.low > config.minimum_effect:
            return choice
        points = f"{100 * self.gain.value:.0f} (95 % interval {100 * self.gain.low:.0f} to {100 * self.gain.high:.0f})"
        return replace(
            choice,
            recommended=Layer.EMBEDDER,
            sentence=f"Change the prompt before the queries, tune nothing yet: {self.named} {points} more of every "
            "100 answers are right.",
            reason=f"{self.named[0].upper()}{self.named[1:]} {self.num_gained} questions turn right and "
            f"{self.num_lost} wrong (answered, not predicted). With the present one: {choice.reason}",
            questions_needed=None,
            next_command=self._command,
        )

    @property
    def sentence(self) -> str:
        """A note for people."""
        doubt = "" if self.is_proven else ", which proves nothing"
        bounds = f" [{100 * self.gain.low:+.0f}, {100 * self.gain.high:+.0f}]" if self.gain.num > 1 else ""
        higher = f" (reciprocal rank {self.ranks.value:+.2f})" if self.ranks else ""
        return (
            f"Another query prompt ranks the gold higher{higher}: {self.named}, right answers change by "
            f"{100 * self.gain.value:+.0f} of 100{bounds}{doubt}."
        )

    @property
    def named(self) -> str:
        """For a sentence."""
        if self.prompt is None:
            return "with the other prompt"
        return f"with the prompt {json.dumps(self.prompt)}" if self.prompt else "without any"

    @property
    def _command(self) -> str:
        if self.prompt is None:
            return "set the other query prompt, then record and diagnose again"
        return f"{SET_PROMPT}{json.dumps(self.prompt)}, then hybrid index, then hybrid diagnose"


def prompt_gain(records: Sequence[Record], prompt: str | None, *, resamples: int, seed: int) -> PromptGain | None:
    """Measure. None where the arm `reprompted` was not run."""
    asked = [record for record in records if record.of(Arm.REPROMPTED)]
    if not asked:
        return None
    clusters = [record.cluster for record in asked]

    def gain(before: Iterable[float | None], after: Iterable[float | None]) -> Interval:
        old, new = ([value or 0.0 for value in values] for values in (before, after))
        return paired_interval(old, new, clusters, resamples=resamples, seed=seed)

    by_answers = gain((r.accuracy(Arm.RETRIEVED) for r in asked), (r.accuracy(Arm.REPROMPTED) for r in asked))
    by_ranks = gain((reciprocal(r.gold_rank) for r in asked), (reciprocal(r.reprompted_rank) for r in asked))
    verdicts = [(record.correct(Arm.RETRIEVED), record.correct(Arm.REPROMPTED)) for record in asked]
    return PromptGain(
        prompt,
        by_answers,
        by_ranks if any(record.reprompted_rank for record in asked) else None,
        num_gained=sum(now and not was for was, now in verdicts),
        num_lost=sum(was and not now for was, now in verdicts),
    )
