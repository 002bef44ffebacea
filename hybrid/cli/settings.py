"""hybrid config"""

import json
from pathlib import Path
from typing import Any

import click

from hybrid.cli import show
from hybrid.cli.options import json_option


@click.command("config")
@click.option("--config", "config_path", type=click.Path(path_type=Path), default=None, help="YAML file to resolve.")
@click.option("--set", "overrides", multiple=True, metavar="STAGE.KEY=VALUE", help="Override one key.")
@json_option
def config(config_path: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Every key of the configuration, its value and its meaning.

    \b
    Example:
      hybrid config --config configs/default.yaml --set retrieval.k=5
    """
    from pydantic import BaseModel

    from hybrid.config_file import load_config

    resolved = load_config(config_path, overrides)
    if as_json:
        show.as_json(resolved.model_dump(mode="json"))
        return
    for name, field in type(resolved).model_fields.items():
        value = getattr(resolved, name)
        if not isinstance(value, BaseModel):
            click.echo(f"{name}: {value}\n    {field.description}")
            continue
        click.echo(f"\n{name}  ({(type(value).__doc__ or '').strip()})")
        for key, leaf in type(value).model_fields.items():
            click.echo(f"  {name}.{key}: {_text(getattr(value, key))}\n      {leaf.description}")


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_part(part) for part in value) + "]"
    return "empty" if value is None or value == "" else _part(value)


def _part(value: Any) -> str:
    """A text with spaces at its ends, with line breaks or without anything is quoted, as it must be in the file."""
    text = str(value)
    return json.dumps(text) if isinstance(value, str) and (text != text.strip() or "\n" in text or not text) else text


COMMANDS = {"config": config}
