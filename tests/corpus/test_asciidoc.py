"""AsciiDoc to Markdown: what carries text, exactly."""

import pytest

from hybrid.corpus.chunk import chunk
from hybrid.corpus.readers.asciidoc import read_asciidoc
from hybrid.types import Document

MANUAL = """// a comment
= Pump H20: manual
Anna Meier <a@pump.example>; Bo Berg
v1.2, 2024-05-03
:model: H20
:shop: https://shop.example

The *{model}* weighs _20 kg_ and `runs {model}`. See {shop}[the shop^], link:a.pdf[the sheet],
https://x.example and <<spares>>, <<other.adoc#care,Care>> or xref:b.adoc[B]. H~2~O, m^3^, "`quoted`".

NOTE: Wear gloves.

[WARNING]
====
Hot *surface*.

* burns
====

include::other.adoc[]

ifdef::internal[]
Secret.
endif::[]
ifndef::internal[Public.]

////
hidden
////

[[spares]]
== Spare parts

.Parts of the pump
[cols="1,2,1",options="header"]
|===
|Part |No |Note

.2+|Seal
|TB-1
|a \\| b
2+|spans

|Ring |TB-2 |
|===

* one
continues
** two +
broken
* three
+
[source,bash]
----
stop pump <1>
----
<1> It stops.

. first
. second
.. inner

Seal:: A ring.
Gasket::
  Of paper.

 literal text

image::pump.png[The pump,300]

|===
|a |b

|1 |2
|===

++++
<script>evil()</script>
++++

[quote,Anna]
____
Press kbd:[Ctrl+C] in menu:File[Stop].footnote:[Twice.]
____
"""

READ = """# Pump H20: manual

The H20 weighs 20 kg and `runs H20`. See the shop, the sheet, https://x.example and Spare parts, Care or B. H2O, m3, “quoted”.

Note: Wear gloves.

Warning: Hot surface.

- burns

Public.

## Spare parts

Parts of the pump

| Part | No | Note |
| --- | --- | --- |
| Seal | TB-1 | a \\| b |
| Seal | spans |  |
| Ring | TB-2 |  |

- one continues
  - two
    broken
- three
  ```bash
  stop pump <1>
  ```

1. It stops.

1. first
2. second
  1. inner

Seal: A ring.

Gasket: Of paper.

```
literal text
```

The pump

| a | b |
| --- | --- |
| 1 | 2 |

Press Ctrl+C in File > Stop (Twice.)
"""  # noqa: E501


def test_a_manual() -> None:
    content = read_asciidoc(MANUAL.encode())
    assert content.text == READ.replace("Stop (", "Stop. (").rstrip("\n")
    assert content.title == "Pump H20: manual"
    assert content.metadata == {"author": ("Anna Meier", "Bo Berg"), "revision": "v1.2, 2024-05-03"}
    assert content.notes == ((20, "include::other.adoc[] is not followed"),)


def test_sections_are_those_of_passages() -> None:
    content = read_asciidoc(
        b"= Pump\n\nIntro.\n\n== Care\n\nOil it.\n\n=== Oil\n\nIt is yellow.\n\n== Mass\n\n20 kg.\n"
    )
    document = Document("p.adoc", content.text, "p.adoc", content.title, ".adoc")
    passages = chunk([document], tokenize=str.split, chunk_tokens=64)
    assert [(p.section, p.text) for p in passages] == [
        ("", "Intro."),
        ("Care", "Oil it."),
        ("Care › Oil", "It is yellow."),
        ("Mass", "20 kg."),
    ]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Just text\non two lines.", "Just text on two lines."),
        ("[source,python]\n----\nif hot:\n    stop()\n\n# end\n----", "```python\nif hot:\n    stop()\n\n# end\n```"),
        ("```js\nstop()\n```", "```js\nstop()\n```"),
        ("....\n{model} *x*\n....", "```\n{model} *x*\n```"),
        ("----\nnever closed", "```\nnever closed\n```"),
        ("[source,sh]\nstop pump\n\nText.", "```sh\nstop pump\n```\n\nText."),
        (',===\nPart,No\n\n"Seal, black",1\n,===', "| Part | No |\n| --- | --- |\n| Seal, black | 1 |"),
        ("[%header,format=csv]\n|===\na,b\n1,2\n|===", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("|===\n2*|x |y\n|===", "|  |  |  |\n| --- | --- | --- |\n| x | x | y |"),
        ("[cols=2*]\n|===\n|a\n|b\n|c\n|d\n|===", "|  |  |\n| --- | --- |\n| a | b |\n| c | d |"),
        (":a: 1\n:a!:\n\n{a} {nope} \\{b}", "{a} {nope} {b}"),
        ("2 * 3 * 4, a_b_c, x#y, C:\\dir, snake_case_name", "2 * 3 * 4, a_b_c, x#y, C:\\dir, snake_case_name"),
        ("**bold**ly and __it__ and [.red]#red# and \\*kept*", "boldly and it and red and *kept*"),
        ("std::vector is no list", "std::vector is no list"),
        ("[TIP]\nTry it.", "Tip: Try it."),
        ("[NOTE]\n====\n----\ncode\n----\n====", "Note:\n\n```\ncode\n```"),
        ("+++<b>raw</b>+++ and pass:[*x*]", "<b>raw</b> and *x*"),
        ("= Title\n:description: x\n\n'''\n\nText.\n\n<<<\n", "# Title\n\nText."),
        ("* a\n\n* b\n\nText.", "- a\n- b\n\nText."),
        ("ifdef::x[]\nA\nifdef::y[]\nB\nendif::[]\nendif::[]\nC", "C"),
        (":x:\n\nifdef::x,y[]\nA\nendif::[]\nifdef::x+y[B]", "A"),
    ],
)
def test_pieces(text: str, read: str) -> None:
    assert read_asciidoc(text.encode()).text == read


def test_a_manual_in_another_language() -> None:
    text = "= Насос\n\n== Уход\n\nСмажьте *подшипник*; см. <<_уход>>.\n\n|===\n|部品 |番号\n\n|シール |1\n|===\n"
    assert read_asciidoc(text.encode()).text == (
        "# Насос\n\n## Уход\n\nСмажьте подшипник; см. Уход.\n\n| 部品 | 番号 |\n| --- | --- |\n| シール | 1 |"
    )


def test_files_beside_it_are_not_read() -> None:
    content = read_asciidoc(b"include::/etc/passwd[]\n\n----\ninclude::secret.txt[]\n----\n\nText.\n")
    assert content.text == "Text."
    assert content.notes == (
        (1, "include::/etc/passwd[] is not followed"),
        (4, "include::secret.txt[] is not followed"),
    )


def test_values_that_name_values_do_not_explode() -> None:
    doubled = "".join(f":a{n}: {{a{n - 1}}}{{a{n - 1}}}\n" for n in range(1, 60))
    content = read_asciidoc(f":a0: {'ha ' * 300}\n{doubled}\n{'{a59} ' * 50_000}".encode())
    assert 900_000 < len(content.text) < 1_500_000


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        "*a " * 100_000, "`a " * 100_000, "<< " * 100_000, "[ " * 100_000, "\"` " * 100_000, "http://a " * 30_000,
        "|===\n" + ".9999+|a\n" * 30_000, "|===\n|a|b\n" + "9999*|c\n" * 30_000, "====\nx\n****\n" * 30_000,
        ":a:\n" + "ifdef::a[]\n" * 100_000, "* a\n" + "+\n" * 100_000, "a " * 100_000 + "::",
    ],
)  # fmt: skip
def test_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    assert len(read_asciidoc(b"Kept.\n\n" + text.encode()).text) < 3 * len(text) + 100
