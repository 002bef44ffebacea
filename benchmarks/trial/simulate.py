"""The diagnosis on simulated evaluation sets, beside four rules of thumb: a table of its own.

python -m benchmarks.trial.simulate [--seeds 100]
"""

import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import click

from benchmarks import page, results
from benchmarks.trial.baselines import RULES
from benchmarks.trial.simulated import Design, draw
from hybrid.config import DiagnosisConfig
from hybrid.evaluation.attribution import Diagnosis, attribute
from hybrid.evaluation.moved import what_moved
from hybrid.evaluation.statistics import wilson
from hybrid.progress import track
from hybrid.types import Interval

COMMAND = "make bench-trial"
LAYERS = {"documents": "embedder", "reading": "generator", "distraction": "generator"}
DOSES = (0.05, 0.1, 0.2, 0.4)
ENOUGH = 0.2
"""Dose from which the layer should be named."""
HEALTHY_FLIP = 0.03
"""Of healthy sets."""
FAMILIES = {
    "documents": {"WRONG_DOCUMENTS", "WRONG_DOCUMENTS+DISTRACTED", "RANKED_LOW", "MISSING"},
    "reading": {"WRONG_ANSWER"},
    "distraction": {"DISTRACTED"},
    "both": {"BOTH"},
}
"""Labels that name a broken part."""


@click.command()
@click.option("--seeds", default=100, show_default=True, help="Evaluation sets for each fault and dose.")
@click.option("--questions", default=200, show_default=True, help="Questions of a set.")
@click.option("--resamples", default=500, show_default=True, help="Of the bootstrap of each diagnosis.")
def main(seeds: int, questions: int, resamples: int) -> None:
    """Draw sets with known faults, diagnose them, tell how often the diagnosis is right; rows go to results.json."""
    design = Design(num=questions)
    found = list(_trials(design, seeds, resamples))
    rows = [
        results.make_row(metric, system, interval, of="simulated", split="test", seed=0, minutes=0.0, command=COMMAND)
        for metric, system, interval in [*_layer_accuracy(found), *_alarms(found), *_coverage(found), *_label_f1(found)]
    ]
    results.record_rows(COMMAND, rows)
    page.write()
    for row in rows:
        interval = f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        click.echo(f"{row['metric']:40} {row['system']:18} {interval} n {row['n']}")


def _trials(design: Design, seeds: int, resamples: int) -> Iterable[dict[str, Any]]:
    plan = [(fault, dose) for fault in (*LAYERS, "both") for dose in DOSES] + [("none", 0.0)] * len(DOSES)
    jobs = [(fault, dose, 10_000 * place + seed) for place, (fault, dose) in enumerate(plan) for seed in range(seeds)]
    for fault, dose, seed in track(jobs, total=len(jobs), description="diagnosing"):
        drawn = draw(fault, dose, design if dose else replace(design, flip=HEALTHY_FLIP), seed)
        made = attribute(drawn.records, config=DiagnosisConfig(), resamples=resamples, seed=seed)
        yield {
            "fault": fault,
            "dose": dose,
            "drawn": drawn,
            "resamples": resamples,
            "diagnosis": made,
            "picks": {"hybrid": made.recommended, **{name: rule(drawn.records) for name, rule in RULES.items()}},
        }


def _layer_accuracy(found: list[dict[str, Any]]) -> Iterable[tuple[str, str, Interval]]:
    """Share of sets with a single fault of dose 20 % or more in which the layer is named rightly."""
    for fault, layer in LAYERS.items():
        sets = [item for item in found if item["fault"] == fault and item["dose"] >= ENOUGH]
        for system in ("hybrid", *RULES):
            hits = sum(item["picks"][system] == layer for item in sets)
            yield f"diagnosis/layer-accuracy/{fault}", system, wilson(hits, len(sets))


def _alarms(found: list[dict[str, Any]]) -> Iterable[tuple[str, str, Interval]]:
    """Share of healthy sets for which some layer is named, and of pairs of healthy sets that are told apart.

    Healthy means that chance turns fewer answers than the smallest gain that is worth a retune: a reader that is wrong
    more often, by whatever chance, is rightly named.
    """
    sets = [item for item in found if item["fault"] == "none"]
    for system in ("hybrid", *RULES):
        alarms = sum(item["picks"][system] is not None for item in sets)
        yield "diagnosis/false-alarm", system, wilson(alarms, len(sets))
    pairs = list(zip(sets[::2], sets[1::2], strict=False))
    moved = [_told_apart(before, after) for before, after in pairs]
    yield "diagnosis/false-alarm/a-a-comparison", "hybrid", wilson(sum(moved), len(moved))


def _told_apart(before: dict[str, Any], after: dict[str, Any]) -> bool:
    options = DiagnosisConfig()
    found = what_moved(
        before["drawn"].records,
        after["drawn"].records,
        retuned="nothing",
        rank_limit=options.rank_limit,
        minimum_effect=options.minimum_effect,
        resamples=before["resamples"],
        seed=0,
    )
    interval = found.realised
    return not interval.low <= 0 <= interval.high and found.arms["retrieved"].p < 0.05


def _coverage(found: list[dict[str, Any]]) -> Iterable[tuple[str, str, Interval]]:
    """Share of 95 % intervals of headroom that hold the expected headroom."""
    for term, fault in (("retrieval", "documents"), ("generator", "reading")):
        sets = [item for item in found if item["fault"] == fault]
        hits = sum(_covers(item["diagnosis"], term, getattr(item["drawn"], term)) for item in sets)
        yield f"diagnosis/coverage/{term}", "hybrid", wilson(hits, len(sets))


def _covers(made: Diagnosis, term: str, truth: float) -> bool:
    if term == "retrieval":
        interval = made.headroom["retrieval"]
        return interval.low <= truth <= interval.high
    interval = made.arms["oracle_in_distractors"]
    return interval.low <= 1 - truth <= interval.high


def _label_f1(found: list[dict[str, Any]]) -> Iterable[tuple[str, str, Interval]]:
    """F1 of each broken part's labels over the questions of all sets, and their mean."""
    scores = []
    for part, names in FAMILIES.items():
        right = wrong = missed = 0
        for item in found:
            for question, name in item["diagnosis"].labels.items():
                said, true = name in names, item["drawn"].broken[question] == part
                right, wrong, missed = (
                    right + (said and true),
                    wrong + (said and not true),
                    missed + (true and not said),
                )
        score = 2 * right / max(1, 2 * right + wrong + missed)
        scores.append(score)
        bound = wilson(round(score * (right + missed)), right + missed)
        yield f"diagnosis/label-f1/{part}", "hybrid", Interval(score, bound.low, bound.high, right + missed)
    mean = sum(scores) / len(scores)
    yield "diagnosis/macro-f1", "hybrid", Interval(mean, min(scores), max(scores), len(scores))


if __name__ == "__main__":
    sys.exit(main())
