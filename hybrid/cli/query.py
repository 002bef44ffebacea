"""hybrid query"""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from hybrid.cli import show
from hybrid.cli.options import (
    SystemChoice,
    json_option,
    open_workspace,
    quiet_progress_of_libraries,
    system_option,
    workspace_options,
)

if TYPE_CHECKING:
    from hybrid.answering.pipeline import Pipeline
    from hybrid.types import Answer, Hit

UNKNOWN = "I don't know: the documents found do not answer this."


@click.command()
@click.argument("question", required=False)
@workspace_options
@system_option
@click.option("--show-context", is_flag=True, help="Print the passages that the generator saw.")
@json_option
def query(question: str | None, system: SystemChoice, show_context: bool, as_json: bool, **options: Any) -> None:
    """Answer a question with citations, or say that it is not known. Without QUESTION: ask one after another.

    \b
    Example:
      hybrid query --corpus corpora/pumps "How tight are the tie rods of the H20?"
    """
    workspace = open_workspace(**options)
    pipeline = workspace.pipeline(workspace.choose(system))
    quiet_progress_of_libraries()
    if question is not None:
        _answer(pipeline, question, show_context, as_json)
        return
    if sys.stdin.isatty():
        show.note("Ask; an empty line ends.")
    while (line := _read_line()) is not None:
        _answer(pipeline, line, show_context, as_json)


def _read_line() -> str | None:
    if sys.stdin.isatty():
        click.echo("? ", nl=False, err=True)
    line = sys.stdin.readline().strip()
    return line or None


def _answer(pipeline: "Pipeline", question: str, show_context: bool, as_json: bool) -> None:
    from hybrid.answering.pipeline import Request

    hits = pipeline.retrieve([question])[0]
    answer = pipeline.answer([Request(question, pipeline.lookup(hits))])[0]
    if as_json:
        halves = {name: rows[0] for name, rows in pipeline.halves([question]).items()}
        show.as_json(_record(pipeline, question, answer, hits, halves))
        return
    click.echo(UNKNOWN if answer.served_abstention else answer.text)
    if answer.withheld:
        show.note(f"withheld: {answer.text!r}, as no cited passage contains {', '.join(answer.unsupported)}")
    elif answer.unsupported:
        show.note(f"warning: no cited passage contains {', '.join(answer.unsupported)}")
    if not answer.served_abstention:
        scores = {hit.passage_id: hit.score for hit in hits}
        click.echo("\nSources")
        for citation in answer.citations:
            passage = pipeline.passages[citation.passage_id]
            click.echo(f"  [{citation.marker}] {passage.heading} ({passage.source}, {scores[passage.id]:.2f})")
            click.echo(f'      "{citation.span}"')
        if not answer.citations:
            click.echo("  none cited")
    if show_context:
        click.echo("\nContext")
        for number, identity in enumerate(answer.context, start=1):
            passage = pipeline.passages[identity]
            click.echo(f"  [{number}] {passage.heading} ({passage.source})\n      {passage.text}")
    if answer.dropped:
        show.note(f"{len(answer.dropped)} passages did not fit generator.context_tokens and were left out")


def _record(
    pipeline: "Pipeline", question: str, answer: "Answer", hits: list["Hit"], halves: Mapping[str, list["Hit"]]
) -> dict[str, Any]:
    scores = {hit.passage_id: hit.score for hit in hits}
    places = {name: {hit.passage_id: hit.rank for hit in found} for name, found in halves.items()}
    return {
        "question": question,
        "answer": None if answer.served_abstention else answer.text,
        "abstained": answer.abstained,
        "withheld": answer.withheld,
        "unsupported": list(answer.unsupported),
        "generated": answer.text,
        "citations": [
            {
                "marker": citation.marker,
                "passage_id": citation.passage_id,
                "title": pipeline.passages[citation.passage_id].title,
                "section": pipeline.passages[citation.passage_id].section,
                "source": pipeline.passages[citation.passage_id].source,
                "span": citation.span,
                "score": scores[citation.passage_id],
            }
            for citation in answer.citations
        ],
        "context": [
            {
                "passage_id": identity,
                "score": scores[identity],
                **({"ranks": {name: place.get(identity) for name, place in places.items()}} if places else {}),
                "text": pipeline.passages[identity].text,
            }
            for identity in answer.context
        ],
        "dropped": list(answer.dropped),
    }


COMMANDS = {"query": query}
