"""What another prompt before the queries gains in right answers: measured, and told before any retune."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hybrid.config import DiagnosisConfig
from hybrid.evaluation.pick import MIN_QUESTIONS, Pick
from hybrid.evaluation.records import Record
from hybrid.evaluation.statistics import paired_interval
from hybrid.types import Arm, Interval, Layer

SET_PROMPT = "set embedder.query_prompt to "
"""How the next command begins where the prompt must be changed: a preflight knows by it that tuning waits."""


@dataclass(frozen=True, slots=True)
class PromptGain:
    """Accuracy under the arm `reprompted` less that under `retrieved`, over the questions that have both, with the
    majority verdicts that it turns. `prompt` is None where another system recorded the answers without saying it.
    """

    prompt: str | None
    gain: Interval
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
        return (
            f"Another query prompt ranks the gold higher: {self.named}, right answers change by "
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
    pairs = [
        (before, after, record)
        for record in records
        if (after := record.accuracy(Arm.REPROMPTED)) is not None
        and (before := record.accuracy(Arm.RETRIEVED)) is not None
    ]
    if not pairs:
        return None
    gain = paired_interval(
        [before for before, _, _ in pairs],
        [after for _, after, _ in pairs],
        [record.cluster for _, _, record in pairs],
        resamples=resamples,
        seed=seed,
    )
    verdicts = [(record.correct(Arm.RETRIEVED), record.correct(Arm.REPROMPTED)) for _, _, record in pairs]
    return PromptGain(
        prompt,
        gain,
        num_gained=sum(now and not was for was, now in verdicts),
        num_lost=sum(was and not now for was, now in verdicts),
    )
