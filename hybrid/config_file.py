"""Reading a configuration: YAML first, then `--set stage.key=value`, then validation with errors that name the key."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from hybrid.artifacts import sha256_file
from hybrid.config import Config
from hybrid.errors import ConfigError, InputError
from hybrid.resources import configurations

_NO_YAML = (yaml.YAMLError, ValueError)
"""PyYAML lets through what Python makes of a value."""
_MOST_NESTED = 100
_MOST_VALUES = 100_000


def load_config(path: Path | None, overrides: tuple[str, ...] = ()) -> Config:
    """Read YAML (or take the defaults), apply `stage.key=value` overrides, validate.

    Raises `InputError` for a file that is not YAML, `ConfigError` for unknown keys and wrong types.
    """
    values: dict[str, Any] = {}
    if path is not None:
        if not path.is_file():
            names = ", ".join(configurations())
            raise InputError(path, "no such configuration file", f"name a file, or a bundled one: {names}")
        values = read_yaml(path)
        if not isinstance(values, dict):
            raise InputError(path, "the configuration must be a mapping of sections")
    for override in overrides:
        _apply(values, override)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_describe(error, path), "`hybrid config` lists every key with its meaning") from None


def read_yaml(path: Path) -> Any:
    """What a YAML file holds; an empty mapping where it holds nothing. Raises `InputError` with the line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        _check_size(text)
        values = yaml.safe_load(text)
    except _TooLargeError as error:
        raise InputError(path, str(error), "a configuration needs neither: write it out plainly") from None
    except _NO_YAML as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        raise InputError(
            path, f"not valid YAML{_why(error)}", "check indentation and colons there", line=line
        ) from None
    return {} if values is None else values


class _TooLargeError(Exception):
    """YAML that would take more memory or recursion than any configuration."""


def _check_size(text: str) -> None:
    """Raise `_TooLargeError` for YAML nested too deeply, or of too many values once its aliases are written out.

    The events are read one by one: the text is refused before anything is made of it.
    """
    sizes: dict[str, int] = {}
    unfinished: list[tuple[str | None, int]] = [(None, 0)]
    for event in yaml.parse(text, yaml.SafeLoader):
        anchor, size = getattr(event, "anchor", None), 1
        if isinstance(event, yaml.CollectionStartEvent):
            unfinished.append((anchor, 0))
            if len(unfinished) > _MOST_NESTED:
                raise _TooLargeError(f"nested more than {_MOST_NESTED} deep")
            continue
        if isinstance(event, yaml.AliasEvent):
            # one that stands within what it names has no end
            size = sizes.get(anchor or "", _MOST_VALUES + 1)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = unfinished.pop()
        elif not isinstance(event, yaml.ScalarEvent):
            continue
        if anchor is not None and not isinstance(event, yaml.AliasEvent):
            sizes[anchor] = size
        outer, so_far = unfinished.pop()
        unfinished.append((outer, so_far + size))
        if so_far + size > _MOST_VALUES:
            raise _TooLargeError(f"more than {_MOST_VALUES:,} values with its aliases (`*name`) written out")


def digest_of(file: Path) -> str:
    """SHA-256 of a file that a configuration names. Raises `InputError` where it is not there."""
    if not file.is_file():
        remedy = "paths in a configuration start at the folder where `hybrid` is called"
        raise InputError(file, "no such file", remedy)
    return sha256_file(file)


def _apply(values: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key.strip():
        raise ConfigError(f"--set {override}: expected stage.key=value", "for example --set retrieval.k=5")
    *sections, leaf = key.strip().split(".")
    node = values
    for section in sections:
        if node.get(section) is None:
            node[section] = {}
        child = node[section]
        if not isinstance(child, dict):
            raise ConfigError(f"--set {override}: {section} is not a section")
        node = child
    try:
        _check_size(text)
        node[leaf] = yaml.safe_load(text)
    except _TooLargeError as error:
        raise ConfigError(f"--set {override[:80]}…: {error}", "write the value plainly") from None
    except _NO_YAML as error:
        raise ConfigError(f"--set {override}: the value is not valid YAML{_why(error)}") from None


def _why(error: Exception) -> str:
    """What stands beside a line: of a date that there is not."""
    return "" if isinstance(error, yaml.YAMLError) else f" ({error})"


def _describe(error: ValidationError, path: Path | None) -> str:
    lines = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"])
        reason = "unknown key" if item["type"] == "extra_forbidden" else item["msg"].removeprefix("Value error, ")
        lines.append(f"  {key}: {reason}" if key else f"  {reason}")
    return f"{path or 'configuration'}:\n" + "\n".join(lines)
