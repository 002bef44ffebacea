"""The lines of an AsciiDoc file that count: conditions are decided, includes are told, comments are gone."""

import re
from collections.abc import Sequence

from hybrid.corpus.readers.decoding import Notes

_CONDITION = re.compile(r"^(ifdef|ifndef|ifeval|endif)::([^\[\]]*)\[(.*)\]\s*$")
_INCLUDE = re.compile(r"^include::([^\[\]]+)\[.*\]\s*$")
ATTRIBUTE = re.compile(r"^:(!?[\w][\w-]*!?):(?:[ \t]+(.*))?$")
VERBATIM = re.compile(r"^(?:-{4,}|\.{4,}|\+{4,}|`{3,}[\w+#-]*)[ \t]*$")
_COMMENT = re.compile(r"^/{4,}[ \t]*$")
_MOST_NOTES = 20


def read_lines(lines: Sequence[str]) -> tuple[list[str], Notes]:
    """What is left, and a note for each file that is not included: nothing beside the file itself is read.

    A condition on attributes holds where the file sets them; one on values (`ifeval`) holds always.
    """
    kept: list[str] = []
    notes: list[tuple[int, str]] = []
    known: set[str] = set()
    open_conditions: list[bool] = []
    failing = 0
    verbatim = comment = ""
    for number, raw in enumerate(lines, start=1):
        line = raw.rstrip()
        if comment:
            comment = "" if line == comment else comment
            continue
        if found := _CONDITION.match(line):
            kind, names, text = found.groups()
            if kind == "endif":
                failing -= bool(open_conditions) and not open_conditions.pop()
                continue
            holds = kind == "ifeval" or _holds(names, known) == (kind == "ifdef")
            if kind == "ifeval" or not text:
                open_conditions.append(holds)
                failing += not holds
            elif holds and not failing:
                kept.append(text)
            continue
        if failing:
            continue
        if found := _INCLUDE.match(line):
            notes.append((number, f"include::{found[1][:100]}[] is not followed"))
            continue
        if verbatim:
            verbatim = "" if line == verbatim else verbatim
        elif VERBATIM.match(line):
            verbatim = "```" if line.startswith("```") else line
        elif _COMMENT.match(line):
            comment = line
            continue
        elif line.startswith("//") and not line.startswith("///"):
            continue
        elif found := ATTRIBUTE.match(line):
            name = found[1].strip("!").lower()
            known.discard(name) if "!" in found[1] else known.add(name)
        kept.append(line)
    if len(notes) > _MOST_NOTES:
        notes = [*notes[:_MOST_NOTES], (0, f"{len(notes) - _MOST_NOTES} more includes are not followed")]
    return kept, tuple(notes)


def _holds(names: str, known: set[str]) -> bool:
    """Whether the attributes are set: any of those between commas, all of those between plus signs."""
    if "+" in names:
        return all(name.strip().lower() in known for name in names.split("+"))
    return any(name.strip().lower() in known for name in names.split(","))
