"""Charts as inline SVG: the same bytes for the same data, in the page's own text colour, without outside references.

Every chart is a horizontal one, so that it can be read on a narrow screen. Bounds that are None draw no whisker.
"""

import html
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

BLUE, ORANGE, GREEN, GREY = "#3f86c9", "#d5802b", "#3c9b6e", "#8a8f98"
"""Mid tones: at least 3:1 against both a white and a near-black page."""

LABEL_COLOURS = {
    "CORRECT": GREEN,
    "LUCKY": "#8fae4a",
    "PARAMETRIC": "#5fa8a0",
    "MISSING": GREY,
    "RETRIEVAL": BLUE,
    "RANKED_LOW": "#6aa3dc",
    "WRONG_DOCUMENTS": "#3674b5",
    "WRONG_DOCUMENTS+DISTRACTED": "#7a6fc4",
    "BOTH": "#a35fae",
    "DISTRACTED": "#d99a3d",
    "WRONG_ANSWER": "#cf5f3a",
    "ORDER": "#b08968",
    "WRONG_PROMPT": "#c2649a",
}

_INK = "#010203"
"""Stands for the page's text colour while drawing; replaced by `currentColor`."""
_STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": GREY,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "x",
    "grid.color": GREY,
    "grid.alpha": 0.3,
    "axes.axisbelow": True,
}
_WIDTH_IN = 6.4


@dataclass(frozen=True, slots=True)
class Bar:
    """A value in [−1, 1] with its bounds, drawn on a row of its own."""

    name: str
    value: float
    low: float | None
    high: float | None
    colour: str = BLUE


def interval_bars(bars: Sequence[Bar], *, title: str, axis: str) -> str:
    """Bars from zero with 95 % whiskers, in percent or points."""

    def draw(axes: Any) -> None:
        for row, bar in enumerate(bars):
            axes.barh(row, 100 * bar.value, color=bar.colour, height=0.55)
            if bar.low is not None and bar.high is not None:
                axes.plot([100 * bar.low, 100 * bar.high], [row, row], color=_INK, linewidth=1.6)
                for bound in (bar.low, bar.high):
                    axes.plot([100 * bound] * 2, [row - 0.14, row + 0.14], color=_INK, linewidth=1.6)
        axes.axvline(0, color=_INK, linewidth=0.8)
        _rows(axes, [bar.name for bar in bars])
        axes.set_xlabel(axis)

    return _svg(draw, title, height_in=0.42 * len(bars) + 0.75)


def stacked_shares(rows: Sequence[tuple[str, dict[str, float]]], *, title: str) -> str:
    """One stacked bar a row (before, after): label to share in [0, 1]."""

    def draw(axes: Any) -> None:
        names = [name for name in LABEL_COLOURS if any(shares.get(name) for _, shares in rows)]
        for name in names:
            lefts = [100 * _before(shares, name) for _, shares in rows]
            widths = [100 * shares.get(name, 0.0) for _, shares in rows]
            axes.barh(range(len(rows)), widths, left=lefts, color=LABEL_COLOURS[name], height=0.6, label=name)
        _rows(axes, [name for name, _ in rows])
        axes.set_xlim(0, 100)
        axes.set_xlabel("% of answerable questions")
        if names:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=8)

    return _svg(draw, title, height_in=0.5 * len(rows) + 1.7)


def rank_histogram(ranks: Sequence[int | None], *, k: int | None, title: str) -> str:
    """How many gold passages stand at which rank; None counts as not in the ranking."""
    bins = _rank_bins(k)
    names = [str(low) if low == high else f"{low}–{high}" if high else f"from {low}" for low, high in bins]
    counts = [sum(rank is not None and low <= rank <= (high or rank) for rank in ranks) for low, high in bins]
    colours = [GREEN if k and high and high <= k else BLUE for _, high in bins]
    if not counts[-1]:
        del names[-1], counts[-1], colours[-1]
    names.append("not ranked")
    counts.append(sum(rank is None for rank in ranks))
    colours.append(GREY)

    axis = "questions" if k is None else f"questions (green: within k = {k})"
    return count_bars(list(zip(names, counts, strict=True)), colours=colours, title=title, axis=axis, rows="rank")


def count_bars(
    bars: Sequence[tuple[str, int]], *, title: str, axis: str, rows: str, colours: Sequence[str] | str = BLUE
) -> str:
    """Named counts, each with its figure; `rows` says what the names are."""
    names, counts = [name for name, _ in bars], [count for _, count in bars]

    def draw(axes: Any) -> None:
        axes.barh(range(len(counts)), counts, color=colours, height=0.7)
        for row, count in enumerate(counts):
            axes.annotate(str(count), (count, row), xytext=(3, 0), textcoords="offset points", va="center", fontsize=8)
        _rows(axes, names)
        axes.set_ylabel(rows)
        axes.set_xlabel(axis)

    return _svg(draw, title, height_in=0.28 * len(counts) + 0.75)


def before_after_dots(rows: Sequence[tuple[str, Bar, Bar]], *, title: str) -> str:
    """A dot each for before and after with 95 % whiskers, values in [0, 1]."""

    def draw(axes: Any) -> None:
        for row, (_, before, after) in enumerate(rows):
            axes.plot([100 * before.value, 100 * after.value], [row, row], color=GREY, linewidth=1, alpha=0.6)
            for bar, shift, face in ((before, -0.16, ORANGE), (after, 0.16, BLUE)):
                if bar.low is not None and bar.high is not None:
                    axes.plot([100 * bar.low, 100 * bar.high], [row + shift] * 2, color=face, linewidth=1.6)
                label = bar.name if row == 0 else None
                axes.plot([100 * bar.value], [row + shift], "o", color=face, markersize=6, label=label)
        _rows(axes, [name for name, _, _ in rows])
        axes.set_xlabel("%")
        if rows:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=9)

    return _svg(draw, title, height_in=0.42 * len(rows) + 1.0)


def _rank_bins(k: int | None) -> list[tuple[int, int | None]]:
    """First and last rank of each bin, None for no end; no bin holds ranks on both sides of k."""
    lasts = sorted({1, 2, 3, 5, 10, 20, 50, 100} | ({k} if k else set()))
    firsts = [1, *(last + 1 for last in lasts)]
    return list(zip(firsts, [*lasts, None], strict=True))


def _before(shares: dict[str, float], name: str) -> float:
    names = list(LABEL_COLOURS)
    return sum(shares.get(other, 0.0) for other in names[: names.index(name)])


def _rows(axes: Any, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), list(names))
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def _svg(draw: Any, title: str, *, height_in: float) -> str:
    """Draw on fresh axes; the global style of matplotlib stays as it is."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": title}):
        figure = Figure(figsize=(_WIDTH_IN, height_in), layout="constrained")
        draw(figure.add_subplot())
        stream = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    return _inline(stream.getvalue(), title)


def _inline(svg: str, title: str) -> str:
    """Fit a matplotlib file into HTML: no prolog, metadata, style sheet, namespaces (HTML knows them) or unused ids."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)  # would hold for the whole page
    svg = re.sub(r"font-family: [^;\"]+", "font-family: sans-serif", svg)
    used = set(re.findall(r"#([\w.-]+)", svg))
    svg = re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in used else "", svg)
    head, body = svg.split(">", 1)
    head = re.sub(r'\s(?:xmlns(?::\w+)?|width|height|version)="[^"]*"', "", head)
    svg = f'{head} class="chart" role="img" aria-label="{html.escape(title)}">{body}'
    return svg.replace(_INK, "currentColor").replace("xlink:href", "href").strip()
