"""hybrid evaluate, diagnose, compare"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hybrid.cli import show
from hybrid.cli.loop import print_comparison
from hybrid.cli.options import (
    SystemChoice,
    json_option,
    open_workspace,
    system_option,
    workspace_options,
)

if TYPE_CHECKING:
    from hybrid.lifecycle.workspace import Workspace


_APART = ("ndcg@10", "answer_correct", "served_correct", "abstention")
"""Figures that are shown for each origin; `--json` has them all."""


@click.command()
@workspace_options
@system_option
@click.option(
    "--ladder",
    "with_ladder",
    is_flag=True,
    help="Ask all rungs beside it: plain prompt, best prompt, worked examples, and each system that is tuned.",
)
@json_option
def evaluate(system: SystemChoice, with_ladder: bool, as_json: bool, **options: Any) -> None:
    """Score ranking, answers, citations, abstention, latency and general ability, each with a 95 % interval.

    With --ladder also what plain prompt, best prompt, worked examples and tuning serve, each with its interval and its
    tokens. Dev says which untuned rung is best (`hybrid prompt`). A ladder that is current is shown without the flag.

    \b
    Example:
      hybrid evaluate --corpus corpora/pumps --system base --ladder
      hybrid evaluate --corpus corpora/pumps --system base --set evaluation.split=dev
    """
    from hybrid.cli.ladder import print_against_untuned, print_ladder
    from hybrid.evaluation.metrics import GENERAL, METRICS
    from hybrid.evaluation.system import ORIGINS
    from hybrid.lifecycle.ladder import current_ladder, measure_ladder

    workspace = open_workspace(**options)
    with workspace.lock():
        chosen = workspace.choose(system)
        manifest = workspace.evaluate(chosen)
        ladder = measure_ladder(workspace, show.note) if with_ladder else current_ladder(workspace)
    path = workspace.evaluation_path(chosen)
    metrics = json.loads((path / "metrics.json").read_text(encoding="utf-8"))
    guard = _guard(workspace, path)
    origins = json.loads((path / ORIGINS).read_text(encoding="utf-8")) if (path / ORIGINS).is_file() else {}
    if as_json:
        told = {"system": chosen, "metrics": metrics, **manifest.facts, "counts": manifest.counts, "path": str(path)}
        beside = {"origins": origins, "ladder": ladder, "guard": guard}
        show.as_json({**told, **{name: found for name, found in beside.items() if found}})
        return
    titles = {metric.name: metric.title for metric in (*METRICS, GENERAL)}
    rows = [[titles[name], show.interval(metrics[name])] for name in titles if name in metrics]
    show.table(["", "value [95 % interval]"], rows, f"{chosen} system, {manifest.counts['questions']} questions")
    if origins:
        shown = [name for name in _APART if any(name in found for found in origins.values())]
        rows = [[origin, *(_with_num(found.get(name)) for name in shown)] for origin, found in origins.items()]
        show.table(["origin of the questions", *(titles[name] for name in shown)], rows)
    if latency := manifest.facts["latency_s"]:
        click.echo(
            f"latency: {latency['median']:.2f} s median of {latency['num']} questions one at a time, models loaded"
        )
    if dropped := manifest.counts["contexts_with_dropped_passages"]:
        show.note(f"warning: in {dropped} contexts passages were dropped to fit generator.context_tokens")
    if left := manifest.counts["examples_left_out"]:
        show.note(f"warning: {left} worked examples did not fit the model's window (generator.window_tokens)")
    for name, found in guard.items():
        click.echo(f"guard, {name}: {found['sentence']}" if found else f"guard, {name}: too few right answers to say")
    click.echo(f"rows: {path / 'questions.jsonl'}")
    if ladder:
        print_ladder(ladder)
    print_against_untuned(ladder, chosen)


def _guard(workspace: "Workspace", path: Path) -> dict[str, Any]:
    """What the configured least support does on dev, and which suits it; of no other split, which must not choose."""
    from hybrid.evaluation.least_support import guard_at, suggest
    from hybrid.jsonl import read_jsonl

    if workspace.config.evaluation.split != "dev" or workspace.config.answering.guard == "off":
        return {}
    rows = [row for _, row in read_jsonl(path / "questions.jsonl")]
    found = {"as configured": guard_at(rows, workspace.config.answering.min_support), "by dev": suggest(rows)}
    return {name: {**asdict(at), "sentence": at.sentence} if at else None for name, at in found.items()}


def _with_num(value: dict[str, Any] | None) -> str:
    return f"{show.interval(value)} of {value['num']}" if value else "–"


@click.command()
@workspace_options
@system_option
@click.option(
    "--outcomes",
    type=click.Path(path_type=Path),
    default=None,
    help="Diagnose recorded outcomes of any system (JSONL, docs/OUTCOMES.md) instead of asking this one.",
)
@click.option(
    "--url", default=None, help="Ask another system by HTTP under all arms (docs/OUTCOMES.md), then diagnose it."
)
@click.option("--plan", is_flag=True, help="Ask nothing: say how many questions tell which difference.")
@json_option
def diagnose(
    system: SystemChoice, outcomes: Path | None, url: str | None, plan: bool, as_json: bool, **options: Any
) -> None:
    """Say which layer to retune, what it would gain, and how sure that is; list the failures.

    \b
    Example:
      hybrid diagnose --corpus corpora/pumps --system base --set diagnosis.orders=1
      hybrid diagnose --corpus corpora/pumps --plan
      hybrid diagnose --outcomes outcomes.jsonl
      hybrid diagnose --corpus corpora/pumps --url http://localhost:8000
    """
    workspace = open_workspace(**options, reads_corpus=not plan and (outcomes is None or url is not None))
    if plan:
        print_plan(workspace, system, as_json)
        return
    if url is not None:
        outcomes = _record(workspace, url)
    if outcomes is not None:
        from hybrid.backends import make_judge
        from hybrid.evaluation.diagnose import diagnose_recorded

        folder = outcomes.with_name(f"{outcomes.stem}-diagnosis")
        diagnose_recorded(outcomes, config=workspace.config, target=folder, judge=make_judge(workspace.config))
        _print_verdict(folder, {"outcomes": str(outcomes)}, as_json)
        return
    with workspace.lock():
        chosen = workspace.choose(system)
        workspace.diagnose(chosen)
    _print_verdict(workspace.diagnosis_path(chosen), {"system": chosen}, as_json)


def _record(workspace: "Workspace", url: str) -> Path:
    """Outcomes of the system at `url`, in the workspace; what was recorded before is not asked again."""
    from hybrid.artifacts import sha256_json
    from hybrid.evaluation.foreign import HttpSystem, record
    from hybrid.evaluation.questions import sample

    config = workspace.config
    options = config.diagnosis
    with workspace.lock():
        passages = workspace.passages()
        asked = sample(passages.questions, options.split, options.max_questions, config.seed)
        path = workspace.root / f"recorded-{sha256_json([url, options.split, passages.manifest.id])[:12]}.jsonl"
        record(
            HttpSystem(url, timeout_s=config.generator.timeout_s),
            asked,
            passages.by_id,
            k=config.retrieval.k,
            depth=config.retrieval.depth,
            orders=options.orders,
            seed=config.seed,
            path=path,
        )
    show.note(f"recorded: {path}")
    return path


def _print_verdict(path: Path, of: dict[str, str], as_json: bool) -> None:
    verdict = json.loads((path / "diagnosis.json").read_text(encoding="utf-8"))
    if as_json:
        show.as_json({**of, **verdict, "report": str(path / "report.html")})
        return
    click.echo(f"{verdict['sentence']}\n")
    for note in verdict["notes"]:
        click.echo(f"note: {note}")
    print_diagnosis(verdict)
    click.echo(f"next: {verdict['next_command']}")
    click.echo(f"report: {path / 'report.html'}")


def print_plan(workspace: "Workspace", system: SystemChoice, as_json: bool) -> None:
    """Questions needed by difference, from the last diagnosis where there is one, else from stated assumptions."""
    from hybrid.artifacts import read_manifest
    from hybrid.corpus.questions import names_no_split, read_questions
    from hybrid.evaluation.power import DIFFERENCES, Assumptions, questions_needed, smallest_difference

    manifest = read_manifest(workspace.diagnosis_path(workspace.choose(system)))
    measured = manifest.facts.get("plan") if manifest else None
    assumed = Assumptions(**measured) if measured else Assumptions()
    split = workspace.config.diagnosis.split
    files = workspace.corpus.question_files
    unsplit = names_no_split(files)
    written = workspace.passages().questions if unsplit else [located.question for located in read_questions(files)]
    have = sum(question.answerable and question.split == split for question in written)
    needed = {difference: questions_needed(difference, assumed) for difference in DIFFERENCES}
    able = smallest_difference(have, assumed)
    if as_json:
        show.as_json({"assumptions": asdict(assumed), "split": split, "have": have, "needed": needed, "able": able})
        return
    rows = [[f"{100 * difference:.0f} points", f"{num:,}"] for difference, num in needed.items()]
    show.table(["to tell a difference of", "answerable questions"], rows, "95 % confidence, power .8")
    click.echo(
        f"{split} has {have}: "
        + (f"enough for {100 * able:.1f} points or more" if able else "too few for any difference")
        + f"\nfrom {'the last diagnosis' if assumed.measured else 'assumptions, for nothing was diagnosed yet'}: "
        f"{100 * assumed.discordant:.0f} % of the questions change with the documents, "
        f"{assumed.per_passage:.1f} questions a passage, correlation {assumed.correlation:.2f} among them"
    )


def print_diagnosis(verdict: dict[str, Any]) -> None:
    """Headroom, label shares, arms and the form of answers."""
    for key, title in (("headroom", "headroom"), ("shares", "share of questions"), ("arms", "answers right")):
        rows = [[name, show.interval(value)] for name, value in verdict[key].items()]
        if rows:
            show.table([title, "value [95 % interval]"], rows)
    from hybrid.evaluation.answer_form import FORM_TITLES

    rows = [[title, show.interval(verdict["form"][key])] for key, title in FORM_TITLES.items() if verdict["form"][key]]
    if rows:
        show.table(["form of the answers", "share [95 % interval]"], rows)


@click.command("compare")
@workspace_options
@click.option(
    "--diagnoses",
    nargs=2,
    type=click.Path(path_type=Path),
    default=None,
    metavar="BEFORE AFTER",
    help="Two folders of `hybrid diagnose`: what moved, what regressed, realised gain against predicted headroom.",
)
@json_option
def compare_command(diagnoses: tuple[Path, Path] | None, as_json: bool, **options: Any) -> None:
    """Base against tuned on the evaluated split, with paired intervals of the gain.

    \b
    Example:
      hybrid compare --corpus corpora/pumps
      hybrid compare --diagnoses indexes/pumps/diagnosis-base-dev indexes/pumps/diagnosis-tuned-dev
    """
    from hybrid.cli.ladder import print_against_untuned
    from hybrid.lifecycle.ladder import current_ladder
    from hybrid.lifecycle.loop import compare_systems

    workspace = open_workspace(**options, reads_corpus=False)
    if diagnoses:
        _print_moved(workspace, *diagnoses, as_json=as_json)
        return
    rows = compare_systems(workspace)
    if as_json:
        show.as_json(rows)
    else:
        print_comparison(rows, f"Before and after on {workspace.config.evaluation.split}, 95 % intervals")
        print_against_untuned(current_ladder(workspace), "tuned")


def _print_moved(workspace: "Workspace", before: Path, after: Path, *, as_json: bool) -> None:
    """Compare two diagnoses and keep what the retune gained, for the transfer rates of later ones."""
    from hybrid.artifacts import require
    from hybrid.evaluation.moved import read_records, what_moved, what_was_retuned
    from hybrid.lifecycle.registry import register

    config = workspace.config
    old, new = (require(folder, "hybrid diagnose") for folder in (before, after))
    moved = what_moved(
        read_records(before),
        read_records(after),
        retuned=what_was_retuned(old, new),
        rank_limit=config.diagnosis.rank_limit,
        minimum_effect=config.diagnosis.minimum_effect,
        resamples=config.evaluation.resamples,
        seed=config.seed,
    )
    register(workspace.root, old.id, new.id, moved)
    if as_json:
        show.as_json(moved.to_dict())
        return
    click.echo(f"{moved.sentence}\n")
    rows = []
    for name, arm in moved.arms.items():
        sides = [f"{arm.before:.3f}", f"{arm.after:.3f}", show.interval(arm.gain, signed=True)]
        rows.append([name, *sides, f"{arm.num_gained}/{arm.num_lost}", f"{arm.p:.3g}"])
    show.table(["answers right", "before", "after", "gain", "gained/lost", "p (Holm)"], rows, f"{moved.num} questions")
    show.table(["what moved", "questions"], [[name, str(count)] for name, count in moved.transitions.items()])
    for title, names in (("right before, wrong now", moved.regressed), ("wrong before, right now", moved.mended)):
        click.echo(f"{title}: {', '.join(names) or 'none'}")
    if moved.transfer is not None:
        click.echo(f"transfer rate: {moved.transfer:.2f} of the predicted headroom")


COMMANDS = {"evaluate": evaluate, "diagnose": diagnose, "compare": compare_command}
