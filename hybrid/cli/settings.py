"""hybrid config"""

import json
from pathlib import Path
from typing import Any

import click

from hybrid.cli import show
from hybrid.cli.options import config_option, json_option, set_option


@click.command("config")
@config_option
@set_option
@json_option
def config(config_path: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Every key of the configuration, its value and its meaning.

    \b
    Example:
      hybrid config --config default --set retrieval.k=5
    """
    from hybrid.config_file import load_config
    from hybrid.config_stage import Stage

    resolved = load_config(config_path, overrides)
    if as_json:
        show.as_json(resolved.model_dump(mode="json"))
        return
    docs = resolved.key_docs()
    for name, value in resolved:
        if not isinstance(value, Stage):
            click.echo(f"{name}: {value}\n    {docs[name]}")
            continue
        click.echo(f"\n{name}  ({(type(value).__doc__ or '').strip()})")
        below = value.key_docs()
        for key, part in value:
            click.echo(f"  {name}.{key}: {_text(part)}\n      {below[key]}")


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_part(part) for part in value) + "]"
    return "empty" if value is None or value == "" else _part(value)


def _part(value: Any) -> str:
    """A text with spaces at its ends, with line breaks or without anything is quoted, as it must be in the file."""
    text = str(value)
    return json.dumps(text) if isinstance(value, str) and (text != text.strip() or "\n" in text or not text) else text


COMMANDS = {"config": config}
