"""An embedder tuned on questions that were made from the documents alone, judged by a public set's real questions.

python -m benchmarks.model_free --data FOLDER [--set covidqa] [--design keywords …] [--drafts 600]
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import yaml

from benchmarks import page, results
from benchmarks.figures import RANKING
from benchmarks.ranking import ranking_rows
from benchmarks.run import INDEXES, configuration
from hybrid.artifacts import sha256_json, sha256_tree, write_text
from hybrid.cli.main import set_up_libraries
from hybrid.cli.options import open_workspace
from hybrid.corpus.questions import read_questions
from hybrid.evaluation.figure import gain, measure
from hybrid.evaluation.statistics import paired_interval
from hybrid.lifecycle.synth import synthesise
from hybrid.lifecycle.workspace import Workspace
from hybrid.synth.model_free import make_questions
from hybrid.tuning.embedder import train_embedder
from hybrid.types import Question

COMMAND = "make bench-modelfree"
PER_PASSAGE = 2
DEV_SHARE = 0.2
BASE, FREE, TAUGHT, FEW = "base", "model-free", "teacher", "model-free, as many as the teacher's"
Rows = Sequence[dict[str, Any]]


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of the public sets.")
@click.option("--set", "name", default="covidqa", show_default=True, help="The set whose questions are hidden.")
@click.option("--design", "designs", multiple=True, help="Only these designs.")
@click.option("--drafts", default=0, show_default=True, help="Also tune on what a teacher writes; 0: no teacher.")
def main(data: Path, name: str, designs: tuple[str, ...], drafts: int) -> None:
    """Tune on made questions, choose the checkpoint on such questions too, then look at the real ones once."""
    set_up_libraries()
    if not (data / name / "passages.jsonl").is_file():
        click.echo(f"{name} is not in {data}: nothing to run", err=True)
        return
    started = time.perf_counter()
    workspace = _workspace(data, name, "")
    with workspace.lock():
        workspace.index("base")
        passages = workspace.passages().passages
        seed = workspace.config.seed
        free = make_questions(passages, per_passage=PER_PASSAGE, dev_share=DEV_SHARE, seed=seed, designs=designs)
        sides: dict[str, Rows] = {BASE: ranking_rows(workspace, "base"), FREE: _tuned(workspace, free)}
        taught = _by_teacher(data, name, drafts) if drafts else []
    if taught:
        for side, made in ((TAUGHT, taught), (FEW, _as_many(free, taught))):
            other = _workspace(data, name, f"-{'teacher' if side == TAUGHT else 'few'}")
            with other.lock():
                sides[side] = _tuned(other, made)
    rows = _rows(sides, name, seed, round((time.perf_counter() - started) / 60, 1))
    results.record_rows(COMMAND, rows, of=name)
    page.write()
    for row in rows:
        click.echo(f"{row['metric']:24} {row['system']:50} {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]")


def _workspace(data: Path, name: str, suffix: str, **changed: Any) -> Workspace:
    root = INDEXES / f"bench-modelfree-{name}{suffix}"
    root.mkdir(parents=True, exist_ok=True)
    values = configuration(name, data) | changed
    values.pop("bench", None)
    write_text(root / "config.yaml", yaml.safe_dump(values, sort_keys=True))
    return open_workspace(data / name, root / "config.yaml", (), root)


def _by_teacher(data: Path, name: str, drafts: int) -> list[Question]:
    """What the embedded generator writes; answers do not matter to an embedder, so they are not checked."""
    synth = {
        "num_drafts": drafts,
        "shares": {"lookup": 0.8, "procedure": 0.1, "negation": 0.1},
        "filters": ["schema", "standalone", "copied", "duplicate", "retrieved"],
        "dev_share": DEV_SHARE,
    }
    workspace = _workspace(data, name, "-teacher", synth=synth)

    def told(estimate: Any) -> bool:
        click.echo(estimate.sentence, err=True)
        return True

    with workspace.lock():
        manifest = synthesise(workspace, told=told)
    assert manifest is not None
    click.echo(f"teacher: {manifest.counts}, {manifest.facts['filters']}", err=True)
    return [item.question for item in read_questions([workspace.root / "synth" / "teacher" / "questions.jsonl"])]


def _as_many(free: Sequence[Question], taught: Sequence[Question]) -> list[Question]:
    """As many of each split as the teacher's, spread over the passages."""
    found: list[Question] = []
    for split in ("train", "dev"):
        mine = [question for question in free if question.split == split]
        num = min(len(mine), sum(question.split == split for question in taught))
        found += [mine[place * len(mine) // num] for place in range(num)]
    return found


def _tuned(workspace: Workspace, made: Sequence[Question]) -> Rows:
    """Rows of the real questions after tuning on `made`; of the base where the tuned model is no better."""
    passages, config = workspace.passages(), workspace.config
    workspace.index("base")
    base = workspace.base_embedder.folder
    manifest = train_embedder(
        base,
        passages.passages,
        made,
        config=config,
        target=workspace.root / "embedder",
        inputs={
            "passages": passages.manifest.id,
            "embedder": sha256_tree(base),
            "questions": sha256_json([[q.id, q.split] for q in made]),
        },
        compare=lambda before, after, clusters: paired_interval(before, after, clusters, seed=config.seed),
    )
    click.echo(f"{manifest.facts['verdict']}, {manifest.counts}", err=True)
    if not workspace.has_tuned_embedder:
        return ranking_rows(workspace, "base")
    workspace.index("tuned")
    return ranking_rows(workspace, "embedder")


def _rows(sides: dict[str, Rows], name: str, seed: int, minutes: float) -> list[dict[str, Any]]:
    rows = []
    for figure in RANKING:
        found = {side: measure(figure, rows_, resamples=10_000, seed=seed) for side, rows_ in sides.items()}
        for one, other in ((FREE, BASE), (TAUGHT, BASE), (TAUGHT, FEW)):
            if one in sides and other in sides:
                found[f"{one} − {other}"] = gain(figure, sides[other], sides[one], resamples=10_000, seed=seed)
        rows += [
            results.make_row(
                f"modelfree/{figure.name}",
                side,
                interval,
                of=name,
                split="test",
                seed=seed,
                minutes=minutes,
                command=COMMAND,
            )
            for side, interval in found.items()
            if interval
        ]
    return rows


if __name__ == "__main__":
    sys.exit(main())
