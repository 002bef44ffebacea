"""One self-contained HTML page a report: no outside asset, light and dark, readable on a narrow screen."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid.controls import visible
from hybrid.evaluation.answer_form import FORM_TITLES
from hybrid.evaluation.plots import (
    BLUE,
    GREY,
    LABEL_COLOURS,
    ORANGE,
    Bar,
    before_after_dots,
    interval_bars,
    rank_histogram,
    stacked_shares,
)

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

ARM_NAMES = {
    "retrieved": "as it stands",
    "oracle_in_distractors": "right passage among the found ones",
    "oracle": "right passage only",
    "closed_book": "no passage",
    "irrelevant": "passages on something else (right: declined)",
    "reprompted": "found with another query prompt",
    "reworded": "as it stands, asked in another prompt form",
}
LABEL_MEANINGS = {
    "CORRECT": "right, with the right passage",
    "LUCKY": "right without the right passage",
    "PARAMETRIC": "right without it, known by heart",
    "MISSING": "the right text is in no passage",
    "RETRIEVAL": "right from the right passage; why it was not shown was not recorded",
    "RANKED_LOW": "right passage ranked just below k",
    "WRONG_DOCUMENTS": "right passage not found, or answered with another query prompt",
    "WRONG_DOCUMENTS+DISTRACTED": "not found, and would be misled by the others",
    "BOTH": "not found, and not understood either",
    "DISTRACTED": "found, misled by the other passages",
    "WRONG_ANSWER": "found, wrong even when read alone",
    "ORDER": "found, depends on the order of passages",
    "WRONG_PROMPT": "found, answered in another prompt form",
    "OVER_ANSWER": "answered what nothing answers",
    "CORRECT_ABSTENTION": "rightly declined",
}


def diagnosis_html(diagnosis_dict: dict[str, Any], failures: list[dict[str, Any]], meta: dict[str, Any]) -> str:
    """The diagnosis page.

    `diagnosis_dict` is `Diagnosis.to_dict()`. Items of `failures` hold question, answers (gold texts), gold
    (passages {id, title, text}), label, gold_rank and arms: arm to {text, correct, context: [{id, title, text, gold}]};
    a `gold` of plain texts is read as answers. `meta` is listed as it is; its `title` heads
    the page, its `k` marks the histogram.
    """
    headroom, alone = diagnosis_dict["headroom"], diagnosis_dict["generator_first"]
    bars = _bars(headroom, {"retrieval": BLUE, "distraction": ORANGE, "reading": ORANGE, "total": GREY})
    shares = {name: item for name, item in diagnosis_dict["shares"].items() if name in LABEL_COLOURS}
    ranks = [item["gold_rank"] for item in diagnosis_dict["questions"] if item["label"] not in _UNANSWERABLE]
    charts = {
        "headroom": interval_bars(bars, title="Headroom by layer", axis="points of answer accuracy to gain"),
        "shares": interval_bars(
            [_bar(name, item, LABEL_COLOURS[name]) for name, item in shares.items() if item["value"]],
            title="Share of each label",
            axis="% of answerable questions",
        ),
        "arms": interval_bars(
            [_bar(ARM_NAMES.get(name, name), item, BLUE) for name, item in diagnosis_dict["arms"].items()],
            title="Answer accuracy by what the generator was given",
            axis="% right",
        ),
        "ranks": rank_histogram(ranks, k=_whole(meta.get("k")), title="Rank of the right passage"),
    }
    if topics := _labels_by_topic(diagnosis_dict["questions"]):
        charts["topics"] = stacked_shares(topics, title="Labels by topic")
    page = page_environment().get_template("diagnosis.html")
    return page.render(
        title=meta.get("title", "Diagnosis"),
        d=diagnosis_dict,
        alone=alone,
        charts=charts if ranks else {},
        failures=[_gold(item) for item in failures],
        labels=_ordered_labels(failures),
        meta=_listed(meta),
    )


def comparison_html(
    rows: list[dict[str, Any]],
    meta: dict[str, Any],
    diagnoses: list[tuple[str, dict[str, Any]]],
    examples: list[dict[str, Any]],
    ladder: Mapping[str, Any] | None = None,
) -> str:
    """The before/after page.

    Items of `rows` hold metric, before, after and gain (each an `Interval`, its dict, or None) and higher_is_better.
    `diagnoses` are named dicts, usually before and after; `examples` are shaped as the failures of `diagnosis_html`.
    `ladder` is a `ladder_part`.
    """
    table = [{**row, **{side: _interval(row.get(side)) for side in ("before", "after", "gain")}} for row in rows]
    for row in table:
        row["verdict"] = verdict(row["gain"], higher_is_better=row.get("higher_is_better", True))
    dots = [
        (str(row["metric"]), _bar("before", row["before"], ORANGE), _bar("after", row["after"], BLUE))
        for row in table
        if all(side and _is_share(side) for side in (row["before"], row["after"]))
    ]
    stacks = [
        (name, {label: item["value"] or 0.0 for label, item in diagnosis["shares"].items()})
        for name, diagnosis in diagnoses
    ]
    page = page_environment().get_template("evaluation.html")
    return page.render(
        title=meta.get("title", "Evaluation"),
        rows=table,
        dots=before_after_dots(dots, title="Before and after with 95 % intervals") if dots else "",
        stacks=stacked_shares(stacks, title="Labels before and after") if stacks else "",
        diagnoses=diagnoses,
        ladder=ladder,
        examples=[_gold(item) for item in examples],
        labels=_ordered_labels(examples),
        meta=_listed(meta),
    )


def verdict(gain: Mapping[str, Any] | None, *, higher_is_better: bool) -> str:
    """better, worse, or unclear where the interval of the gain includes zero or there is none."""
    if not gain or gain.get("low") is None or gain.get("high") is None:
        return "unclear"
    if gain["low"] > 0:
        return "better" if higher_is_better else "worse"
    if gain["high"] < 0:
        return "worse" if higher_is_better else "better"
    return "unclear"


def _labels_by_topic(questions: Sequence[Mapping[str, Any]]) -> list[tuple[str, dict[str, float]]]:
    """Share of each label among a topic's answerable questions; empty where there are fewer than two topics."""
    found: dict[str, list[str]] = {}
    for item in questions:
        if item["topic"] and item["label"] not in _UNANSWERABLE:
            found.setdefault(item["topic"], []).append(item["label"])
    if len(found) < 2:
        return []
    return [
        (f"{topic} ({len(labels)})", {name: labels.count(name) / len(labels) for name in set(labels)})
        for topic, labels in sorted(found.items())
    ]


_UNANSWERABLE = ("OVER_ANSWER", "CORRECT_ABSTENTION")


def _interval(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    fields = asdict(value) if is_dataclass(value) and not isinstance(value, type) else dict(value)
    if fields.get("value") is None or math.isnan(fields["value"]):
        return None
    for bound in ("low", "high"):
        number = fields.get(bound)
        fields[bound] = None if number is None or math.isnan(number) else number
    return fields


def _bar(name: str, item: Mapping[str, Any] | None, colour: str) -> Bar:
    item = item or {}
    return Bar(name, item.get("value") or 0.0, item.get("low"), item.get("high"), colour)


def _bars(items: Mapping[str, Mapping[str, Any]], colours: Mapping[str, str]) -> list[Bar]:
    return [_bar(name, items.get(name), colour) for name, colour in colours.items()]


def _is_share(item: Mapping[str, Any]) -> bool:
    return all(item[key] is None or 0 <= item[key] <= 1 for key in ("value", "low", "high"))


def _gold(item: dict[str, Any]) -> dict[str, Any]:
    """Texts of the gold answers as `golds`, and of the gold passages, where the caller gave them, as `evidence`."""
    answers = item.get("answers", [])
    gold = item.get("gold", [])
    passages = [passage for passage in gold if isinstance(passage, Mapping)]
    return {**item, "golds": list(answers) or [text for text in gold if isinstance(text, str)], "evidence": passages}


def _ordered_labels(items: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for item in items:
        counts[str(item.get("label", ""))] = counts.get(str(item.get("label", "")), 0) + 1
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _listed(meta: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(key, str(value)) for key, value in meta.items() if key != "title" and value is not None]


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


@cache
def page_environment(folder: Path | None = None) -> "Environment":
    """The templates here, and those of `folder` that extend them."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader([Path(__file__).parent / "templates", *([folder] if folder else [])]),
        autoescape=True,
        # whatever a template shows; what is markup already was shown so before
        finalize=lambda value: value if isinstance(value, Markup) else visible(str(value)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda item: _format(item, 100, " %", signed=False)
    environment.filters["points"] = lambda item: _format(item, 100, "", signed=True)
    environment.filters["figure"] = lambda item: _format(item, 1, "", signed=False)
    environment.filters["change"] = lambda item: _format(item, 1, "", signed=True)
    environment.filters["marked"] = _marked
    # charts are drawn by this package and escape their own texts for HTML
    environment.filters["chart"] = lambda svg: Markup(visible(svg))
    environment.globals["arm_names"] = ARM_NAMES
    environment.globals["meanings"] = LABEL_MEANINGS
    environment.globals["form_titles"] = FORM_TITLES
    return environment


def _marked(text: str, answers: Sequence[str]) -> "Markup":
    """The text with every gold answer in it marked, case aside."""
    from markupsafe import Markup, escape

    text = visible(text)
    words = sorted({visible(answer) for answer in answers if answer.strip()}, key=len, reverse=True)
    if not words:
        return escape(text)
    parts = re.split(f"({'|'.join(map(re.escape, words))})", text, flags=re.IGNORECASE)
    # the split puts what matched at the odd places
    marked = (Markup("<mark>{}</mark>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts))
    return Markup("").join(marked)


def _format(item: Any, scale: float, unit: str, *, signed: bool) -> str:
    fields = _interval(item)
    if fields is None:
        return "–"
    value = scale * fields["value"]
    digits = 1 if scale == 100 or abs(value) >= 10 else 3
    sign = "+" if signed else ""
    text = f"{value:{sign}.{digits}f}{unit}"
    if fields["low"] is None or fields["high"] is None:
        return text
    return f"{text} [{scale * fields['low']:{sign}.{digits}f}, {scale * fields['high']:{sign}.{digits}f}]"
