"""hybrid index, train-embed, train-raft, merge"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hybrid.cli import show
from hybrid.cli.options import (
    SystemChoice,
    force_option,
    json_option,
    open_workspace,
    system_option,
    workspace_options,
)

if TYPE_CHECKING:
    from hybrid.artifacts import Manifest
    from hybrid.lifecycle.workspace import Workspace
    from hybrid.preflight.answers import Method


@click.command()
@workspace_options
@system_option
@click.option("--plan", "plan_only", is_flag=True, help="Say which index type would be built and why; embed nothing.")
@json_option
def index(system: SystemChoice, plan_only: bool, as_json: bool, **options: Any) -> None:
    """Read, chunk and index a corpus, and its words too where `retrieval.mode` asks for them; measure a reranker on
    dev. Nothing changed: nothing is done.

    \b
    Example:
      hybrid index --corpus corpora/pumps
      hybrid index --corpus corpora/pumps --set retrieval.mode=auto
      hybrid index --corpus corpora/pumps --plan
    """
    workspace = open_workspace(**options)
    if plan_only:
        from hybrid.cli.index_plan import show_plan

        with workspace.lock():
            show_plan(workspace.search(workspace.choose(system)), as_json)
        return
    with workspace.lock():
        chosen = workspace.choose(system)
        search = workspace.search(chosen)
        passages = search.passages
        # before anything is embedded: whoever sees a secret here can still stop
        show.warnings(passages.manifest.facts["warnings"], passages.path)
        manifest = search.build()
        reranked = search.measure_reranker()
    counts = passages.manifest.counts
    facts = {
        "documents": counts["documents"],
        "passages": counts["passages"],
        "questions": counts["questions"],
        "duplicates": sum(passages.manifest.facts["duplicates"].values()),
        "private_data": sum(passages.manifest.facts["private"]["counts"].values()),
        "warnings": len(passages.manifest.facts["warnings"]),
        "embedder": manifest.facts["embedder"],
        "dim": manifest.facts["dim"],
        "path": str(search.index_path),
    }
    if found := manifest.facts.get("index"):
        facts["index"] = found
        facts["index_type"] = f"{found['type']}, recall@10 {found['recall@10']:.3f} on {found['checked_on']}"
    if workspace.config.retrieval.mode != "dense":
        facts["retrieval"] = search.fusion.name
    if where := workspace.config.retrieval.where:
        facts["searched"] = f"{len(search.among or ())} passages, those with {' and '.join(where)}"
    if workspace.config.retrieval.mode == "auto":
        from hybrid.artifacts import require

        choice = require(search.fusion_path, "hybrid index")
        facts["choice"] = {**choice.facts, **choice.counts}
        facts["chosen_on_dev"] = _chosen(choice.facts)
    if reranked:
        from hybrid.lifecycle.rerank_gain import in_words

        facts["rerank"] = {**reranked.facts, **reranked.counts}
        facts["reranker_on_dev"] = in_words(reranked.facts, reranked.counts["questions"])
    elif search.reranker:
        facts["reranker_on_dev"] = "no dev question names its passage: what the reranker gains cannot be measured"
    _report(facts, as_json)


@click.command("train-embed")
@workspace_options
@force_option
@json_option
def train_embed(force: bool, as_json: bool, **options: Any) -> None:
    """Fine-tune the embedder with Matryoshka loss and hard negatives; keep the base where that is not better on dev.

    \b
    Example:
      hybrid train-embed --corpus corpora/pumps --set train_embed.epochs=2
    """
    workspace = open_workspace(**options)
    with workspace.lock():
        overridden = _preflight(workspace, "embed", force)
        manifest = workspace.train_embed(force=force, overridden=overridden)
        if manifest.facts["verdict"] == "tuned":
            workspace.index("tuned")
    _report_manifest(manifest, workspace.root / "embedder", as_json)


@click.command("train-raft")
@workspace_options
@force_option
@json_option
def train_raft(force: bool, as_json: bool, **options: Any) -> None:
    """Build RAFT examples from the live index and tune the generator on them with LoRA or QLoRA.

    \b
    Example:
      hybrid train-raft --corpus corpora/pumps --set train_raft.quantization=4bit
    """
    from hybrid.artifacts import require

    workspace = open_workspace(**options)
    with workspace.lock():
        overridden = _preflight(workspace, "raft", force)
        manifest = workspace.train_raft(force=force, overridden=overridden)
        examples = require(workspace.root / "raft", "hybrid train-raft")
    told = {"general_share": examples.facts["general_share"]}
    facts = {**manifest.counts, **told, **manifest.facts, "path": str(workspace.root / "adapter")}
    _report(facts, as_json)


@click.command()
@workspace_options
@json_option
def merge(as_json: bool, **options: Any) -> None:
    """Merge the adapter with its base into a plain model folder by mergekit, and check that both agree.

    \b
    Example:
      hybrid merge --corpus corpora/pumps --set merge.method=slerp --set merge.weight=0.85
    """
    workspace = open_workspace(**options)
    with workspace.lock():
        manifest = workspace.merge()
    _report_manifest(manifest, workspace.root / "generator", as_json)


def _preflight(workspace: "Workspace", method: "Method", force: bool) -> tuple[str, ...]:
    from hybrid.lifecycle.preflight import pass_gate

    return pass_gate(workspace, [method], show.note, force=force)


def _chosen(choice: dict[str, Any]) -> str:
    """What dev says of the choice, beside the vectors alone."""
    of = [point for point in choice["points"] if (point["mode"], point["weight"]) == (choice["mode"], choice["weight"])]
    point = (of or [max(choice["points"], key=lambda point: point["gain"])])[0]
    weight = "" if point["weight"] is None else f" {point['weight']:g}"
    told = f"nDCG@10 {point['gain']:+.3f}, at least {point['low']:+.3f} over the {choice['dense']:.3f} of vectors alone"
    return told if of else f"nothing is proven better; the best is {point['mode']}{weight}: {told}"


def _report_manifest(manifest: "Manifest", path: Path, as_json: bool) -> None:
    _report({**manifest.counts, **manifest.facts, "path": str(path)}, as_json)


def _report(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show.as_json(facts)
        return
    for key, value in facts.items():
        if isinstance(value, (dict, list)) and len(str(value)) > 100:
            continue
        click.echo(f"{key.replace('_', ' ')}: {value}")


COMMANDS = {"index": index, "train-embed": train_embed, "train-raft": train_raft, "merge": merge}
