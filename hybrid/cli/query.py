"""hybrid query, and how `hybrid ask` shares its answers"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hybrid.cli import show
from hybrid.cli.options import (
    SystemChoice,
    json_option,
    open_workspace,
    system_option,
    workspace_options,
    workspace_root,
)
from hybrid.controls import one_line

if TYPE_CHECKING:
    from hybrid.answering.pipeline import Pipeline
    from hybrid.lifecycle.workspace import Workspace
    from hybrid.serving.asking import Asker

UNKNOWN = "I don't know: the documents found do not answer this."
_WHY = {
    "figure": "no passage that was found contains {figures}",
    "echo": "it repeats the instruction of the prompt",
    "repeats the question": "it says nothing that the question does not",
    "no source": "it stands in no passage that was found",
    "off topic": "the passage in which it stands says too little of what was asked (answering.min_support)",
}
"""Reasons of `types.Withheld` for people."""

where_option = click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="Search only passages that fulfil it: 'source=manuals/*', 'section=*safety*', or a field of their metadata, "
    "'year>=2020', 'product=H20|H21'. Given again, all must hold.",
)
show_context_option = click.option("--show-context", is_flag=True, help="Print the passages that the generator saw.")


@click.command()
@click.argument("question", required=False)
@workspace_options
@system_option
@where_option
@show_context_option
@click.option(
    "--socket",
    "socket_path",
    type=click.Path(path_type=Path),
    default=None,
    help="Of `hybrid serve`, asked if it is up. [default: serve.sock in the workspace]",
)
@click.option("--no-daemon", is_flag=True, help="Answer in this process even if `hybrid serve` is up.")
@json_option
def query(
    question: str | None,
    system: SystemChoice,
    where: tuple[str, ...],
    show_context: bool,
    socket_path: Path | None,
    no_daemon: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Answer a question with citations, or say that it is not known. Without QUESTION: ask one after another.

    On a terminal an answer is printed while it is written, unless answering.guard may withhold it. `hybrid serve`
    makes the next answers quick.

    \b
    Example:
      hybrid query --corpus corpora/pumps "How tight are the tie rods of the H20?"
      hybrid query --corpus corpora/pumps --where "source=*h20*" "How tight are the tie rods?"
    """
    check_conditions(where)
    converse(Answers(system, where, socket_path, no_daemon, options), question, show_context, as_json)


def check_conditions(where: tuple[str, ...]) -> None:
    """Raise `UserError` for a slip of the pen: it is told before anything is loaded."""
    from hybrid.passage_filter import parse_conditions

    parse_conditions(where)


def converse(answers: "Answers", question: str | None, show_context: bool, as_json: bool) -> None:
    """Answer the question, or without one what is read line by line until an empty line."""
    if question is not None:
        _answer(answers, question, show_context, as_json)
        return
    if sys.stdin.isatty():
        show.note("Ask; an empty line ends.")
    answers.prepare()
    while (line := _read_line()) is not None:
        _answer(answers, line, show_context, as_json)


def _read_line() -> str | None:
    if sys.stdin.isatty():
        click.echo("? ", nl=False, err=True)
    line = sys.stdin.readline().strip()
    return line or None


def _published(workspace: "Workspace", system: SystemChoice) -> "Pipeline":
    """A system as it was indexed."""
    return workspace.pipeline(workspace.choose(system))


class Answers:
    """Where answers come from: the resident process if there is a fitting one, else this process, which opens a
    pipeline once.
    """

    def __init__(
        self,
        system: SystemChoice,
        where: tuple[str, ...],
        path: Path | None,
        no_daemon: bool,
        options: dict[str, Any],
        open_pipeline: "Callable[[Workspace, SystemChoice], Pipeline]" = _published,
    ) -> None:
        self._system = system
        self._where = where
        self._path = path
        self._no_daemon = no_daemon
        self._options = options
        self._open_pipeline = open_pipeline
        self._asker: Asker | None = None

    def prepare(self) -> None:
        """Load while the question is being typed, where nobody else will answer."""
        if not self._socket():
            self._own()

    def ask(self, question: str, *, ranks: bool, screen: "_Screen | None") -> dict[str, Any]:
        """As `Asker.ask`."""
        if self._asker is None and (found := self._served(question, ranks, screen)):
            return found
        on_text = screen.begin() if screen else None
        return self._own().ask(question, where=self._where, ranks=ranks, on_text=on_text)

    def _served(self, question: str, ranks: bool, screen: "_Screen | None") -> dict[str, Any] | None:
        from hybrid.digests import cache_folder
        from hybrid.serving.client import ask_served, describe

        path = self._socket()
        if path is None:
            return None
        corpus, root = self._options["corpus"], workspace_root(self._options["corpus"], self._options["root"])
        wanted = describe(
            root, corpus, self._options["config_path"], self._options["overrides"], self._system, cache_folder()
        )
        on_text = screen.begin() if screen else None
        return ask_served(path, wanted, question, where=self._where, ranks=ranks, on_text=on_text)

    def _socket(self) -> Path | None:
        from hybrid.serving.client import SOCKET

        path = self._path or workspace_root(self._options["corpus"], self._options["root"]) / SOCKET
        return None if self._no_daemon or not path.exists() else path

    def _own(self) -> "Asker":
        if self._asker is None:
            from hybrid.serving.asking import Asker

            workspace = open_workspace(**self._options)
            self._asker = Asker(self._open_pipeline(workspace, self._system))
        return self._asker


class _Screen:
    """Prints an answer as it grows. Begun again, as by another process, it passes over what stands there already."""

    def __init__(self) -> None:
        self._shown = ""

    def begin(self) -> Any:
        """What takes the pieces of an answer from its beginning on."""
        text = ""

        def put(piece: str) -> None:
            nonlocal text
            text += piece
            if text.startswith(self._shown):
                click.echo(text[len(self._shown) :], nl=False)
                sys.stdout.flush()
                self._shown = text

        return put

    def finish(self, text: str) -> None:
        """Print what is missing of the whole."""
        click.echo(text[len(self._shown) :] if text.startswith(self._shown) else f"\n{text}")


def _answer(answers: Answers, question: str, show_context: bool, as_json: bool) -> None:
    screen = _Screen() if sys.stdout.isatty() and not as_json else None
    told = answers.ask(question, ranks=as_json, screen=screen)
    record, headings = told["record"], told["headings"]
    if as_json:
        show.as_json(record)
        return
    (screen or _Screen()).finish(UNKNOWN if record["answer"] is None else record["answer"])
    if "where" in record:
        show.note(f"searched {record['num_searched']} passages, those with {' and '.join(record['where'])}")
    if record["reason"]:
        kept = f"withheld: {record['generated']!r}," if record["withheld"] else "warning:"
        show.note(f"{kept} {_WHY[record['reason']].format(figures=', '.join(record['unsupported']))}")
    if record["answer"] is not None:
        click.echo("\nSources")
        for citation in record["citations"]:
            heading, source = one_line(headings[citation["passage_id"]]), one_line(citation["source"])
            click.echo(f"  [{citation['marker']}] {heading} ({source}, {citation['score']:.2f})")
            click.echo(f'      "{" ".join(citation["span"].split())}"')
        for statement in record["unsourced"]:
            click.echo(f"  without a source: {statement}")
    if show_context:
        click.echo("\nContext")
        for number, passage in enumerate(record["context"], start=1):
            heading, source = one_line(headings[passage["passage_id"]]), one_line(passage["source"])
            click.echo(f"  [{number}] {heading} ({source})\n      {passage['text']}")
    for order in record["orders"]:
        show.note(
            f"{order['source']} gives orders to whoever answers; left out of what was read: {order['text']!r} "
            "(answering.orders)"
        )
    if record["dropped"]:
        show.note(f"{len(record['dropped'])} passages did not fit generator.context_tokens and were left out")
    if left := record["examples"]["left_out"]:
        show.note(f"{left} worked examples did not fit the model's window (generator.window_tokens) and were left out")


COMMANDS = {"query": query}
