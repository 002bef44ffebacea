"""Notebooks: cells in their order, code in fences, what it printed below it; nothing that is shown as a picture."""

import json

import nbformat
import pytest
from nbformat import v4

from hybrid.corpus.chunk import chunk
from hybrid.corpus.readers.content import UnreadableError
from hybrid.corpus.readers.notebook import read_notebook
from hybrid.types import Document


def notebook(*cells: nbformat.NotebookNode) -> bytes:
    made = v4.new_notebook(cells=list(cells), metadata={"language_info": {"name": "python"}})
    return nbformat.writes(made).encode()


def code(source: str, *outputs: nbformat.NotebookNode) -> nbformat.NotebookNode:
    return v4.new_code_cell(source, outputs=list(outputs))


def printed(text: str, name: str = "stdout") -> nbformat.NotebookNode:
    return v4.new_output("stream", name=name, text=text)


def result(**data: str) -> nbformat.NotebookNode:
    return v4.new_output("execute_result", data={kind.replace("__", "/"): text for kind, text in data.items()})


def test_cells_and_what_they_printed() -> None:
    content = read_notebook(
        notebook(
            v4.new_markdown_cell("# Wear of seals\n\nSee ![the plot](attachment:plot.png).<!-- draft -->"),
            code(
                "print(mean)\nmean",
                printed("12.5"),
                printed(" days\n"),
                printed("careful\n", "stderr"),
                result(text__plain="12.5"),
            ),
            code("frame", result(text__plain="   part\n0  seal", text__html="<table><tr><td>seal</td></tr></table>")),
            code("frame.plot()", result(text__plain="<Axes: xlabel='part'>", image__png="aGVsbG8=")),
            code("axes", result(text__plain="[<matplotlib.lines.Line2D at 0x7f00>]")),
            code("1 / 0", v4.new_output("error", ename="ZeroDivisionError", evalue="x", traceback=["\x1b[31mtrace"])),
            code(""),
            v4.new_raw_cell("As it is."),
        )
    )
    assert content.text == (
        "# Wear of seals\n\nSee the plot.\n\n"
        "```python\nprint(mean)\nmean\n```\n\n```\n12.5 days\n```\n\n```\n12.5\n```\n\n"
        "```python\nframe\n```\n\n```\n   part\n0  seal\n```\n\n"
        "```python\nframe.plot()\n```\n\n```python\naxes\n```\n\n```python\n1 / 0\n```\n\nAs it is."
    )
    assert [mark for _, mark in content.marks] == [f"#cell={n}" for n in (1, 2, 3, 4, 5, 6, 8)]
    assert all(content.text[place - 2 : place] in ("", "\n\n") for place, _ in content.marks)


def test_passages_of_a_notebook_name_their_cell() -> None:
    content = read_notebook(
        notebook(v4.new_markdown_cell("# Seals\n\nThey wear."), v4.new_markdown_cell("## Steel\n\nIt does not."))
    )
    document = Document("n.ipynb", content.text, "n.ipynb", "Seals", ".ipynb", content.marks)
    passages = chunk([document], tokenize=str.split, chunk_tokens=64)
    assert [(p.source, p.section, p.text) for p in passages] == [
        ("n.ipynb#cell=1", "", "They wear."),
        ("n.ipynb#cell=2", "Steel", "It does not."),
    ]


def test_a_notebook_of_version_3() -> None:
    old = {
        "metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0,
        "worksheets": [{"metadata": {}, "cells": [
            {"cell_type": "heading", "level": 2, "metadata": {}, "source": ["Old ways"]},
            {"cell_type": "code", "collapsed": False, "input": ["1 +\n", "1"], "language": "python", "metadata": {},
             "outputs": [{"metadata": {}, "output_type": "pyout", "prompt_number": 1, "text": ["2"]},
                         {"output_type": "stream", "stream": "stdout", "text": ["two\n"]}], "prompt_number": 1},
        ]}],
    }  # fmt: skip
    text = read_notebook(json.dumps(old).encode()).text
    assert text == "## Old ways\n\n```\n1 +\n1\n```\n\n```\n2\n```\n\n```\ntwo\n```"


def test_fences_hold_what_is_in_them() -> None:
    content = read_notebook(
        notebook(
            v4.new_markdown_cell("```\nnever closed"), code('text = """\n```\n"""'), v4.new_markdown_cell("Prose.")
        )
    )
    assert content.text == '```\nnever closed\n```\n\n````python\ntext = """\n```\n"""\n````\n\nProse.'


def test_long_outputs_progress_bars_and_colours() -> None:
    log = "".join(f"epoch {n}\n" for n in range(1000))
    content = read_notebook(
        notebook(code("train()", printed(log)), code("bar()", printed(" 1 %\r50 %\r\x1b[32m100 %\x1b[0m\n")))
    )
    first, _, second = content.text.partition("\n…\n")
    assert first.endswith("\nepoch 110") and len(first) < 1100
    assert second.endswith("```\n100 %\n```")


def test_a_notebook_in_another_language() -> None:
    content = read_notebook(
        notebook(v4.new_markdown_cell("# Износ\n\nУплотнение из стали."), code("print('密封件')", printed("密封件\n")))
    )
    assert content.text == "# Износ\n\nУплотнение из стали.\n\n```python\nprint('密封件')\n```\n\n```\n密封件\n```"
    assert content.notes == ()


def test_encoded_data_in_cells_is_no_text() -> None:
    content = read_notebook(notebook(v4.new_markdown_cell("Kept."), code("image = '" + "A1b/" * 500 + "'")))
    assert content.text == "Kept.\n\n```python\nimage =  \n```"
    assert content.notes == ((0, "encoded data removed from 1 cells"),)


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[1]",
        b'{"a": 1}',
        b'{"nbformat": 9, "cells": []}',
        b'{"nbformat": 4, "metadata": {}, "cells": [3]}',
        b'{"nbformat": 4, "metadata": {}, "cells": 3}',
    ],
)
def test_what_is_no_notebook(data: bytes) -> None:
    with pytest.raises(UnreadableError, match=r"no notebook that Jupyter could open \(\w+\): open it there"):
        read_notebook(data)


def test_a_notebook_nested_too_deeply() -> None:
    deep = b'{"nbformat": 4, "metadata": ' + b'{"a": ' * 100_000 + b"1" + b"}" * 100_000 + b', "cells": []}'
    with pytest.raises(UnreadableError, match="nested too deeply"):
        read_notebook(deep)
