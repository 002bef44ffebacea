"""hybrid corpus"""

from pathlib import Path
from typing import Any

import click

from hybrid.cli import show
from hybrid.cli.options import json_option, open_workspace, workspace_options


@click.group()
def corpus() -> None:
    """Import public formats, and look at a corpus.

    \b
    Example:
      hybrid corpus import --from squad dev-v2.0.json corpora/squad
    """


_FORMATS = ("beir", "squad", "passages", "hf", "trl", "axolotl", "llama-factory", "openai")


@corpus.command("import")
@click.option("--from", "kind", type=click.Choice(_FORMATS), required=True, help="Format of SOURCE.")
@click.option(
    "--split",
    type=click.Choice(["train", "dev", "test"]),
    default="test",
    show_default=True,
    help="Where the format names none.",
)
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@json_option
def import_command(kind: str, split: str, source: Path, target: Path, as_json: bool) -> None:
    """Turn SOURCE into the corpus folder TARGET.

    hf: a saved dataset, Parquet or JSONL with `question`, `answers` and `context`, or what `hybrid data export` wrote.
    trl, axolotl, llama-factory, openai: chats, of which questions, answers and numbered passages are taken; what a chat
    does not hold is told.

    \b
    Example:
      hybrid corpus import --from beir datasets/scifact corpora/scifact
    """
    from hybrid.corpus.importers import import_corpus
    from hybrid.data.chat_exports import CHAT_FORMATS
    from hybrid.data.chat_import import read_chats
    from hybrid.data.table_import import read_tables

    reader: Any = read_tables if kind == "hf" else read_chats if kind in CHAT_FORMATS else kind
    told = import_corpus(source, reader, target, split=split)
    if as_json:
        show.as_json({**told, "path": str(target)})
        return
    for note in told.get("notes", []):
        show.note(f"note: {note}")
    click.echo(f"{target}: {told['passages']} passages, {told['questions']} questions")
    click.echo(f"next: hybrid index --corpus {target}")


@corpus.command("show")
@workspace_options
@click.option("--limit", default=5, show_default=True, help="Passages to print.")
@json_option
def show_command(limit: int, as_json: bool, **options: Any) -> None:
    """Passages as they are indexed, and what was skipped.

    \b
    Example:
      hybrid corpus show --corpus corpora/pumps --limit 3
    """
    workspace = open_workspace(**options)
    with workspace.lock():
        passages = workspace.passages()
    warnings = passages.manifest.facts["warnings"]
    chosen = passages.passages[:limit]
    if as_json:
        records = [{"id": p.id, "heading": p.heading, "source": p.source, "text": p.text} for p in chosen]
        show.as_json({"counts": passages.manifest.counts, "warnings": warnings, "passages": records})
        return
    for key, value in passages.manifest.counts.items():
        click.echo(f"{key.replace('_', ' ')}: {value}")
    for warning in warnings:
        click.echo(f"warning: {warning}")
    for passage in chosen:
        click.echo(f"\n{passage.id}\n  {passage.heading}\n  {passage.text}")


COMMANDS = {"corpus": corpus}
