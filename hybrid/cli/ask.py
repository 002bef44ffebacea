"""hybrid ask"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hybrid.cli import show
from hybrid.cli.options import SystemChoice, config_option, json_option, set_option
from hybrid.cli.query import Answers, check_conditions, converse, show_context_option, where_option
from hybrid.errors import MissingError, StaleError

if TYPE_CHECKING:
    from hybrid.answering.pipeline import Pipeline
    from hybrid.lifecycle.workspace import Workspace


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("question", required=False)
@config_option
@set_option
@click.option(
    "--workspace",
    "root",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder of the artefacts. [default: one for FOLDER in your cache folder, told on stderr]",
)
@where_option
@show_context_option
@json_option
def ask(
    folder: Path,
    question: str | None,
    root: Path | None,
    where: tuple[str, ...],
    show_context: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Answer a question from the documents in FOLDER, with citations. Without QUESTION: ask one after another.

    Nothing needs to be set up before: the first time the models are fetched, and whenever documents changed they are
    indexed. FOLDER itself is only read. The other commands work on it with --corpus FOLDER and the --workspace that is
    told on stderr.

    \b
    Example:
      hybrid ask corpora/pumps "How tight are the tie rods of the H20?"
    """
    from hybrid.lifecycle.asked_folder import check_folder, workspace_of

    check_conditions(where)
    root = root or workspace_of(folder)
    check_folder(folder, root)
    # as it is from any working directory, for `hybrid serve` may run in another
    options |= {"corpus": folder.resolve(), "root": root}
    show.note(f"workspace: {root}")
    converse(Answers("live", where, None, False, options, _up_to_date), question, show_context, as_json)


def _up_to_date(workspace: "Workspace", system: SystemChoice) -> "Pipeline":
    """A system over the documents as they are now, and over the models that it needs."""
    from hybrid.lifecycle.asked_folder import fetch_models, make_workspace

    make_workspace(workspace.root)
    fetch_models(workspace.config, show.note)
    try:
        return workspace.pipeline(workspace.choose(system))
    except (MissingError, StaleError):
        _index(workspace, system)
    # what indexing did not mend is told
    return workspace.pipeline(workspace.choose(system))


def _index(workspace: "Workspace", system: SystemChoice) -> None:
    from hybrid.lifecycle.asked_folder import unread_beside

    corpus = workspace.corpus
    if num := unread_beside(corpus):
        show.note(f"note: only {corpus.documents} is read, not the {num} documents beside it")
    with workspace.lock():
        search = workspace.search(workspace.choose(system))
        manifest, path = search.passages.manifest, search.passages.path
        # before anything is embedded: whoever sees a secret here can still stop
        show.warnings(manifest.facts["warnings"], path)
        search.build()
    show.note(f"indexed {manifest.counts['documents']} documents, {manifest.counts['passages']} passages")


COMMANDS = {"ask": ask}
