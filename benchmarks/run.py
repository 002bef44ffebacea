"""The loop on public sets: what each layer gains, with intervals. Resumable set by set, inside a set stage by stage.

python -m benchmarks.run --data FOLDER [--sets apibench_hf …] [--best-prompt 300]
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import yaml

from benchmarks import page, results
from benchmarks.general import general_rows
from benchmarks.ranking import ranking_rows
from hybrid.artifacts import Manifest, read_manifest, write_text
from hybrid.cli.main import set_up_libraries
from hybrid.cli.options import open_workspace
from hybrid.config import Config
from hybrid.errors import TooLittleDataError
from hybrid.jsonl import read_jsonl
from hybrid.lifecycle.prompt import choose
from hybrid.lifecycle.workspace import SystemName, Workspace
from hybrid.prompting.choice import Budget
from hybrid.prompting.untuned import untuned_rungs

HERE = Path(__file__).parent
CONFIGS = HERE / "configs"
INDEXES = Path("indexes")
FEW_SHOT = 2


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of the public sets.")
@click.option("--sets", multiple=True, help="Names of sets; by default every set with a configuration here.")
@click.option("--ranking-only", is_flag=True, help="Stop after the embedder: tell its figures, tune no generator.")
@click.option(
    "--best-prompt",
    "budget",
    default="",
    metavar="N|MINUTESm",
    help="First let dev choose the prompt of the untuned systems, in so many answers or minutes: base is then the best "
    "untuned rung. [default: the configured prompt]",
)
@click.option("--write-only", is_flag=True, help="Write the page again from results.json; run nothing.")
def main(data: Path, sets: tuple[str, ...], ranking_only: bool, budget: str, write_only: bool) -> None:
    """Run the loop on each set and write its figures to results.json and the page."""
    if not write_only:
        set_up_libraries()
        names = sets or yaml.safe_load((CONFIGS / "order.yaml").read_text(encoding="utf-8"))
        found = [name for name in names if (data / name / "passages.jsonl").is_file()]
        if not found:
            click.echo(f"none of {', '.join(names)} is in {data}: nothing to run", err=True)
            return
        for name in found:
            _run_set(name, data, ranking_only, budget)
    page.write()


def configuration(name: str, data: Path) -> dict[str, Any]:
    """The set's configuration over what all sets share; general items come from the same folder of public sets."""
    common, own = (yaml.safe_load((CONFIGS / f"{part}.yaml").read_text(encoding="utf-8")) for part in ("common", name))
    merged = {key: {**common.get(key, {}), **own.get(key, {})} for key in {**common, **own} if key != "seed"}
    files = sorted(str(file) for file in data.glob("general_*/items.jsonl"))
    if files:
        merged["evaluation"]["general_files"] = files
    else:
        merged["merge"].pop("sweep", None)
    return {"seed": common["seed"], **merged}


def there(data: Path, names: Iterable[str]) -> Iterator[str]:
    """Those of the sets that are in the folder; what is not is told."""
    for name in names:
        if (data / name / "passages.jsonl").is_file():
            yield name
        else:
            click.echo(f"{name} is not in {data}: left out", err=True)


def open_set(name: str, data: Path, root: Path, *overrides: str) -> Workspace:
    """A set's workspace in `root`, by its configuration, which is written there."""
    root.mkdir(parents=True, exist_ok=True)
    values = configuration(name, data)
    values.pop("bench", None)
    write_text(root / "config.yaml", yaml.safe_dump(values, sort_keys=True))
    return open_workspace(data / name, root / "config.yaml", overrides, root)


def _run_set(name: str, data: Path, ranking_only: bool, budget: str) -> None:
    root = INDEXES / f"bench-{name}"
    tune = configuration(name, data).get("bench", {}).get("tune", ["embedder", "generator"])
    workspace = open_set(name, data, root)
    clock = _Clock(root / "seconds.yaml")
    with workspace.lock():
        click.echo(f"\n== {name}", err=True)
        ranked = _rank(workspace, clock, tune)
        if ranking_only or not results.has_answers(name):
            # told at once: tuning and asking the generator takes several times as long
            results.record(name, workspace.config, ranked, clock.minutes)
        if not ranking_only:
            untuned, prompt = _best_untuned(workspace, clock, budget) if budget else (workspace, "")
            evaluations = _answer(workspace, untuned, clock, tune, ranked)
            results.record(name, workspace.config, evaluations, clock.minutes, base_prompt=prompt)
    click.echo(f"{name}: {clock.minutes} min")


def _rank(workspace: Workspace, clock: "_Clock", tune: list[str]) -> dict[str, results.Evaluated]:
    """Tune the embedder where the set asks for it; ranking of the base and of what is tuned."""
    clock.time("index", lambda: workspace.index("base"))
    if "embedder" in tune:
        embedder = clock.time("train-embed", workspace.train_embed)
        click.echo(f"  embedder: {embedder.facts['verdict']}", err=True)
        clock.time("index-tuned", lambda: workspace.index("tuned"))
    systems: list[SystemName] = ["base", "embedder"] if workspace.has_tuned_embedder else ["base"]
    return {system: results.Evaluated(ranking_rows(workspace, system), [], []) for system in systems}


def _best_untuned(workspace: Workspace, clock: "_Clock", budget: str) -> tuple[Workspace, str]:
    """The workspace with the best untuned prompt by dev, and its name; as it is where the set has no dev questions."""
    try:
        choice = clock.time(
            "prompt", lambda: choose(workspace, Budget.parse(budget), lambda text: click.echo(text, err=True))
        )
    except TooLittleDataError as error:
        click.echo(f"  {error.problem}", err=True)
        return workspace, ""
    found = untuned_rungs(choice.facts)
    told = (
        f"{found.prompt.name} ({'proven better' if found.is_proven else 'not proven better'} than the configured one)"
    )
    return Workspace(workspace.root, workspace.corpus, found.prompt.of(workspace.config)), told


def _answer(
    workspace: Workspace,
    untuned: Workspace,
    clock: "_Clock",
    tune: list[str],
    ranked: dict[str, results.Evaluated],
) -> dict[str, results.Evaluated]:
    """Tune the generator, then ask every system; one that equals another is not asked twice.

    The base generator is asked as `untuned` configures it, a tuned one in the prompt that it was trained on.
    """
    if "generator" in tune:
        adapter = clock.time("train-raft", workspace.train_raft)
        click.echo(f"  generator: {adapter.facts['verdict']}, scores {adapter.facts['scores']}", err=True)
        if adapter.facts["verdict"] == "tuned":
            clock.time("merge", workspace.merge)
    done = {"base": _evaluated(untuned, clock, "base", ranked["base"].ranking)}
    found = ranked["embedder" if "embedder" in ranked else "base"].ranking
    if "embedder" in ranked:
        plain = _with(untuned, arms=())
        done["embedder"] = _evaluated(plain, clock, "embedder", found, general=False)
    shots = _with(workspace, arms=(), few_shot=FEW_SHOT)
    # worked examples and adapters change nothing in what is found: it is told once
    done["few-shot"] = _evaluated(shots, clock, "embedder", [], general=False)
    if workspace.has_tuned_generator:
        done["merged"] = _evaluated(workspace, clock, "tuned", [])
        merged = read_manifest(workspace.root / "generator")
        # at weight 1 the merged model is the adapter on its base: the merge checks that their logits agree
        same = merged is not None and merged.facts["weight"] == 1.0
        done["tuned"] = done["merged"] if same else _evaluated(workspace, clock, "adapter", [])
    return done


def _evaluated(
    workspace: Workspace, clock: "_Clock", system: SystemName, ranked: list[dict[str, Any]], *, general: bool = True
) -> results.Evaluated:
    options = workspace.config.evaluation
    label = f"evaluate-{system}{f'-{options.few_shot}shot' if options.few_shot else ''}"
    # general ability is measured apart: the base's is the same on every set
    asked = _with(workspace, general_files=(), general_dev_share=0.0)
    clock.time(label, lambda: asked.evaluate(system))
    rows = [row for _, row in read_jsonl(asked.evaluation_path(system) / "questions.jsonl")]
    items: list[dict[str, Any]] = []
    if general:
        items = clock.time(f"general-{system}", lambda: general_rows(workspace, system, INDEXES / "bench-general"))
    return results.Evaluated(ranked, rows, items)


def _with(workspace: Workspace, **evaluation: Any) -> Workspace:
    """The same workspace under another `evaluation` section."""
    config = workspace.config
    values = {**config.model_dump(), "evaluation": {**config.evaluation.model_dump(), **evaluation}}
    if not values["evaluation"]["general_dev_share"]:
        values["merge"]["sweep"] = ()
    return Workspace(workspace.root, workspace.corpus, Config.model_validate(values))


class _Clock:
    """Seconds of each step, of the run that did the work: a later run that finds it done takes less and is not told."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seconds: dict[str, float] = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}

    def time(self, name: str, work: Callable[[], Any]) -> Any:
        click.echo(f"▸ {name}", err=True)
        started = time.perf_counter()
        result = work()
        taken = time.perf_counter() - started
        identity = result.id if isinstance(result, Manifest) else ""
        key = f"{name}/{identity[:12]}" if identity else name
        self._seconds = {k: v for k, v in self._seconds.items() if k == key or not k.startswith(f"{name}/")}
        self._seconds[key] = round(max(taken, self._seconds.get(key, 0.0)), 1)
        write_text(self._file, yaml.safe_dump(self._seconds))
        click.echo(f"  {taken:.0f} s", err=True)
        return result

    @property
    def minutes(self) -> float:
        return round(sum(self._seconds.values()) / 60, 1)


if __name__ == "__main__":
    sys.exit(main())
