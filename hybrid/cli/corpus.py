"""hybrid corpus"""

from pathlib import Path
from typing import Any

import click

from hybrid.cli import show
from hybrid.cli.options import json_option, open_workspace, settings_options, workspace_options
from hybrid.controls import one_line


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
        records = [
            {"id": p.id, "heading": p.heading, "source": p.source, "text": p.text, "metadata": dict(p.metadata)}
            for p in chosen
        ]
        show.as_json({"counts": passages.manifest.counts, "warnings": warnings, "passages": records})
        return
    for key, value in passages.manifest.counts.items():
        click.echo(f"{key.replace('_', ' ')}: {value}")
    show.warnings(warnings, passages.path)
    for passage in chosen:
        click.echo(f"\n{one_line(passage.id)}\n  {one_line(passage.heading)}\n  {passage.text}")
        for name, field in passage.metadata.items():
            shown = ", ".join(map(str, field)) if isinstance(field, tuple) else str(field)
            click.echo(f"  {one_line(name)} = {one_line(shown)}")


@corpus.command("stats")
@workspace_options
@json_option
def stats_command(as_json: bool, **options: Any) -> None:
    """Documents, passages, tokens, languages, formats, duplicates, private data and metadata of a corpus, counted.

    \b
    Example:
      hybrid corpus stats --corpus corpora/pumps
    """
    workspace = open_workspace(**options)
    with workspace.lock():
        passages = workspace.passages()
    counts, facts = passages.manifest.counts, passages.manifest.facts
    private = facts["private"]["counts"]
    metadata = facts.get("metadata", {})
    if as_json:
        names = ("formats", "languages", "duplicates", "garbled")
        show.as_json({**counts, **{name: facts[name] for name in names}, "private": private, "metadata": metadata})
        return
    columns = ("documents", "duplicates", "passages", "tokens")
    rows = [(name or "–", *(str(of[column]) for column in columns)) for name, of in facts["formats"].items()]
    total = [sum(of[column] for of in facts["formats"].values()) for column in columns]
    show.table(("format", *columns), [*rows, ("all", *map(str, total))])
    click.echo(f"tokens a passage: {counts['tokens'] / counts['passages']:.0f}")
    click.echo(f"questions: {counts['questions']}")
    click.echo(f"skipped files: {counts['skipped_files']}")
    click.echo(f"languages: {_listed(facts['languages'])}")
    click.echo(f"duplicates: {_listed(facts['duplicates'])}")
    click.echo(f"wrongly decoded: {len(facts['garbled'])}")
    click.echo(f"secrets and personal data: {_listed(private)}")
    if metadata:
        click.echo(f"metadata: {_listed(metadata)}")


@corpus.command("diff")
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path), required=False)
@settings_options
@json_option
def diff_command(before: Path, after: Path | None, as_json: bool, **options: Any) -> None:
    """Documents added, removed and changed from corpus folder BEFORE to AFTER; without AFTER, from what is indexed of
    BEFORE to what the folder holds now.

    \b
    Example:
      hybrid corpus diff corpora/pumps
    """
    from dataclasses import asdict

    from hybrid.artifacts import require
    from hybrid.config import CorpusConfig
    from hybrid.corpus.compare import compare, state_of_folder, state_of_index
    from hybrid.corpus.passages import CorpusFolder, PassageSet

    workspace = open_workspace(before, **options)
    if after is None:
        path = workspace.root / "passages"
        manifest = require(path, f"hybrid index --corpus {before}")
        old = state_of_index(PassageSet(path, manifest))
        new = state_of_folder(workspace.corpus, CorpusConfig.model_validate(manifest.config))
    else:
        old = state_of_folder(workspace.corpus, workspace.config.corpus)
        new = state_of_folder(CorpusFolder(after), workspace.config.corpus)
    found = compare(old, new)
    if as_json:
        show.as_json(asdict(found))
        return
    for sign, names in (("+", found.added), ("-", found.removed), ("~", found.changed)):
        for name in names:
            click.echo(f"{sign} {one_line(name)}")
    click.echo(
        f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed, {found.same} the same"
    )


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {one_line(name)}" for name, count in counts.items()) or "none"


COMMANDS = {"corpus": corpus}
