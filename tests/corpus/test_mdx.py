"""MDX: what JavaScript is in it goes, what people read stays."""

import pytest

from hybrid.corpus.readers.mdx import read_mdx

PAGE = """---
title: Install the pump
year: 2024
---
import Tabs from '@theme/Tabs';
import {
  Card,

  Row } from "./cards"

export const meta = {
  mass: 20,
}

# Title {#install}

{/* don't show `this` */}
Import data from the file first, then a \\< b and \\{x\\} hold, 1 < 2. See <https://pump.example>.

<Tabs groupId="system">
<TabItem value="linux" label="Linux" onClick={() => { if (a > b) { run("}") } }}>

Run `<Tabs>` or `{x}`.

```jsx
import X from "y"

export const a = <A>{b}</A>
```

</TabItem>
</Tabs>
<>It weighs {"20 kg"} or {props.mass}{`.`}</>
<div style={{width: 1}} title="unseen">Text <b>bold</b></div>
<img src="a.png" alt='x > y' />
An <unclosed tag
"""

READ = """# Title

Import data from the file first, then a < b and {x} hold, 1 < 2. See <https://pump.example>.

Linux

Run `<Tabs>` or `{x}`.

```jsx
import X from "y"

export const a = <A>{b}</A>
```

It weighs 20 kg or .
Text bold

An <unclosed tag"""


def test_a_page_loses_its_javascript() -> None:
    content = read_mdx(PAGE.encode())
    assert content.text == READ
    assert (content.title, content.metadata, content.notes) == ("Install the pump", {"year": 2024}, ())


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("export default Layout\n\nText.", "Text."),
        ("import 'a.css'\nimport X from 'x'\n\nText.", "Text."),
        ("Import taxes are due.\n\nexport goods from Spain.", "Import taxes are due.\n\nexport goods from Spain."),
        ("export const f = {\n\nText.\n\nMore.", "Text.\n\nMore."),
        ("<Note title='Mind'>Hot.</Note>", "Mind\n\nHot."),
        ("<My.Card.Head>x</My.Card.Head>", "x"),
        ("{items.map(i => <li>Don't</li>)}after", "after"),
        ("a {unclosed", "a {unclosed"),
        ("<script>\nevil()\n</script>Text", "Text"),
    ],
)
def test_pieces(text: str, read: str) -> None:
    assert read_mdx(text.encode()).text == read


def test_a_page_in_another_language() -> None:
    text = "import X from 'x'\n\n# Установка\n\n<X label='Шаг'>Откройте клапан.</X>\n\n打开阀门。{'。'}"
    assert read_mdx(text.encode()).text == "# Установка\n\nШаг\n\nОткройте клапан.\n\n打开阀门。。"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["<a {", "import {\n\n", "{'", '<A b="', "`<", "{/*", "export const a = (\n"])
def test_what_never_ends_costs_no_more_than_its_length(piece: str) -> None:
    assert read_mdx(b"Kept.\n\n" + piece.encode() * 100_000).text.startswith("Kept.")
