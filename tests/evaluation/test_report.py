"""The pages are whole, escape what they show, refer to nothing outside, and are the same every time."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from hybrid.config import DiagnosisConfig
from hybrid.evaluation.attribution import attribute
from hybrid.evaluation.plots import Bar, interval_bars, rank_histogram
from hybrid.evaluation.records import Record
from hybrid.evaluation.report import comparison_html, diagnosis_html, verdict
from hybrid.types import Arm, Interval, Outcome

EVIL = "</details><script>alert('x')</script><img src=http://evil.example/x.png>"
VOID = {"meta", "br", "img", "input", "hr", "link"}


class Structure(HTMLParser):
    """Collects tags and attributes; fails on tags that do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag


def structure(page: str) -> Structure:
    parser = Structure()
    parser.feed(page)
    assert parser.open == []
    return parser


def records() -> list[Record]:
    made = []
    for index in range(60):
        found = index % 3 != 0
        arms = [(Arm.RETRIEVED, found, found), (Arm.ORACLE_IN_DISTRACTORS, True, True), (Arm.ORACLE, True, True)]
        outcomes = tuple(Outcome(f"q{index}", arm, 0, 1.0, right, False, gold, "t") for arm, right, gold in arms)
        made.append(Record(f"q{index}", "", f"c{index}", True, True, 1 if found else 50, outcomes))
    return made


def diagnosis() -> dict[str, Any]:
    result = attribute(records(), config=DiagnosisConfig(), resamples=300, seed=1)
    form = {"valid": {"value": 0.5, "low": 0.4, "high": 0.6, "num": 60}, "shapes": {"span": {"value": 60}}}
    others = dict.fromkeys(("right_but_malformed", "wrong_terms", "mixed_terms", "consistent_style"))
    told = {**result.to_dict(), "form": {**others, **form}}
    return json.loads(json.dumps(told))  # type: ignore[no-any-return]


def cases() -> list[dict[str, Any]]:
    context = [
        {"id": "p1", "title": EVIL, "text": EVIL, "gold": True},
        {"id": "p2", "title": "", "text": "", "gold": False},
    ]
    arms = {
        "retrieved": {"text": EVIL, "correct": False, "context": context},
        "closed_book": {"text": "", "correct": True},
    }
    first = {"question": EVIL, "answers": [EVIL], "gold": [context[0]], "label": "WRONG_DOCUMENTS", "gold_rank": 50}
    second: dict[str, Any] = {"question": "Torque?", "gold": ["35 Nm"], "label": "BOTH", "gold_rank": None, "arms": {}}
    return [{**first, "arms": arms}, second]


def rows() -> list[dict[str, Any]]:
    return [
        {
            "metric": "nDCG@10",
            "before": {"value": 0.5, "low": 0.45, "high": 0.55, "num": 60},
            "after": Interval(0.7, 0.65, 0.75, 60),
            "gain": Interval(0.2, 0.15, 0.25, 60),
            "higher_is_better": True,
        },
        {
            "metric": EVIL,
            "before": None,
            "after": Interval(float("nan"), 0, 1, 0),
            "gain": None,
            "higher_is_better": False,
        },
        {
            "metric": "prompt tokens",
            "before": Interval(400, 390, 410, 60),
            "after": Interval(300, 290, 310, 60),
            "gain": Interval(-100, -110, -90, 60),
            "higher_is_better": False,
        },
    ]


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    verdicts = [("before", diagnosis()), ("after", diagnosis())]
    return {
        "diagnosis": diagnosis_html(diagnosis(), cases(), {"title": f"Pumps {EVIL}", "k": 4, "split": EVIL}),
        "comparison": comparison_html(rows(), {"title": "Before and after"}, verdicts, cases()),
    }


@pytest.mark.parametrize("name", ["diagnosis", "comparison"])
def test_pages_are_self_contained_and_escaped(pages: dict[str, str], name: str) -> None:
    seen = structure(pages[name]).seen
    assert sum(tag == "script" for tag, _ in seen) == 1
    assert not any(tag in ("link", "img", "iframe") for tag, _ in seen)
    for _, attributes in seen:
        for key in ("src", "href", "xlink:href"):
            assert str(attributes.get(key, "#")).startswith("#")
    assert "url(http" not in pages[name] and "@import" not in pages[name]
    assert pages[name].count("http") == pages[name].count("http://evil.example")  # only within escaped text
    assert "&lt;script&gt;" in pages[name]


def test_the_verdict_comes_first(pages: dict[str, str]) -> None:
    page = pages["diagnosis"]
    order = [
        "Retune the embedder",
        "hybrid train-embed",
        "could still add",
        "failures come from",
        "was given",
        "<h2>Failures",
    ]
    places = [page.index(text) for text in order]
    assert places == sorted(places)
    assert page.count('class="chart"') == 4
    assert "33.3 %" in page and "McNemar p" in page
    assert 'data-filter="WRONG_DOCUMENTS"' in page and 'data-label="BOTH"' in page
    assert "not in the ranking" in page


def test_the_comparison_tells_better_from_worse_and_unclear(pages: dict[str, str]) -> None:
    page = pages["comparison"]
    assert "2 of 3 measures are better, 0 worse" in page
    assert "0.500 [0.450, 0.550]" in page and "+0.200 [+0.150, +0.250]" in page
    assert "-100.0 [-110.0, -90.0]" in page
    assert page.count('class="chart"') == 2
    assert verdict({"low": -0.2, "high": -0.1}, higher_is_better=True) == "worse"
    assert verdict({"low": -0.2, "high": 0.1}, higher_is_better=True) == "unclear"
    assert verdict({"low": None, "high": None}, higher_is_better=True) == "unclear"


def test_light_dark_and_narrow(pages: dict[str, str]) -> None:
    for page in pages.values():
        assert "prefers-color-scheme: dark" in page and 'name="viewport"' in page
        assert "currentColor" in page and "#010203" not in page


def test_pages_for_no_questions_at_all() -> None:
    empty = attribute([], config=DiagnosisConfig(), resamples=100, seed=1).to_dict()
    page = diagnosis_html({**empty, "form": diagnosis()["form"]}, [], {})
    structure(page)
    assert "Not enough data to say" in page
    structure(comparison_html([], {}, [], []))


def test_charts_are_the_same_every_time() -> None:
    bars = [Bar("a $x$ <b>", 0.2, 0.1, 0.3), Bar("b", -0.1, None, None)]
    first, second = (interval_bars(bars, title="T & t", axis="points") for _ in range(2))
    assert first == second
    assert "xmlns" not in first and "<metadata" not in first and "Date" not in first
    assert "a $x$ &lt;b&gt;" in first and 'aria-label="T &amp; t"' in first
    used = set(re.findall(r'(?:href="|url\()#([\w.-]+)', first))
    assert used <= set(re.findall(r' id="([^"]+)"', first))


def test_no_bin_of_the_rank_histogram_straddles_k() -> None:
    chart = rank_histogram([1, 4, 5, 30, 200, None], k=4, title="ranks")
    names = re.findall(r">([^<>\n]+)</text>", chart)
    assert "4" in names and "5" in names and "4–5" not in names and "from 101" in names
    assert "from 101" not in rank_histogram([1, None], k=None, title="ranks")


def test_gold_answers_are_marked_in_what_was_read_and_stay_escaped() -> None:
    passage = {"id": "p", "title": "Motor", "text": "Tighten to 35 NM, <b>not</b> 45 Nm.", "gold": True}
    arms = {"retrieved": {"text": "45 Nm [1]", "correct": False, "cited": ["p"], "context": [passage]}}
    case = {"question": "Torque?", "answers": ["35 Nm"], "label": "WRONG_ANSWER", "gold_rank": 1, "arms": arms}
    page = diagnosis_html(diagnosis(), [case], {"title": "Pumps"})
    assert "Tighten to <mark>35 NM</mark>, &lt;b&gt;not&lt;/b&gt; 45 Nm." in page
    assert "Cites <bdi>p</bdi>." in page


def test_topics_are_a_chart_and_a_filter() -> None:
    verdict = diagnosis()
    for place, item in enumerate(verdict["questions"]):
        item["topic"] = ("seals", "<motors>")[place % 2]
    failures = [{**case, "topic": topic} for case, topic in zip(cases(), ("seals", "<motors>"), strict=True)]
    page = diagnosis_html(verdict, failures, {"title": "Pumps"})
    structure(page)
    assert "Labels by topic" in page and 'data-by="topic"' in page and "&lt;motors&gt;" in page
    assert "Labels by topic" not in diagnosis_html(diagnosis(), cases(), {"title": "Pumps"})
