"""hybrid preflight"""

from typing import TYPE_CHECKING, Any

import click

from hybrid.cli import show
from hybrid.cli.options import json_option, open_workspace, workspace_options

if TYPE_CHECKING:
    from pathlib import Path

METHODS = ("embed", "raft", "dpo", "grpo")


@click.command()
@workspace_options
@click.option(
    "--method",
    "methods",
    type=click.Choice(METHODS),
    multiple=True,
    default=("embed", "raft"),
    show_default=True,
    help="What is to be trained; may be repeated.",
)
@click.option("--init", is_flag=True, help="Write a task.yaml to fill in, where there is none, and ask nothing.")
@json_option
def preflight(methods: tuple[Any, ...], init: bool, as_json: bool, **options: Any) -> None:
    """Should tuning start at all? Each question is answered with evidence; exits with 2 where one has no good answer.

    The training commands ask the hard ones themselves and stop on them unless forced.

    \b
    Example:
      hybrid preflight --corpus corpora/pumps --init
      hybrid preflight --corpus corpora/pumps --method embed
    """
    workspace = open_workspace(**options)
    if init:
        _init(workspace.corpus.task_file, as_json)
        return
    from hybrid.lifecycle.preflight import situation_of
    from hybrid.preflight.preflight import ask, summary, write_summary

    with workspace.lock():
        situation = situation_of(workspace, methods)
        told = summary(ask(situation), situation)
        path = write_summary(told, workspace.root)
    if as_json:
        show.as_json({**told, "path": str(path)})
    else:
        _print(told, path)
    if not told["ready"]:
        raise SystemExit(2)


def _init(path: "Path", as_json: bool) -> None:
    from hybrid.artifacts import write_text
    from hybrid.corpus.task import TEMPLATE
    from hybrid.errors import InputError

    if not path.parent.is_dir():
        raise InputError(path.parent, "no such corpus folder", "give --corpus a folder that is there")
    written = not path.exists()
    if written:
        write_text(path, TEMPLATE)
    if as_json:
        show.as_json({"path": str(path), "written": written})
    else:
        click.echo(
            f"{path}: {'fill it in, then run hybrid preflight' if written else 'is there already, left as it is'}"
        )


def _print(told: dict[str, Any], path: "Path") -> None:
    click.echo(f"{told['sentence']}\n")
    rows = []
    for answer in told["answers"]:
        status = answer["status"]
        rows.append([answer["question"], status, "stops" if answer["hard"] else "", _evidence(answer)])
    show.table(["", "answer", "a no", "evidence"], rows, wrap=True)
    lacking = [answer for answer in told["answers"] if answer["status"] != "yes" and answer["next"]]
    for answer in lacking:
        click.echo(f"{answer['key']}: {answer['next']}")
    click.echo(f"{chr(10) if lacking else ''}written: {path}")


def _evidence(answer: dict[str, Any]) -> str:
    parts = ((part["text"], part["file"]) for part in answer["evidence"])
    return "\n".join(f"{text} ({file})" if file else text for text, file in parts)


COMMANDS = {"preflight": preflight}
