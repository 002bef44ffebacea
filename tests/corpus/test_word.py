"""Word files: all that a reader of the page sees is read, once, and no number in a file makes it grow."""

import io
import resource
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import docx
import pytest

from hybrid.corpus.readers.content import UnreadableError
from hybrid.corpus.readers.word import read_word

LIMIT = 50_000_000
OFFICE = "http://schemas.openxmlformats.org"
RELATION = f"{OFFICE}/officeDocument/2006/relationships"
NAMES = {
    "w": f"{OFFICE}/wordprocessingml/2006/main",
    "m": f"{OFFICE}/officeDocument/2006/math",
    "mc": f"{OFFICE}/markup-compatibility/2006",
    "r": RELATION,
    "v": "urn:schemas-microsoft-com:vml",
    "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
}
SPACES = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in NAMES.items())


def word(body: str, parts: Mapping[str, str] | None = None, styles: str = "") -> bytes:
    """A DOCX of a body in WordprocessingML. `parts`: contents by name (`footnotes`, `header1` …), each with the
    relation `r-NAME`; more styles."""
    stream = io.BytesIO()
    docx.Document().save(stream)
    source, target = zipfile.ZipFile(stream), io.BytesIO()
    related = types = ""
    for name in parts or {}:
        kind = name.rstrip("0123456789")
        related += f'<Relationship Id="r-{name}" Type="{RELATION}/{kind}" Target="{name}.xml"/>'
        content_type = f"application/vnd.openxmlformats-officedocument.wordprocessingml.{kind}+xml"
        types += f'<Override PartName="/word/{name}.xml" ContentType="{content_type}"/>'
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name in source.namelist():
            content = source.read(name)
            if name == "word/document.xml":
                content = f"<w:document {SPACES}><w:body>{body}</w:body></w:document>".encode()
            content = content.replace(b"</w:styles>", f"{styles}</w:styles>".encode())
            content = content.replace(b"</Types>", f"{types}</Types>".encode())
            if name == "word/_rels/document.xml.rels":
                content = content.replace(b"</Relationships>", f"{related}</Relationships>".encode())
            file.writestr(name, content)
        for name, text in (parts or {}).items():
            file.writestr(f"word/{name}.xml", text)
    return target.getvalue()


def read(body: str, parts: Mapping[str, str] | None = None, styles: str = "") -> str:
    return read_word(word(body, parts, styles), LIMIT).text


def run(text: str, properties: str = "") -> str:
    shown = f"<w:rPr>{properties}</w:rPr>" if properties else ""
    return f'<w:r>{shown}<w:t xml:space="preserve">{text}</w:t></w:r>'


def par(*inner: str, style: str = "") -> str:
    """A paragraph of runs; what is no XML becomes one."""
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}{''.join(part if part.startswith('<') else run(part) for part in inner)}</w:p>"


def control(inner: str, properties: str = "") -> str:
    return f"<w:sdt><w:sdtPr>{properties}</w:sdtPr><w:sdtContent>{inner}</w:sdtContent></w:sdt>"


def cell(inner: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{inner if inner.startswith('<') else par(inner)}</w:tc>"


def row(*cells: str, properties: str = "") -> str:
    made = "".join(one if one.startswith("<") else cell(one) for one in cells)
    return f"<w:tr><w:trPr>{properties}</w:trPr>{made}</w:tr>"


def table(*rows: str, columns: int = 2) -> str:
    return f"<w:tbl><w:tblPr/><w:tblGrid>{'<w:gridCol/>' * columns}</w:tblGrid>{''.join(rows)}</w:tbl>"


def field(kind: str, *result: str) -> str:
    shown = "".join(part if part.startswith("<") else run(part) for part in result)
    mark = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
    instruction = f"<w:r><w:instrText> {kind} </w:instrText></w:r>"
    return f"{mark.format('begin')}{instruction}{mark.format('separate')}{shown}{mark.format('end')}"


def box(inner: str) -> str:
    return (
        f"<w:r><w:pict><v:shape><v:textbox><w:txbxContent>{inner}</w:txbxContent></v:textbox></v:shape></w:pict></w:r>"
    )


BOTH = (
    "<w:r><mc:AlternateContent><mc:Choice Requires='wps'><wps:txbx><w:txbxContent>{}</w:txbxContent></wps:txbx>"
    "</mc:Choice><mc:Fallback><w:pict><v:textbox><w:txbxContent>{}</w:txbxContent></v:textbox></w:pict></mc:Fallback>"
    "</mc:AlternateContent></w:r>"
)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (control(par("36 months.")), "36 months."),
        (control(control(par("Pump", style="Heading1"))), "## Pump"),
        (par("Serial ", control(run("QX-7781")), "."), "Serial QX-7781."),
        (par("At ", f"<w:del>{run('6').replace('w:t', 'w:delText')}</w:del><w:ins>{run('9')}</w:ins>", " bar"),
         "At 9 bar"),
        (f"<w:ins>{par('New.')}</w:ins>", "New."),
        (par("<w:moveFrom><w:r><w:t>gone</w:t></w:r></w:moveFrom>", "Here: ", f"<w:moveTo>{run('moved')}</w:moveTo>"),
         "Here: moved"),
        (par("Torque ", f'<w:fldSimple w:instr="DOCPROPERTY T">{run("42 Nm")}</w:fldSimple>'), "Torque 42 Nm"),
        (par("See ", field("REF _a", "Table ", field("SEQ t", "7")), "."), "See Table 7."),
        (par("Is ", field(f"IF {field('MERGEFIELD x', 'hot')} = 1", "warm"), "."), "Is warm."),
        (par("A ", '<w:r><w:fldChar w:fldCharType="begin"/></w:r>', "lost") + par("kept"), "A\n\nkept"),
        (par("See ", f"<w:hyperlink>{run('the manual')}</w:hyperlink>"), "See the manual"),
        (par(f"<w:smartTag>{run('Kiel')}</w:smartTag>", f"<w:customXml>{run(' works')}</w:customXml>"), "Kiel works"),
        (par(f"<w:bdo><w:dir>{run('abc')}</w:dir></w:bdo>"), "abc"),
        (par("<w:r><w:t>a</w:t><w:br/><w:t>b</w:t><w:tab/><w:t>c</w:t><w:br w:type='page'/><w:t>d</w:t><w:cr/></w:r>"),
         "a b c d"),
        (par("<w:r><w:t>H</w:t><w:noBreakHyphen/><w:t>20 re</w:t><w:softHyphen/><w:t>start re\xadset</w:t></w:r>"),
         "H-20 restart reset"),
        (par("20 ", '<w:r><w:sym w:font="Symbol" w:char="F0B0"/></w:r>', "C, 5 ",
             '<w:r><w:sym w:font="Symbol" w:char="F06D"/></w:r>', "m ", '<w:r><w:sym w:font="Wingdings" w:char="F0FE"/>'
             '<w:sym w:font="Wingdings" w:char="F041"/><w:sym w:font="Arial" w:char="00B1"/></w:r>'), "20 °C, 5 μm ☑±"),
        (par("Never ", run("secret", "<w:vanish/>"), run("run", '<w:vanish w:val="0"/>'), " dry"), "Never run dry"),
        (par("a", run(" typed ", '<w:rStyle w:val="Ghost"/>'), "b") + par("all", style="Veiled"), "ab"),
        (par("x = ", "<m:oMath><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f>"
             "<m:sSup><m:e><m:r><m:t>b</m:t></m:r></m:e><m:sup><m:r><m:t>3</m:t></m:r></m:sup></m:sSup></m:oMath>"),
         "x = (a)/(2)b^(3)"),
        (par("Before.", box(par("Never", style="Heading2") + par("run dry."))) + par("After."),
         "Before.\n\n### Never\n\nrun dry.\n\nAfter."),
        (par(BOTH.format(par("new"), par("old"))), "new"),
        (par(BOTH.format("", par("old"))), "old"),
        (control(par("Care 3"), '<w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj>')
         + par("Care"), "Care"),
        (par("a", "<w:commentRangeStart w:id='0'/>", "b", '<w:r><w:commentReference w:id="0"/></w:r>'), "ab"),
    ],
)  # fmt: skip
def test_what_the_page_shows_is_read(body: str, text: str) -> None:
    hidden = "".join(
        f'<w:style w:type="{kind}" w:styleId="{name}"><w:name w:val="{name}"/><w:rPr><w:vanish/></w:rPr></w:style>'
        for kind, name in (("character", "Ghost"), ("paragraph", "Veiled"))
    )
    assert read(body, styles=hidden) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (table(row("A", "B"), control(row("C", control(cell("D"))))), "| A | B |\n| --- | --- |\n| C | D |"),
        (table(row("A", "B"), row("H20", cell(par("") + table(row("dry", "35"), row("oiled", "28"))))),
         "| A | B |\n| --- | --- |\n| H20 | dry, 35; oiled, 28 |"),
        (table(row(cell(par("Frame") + table(row("A", "B"), row("1", "2")))), columns=1),
         "Frame\n\n| A | B |\n| --- | --- |\n| 1 | 2 |"),
        (table(row("A", cell(par("B") + par(box(par("in a box")))))), "| A | B in a box |\n| --- | --- |"),
        (table(row("A", "B"), row("gone", "gone", properties="<w:del/>"), row("no", "no", properties="<w:hidden/>")),
         "| A | B |\n| --- | --- |"),
        (table(row("A", "B", "C"), row(cell("wide", '<w:gridSpan w:val="2"/>'), "x"), columns=3),
         "| A | B | C |\n| --- | --- | --- |\n| wide | wide | x |"),
        (table(row("A", "B"), row(cell("tall", '<w:vMerge w:val="restart"/>'), "x"), row(cell("", "<w:vMerge/>"), "y"),
               row(cell("", "<w:vMerge/>"), "z")),
         "| A | B |\n| --- | --- |\n| tall | x |\n| tall | y |\n| tall | z |"),
        (table(row("A", "B"), row("x", properties='<w:gridBefore w:val="1"/>')), "| A | B |\n| --- | --- |\n|  | x |"),
        (table(row(cell("a", '<w:gridSpan w:val="2000000000"/>'), "b"), row("c", "d")),
         "| a | b |\n| --- | --- |\n| c | d |"),
        (table(row("A", "B"), row(cell("a", f'<w:gridSpan w:val="{"9" * 5000}"/>'))),
         "| A | B |\n| --- | --- |\n| a | a |"),
        (table(row("A", "B"), row("c", properties='<w:gridBefore w:val="2000000000"/>')),
         "| A | B |\n| --- | --- |\n|  | c |"),
        (table(row(cell("a", "<w:vMerge/>"), cell("b", '<w:gridSpan w:val="-3"/>'))), "| a | b |\n| --- | --- |"),
    ],
)  # fmt: skip
def test_tables(body: str, text: str) -> None:
    assert read(body) == text


def test_notes_stand_where_they_are_referred_to_and_once() -> None:
    def reference(kind: str, number: int) -> str:
        return f'<w:r><w:{kind}Reference w:id="{number}"/></w:r>'

    parts = {
        "footnotes": f"<w:footnotes {SPACES}><w:footnote w:id='0' w:type='separator'>{par('---')}</w:footnote>"
        f"<w:footnote w:id='2'>{par('Only', reference('footnote', 2))}{par('dry.')}</w:footnote></w:footnotes>",
        "endnotes": f"<w:endnotes {SPACES}><w:endnote w:id='2'>{par('Draft.')}</w:endnote></w:endnotes>",
    }
    body = (
        par("Pump", reference("endnote", 2), style="Heading1")
        + par("It takes 35 Nm", reference("footnote", 2), ".")
        + par("Again", reference("footnote", 2), reference("footnote", 7))
    )
    assert read(body, parts) == "## Pump\n\nDraft.\n\nIt takes 35 Nm (Only dry.).\n\nAgain"


def test_headers_and_footers_stand_once_before_the_body() -> None:
    page = field("PAGE", "3")
    frames = {
        "header1": par("Manual H20") + par("ACME"),
        "header2": par("ACME") + table(row("Rev. 7", cell(par("Page ", page)))),
        "header3": par("of even pages"),
        "header4": par("of a first page"),
        "footer1": par("Page ", page, " of ", field("NUMPAGES", "9"))
        + par("Keep this with the pump ", page)
        + control(par(f'<w:fldSimple w:instr=" PAGE \\* MERGEFORMAT">{run("3")}</w:fldSimple>'))
        + par(box(par("4711-0815"))),
    }
    tags = {"h": "hdr", "f": "ftr"}
    parts = {name: f"<w:{tags[name[0]]} {SPACES}>{inner}</w:{tags[name[0]]}>" for name, inner in frames.items()}

    def section(*names: str) -> str:
        kinds = {"header3": "even", "header4": "first"}
        return "".join(
            f'<w:{name[:-1]}Reference w:type="{kinds.get(name, "default")}" r:id="r-{name}"/>' for name in names
        )

    body = (
        par("Pump", style="Heading1")
        + f"<w:p><w:pPr><w:sectPr>{section('header1', 'header4', 'footer1')}</w:sectPr></w:pPr>{run('Oil it.')}</w:p>"
        + f"<w:sectPr>{section('header2', 'header3', 'header9')}</w:sectPr>"
    )
    start = "Manual H20\nACME\nRev. 7\nKeep this with the pump\n4711-0815"
    assert read(body, parts) == f"{start}\n\n## Pump\n\nOil it."
    titled = body.replace("</w:sectPr></w:pPr>", "<w:titlePg/></w:sectPr></w:pPr>")
    assert read(titled, parts).startswith("Manual H20\nACME\nof a first page\n")


def test_charts_and_diagrams_are_read_once() -> None:
    charts = f"{OFFICE}/drawingml/2006/chart"
    diagrams = f"{OFFICE}/drawingml/2006/diagram"
    drawing = f"{OFFICE}/drawingml/2006/main"
    text = "<a:p><a:r><a:t>{}</a:t></a:r></a:p>"
    parts = {
        "chart1": f'<c:chartSpace xmlns:c="{charts}" xmlns:a="{drawing}"><c:chart><c:title><c:tx><c:rich>'
        f"{text.format('Sold pumps')}</c:rich></c:tx></c:title><c:plotArea><c:barChart><c:ser><c:tx>"
        "<c:v>2024</c:v></c:tx>"
        '<c:cat><c:strLit><c:ptCount val="2000000000"/><c:pt idx="0"><c:v>North</c:v></c:pt></c:strLit></c:cat>'
        '<c:val><c:numLit><c:pt idx="0"><c:v>2.50</c:v></c:pt><c:pt idx="999999999"><c:v>7</c:v></c:pt></c:numLit>'
        "</c:val></c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>",
        "diagramData1": f'<dgm:dataModel xmlns:dgm="{diagrams}" xmlns:a="{drawing}"><dgm:ptLst><dgm:pt><dgm:t>'
        f"{text.format('Stop it.')}</dgm:t></dgm:pt></dgm:ptLst></dgm:dataModel>",
    }
    shown = (
        f'<w:r><w:drawing><c:chart xmlns:c="{charts}" r:id="r-chart1"/>'
        f'<dgm:relIds xmlns:dgm="{diagrams}" r:dm="r-diagramData1"/><c:chart xmlns:c="{charts}" r:id="r-gone"/>'
        "</w:drawing></w:r>"
    )
    assert read(par("Sales:", shown) + par(shown), parts) == (
        "Sales:\n\nSold pumps\n\n|  | 2024 |\n| --- | --- |\n| North | 2.5 |\n|  | 7 |\n\n- Stop it."
    )


def test_levels_of_lists_have_an_end() -> None:
    deep = '<w:p><w:pPr><w:numPr><w:ilvl w:val="{}"/><w:numId w:val="1"/></w:numPr></w:pPr>{}</w:p>'
    items = "".join(
        deep.format(level, run(text)) for level, text in ((0, "a"), (1, "b"), (2_000_000_000, "c"), (-1, "d"))
    )
    assert read(items) == f"- a\n  - b\n{'  ' * 8}- c\n- d"


def test_an_embedded_file_is_told() -> None:
    content = read_word(word(par("Text.") + '<w:altChunk r:id="rId99"/>'), LIMIT)
    assert content.text == "Text."
    assert content.notes == ((0, "1 files embedded in it are left out: save it anew in Word"),)


@pytest.mark.parametrize("wrap", [("<w:sdt><w:sdtContent>", "</w:sdtContent></w:sdt>"),
                                  ("<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>")])  # fmt: skip
def test_what_is_nested_is_read_or_has_a_reason(wrap: tuple[str, str]) -> None:
    assert "inner" in read(f"{wrap[0] * 80}{par('inner')}{wrap[1] * 80}")
    side = wrap[0].replace("<w:tc>", f"{cell('x')}<w:tc>")
    assert "inner" in read(f"{side * 80}{par('inner')}{wrap[1] * 80}")
    with pytest.raises(UnreadableError, match=r"^nested too deeply: open it in a word processor"):
        read(f"{wrap[0] * 10_000}{par('inner')}{wrap[1] * 10_000}")
    with pytest.raises(UnreadableError, match=r"^damaged: "):
        read("<w:p>")


LONG = "x" * 1_000_000
BEGIN = '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
MANY = 10_000
BOMBS = {
    "spans": table(row(cell("a", '<w:gridSpan w:val="2000000000"/>')), row("b", "c")),
    "wide": table(row(*["a"] * MANY), *[row("b")] * MANY),
    "wide spans": table(*[row(cell("b", '<w:gridSpan w:val="10000"/>'))] * MANY, columns=MANY),
    "grid": table(row(*["a"] * MANY), *[row("b", properties='<w:gridBefore w:val="10000"/>')] * MANY, columns=MANY),
    "levels": '<w:p><w:pPr><w:numPr><w:ilvl w:val="2000000000"/></w:numPr></w:pPr><w:r><w:t>a</w:t></w:r></w:p>',
    "fields": f"<w:p>{BEGIN * 30_000}{run('a') * 30_000}</w:p>{par('b')}",
}


@pytest.mark.parametrize("name", BOMBS)
def test_no_number_in_a_file_makes_it_grow(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.docx"
    path.write_bytes(word(BOMBS[name]))
    code = (
        "import sys\nfrom hybrid.corpus.readers.word import read_word\n"
        f"print(len(read_word(open(sys.argv[1], 'rb').read(), {LIMIT}).text))"
    )

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1_000_000_000, 1_000_000_000))
        resource.setrlimit(resource.RLIMIT_CPU, (15, 15))

    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False, preexec_fn=bounded
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert int(done.stdout) < 3_000_000


@pytest.mark.parametrize("repeats", ['<w:gridSpan w:val="63"/>', "<w:vMerge/>"])
def test_repeated_text_counts_toward_the_limit(repeats: str) -> None:
    start = cell(LONG, '<w:gridSpan w:val="63"/>' if "Span" in repeats else '<w:vMerge w:val="restart"/>')
    body = table(row(start), *[row(cell("", repeats))] * 60, columns=63)
    with pytest.raises(UnreadableError, match=r"^more than 50 MB of text: more than corpus.max_file_mb allows"):
        read(body)


def test_what_plain_documents_give() -> None:
    document = docx.Document()
    made = document.add_table(rows=3, cols=3)
    for number, place in enumerate(one for line in made.rows for one in line.cells):
        place.text = f"{number}"
    made.cell(0, 0).merge(made.cell(0, 1))
    made.cell(1, 2).merge(made.cell(2, 2))
    stream = io.BytesIO()
    document.save(stream)
    assert read_word(stream.getvalue(), LIMIT).text == (
        "| 0 1 | 0 1 | 2 |\n| --- | --- | --- |\n| 3 | 4 | 5 8 |\n| 6 | 7 | 5 8 |"
    )
