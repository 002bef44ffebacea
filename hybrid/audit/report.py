"""The audit as one self-contained page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hybrid.evaluation.plots import BLUE, ORANGE, Bar, interval_bars
from hybrid.evaluation.report import page_environment

TOPICS = 15


def audit_html(told: Mapping[str, Any], worst: Sequence[Mapping[str, Any]], title: str) -> str:
    """`told` is what `audit.summary` gives, `worst` the rows of `worst.jsonl`."""
    num = max(1, told["num_questions"])
    kinds = [Bar(kind, count / num, None, None, ORANGE) for kind, count in told["kinds"].items()]
    topics = told["coverage"]["topics"]
    total = max(1, sum(topic["questions"] for topic in topics))
    fewest = [Bar(_short(topic["name"]), topic["questions"] / total, None, None, BLUE) for topic in topics[:TOPICS]]
    charts = {
        "kinds": interval_bars(kinds, title="What was found", axis="% of the questions") if kinds else "",
        "topics": interval_bars(fewest, title="Topics with the fewest questions", axis="% of the questions")
        if fewest
        else "",
    }
    # those of the worst: a button that shows nothing would be a riddle
    labels = sorted({finding["kind"] for item in worst for finding in item["findings"]}, key=list(told["kinds"]).index)
    page = page_environment(Path(__file__).parent / "templates").get_template("audit.html")
    return page.render(title=title, a=told, worst=worst, charts=charts, labels=labels, meta=[])


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:39]}…"
