"""Jupyter notebooks: Markdown cells as Markdown, code in fences, and below it what it printed. Nothing is run."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hybrid.corpus.markdown_blocks import closed, fenced
from hybrid.corpus.readers.content import Content, UnreadableError, with_marks
from hybrid.corpus.readers.decoding import decode, storable, without_encoded_data
from hybrid.corpus.readers.markdown import clean_markdown

_LONGEST_OUTPUT = 1_000
"""Characters of one output: a log or a printed table says in its beginning what it is."""
_LANGUAGE = re.compile(r"[\w.+#-]{1,20}")
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""Colours and cursor moves of a terminal."""
_OVERWRITTEN = re.compile(r"^[^\n]*\r(?!\n)", re.MULTILINE)
"""What a progress bar wrote before its last state."""
_STANDS_FOR = re.compile(r"<[^<>\n]*(?: at 0x[0-9a-fA-F]+| object| Axes?)[^<>\n]*>")
"""Python's name of a thing that is shown otherwise: a figure, a page of HTML."""
_SHOWN_OTHERWISE = ("image/", "video/", "audio/", "application/")


def read_notebook(data: bytes) -> Content:
    """Notebooks of every version of the format. Raises `UnreadableError` for what is no notebook."""
    import nbformat

    text, notes = decode(data)
    try:
        notebook = nbformat.convert(nbformat.reader.reads(text), 4)
        cells = list(notebook.cells)
    except RecursionError:
        raise UnreadableError("nested too deeply") from None
    except MemoryError:
        raise
    except Exception as error:  # its readers of old versions raise whatever a missing key makes them
        raise UnreadableError(
            f"no notebook that Jupyter could open ({type(error).__name__}): open it there and save it again"
        ) from None
    told = notebook.get("metadata", {})
    language = _language(told)
    texts = [without_encoded_data("\n\n".join(_blocks(cell, language))) for cell in cells]
    shown, marks = with_marks((f"#cell={number}", text) for number, (text, _) in enumerate(texts, start=1))
    if cleaned := sum(bool(found) for _, found in texts):
        notes = (*notes, (0, f"encoded data removed from {cleaned} cells"))
    title = told.get("title", "") if isinstance(told, Mapping) else ""
    return Content(shown, storable(title) if isinstance(title, str) else "", marks, notes=notes)


def _language(metadata: Any) -> str:
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        part = metadata.get(key, {}) if isinstance(metadata, Mapping) else {}
        found = part.get(name, "") if isinstance(part, Mapping) else ""
        if isinstance(found, str) and _LANGUAGE.fullmatch(found):
            return found
    return ""


def _blocks(cell: Any, language: str) -> Iterator[str]:
    source = storable(_text(cell.get("source", ""))).strip("\n")
    if not source.strip():
        return
    if cell.get("cell_type") == "code":
        yield fenced(source, language)
        yield from map(fenced, filter(None, map(_shortened, _outputs(cell.get("outputs", [])))))
    else:
        yield closed(clean_markdown(source).strip("\n"))


def _outputs(outputs: Any) -> Iterator[str]:
    """What a cell printed, and its results as text. Images, widgets, warnings and tracebacks are left out."""
    printed = ""
    for output in outputs:
        if output.get("output_type") == "stream" and output.get("name", "stdout") == "stdout":
            printed += _text(output.get("text", ""))
            continue
        bundle = output.get("data", {})
        if isinstance(bundle, Mapping) and not any(kind.startswith(_SHOWN_OTHERWISE) for kind in bundle):
            yield printed
            printed = ""
            result = _text(bundle.get("text/plain", ""))
            yield "" if len(result) < 200 and _STANDS_FOR.search(result) else result
    yield printed


def _shortened(output: str) -> str:
    text = storable(_OVERWRITTEN.sub("", _ESCAPES.sub("", output))).strip("\n")
    if len(text) <= _LONGEST_OUTPUT:
        return text if text.strip() else ""
    cut = text.rfind("\n", 0, _LONGEST_OUTPUT)
    return f"{text[: cut if cut > 0 else _LONGEST_OUTPUT]}\n…"


def _text(value: Any) -> str:
    """Text of a notebook, which may be a list of lines."""
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""
