"""reStructuredText by docutils; directives and roles that only Sphinx knows give their text."""

import re
from typing import Any

from hybrid.corpus.markdown_blocks import table
from hybrid.corpus.readers.content import Content, UnreadableError
from hybrid.corpus.readers.decoding import decode, without_encoded_data

_DIRECTIVE = re.compile(r"^[ \t]*\.\. ([\w:.+-]+)::", re.MULTILINE)
_ROLE = re.compile(r":([\w:.+-]+):`")
_REPLACED = re.compile(r"^([ \t]*)\.\. \|[^|\n]+\|[ \t]+replace::([^\n]*(?:\n\1[ \t]+[^\n]*)*)", re.MULTILINE)
_MOST_NESTED = 20
"""Substitutions inside substitutions: thirty lines of them are gigabytes."""
_SETTINGS = {
    # nothing beside the file itself is read, nothing is run
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "report_level": 5,
    "halt_level": 5,
    "input_encoding": "unicode",
    "_disable_config": True,
    "line_length_limit": 1_000_000,
}
_MOST_WORK = 500_000
"""Characters of a paragraph times the marks in it: 5 kB with 100 marks are more than people write."""
_MOST_WRONG = 5_000
"""Marks of a document that do not end: each becomes a node and a message."""
_MARKS = str.maketrans("", "", "*`|_[")
_MOST_NOTES = 20
_UNSEEN = {
    "comment", "substitution_definition", "target", "system_message", "raw", "pending", "image", "meta", "docinfo",
    "generated",
}  # fmt: skip
_VERSIONS = {
    "versionadded": "New in version", "versionchanged": "Changed in version", "deprecated": "Deprecated since version",
    "versionremoved": "Removed in version",
}  # fmt: skip
"""Directives of Sphinx that begin with a version, which alone says nothing."""
_NAMED = {"note", "warning", "caution", "danger", "attention", "important", "tip", "hint", "error"}


def read_restructured(data: bytes) -> Content:
    """Headings, lists, tables and code as Markdown. Raises `UnreadableError` for substitutions that multiply."""
    from docutils.core import publish_doctree
    from docutils.parsers.rst import Parser

    text, notes = decode(data)
    text, cleaned = without_encoded_data(text)
    if sum(found[2].count("|") // 2 for found in _REPLACED.finditer(text)) > _MOST_NESTED:
        raise UnreadableError(f"its substitutions name more than {_MOST_NESTED} others")
    _know(text)
    plain: list[int] = []
    document = publish_doctree(text, parser=Parser(inliner=_inliner(plain)), settings_overrides=_SETTINGS)
    told = tuple(
        (line, "the marks of a paragraph stay in its text: there are too many") for line in plain[:_MOST_NOTES]
    )
    title = str(document.get("title", ""))
    return Content("\n\n".join(_blocks(document, 2)), title=title, notes=notes + cleaned + told)


def _inliner(plain: list[int]) -> Any:
    """Looks for marks in paragraphs that a person may have written; the lines of others join `plain`. For each mark
    that does not end docutils reads the whole rest of the paragraph."""
    from docutils.nodes import Text
    from docutils.parsers.rst.states import Inliner

    inliner = Inliner()
    parse = inliner.parse
    wrong = 0

    def parse_what_people_write(text: str, line: int, memo: Any, parent: Any) -> Any:
        nonlocal wrong
        num_marks = len(text) - len(text.translate(_MARKS))
        if wrong > _MOST_WRONG or len(text) * num_marks > _MOST_WORK:
            plain.append(line)
            return [Text(text)], []
        found, messages = parse(text, line, memo, parent)
        wrong += len(messages)
        return found, messages

    inliner.parse = parse_what_people_write
    return inliner


def _know(text: str) -> None:
    """Register the directives and roles of the text that docutils lacks."""
    from docutils import nodes
    from docutils.parsers.rst import Directive, directives, roles
    from docutils.parsers.rst.directives.body import CodeBlock
    from docutils.utils import new_document

    class Container(Directive):  # type: ignore[misc]
        """Argument and content as text; options are dropped."""

        has_content = True
        optional_arguments = 1
        final_argument_whitespace = True

        def run(self) -> list[Any]:
            box = nodes.container()
            if self.arguments and self.name not in ("toctree", "index", "highlight", "currentmodule", "module"):
                box += self._paragraph(" ".join(self.arguments[0].split()))
            if self.name not in ("toctree", "index"):
                self.state.nested_parse(self.content, self.content_offset, box)
            return [box]

        def _paragraph(self, argument: str) -> Any:
            lead = _VERSIONS.get(self.name)
            if lead is None:
                return nodes.paragraph("", argument)
            version, _, more = argument.partition(" ")
            told, _ = self.state.inline_text(more, self.lineno)
            return nodes.paragraph("", "", nodes.Text(f"{lead} {version}: " if more else f"{lead} {version}."), *told)

    class AnyOption(dict[str, Any]):
        """Sphinx has options that docutils lacks (`:caption:`), for which it would drop the whole block."""

        def __missing__(self, name: str) -> Any:
            return directives.unchanged

    class Code(CodeBlock):  # type: ignore[misc]
        """Code with any option; a caption, often a file's name, stands above it."""

        option_spec = AnyOption(CodeBlock.option_spec)

        def run(self) -> list[Any]:
            caption = self.options.get("caption", "")
            return [*([nodes.paragraph("", caption)] if caption else []), *super().run()]

    def as_text(name: str, raw: str, text: str, *_: Any, **__: Any) -> tuple[list[Any], list[Any]]:
        shown = re.sub(r"\s*<[^<>]*>$", "", text).lstrip("~!")
        return [nodes.inline(raw, shown)], []

    scratch = new_document("")
    english = _english()
    for name in ("code", "code-block", "sourcecode"):
        directives.register_directive(name, Code)
    for name in set(_DIRECTIVE.findall(text)):
        if directives.directive(name.lower(), english, scratch)[0] is None:
            directives.register_directive(name.lower(), Container)
    for name in set(_ROLE.findall(text)):
        if name.lower() not in roles._roles and name.lower() not in roles._role_registry:
            roles.register_local_role(name.lower(), as_text)


def _english() -> Any:
    from docutils.parsers.rst.languages import get_language

    return get_language("en")


def _blocks(parent: Any, level: int) -> list[str]:
    return [block for node in parent.children for block in _block(node, level) if block.strip()]


def _block(node: Any, level: int) -> list[str]:
    kind = node.tagname
    if kind in _UNSEEN:
        return []
    if kind == "title":
        # only the document's own title stands right below it
        depth = 1 if node.parent.tagname == "document" else level - 1
        return [f"{'#' * min(depth, 6)} {_line(node)}"]
    if kind == "subtitle":
        return [f"## {_line(node)}"]
    if kind == "section":
        return _blocks(node, level + 1)
    if kind in ("literal_block", "doctest_block"):
        return [f"```\n{node.astext()}\n```"]
    if kind in ("bullet_list", "enumerated_list"):
        return ["\n".join(_items(node, ""))]
    if kind == "definition_list_item":
        terms = ", ".join(_line(part) for part in node.children if part.tagname == "term")
        return _led(
            f"{terms}: ", [b for part in node.children if part.tagname == "definition" for b in _blocks(part, level)]
        )
    if kind in ("field", "option_list_item"):
        return _led(f"{_line(node.children[0])}: ", _blocks(node.children[-1], level))
    if kind in ("footnote", "citation"):
        return _led(f"[{_line(node.children[0])}] ", [b for part in node.children[1:] for b in _block(part, level)])
    if kind in _NAMED:
        return _led(f"{kind.capitalize()}: ", _blocks(node, level))
    if kind == "table":
        return [*(_line(part) for part in node.children if part.tagname == "title"), _table(node)]
    if kind == "line_block":
        return ["\n".join(_line(part) for part in node.children)]
    if not node.children or kind in ("paragraph", "rubric", "caption", "attribution", "term"):
        return [_line(node)]
    return _blocks(node, level)


def _led(lead: str, blocks: list[str]) -> list[str]:
    """The blocks, the first of them behind `lead`; a block of code starts on its own line."""
    if not blocks or blocks[0].startswith(("```", "|")):
        return [lead.rstrip(": "), *blocks]
    return [f"{lead}{blocks[0]}", *blocks[1:]]


def _items(node: Any, indent: str) -> list[str]:
    lines: list[str] = []
    for number, item in enumerate(node.children, start=1):
        mark = "- " if node.tagname == "bullet_list" else f"{number}. "
        for part in item.children:
            if part.tagname in ("bullet_list", "enumerated_list"):
                lines += _items(part, f"{indent}  ")
                continue
            for line in (line for block in _block(part, 6) for line in block.split("\n")):
                lines.append(f"{indent}{mark}{line}")
                mark = "  "
    return lines


def _table(node: Any) -> str:
    rows = [[_line(entry) for entry in row.children] for row in node.findall(lambda n: n.tagname == "row")]
    has_header = any(True for _ in node.findall(lambda n: n.tagname == "thead"))
    return table(rows, header=has_header)


def _line(node: Any) -> str:
    return " ".join(node.astext().split())
