"""Evaluation sets of any dose, mixed from healthy and full-dose answers: exact, and no answer is generated for them.

A set is drawn from a system's questions, gold passage by gold passage with replacement; each passage's questions come
from the faulty run with the chance that makes the expected share of broken answers equal to the dose. Truth is which
of them flip: right in the healthy run, wrong in the faulty one, by the majority over passage orders.
"""

import itertools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.trial.faults import Fault
from benchmarks.trial.generated import HEALTHY, REPROMPTED, REWORDED, Runs
from benchmarks.trial.trials import Trial
from hybrid.config import DiagnosisConfig
from hybrid.evaluation.attribution import attribute
from hybrid.evaluation.form_gain import sample_speaks
from hybrid.evaluation.prompt_gain import prompt_gain
from hybrid.evaluation.records import Record
from hybrid.types import Arm

BOTH_PARTS = {"noise on the vectors": "documents", "cut output": "reading"}
"""The single faults that the fault of both layers is made of, with what each breaks."""
LAYERED = frozenset({"missing", "documents", "reading", "distraction"})
"""Families whose fault is one layer's."""


def flips(runs: Runs, fault: Fault) -> dict[str, str]:
    """By question, the family of what broke it; "" where its answer stays right."""
    if fault.family == "citations":
        healthy, faulty = runs.records[HEALTHY], runs.records[fault.name]
        return {name: fault.family if _cites(healthy[name]) and not _cites(faulty[name]) else "" for name in faulty}
    if fault.family != "both":
        return {
            name: fault.family if _wrong(record) else "" for name, record in runs.records.get(fault.name, {}).items()
        }
    broken: dict[str, set[str]] = {}
    for run, family in BOTH_PARTS.items():
        for name, record in runs.records[run].items():
            broken.setdefault(name, set()).update({family} if _wrong(record) else ())
    return {name: "both" if len(parts) > 1 else "".join(parts) for name, parts in broken.items()}


def mixed(
    runs: Runs, corpus: str, fault: Fault, dose: float, seeds: Sequence[int], *, resamples: int, num: int
) -> Iterator[Trial]:
    """One trial a seed; none where even the full dose breaks fewer questions than `dose`, or the fault is younger than
    the answers that are kept.
    """
    if fault.name not in runs.records:
        return
    healthy, faulty = _answerable(runs.records[HEALTHY]), runs.records[fault.name]
    for tried in (REPROMPTED, REWORDED):
        healthy = _with_prompt(healthy, runs.records.get(tried + fault.name, {}))
    if fault.family == "citations":
        # what cites another passage when healthy is miscited without any fault
        healthy = {name: record for name, record in healthy.items() if _cites(record)}
    truth = flips(runs, fault)
    share = np.mean([bool(truth[name]) for name in healthy])
    if share < dose:
        return
    chance = dose / share
    truth_terms = _expected(healthy, faulty, chance) if fault.family in LAYERED - {"missing"} else {}
    for seed in seeds:
        # draws of their own for every fault and dose: coverage is counted over sets that are independent
        drawn = _draw(healthy, chance, num, (seed, zlib.crc32(f"{fault.name} {dose}".encode())))
        records = _screened([item.of(faulty if item.exposed else healthy) for item in drawn], resamples, seed)
        broken = {item.id: truth[item.name] if item.exposed else "" for item in drawn}
        sound = [_accuracy(healthy[item.name]) for item in drawn]
        gain = float(np.mean(sound) - np.mean([_accuracy(record) for record in records]))
        yield Trial(
            kind=fault.name,
            family=fault.family,
            layer=fault.layer,
            corpus=corpus,
            dose=dose,
            records=records,
            broken=broken,
            expected=truth_terms,
            gain=gain,
            diagnosis=attribute(records, config=DiagnosisConfig(), resamples=resamples, seed=seed),
        )


def unbroken(runs: Runs, corpus: str, run: str, seeds: Sequence[int], *, resamples: int, num: int) -> Iterator[Trial]:
    """Sets of a run in which nothing is broken."""
    records = _answerable(runs.records[run])
    for seed in seeds:
        chosen = _screened([item.of(records) for item in _draw(records, 0.0, num, (seed,))], resamples, seed)
        yield Trial(
            kind=run,
            family="none",
            layer=None,
            corpus=corpus,
            dose=0.0,
            records=chosen,
            broken={record.question_id: "" for record in chosen},
            expected={},
            gain=0.0,
            diagnosis=attribute(chosen, config=DiagnosisConfig(), resamples=resamples, seed=seed),
        )


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The question `name` at a place of a set, as a question of its own; what is drawn together varies together."""

    name: str
    place: int
    draw: int
    exposed: bool

    @property
    def id(self) -> str:
        return f"{self.name}/{self.place}"

    def of(self, records: Mapping[str, Record]) -> Record:
        """Its record of a run."""
        record = records[self.name]
        outcomes = tuple(replace(outcome, question_id=self.id) for outcome in record.outcomes)
        return replace(record, question_id=self.id, cluster=f"{record.cluster}/{self.draw}", outcomes=outcomes)


def _draw(records: Mapping[str, Record], chance: float, num: int, seed: tuple[int, ...]) -> list[_Drawn]:
    """Gold passages with their questions, drawn with replacement until there are `num`; each is exposed or not."""
    rng = np.random.default_rng([*seed, num])
    members: dict[str, list[str]] = {}
    for name, record in records.items():
        members.setdefault(record.cluster, []).append(name)
    clusters = sorted(members)
    drawn: list[_Drawn] = []
    for number in itertools.count():
        exposed = bool(rng.random() < chance)
        for name in members[clusters[rng.integers(len(clusters))]]:
            drawn.append(_Drawn(name, len(drawn), number, exposed))
        if len(drawn) >= num:
            break
    return drawn[:num]


def _with_prompt(records: Mapping[str, Record], tried: Mapping[str, Record]) -> dict[str, Record]:
    """Healthy records with their outcomes under the query prompt, or in the form, that a fault's run was tried with."""
    return {
        name: replace(
            record,
            outcomes=(*record.outcomes, *tried[name].outcomes),
            reprompted_rank=tried[name].reprompted_rank or record.reprompted_rank,
            chose_form=tried[name].chose_form or record.chose_form,
        )
        if name in tried
        else record
        for name, record in records.items()
    }


def _screened(records: list[Record], resamples: int, seed: int) -> list[Record]:
    """A prompt that does not rank the gold of this very set higher would not have been asked with, nor a form that does
    not answer more of this very sample.
    """
    found = prompt_gain(records, None, resamples=resamples, seed=seed)
    gone = set() if found is None or (found.ranks and found.ranks.low > 0) else {Arm.REPROMPTED}
    gone |= set() if sample_speaks(records) else {Arm.REWORDED}
    return [replace(r, outcomes=tuple(o for o in r.outcomes if o.arm not in gone)) for r in records]


def _expected(healthy: Mapping[str, Record], faulty: Mapping[str, Record], chance: float) -> dict[str, float]:
    """The headroom of perfect documents (D − R) and of a perfect reader after them (1 − D) that such sets have."""
    retrieval, generator = [], []
    for name, sound in healthy.items():
        for weight, record in ((1 - chance, sound), (chance, faulty[name])):
            right = _accuracy(record)
            in_noise = record.accuracy(Arm.ORACLE_IN_DISTRACTORS) or 0.0
            retrieval.append(weight * (in_noise - right))
            generator.append(weight * (1 - in_noise))
    return {"retrieval": sum(retrieval) / len(healthy), "generator": sum(generator) / len(healthy)}


def _answerable(records: Mapping[str, Record]) -> dict[str, Record]:
    return {name: record for name, record in records.items() if record.answerable}


def _accuracy(record: Record) -> float:
    return record.accuracy(Arm.RETRIEVED) or 0.0


def _wrong(record: Record) -> bool:
    verdicts = [outcome.correct for outcome in record.of(Arm.RETRIEVED)]
    return 2 * sum(verdicts) <= len(verdicts)


def _cites(record: Record) -> bool:
    """Whether the answer that a person reads cites the gold."""
    return any(outcome.cited_gold for outcome in record.of(Arm.RETRIEVED) if outcome.order == 0)
