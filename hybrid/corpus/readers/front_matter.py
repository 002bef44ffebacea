"""YAML front matter: what the top of a Markdown file says of the file."""

from collections.abc import Mapping
from typing import Any

import yaml

from hybrid.corpus.metadata import allowed
from hybrid.corpus.readers.decoding import Notes
from hybrid.types import MetadataValue

_LONGEST = 20_000
"""Characters of front matter that are read: the parser takes a second for a few times as many."""
_TITLE = "title"


class _Loader(yaml.SafeLoader):
    """Without aliases: merged into one another, a few lines of them are gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            parser: Any = self
            mark = parser.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="aliases (`*name`) are not allowed", problem_mark=mark)
        return super().compose_node(parent, index)


def _date(loader: _Loader, node: yaml.ScalarNode) -> str:
    """ISO text; as it is written where there is no such day."""
    try:
        return str(loader.construct_yaml_timestamp(node).isoformat())
    except ValueError:
        return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _date)


def read_front_matter(text: str) -> tuple[Mapping[str, MetadataValue], Notes]:
    """Scalars and lists of scalars of the top level but the title, which documents have a place for.

    `text` begins at the second line of its file. What is nested is left out. Bad YAML is a note, and no metadata.
    """
    if len(text) > _LONGEST:
        return {}, ((1, f"front matter of more than {_LONGEST // 1000} kB is not read"),)
    try:
        fields = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        return {}, ((line, f"front matter is not read: {str(error.problem)[:80]}"),)
    except MemoryError:
        raise
    except Exception as error:  # values that their tags or Python's own limits forbid: PyYAML lets them through
        return {}, ((1, f"front matter is not read: {type(error).__name__}"),)
    if fields is not None and not isinstance(fields, dict):
        return {}, ((1, "front matter is not read: it has no keys"),)
    found, _ = allowed(fields or {})
    return {key: value for key, value in found.items() if key != _TITLE}, ()
