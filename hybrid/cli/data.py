"""hybrid data"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hybrid.cli import show
from hybrid.cli.options import json_option, open_workspace, workspace_options

if TYPE_CHECKING:
    from hybrid.corpus.compare import Difference
    from hybrid.corpus.passages import PassageSet
    from hybrid.data.versions import Tree, Version, VersionStore
    from hybrid.lifecycle.workspace import Workspace
    from hybrid.types import Question

LAST = "last"
_SHOWN = 20
_FORMATS = ("hf", "beir", "squad", "trl", "axolotl", "llama-factory", "openai")


@click.group()
def data() -> None:
    """Versions, splits, export and card of a corpus.

    \b
    Example:
      hybrid data card --corpus corpora/pumps
    """


@data.command("split")
@workspace_options
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The file to write; a folder where several FILES are given. Must not exist.",
)
@json_option
def split_command(files: tuple[Path, ...], out: Path, as_json: bool, **options: Any) -> None:
    """Write question FILES again with a split for every question, by document.

    Questions that share a document get one split, by corpus.splits and corpus.split_seed; what is added later moves
    nothing. Splits that are named already stay, and the rest of their document follows them.

    \b
    Example:
      hybrid data split --corpus corpora/mine corpora/mine/questions.jsonl --out corpora/mine-split.jsonl
    """
    from hybrid.artifacts import new_folder
    from hybrid.corpus.passages import split_rule
    from hybrid.corpus.questions import read_questions
    from hybrid.corpus.splits import SPLITS, assign_splits, group_questions
    from hybrid.errors import UserError
    from hybrid.jsonl import read_jsonl, write_jsonl

    if out.exists():
        raise UserError(f"{out} exists", "name another --out: nothing is overwritten")
    if twice := [name for name, num in Counter(file.name for file in files).items() if num > 1]:
        raise UserError(f"several FILES are called {twice[0]}", f"rename them: all are written into the folder {out}")
    located = read_questions(files)
    named = {item.question.id: item.question.split for item in located if item.names_split}
    if len(named) == len(located):
        raise UserError("there is no question without a split", "take `split` out of those that are to get another")
    workspace = open_workspace(**options)
    with workspace.lock():
        passages = workspace.passages()
    document_of = passages.document_of
    questions = [_with_kept(item.question, passages.same_as) for item in located]
    splits = assign_splits(questions, document_of, split_rule(workspace.config.corpus), named=named)
    groups = set(group_questions(questions, document_of).values())
    if unknown := {p for question in questions for p in question.positives} - document_of.keys():
        folder = workspace.corpus.folder
        show.note(f"warning: {len(unknown)} gold passages are not in {folder}: each counts as a document of its own")

    def rows(file: Path) -> list[dict[str, Any]]:
        return [{**record, "split": splits[record["id"]]} for _, record in read_jsonl(file)]

    if len(files) == 1:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_jsonl(out, rows(files[0]))
    else:
        with new_folder(out) as folder:
            for file in files:
                write_jsonl(folder / file.name, rows(file))
    sizes = Counter(splits.values())
    told = {split: sizes[split] for split in SPLITS}
    if as_json:
        show.as_json({"splits": told, "groups": len(groups), "named": len(named), "path": str(out)})
        return
    click.echo(", ".join(f"{num} {split}" for split, num in told.items()) + f" in {len(groups)} groups: {out}")
    if named:
        click.echo(f"{len(named)} had a split and kept it")


def _with_kept(question: "Question", same_as: Mapping[str, str]) -> "Question":
    """As `hybrid index` resolves it: evidence in a left-out duplicate is also in the document that was kept for it."""
    more = (replace(part, source=same_as[part.source]) for part in question.evidence if part.source in same_as)
    return replace(question, evidence=(*question.evidence, *more))


@data.command()
@workspace_options
@click.option("-m", "--message", required=True, help="What this version is, or what changed.")
@json_option
def commit(message: str, as_json: bool, **options: Any) -> None:
    """Keep the corpus folder, documents and questions, as a version.

    Files are kept once by content in the workspace's data/; hidden ones and links that lead elsewhere are left out.

    \b
    Example:
      hybrid data commit --corpus corpora/pumps -m "answers on seals corrected"
    """
    workspace = open_workspace(**options)
    with workspace.lock():
        version, new = _store(workspace).commit(workspace.corpus, message)
    if as_json:
        show.as_json({"id": version.id, "new": new, "parent": version.parent, "counts": version.counts})
        return
    counts = ", ".join(f"{num} {name}" for name, num in version.counts.items())
    name = version.id[:12]
    click.echo(f"{name}: {counts}" if new else f"nothing changed since {name} ({version.message})")


@data.command()
@workspace_options
@json_option
def log(as_json: bool, **options: Any) -> None:
    """The versions of a corpus, the last one first.

    \b
    Example:
      hybrid data log --corpus corpora/pumps
    """
    versions = _store(open_workspace(**options, reads_corpus=False)).log()
    if as_json:
        names = ("id", "parent", "date", "message", "counts")
        show.as_json([{name: getattr(version, name) for name in names} for version in versions])
        return
    if not versions:
        click.echo('no version yet: hybrid data commit -m "…"')
        return
    rows = [
        [v.id[:12], v.message, v.date.replace("T", " ")[:16], *(str(v.counts[n]) for n in ("documents", "questions"))]
        for v in versions
    ]
    show.table(["version", "message", "date (UTC)", "documents", "questions"], rows)


@data.command()
@workspace_options
@click.argument("before", metavar="[A]", default=LAST)
@click.argument("after", metavar="[B]", required=False)
@json_option
def diff(before: str, after: str | None, as_json: bool, **options: Any) -> None:
    """What changed from version A to version B: questions field by field, documents, other files.

    Versions are named by the beginning of their ids, or `last`. Without B: up to the folder as it is now; without A,
    from the last version.

    \b
    Example:
      hybrid data diff --corpus corpora/pumps
      hybrid data diff --corpus corpora/pumps 3f9a 81c2
    """
    from hybrid.data.differences import differences

    workspace = open_workspace(**options)
    store = _store(workspace)
    old = store.tree(_find(store, before))
    new: Tree = store.tree(_find(store, after)) if after else store.working_tree(workspace.corpus)
    found = differences(old, new)
    if as_json:
        show.as_json(asdict(found))
        return
    if not found:
        click.echo("nothing changed")
        return
    for what, names in (("questions", found.questions), ("documents", found.documents), ("other files", found.files)):
        _print_names(what, names)
    for change in found.changes[:_SHOWN]:
        click.echo(f"{change.question} {change.field}: {_short(change.before)} → {_short(change.after)}")
    if len(found.changes) > _SHOWN:
        click.echo(f"… and {len(found.changes) - _SHOWN} more fields: --json lists all")


def _print_names(what: str, names: "Difference") -> None:
    for how in ("added", "removed", "changed"):
        if some := getattr(names, how):
            more = f" … and {len(some) - _SHOWN} more" if len(some) > _SHOWN else ""
            click.echo(f"{len(some)} {what} {how}: {', '.join(some[:_SHOWN])}{more}")


def _short(value: Any) -> str:
    import json

    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


@data.command()
@workspace_options
@click.argument("version")
@click.argument("target", type=click.Path(path_type=Path))
@json_option
def checkout(version: str, target: Path, as_json: bool, **options: Any) -> None:
    """Write a VERSION, documents and questions whole, into the new folder TARGET.

    \b
    Example:
      hybrid data checkout --corpus corpora/pumps last corpora/pumps-kept
    """
    store = _store(open_workspace(**options, reads_corpus=False))
    found = _find(store, version)
    num = store.checkout(found, target)
    if as_json:
        show.as_json({"id": found.id, "files": num, "path": str(target)})
        return
    click.echo(f"{target}: {num} files of {found.id[:12]} ({found.message})")
    click.echo(f"next: hybrid index --corpus {target}")


@data.command()
@workspace_options
@json_option
def card(as_json: bool, **options: Any) -> None:
    """What the data hold, where they come from, who has looked at them, and what they lack, as Markdown.

    \b
    Example:
      hybrid data card --corpus corpora/pumps
    """
    from hybrid.data.card import card_markdown

    workspace = open_workspace(**options)
    with workspace.lock():
        made = _card(workspace, workspace.passages())
    if as_json:
        show.as_json(made)
    else:
        click.echo(card_markdown(made), nl=False)


@data.command("export")
@workspace_options
@click.option("--to", "kind", type=click.Choice(_FORMATS), required=True, help="The form that TARGET gets.")
@click.argument("target", type=click.Path(path_type=Path))
@json_option
def export_command(kind: Any, target: Path, as_json: bool, **options: Any) -> None:
    """Write questions and passages, or the RAFT examples, for other tools, into the new folder TARGET.

    hf, beir and squad hold questions and passages as `hybrid index` published them; trl, axolotl, llama-factory and
    openai hold the chats that `hybrid train-raft` trains on.

    \b
    Example:
      hybrid data export --corpus corpora/pumps --to beir exports/pumps-beir
    """
    from hybrid.artifacts import require
    from hybrid.data.card import card_markdown
    from hybrid.data.chat_exports import CHAT_FORMATS, export_chats
    from hybrid.data.exporters import export_data

    workspace = open_workspace(**options)
    with workspace.lock():
        if kind in CHAT_FORMATS:
            raft = require(workspace.root / "raft", "hybrid train-raft")
            current = workspace.passages().manifest.id
            counts, notes = export_chats(workspace.root / "raft", kind, target)
            if raft.inputs["passages"] != current:
                notes.append("the examples were made of other data than the corpus folder holds: `hybrid train-raft`")
        else:
            passages = workspace.passages()
            text = card_markdown(_card(workspace, passages)) if kind == "hf" else ""
            counts, notes = export_data(passages.questions, passages.passages, kind, target, card=text)
    if as_json:
        show.as_json({**counts, "notes": notes, "path": str(target)})
        return
    for note in notes:
        show.note(f"note: {note}")
    click.echo(f"{target}: " + ", ".join(f"{num} {name}" for name, num in counts.items()))


def _card(workspace: "Workspace", passages: "PassageSet") -> dict[str, Any]:
    from hybrid.data.card import data_card

    store = _store(workspace)
    versions = store.log()
    changed = bool(versions) and not store.is_current(workspace.corpus)
    return data_card(workspace.corpus, passages, versions, changed=changed, audit=workspace.root / "audit")


def _store(workspace: "Workspace") -> "VersionStore":
    from hybrid.data.versions import VersionStore

    return VersionStore(workspace.root / "data")


def _find(store: "VersionStore", name: str) -> "Version":
    from hybrid.errors import MissingError

    if name != LAST:
        return store.find(name)
    version = store.head()
    if version is None:
        raise MissingError("no version is committed yet", 'run `hybrid data commit -m "…"`')
    return version


COMMANDS = {"data": data}
