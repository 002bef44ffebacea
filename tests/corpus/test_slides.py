"""Slides: titles are headings, text comes as it is read, and every passage names its slide."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from pptx import Presentation
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from hybrid.corpus.chunk import chunk
from hybrid.corpus.readers.content import Content, UnreadableError
from hybrid.corpus.readers.slides import read_slides
from hybrid.types import Document

LIMIT = 50_000_000
TITLE, BODY, TITLE_ONLY, BLANK = 0, 1, 5, 6


def saved(show: Any) -> bytes:
    stream = io.BytesIO()
    show.save(stream)
    return stream.getvalue()


def read(show: Any) -> Content:
    return read_slides(saved(show), LIMIT)


def slide(show: Any, layout: int, title: str = "") -> Any:
    made = show.slides.add_slide(show.slide_layouts[layout])
    if title:
        made.shapes.title.text = title
    return made


def box(shapes: Any, left: float, top: float, text: str, height: float = 1) -> None:
    shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(height)).text_frame.text = text


def changed(data: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    source, target = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name in source.namelist():
            file.writestr(name, change(name, source.read(name)))
    return target.getvalue()


def test_titles_lists_notes_and_tables() -> None:
    show = Presentation()
    slide(show, TITLE, "Pump H20").placeholders[1].text = "Manual"
    care = slide(show, BODY, "Care")
    frame = care.placeholders[1].text_frame
    frame.text = "Oil it."
    for level, text in ((1, "Monthly,\vat least"), (0, "Look inside.")):
        paragraph = frame.add_paragraph()
        paragraph.text, paragraph.level = text, level
    care.notes_slide.notes_text_frame.text = "Say this.\n\nAnd that."
    spares = slide(show, BLANK)
    table = spares.shapes.add_table(3, 2, Inches(1), Inches(1), Inches(4), Inches(1)).table
    for cell, text in zip(table.iter_cells(), ("Part", "No", "Seal", "TB|1", "Both", ""), strict=True):
        cell.text = text
    table.cell(2, 0).merge(table.cell(2, 1))
    content = read(show)
    assert content.text == (
        "# Pump H20\n\nManual\n\n## Care\n\n- Oil it.\n  - Monthly, at least\n- Look inside.\n\n"
        "Notes: Say this.\nAnd that.\n\n## Slide 3\n\n"
        "| Part | No |\n| --- | --- |\n| Seal | TB\\|1 |\n| Both |  |"
    )
    document = Document("p.pptx", content.text, "p.pptx", "Pump H20", ".pptx", content.marks)
    passages = chunk([document], tokenize=str.split, chunk_tokens=64)
    assert [(p.source, p.section) for p in passages] == [
        ("p.pptx#slide=1", ""),
        ("p.pptx#slide=2", "Care"),
        ("p.pptx#slide=3", "Slide 3"),
    ]


def test_shapes_are_read_from_the_top_left_whatever_was_drawn_first() -> None:
    show = Presentation()
    shapes = slide(show, TITLE_ONLY, "Flow").shapes
    box(shapes, 5, 3, "right")
    box(shapes, 1, 3.2, "left")
    box(shapes, 1, 5, "bottom")
    group = shapes.add_group_shape()
    box(group.shapes, 1, 2, "group, right of it", 0.5)
    inner = group.shapes.add_group_shape()
    box(inner.shapes, 0.2, 2.1, "group, left", 0.5)
    assert read(show).text == "# Flow\n\ngroup, left\n\ngroup, right of it\n\nleft\n\nright\n\nbottom"


def test_charts_and_diagrams() -> None:
    show = Presentation()
    shapes = slide(show, TITLE_ONLY, "Sales").shapes
    data = CategoryChartData()
    data.categories = ["North", "South"]
    data.add_series("2023", (1, None))
    data.add_series("2024", (2.5, 3))
    chart = shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, Inches(2), Inches(2), Inches(2), data).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Sold pumps"
    told = "# Sales\n\nSold pumps\n\n|  | 2023 | 2024 |\n| --- | --- | --- |\n| North | 1 | 2.5 |\n| South |  | 3 |"
    assert read(show).text == told
    solid = changed(saved(show), lambda _, content: content.replace(b"c:barChart", b"c:area3DChart"))
    assert read_slides(solid, LIMIT).text == told, "python-pptx knows no figures of 3-D charts"
    diagram = (
        '<p:graphicFrame xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><p:nvGraphicFramePr><p:cNvPr id="9" name="d"/>'
        '<p:cNvGraphicFramePr/><p:nvPr/></p:nvGraphicFramePr><p:xfrm><a:off x="0" y="9000000"/><a:ext cx="1" cy="1"/>'
        '</p:xfrm><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/diagram">'
        '<dgm:relIds xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:dm="rId77"/>'
        "</a:graphicData></a:graphic></p:graphicFrame></p:spTree>"
    )
    model = (
        '<dgm:dataModel xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><dgm:ptLst>'
        "<dgm:pt><dgm:t><a:p><a:r><a:t>Sto</a:t></a:r><a:r><a:t>p it.</a:t></a:r></a:p></dgm:t></dgm:pt>"
        "<dgm:pt><dgm:t><a:p/></dgm:t></dgm:pt>"
        "<dgm:pt><dgm:t><a:p><a:r><a:t>Open it.</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst></dgm:dataModel>"
    )

    def add(name: str, content: bytes) -> bytes:
        if name == "ppt/slides/slide1.xml":
            return content.replace(b"</p:spTree>", diagram.encode())
        if name == "ppt/slides/_rels/slide1.xml.rels":
            kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/diagramData"
            more = f'<Relationship Id="rId77" Type="{kind}" Target="../diagrams/data1.xml"/></Relationships>'
            return content.replace(b"</Relationships>", more.encode())
        return content

    data_file = io.BytesIO(changed(saved(show), add))
    with zipfile.ZipFile(data_file, "a") as file:
        file.writestr("ppt/diagrams/data1.xml", model)
    assert read_slides(data_file.getvalue(), LIMIT).text.endswith("| South |  | 3 |\n\n- Stop it.\n- Open it.")


def test_all_plots_of_a_chart_and_no_more_points_than_it_has() -> None:
    show = Presentation()
    shapes = slide(show, TITLE_ONLY, "Sales").shapes
    data = CategoryChartData()
    data.categories = ["North"]
    data.add_series("Sold", (1,))
    shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, Inches(2), Inches(2), Inches(2), data)
    points = XyChartData()
    for name, places in (("Day", ((1.5, 20), (2.5, 30))), ("Night", ((8, 9),))):
        series = points.add_series(name)
        for x, y in places:
            series.add_data_point(x, y)
    shapes.add_chart(XL_CHART_TYPE.XY_SCATTER, 0, Inches(5), Inches(2), Inches(2), points)

    def more(name: str, content: bytes) -> bytes:
        if not name.startswith("ppt/charts/chart") or b"c:barChart" not in content:
            return content
        start, end = content.index(b"<c:ser>"), content.index(b"</c:ser>") + len("</c:ser>")
        line = b"<c:lineChart>" + content[start:end].replace(b"Sold", b"Planned") + b"</c:lineChart>"
        content = content.replace(b"</c:barChart>", b"</c:barChart>" + line)
        return content.replace(b'<c:ptCount val="1"/>', b'<c:ptCount val="2000000000"/>')

    assert read_slides(changed(saved(show), more), LIMIT).text == (
        "# Sales\n\n|  | Sold | Planned |\n| --- | --- | --- |\n| North | 1 | 1 |\n\n"
        "|  | Day |\n| --- | --- |\n| 1.5 | 20 |\n| 2.5 | 30 |\n\n|  | Night |\n| --- | --- |\n| 8 | 9 |"
    )


def test_hidden_slides_and_what_every_slide_repeats() -> None:
    show = Presentation()
    slide(show, TITLE_ONLY, "Shown")
    slide(show, TITLE_ONLY, "Draft").element.set("show", "0")
    shapes = slide(show, TITLE_ONLY, "Also shown").shapes
    box(shapes, 1, 5, "Text.")
    content = read(show)
    assert content.text == "# Shown\n\n## Also shown\n\nText."
    assert content.notes == ((0, "hidden slides are left out: 2"),)
    assert [mark for _, mark in content.marks] == ["#slide=1", "#slide=3"]


def test_slides_in_another_language() -> None:
    show = Presentation()
    made = slide(show, BODY, "Насос")
    made.placeholders[1].text_frame.text = "密封件每年更换。"
    made.notes_slide.notes_text_frame.text = "Größe nennen."
    assert read(show).text == "# Насос\n\n密封件每年更换。\n\nNotes: Größe nennen."


def test_hostile_slides() -> None:
    show = Presentation()
    box(slide(show, TITLE_ONLY, "Pump").shapes, 1, 2, "It hums.")
    data = saved(show)

    def entities(name: str, content: bytes) -> bytes:
        if name != "ppt/slides/slide1.xml":
            return content
        outside = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
        return outside + content.partition(b"?>")[2].replace(b"It hums.", b"&a;")

    with pytest.raises(UnreadableError, match="defines entities"):
        read_slides(changed(data, entities), LIMIT)

    # one slide that the list names ten thousand times
    def again(name: str, content: bytes) -> bytes:
        if name != "ppt/presentation.xml":
            return content
        start, end = content.index(b"<p:sldId "), content.index(b"</p:sldIdLst>")
        return content[:start] + content[start:end] * 10_000 + content[end:]

    assert read_slides(changed(data, again), LIMIT).text == "# Pump\n\nIt hums."

    deep = b'<p:grpSp><p:nvGrpSpPr><p:cNvPr id="9" name="g"/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>'

    def nested(name: str, content: bytes) -> bytes:
        inner = deep * 100 + b"</p:grpSp>" * 100 + b"</p:spTree>"
        return content.replace(b"</p:spTree>", inner) if name == "ppt/slides/slide1.xml" else content

    assert read_slides(changed(data, nested), LIMIT).text == "# Pump\n\nIt hums."
    bomb = io.BytesIO(data)
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("ppt/slides/slide9.xml", b" " * 20_000_000)
    with pytest.raises(UnreadableError, match=r"^unpacks to 2\d MB: more than corpus.max_file_mb allows"):
        read_slides(bomb.getvalue(), 10_000_000)
    with pytest.raises(UnreadableError, match="locked by a password, or of a format before 2007"):
        read_slides(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, LIMIT)
