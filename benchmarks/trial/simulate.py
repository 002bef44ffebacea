"""The diagnosis on simulated evaluation sets, beside four rules of thumb: a table of its own.

python -m benchmarks.trial.simulate [--seeds 100]
"""

import sys
from collections.abc import Iterable
from dataclasses import replace

import click

from benchmarks import page, results
from benchmarks.trial import tables
from benchmarks.trial.page import COMMANDS, SIMULATED
from benchmarks.trial.simulated import Design, Drawn, draw
from benchmarks.trial.trials import HEALTHY_FAMILY, Trial
from hybrid.config import DiagnosisConfig
from hybrid.evaluation.attribution import attribute
from hybrid.progress import track

LAYERS = {"documents": "embedder", "reading": "generator", "distraction": "generator"}
DOSES = (0.05, 0.1, 0.2, 0.4)
HEALTHY_FLIP = 0.03
"""Of healthy sets."""


@click.command()
@click.option("--seeds", default=100, show_default=True, help="Evaluation sets for each fault and dose.")
@click.option("--questions", default=200, show_default=True, help="Questions of a set.")
@click.option("--resamples", default=500, show_default=True, help="Of the bootstrap of each diagnosis.")
def main(seeds: int, questions: int, resamples: int) -> None:
    """Draw sets with known faults, diagnose them, tell how often the diagnosis is right; rows go to results.json."""
    design = Design(num=questions)
    found = list(_trials(design, seeds, resamples))
    healthy = [trial for trial in found if trial.family == HEALTHY_FAMILY]
    lines = [
        *tables.layer_accuracy(found),
        *tables.named(found),
        *tables.macro_average(found),
        *tables.alarms(found),
        tables.told_apart(
            [(one.records, other.records) for one, other in zip(healthy[::2], healthy[1::2], strict=False)], resamples
        ),
        *tables.coverage(found),
        *tables.label_f1(found),
    ]
    rows = [
        results.make_row(
            metric, system, interval, of=SIMULATED, split="test", seed=0, minutes=0.0, command=COMMANDS[SIMULATED]
        )
        for metric, system, interval in lines
    ]
    results.record_rows(COMMANDS[SIMULATED], rows)
    page.write()
    for row in rows:
        interval = f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        click.echo(f"{row['metric']:40} {row['system']:18} {interval} n {row['n']}")


def _trials(design: Design, seeds: int, resamples: int) -> Iterable[Trial]:
    plan = [(fault, dose) for fault in (*LAYERS, "both") for dose in DOSES] + [("none", 0.0)] * len(DOSES)
    jobs = [(fault, dose, 10_000 * place + seed) for place, (fault, dose) in enumerate(plan) for seed in range(seeds)]
    for fault, dose, seed in track(jobs, total=len(jobs), description="diagnosing"):
        drawn = draw(fault, dose, design if dose else replace(design, flip=HEALTHY_FLIP), seed)
        yield _trial(fault, dose, drawn, resamples, seed)


def _trial(fault: str, dose: float, drawn: Drawn, resamples: int, seed: int) -> Trial:
    return Trial(
        kind=fault,
        family=fault if dose else HEALTHY_FAMILY,
        layer=LAYERS.get(fault),
        corpus=SIMULATED,
        dose=dose,
        records=drawn.records,
        broken=drawn.broken,
        expected={"retrieval": drawn.retrieval, "generator": drawn.generator},
        gain=None,
        diagnosis=attribute(drawn.records, config=DiagnosisConfig(), resamples=resamples, seed=seed),
    )


if __name__ == "__main__":
    sys.exit(main())
