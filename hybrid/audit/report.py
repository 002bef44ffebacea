"""The audit as one self-contained page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hybrid.evaluation.plots import BLUE, GREY, ORANGE, Bar, count_bars, interval_bars
from hybrid.evaluation.report import page_environment

TOPICS = 15


def audit_html(told: Mapping[str, Any], worst: Sequence[Mapping[str, Any]], title: str) -> str:
    """`told` is what `audit.summary` gives, `worst` the rows of `worst.jsonl`."""
    num = max(1, told["num_questions"])
    kinds = [Bar(kind, count / num, None, None, ORANGE) for kind, count in told["kinds"].items()]
    topics = told["coverage"]["topics"]
    total = max(1, sum(topic["questions"] for topic in topics))
    fewest = [Bar(_short(topic["name"]), topic["questions"] / total, None, None, BLUE) for topic in topics[:TOPICS]]
    makeup = told["makeup"]
    charts = {
        "kinds": interval_bars(kinds, title="What was found", axis="% of the questions") if kinds else "",
        "topics": interval_bars(fewest, title="Topics with the fewest questions", axis="% of the questions")
        if fewest
        else "",
        "shares": _shares(told),
        "shapes": _shapes(makeup["shapes"]),
        "words": count_bars(makeup["words"], title="Words of a question", axis="questions", rows="words"),
        "groups": _groups(makeup["groups"]),
    }
    # those of the worst: a button that shows nothing would be a riddle
    labels = sorted({finding["kind"] for item in worst for finding in item["findings"]}, key=list(told["kinds"]).index)
    page = page_environment(Path(__file__).parent / "templates").get_template("audit.html")
    return page.render(title=title, a=told, worst=worst, charts=charts, labels=labels, meta=[])


def _shares(told: Mapping[str, Any]) -> str:
    """Estimates over the whole set, with their intervals."""
    found = [(f"gold likely wrong, by {item['by']}", item["share"], ORANGE) for item in told["label_noise"]]
    if told["closed_book"]:
        found.append(("right without any passage", told["closed_book"]["share"], BLUE))
    bars = [
        Bar(_short(name), share["value"], share["low"], share["high"], colour)
        for name, share, colour in found
        if share["num"]
    ]
    return interval_bars(bars, title="What to trust", axis="% of those looked at, 95 % interval") if bars else ""


def _shapes(shapes: Mapping[str, Mapping[str, int]]) -> str:
    """How the answers of each type look: what is rare beside another of its type is a slip of form."""
    bars = [
        Bar(f"{kind}: {shape}", count / sum(found.values()), None, None, BLUE if count == max(found.values()) else GREY)
        for kind, found in shapes.items()
        for shape, count in found.items()
    ]
    return interval_bars(bars, title="Shapes of the answers", axis="% of the answers of that type") if bars else ""


def _groups(groups: Sequence[Mapping[str, Any]]) -> str:
    bars = [(_short(group["name"]), group["questions"]) for group in groups]
    colours = [ORANGE if group["small"] else BLUE for group in groups]
    if not bars:
        return ""
    return count_bars(bars, title="Groups", axis="questions (orange: too few)", rows="group", colours=colours)


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:39]}…"
