"""What is installed beside the code: configurations that have names, general items and instructions."""

from pathlib import Path
from typing import Literal

Bundled = Literal["bundled"]
"""What a configuration says instead of a path, so that it means the same in every folder."""


def general_items(named: Path | Bundled) -> Path:
    """The file of multiple-choice items that a configuration names."""
    return _folder() / "general" / "items.jsonl" if named == "bundled" else Path(named)


def general_instructions(named: Path | Bundled) -> Path:
    """The file of instructions and responses that a configuration names."""
    return _folder() / "general" / "instructions.jsonl" if named == "bundled" else Path(named)


def configurations() -> dict[str, Path]:
    """The bundled configurations by their names, in alphabetical order."""
    return {file.stem: file for file in sorted((_folder() / "configs").glob("*.yaml"))}


def find_configuration(named: Path) -> Path:
    """The bundled configuration of that name, unless a file has it; else the path as it is, whether it exists or not.

    A file wins: the names of bundled ones may become more, and no call of today must mean another thing then.
    """
    return named if named.is_file() else configurations().get(str(named), named)


def _folder() -> Path:
    # for the few commands that need a file, not for all that start
    from importlib import resources

    return Path(str(resources.files(__name__)))
