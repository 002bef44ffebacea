"""What another form of the generator's prompt gains in right answers: measured, and told before any retune of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hybrid.config import DiagnosisConfig
from hybrid.evaluation.pick import MIN_QUESTIONS, Pick
from hybrid.evaluation.prompt_forms import OtherForm, speaks_for
from hybrid.evaluation.records import Record
from hybrid.evaluation.statistics import paired_interval
from hybrid.types import Arm, Interval, Layer


@dataclass(frozen=True, slots=True)
class FormGain:
    """Accuracy under the arm `reworded` less that under `retrieved`, over the answerable questions that have both and
    did not choose the form, with the majority verdicts that it turns; `declined` is the same over the unanswerable
    ones, None where there are none. `form` is None where another system recorded the answers.
    """

    form: OtherForm | None
    gain: Interval
    declined: Interval | None
    num_gained: int
    num_lost: int

    @property
    def is_proven(self) -> bool:
        """Whether answers are better in that form: what it turns right was then broken by the present one."""
        return self.gain.low > 0

    def instead_of(self, choice: Pick, num: int, config: DiagnosisConfig) -> Pick:
        """The pick of `num` questions, or this form where its gain is worth more than a retune's least: it costs
        nothing, and a generator that is tuned in the present form would learn what need not be learnt.
        """
        if num < MIN_QUESTIONS or not self.gain.low > config.minimum_effect:
            return choice
        points = f"{100 * self.gain.value:.0f} (95 % interval {100 * self.gain.low:.0f} to {100 * self.gain.high:.0f})"
        return replace(
            choice,
            recommended=Layer.PROMPT,
            sentence=f"Change the prompt of the generator, tune nothing yet: {self.named} {points} more of every "
            "100 answers are right.",
            reason=f"{self.named[0].upper()}{self.named[1:]} {self.num_gained} of {self.gain.num} questions turn right "
            f"and {self.num_lost} wrong (answered, not predicted; the questions that chose the form are not among "
            f"them). With the present prompt: {choice.reason}",
            questions_needed=None,
            next_command=self._command,
        )

    @property
    def sentence(self) -> str:
        """A note for people."""
        bounds = f" [{100 * self.gain.low:+.0f}, {100 * self.gain.high:+.0f}]" if self.gain.num > 1 else ""
        told = (
            f"Asked {self.named}, right answers change by {100 * self.gain.value:+.0f} of 100{bounds} on "
            f"{self.gain.num} questions"
        )
        if not self.is_proven:
            return f"{told}, which proves nothing."
        if self.declined and self.declined.value:
            told += (
                f"; of {self.declined.num} unanswerable ones {100 * abs(self.declined.value):.0f} of 100 "
                f"{'more' if self.declined.value > 0 else 'fewer'} are declined"
            )
        return f"{told}."

    @property
    def named(self) -> str:
        """For a sentence."""
        return self.form.named if self.form else "in the other prompt form"

    @property
    def _command(self) -> str:
        if self.form is None:
            return "ask in the other prompt form, then record and diagnose again"
        return f"{self.form.change}, then hybrid diagnose (hybrid prompt chooses among all forms and worked examples)"


def form_gain(records: Sequence[Record], form: OtherForm | None, *, resamples: int, seed: int) -> FormGain | None:
    """Measure. None where the arm `reworded` was not run, but for the questions that chose the form."""
    asked = [record for record in records if record.of(Arm.REWORDED) and not record.chose_form]
    answerable, others = ([r for r in asked if r.answerable is wanted] for wanted in (True, False))
    if not answerable:
        return None

    def gain(group: Sequence[Record]) -> Interval:
        before, after = ([r.accuracy(arm) or 0.0 for r in group] for arm in (Arm.RETRIEVED, Arm.REWORDED))
        return paired_interval(before, after, [r.cluster for r in group], resamples=resamples, seed=seed)

    verdicts = [(record.correct(Arm.RETRIEVED), record.correct(Arm.REWORDED)) for record in answerable]
    return FormGain(
        form,
        gain(answerable),
        gain(others) if others else None,
        num_gained=sum(now and not was for was, now in verdicts),
        num_lost=sum(was and not now for was, now in verdicts),
    )


def sample_speaks(records: Sequence[Record]) -> bool:
    """Whether the questions that chose the form, in the retriever's order, would have chosen it in these records."""
    chose = [record for record in records if record.chose_form and record.of(Arm.REWORDED)]
    before, after = ([r.of(arm)[0].correct for r in chose] for arm in (Arm.RETRIEVED, Arm.REWORDED))
    return speaks_for(before, after)
