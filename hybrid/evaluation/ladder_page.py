"""The ladder as a page of its own, and as a part of other pages."""

from collections.abc import Mapping
from typing import Any

from hybrid.evaluation.ladder import prompt_name
from hybrid.evaluation.plots import BLUE, GREY, ORANGE, Bar, interval_bars
from hybrid.evaluation.report import page_environment


def ladder_html(ladder: Mapping[str, Any], corpus: str) -> str:
    """A whole page. `ladder` as in `ladder.json`: `rungs`, `best`, `chosen`, `split`, `left_out`, `notes`."""
    page = page_environment().get_template("ladder.html")
    meta = [("split", ladder["split"]), ("questions", str(ladder["rungs"][0]["questions"]))]
    return page.render(title=f"{corpus}: the ladder", ladder=ladder_part(ladder), meta=meta)


def ladder_part(ladder: Mapping[str, Any]) -> dict[str, Any]:
    """What the template `ladder_table.html` shows: the facts with a name for each prompt, and the chart."""
    colours = {True: BLUE, False: GREY}
    bars = [
        Bar(
            row["name"],
            row["served"]["value"],
            row["served"]["low"],
            row["served"]["high"],
            ORANGE if ladder["chosen"] and row["name"] == ladder["best"] else colours[row["is_tuned"]],
        )
        for row in ladder["rungs"]
    ]
    chart = interval_bars(bars, title="Right answers as served, rung by rung", axis="% right, as served")
    rungs = [{**row, "prompt": prompt_name(row)} for row in ladder["rungs"]]
    return {**ladder, "rungs": rungs, "chart": chart}
