"""The diagnosis page in a real browser: light and dark, narrow and wide, its filters pressed."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from hybrid.audit.audit import look, summary, worst_questions
from hybrid.audit.checks import run_checks
from hybrid.audit.closed_book import from_diagnoses
from hybrid.audit.label_noise import Diagnosed
from hybrid.audit.report import audit_html
from hybrid.config import Config, DiagnosisConfig
from hybrid.evaluation.answer_form import measure_form
from hybrid.evaluation.attribution import attribute
from hybrid.evaluation.diagnose import describe
from hybrid.evaluation.records import Record
from hybrid.evaluation.report import diagnosis_html
from hybrid.types import Arm, Outcome, Passage, Question
from tests.browser import contrast

NUM = 120
PASSAGE = "The crate weighs {} kg. " + "It is made of untreated spruce and closed by twelve screws. " * 6


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 120 questions in two topics, a third of them failures of three kinds."""
    questions, records = [], []
    for i in range(NUM):
        topic = "weights" if i % 2 else "crates and their many parts"
        questions.append(Question(f"q{i}", f"How heavy is crate {i}?", (f"{i} kg",), (f"p{i}",), topic=topic))
        found, reads = i % 6 != 0, i % 5 != 0
        arms = [
            (Arm.RETRIEVED, found and reads, found),
            (Arm.ORACLE_IN_DISTRACTORS, reads, True),
            (Arm.ORACLE, reads, True),
        ]
        outcomes = tuple(
            Outcome(
                f"q{i}", arm, 0, float(right), right, False, gold, f"{i if right else 7} kg [1]",
                context=(f"p{i}",) if gold else (f"p{(i + 1) % NUM}",),
            )
            for arm, right, gold in arms
        )  # fmt: skip
        records.append(Record(f"q{i}", topic, f"p{i}", True, True, 1 if found else 40, outcomes))
    verdict = attribute(records, config=DiagnosisConfig(), resamples=200, seed=1).to_dict()
    verdict["form"] = asdict(measure_form(records, questions, None, resamples=200, seed=1))
    failures = describe(
        records, questions, lambda name, _: (f"Crate {name[1:]}", PASSAGE.format(name[1:])), verdict["labels"]
    )
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(diagnosis_html(verdict, failures, {"title": "crates, base system", "k": 3}), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def audit_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of an audit that finds three kinds of faults, two of them in one question."""
    shelf = {"p": Passage("p", "The crate of the C40 weighs 20 kg.")}
    asked = [
        Question(
            f"q{i}", f"How heavy is part {i} of it?", ("20 kg",), ("p",), "train", "number",
            group="<b>north</b>" if i % 6 else "a region with a name too long for the margin of a chart",
        )
        for i in range(30)
    ]  # fmt: skip
    asked += [
        Question(
            "copy", "Please: how heavy is part 7 of it?", ("It would be 21 kg, they say.",), ("p",), "train", "number"
        ),
        Question("wrong", "How tall is the door?", ("3 m",), ("p",), "train", "number"),
    ]
    findings = run_checks(asked, shelf)
    kinds = {finding.kind.value for finding in findings}
    assert len([finding for finding in findings if finding.question == "copy"]) > 1 and len(kinds) >= 3
    diagnosed = [Diagnosed("diagnosis-base-dev", 40, ("q1", "q2"), ("q3",), 40)]
    seen = look(asked, shelf, findings, ("raft",), Config(), diagnosed, from_diagnoses(diagnosed))
    told = summary(asked, findings, seen, {})
    file = tmp_path_factory.mktemp("audit") / "report.html"
    rows = worst_questions(asked, findings)
    file.write_text(audit_html(told, rows, "crates: is the data good enough?"), encoding="utf-8")
    return file


@pytest.fixture
def opened(browser: Any, page_file: Path) -> Iterator[Any]:
    """A function that opens the page under a colour scheme and width; errors and outside requests are failures."""
    problems: list[str] = []
    contexts = []

    def open_page(scheme: str = "light", width: int = 1280, file: Path = page_file) -> Any:
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else problems.append(r.url))
        page.goto(file.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_the_screen_and_can_be_read(opened: Any, scheme: str, width: int) -> None:
    page = opened(scheme, width)
    page.locator("details.case").first.locator("summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing sticks out sideways"
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
        ".map(c => c.match(/\\d+/g).slice(0, 3).map(Number))"
    )
    assert contrast(ink, paper) > 7
    assert (sum(paper) < sum(ink)) is (scheme == "dark")
    # what is written in the charts must be as legible as the rest
    for text in page.locator("svg.chart text").all()[:40]:
        fill = text.evaluate("node => getComputedStyle(node).fill.match(/\\d+/g).slice(0, 3).map(Number)")
        assert contrast(fill, paper) > 4, text.text_content()


def test_filters_leave_what_they_name(opened: Any) -> None:
    page = opened()
    shown = page.locator("details.case:not([hidden])")
    whole = shown.count()
    assert whole == page.locator("details.case").count() > 20
    page.locator("button[data-by=label][data-filter=WRONG_ANSWER]").click()
    labels = {item.get_attribute("data-label") for item in shown.all()}
    assert labels == {"WRONG_ANSWER"} and 0 < shown.count() < whole
    by_label = shown.count()
    page.locator("button[data-by=topic][data-filter=weights]").click()
    assert {(i.get_attribute("data-label"), i.get_attribute("data-topic")) for i in shown.all()} == {
        ("WRONG_ANSWER", "weights")
    }
    assert 0 < shown.count() < by_label
    assert page.locator("#shown").text_content() == f"{shown.count()} of {whole} shown"
    pressed = page.locator("button[aria-pressed=true]").all_text_contents()
    assert len(pressed) == 2 and pressed[1] == "weights"
    page.locator("button[data-by=label]").first.press("Enter")
    page.locator("button[data-by=topic]").first.press("Enter")
    assert shown.count() == whole


def test_arms_stand_side_by_side_where_there_is_room(opened: Any) -> None:
    for width, columns in ((1280, 2), (360, 1)):
        page = opened(width=width)
        page.locator("details.case").first.locator("summary").first.click()
        boxes = [arm.bounding_box() for arm in page.locator("details.case").first.locator("section.arm").all()]
        assert len(boxes) == 3
        assert (
            len({round(box["x"]) for box in boxes}) >= columns
            if columns > 1
            else len({round(b["x"]) for b in boxes}) == 1
        )


def test_the_gold_answer_is_marked_in_what_was_read(opened: Any) -> None:
    page = opened()
    case = page.locator("details.case[data-label=WRONG_ANSWER]").first
    case.locator("summary").first.click()
    mark = case.locator("section.arm mark").first
    assert mark.is_visible()
    assert case.locator("mark").first.text_content() in case.locator("p").first.text_content()


def test_the_audits_page_shows_a_question_under_each_of_its_findings(opened: Any, audit_file: Path) -> None:
    page = opened("dark", 360, audit_file)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shown = page.locator("details.case:not([hidden])")
    for button in page.locator("button[data-by=label]").all()[1:]:
        button.click()
        kind = button.get_attribute("data-filter")
        assert shown.count() > 0
        assert all(kind in item.get_attribute("data-label").split("|") for item in shown.all())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_audits_charts_can_be_read(opened: Any, audit_file: Path, scheme: str) -> None:
    page = opened(scheme, 1280, audit_file)
    charts = {chart.get_attribute("aria-label"): chart for chart in page.locator("svg.chart").all()}
    assert list(charts) == ["What was found", "What to trust", "Groups", "Words of a question", "Shapes of the answers"]
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
    for name, chart in charts.items():
        frame = chart.bounding_box()
        for text in chart.locator("text").all():
            box, said = text.bounding_box(), text.text_content()
            fill = text.evaluate("node => getComputedStyle(node).fill.match(/\\d+/g).slice(0, 3).map(Number)")
            assert contrast(fill, paper) > 4, said
            assert box["x"] >= frame["x"] - 1 and box["x"] + box["width"] <= frame["x"] + frame["width"] + 1, (
                name,
                said,
            )
    told = charts["Words of a question"].text_content()
    assert "6–10" in told and "31" in told
    assert "<b>north</b>" in charts["Groups"].text_content(), "a name is text, whatever is in it"
    assert page.get_by_role("cell", name="5.0 % [1.4, 16.5]").is_visible(), "2 of 40 flagged"
