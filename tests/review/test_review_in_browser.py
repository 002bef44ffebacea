"""The review page in a real browser, by keyboard alone: decisions, undo, going on, what a file may contain."""

import re
from contextlib import ExitStack
from typing import Any

import pytest

from hybrid.review.labels import Decision
from hybrid.review.merge import read_reviewed
from tests.browser import contrast
from tests.review.conftest import QUOTE, SCRIPT, Desk, Opened, row


def press(page: Any, *keys: str) -> None:
    """Press keys one after another; each is answered before the next."""
    for key in keys:
        page.keyboard.press(key)
        idle(page)


def idle(page: Any) -> None:
    """Wait until the page has been answered."""
    page.wait_for_selector("main[aria-busy=false]")


def place(page: Any) -> int:
    """The number of the question that is shown."""
    found = re.match(r"Question (\d+) of", page.locator("#where").text_content())
    assert found
    return int(found[1])


def test_a_sitting_by_keyboard_alone(desk: Desk, opened: Opened) -> None:
    with desk.serve() as server, opened(server.url) as page:
        assert page.locator("mark").all_text_contents() == [QUOTE]
        assert page.locator("#answers").text_content() == "Answer40 kg"
        assert page.locator("dl").text_content() == "personafitter"
        press(page, "a")
        assert place(page) == 2
        press(page, "e")
        assert page.evaluate("document.activeElement.id") == "new-question"
        assert page.evaluate("document.activeElement.value") == "How heavy is the bare Alder, asked 1?"
        press(page, "Control+a")
        page.keyboard.type("What does a bare Alder weigh?")
        press(page, "Tab", "Tab")
        # the field that is added when the last one is written into
        page.keyboard.type("40 kilograms")
        assert page.locator("#new-answers textarea").count() == 3
        press(page, "Control+Enter")
        assert place(page) == 3
        press(page, "r", "4")
        assert place(page) == 4
        press(page, "r", "6")
        assert page.evaluate("document.activeElement.id") == "reject-note"
        page.keyboard.type("6 kg is meant")
        press(page, "Enter")
        assert page.locator("#counts").text_content() == (
            "4 of 4 reviewed: 1 accepted, 1 edited, 2 rejected. All done: you may close this page."
        )
        assert page.locator("#label").text_content() == "Rejected: another reason (a note is asked for) – 6 kg is meant"
    first, second, third, fourth = desk.labels("anna")
    assert (first.id, first.decision) == ("q0", Decision.ACCEPT)
    assert (second.decision, second.question) == (Decision.EDIT, "What does a bare Alder weigh?")
    assert second.answers == ("40 kg", "40 kilograms")
    assert (third.decision, third.reason) == (Decision.REJECT, "not_standalone")
    assert (fourth.reason, fourth.note) == ("other", "6 kg is meant")


def test_undo_goes_back_and_a_new_server_goes_on(desk: Desk, opened: Opened) -> None:
    with desk.serve() as server, opened(server.url) as page:
        press(page, "a", "r", "1", "u")
        assert place(page) == 2
        assert page.locator("#said").text_content().startswith("Undone. Question 2 of 4: How heavy")
        assert page.locator("#counts").text_content().startswith("1 of 4")
    with desk.serve() as again, opened(again.url) as page:
        assert place(page) == 2 and page.locator("#label").is_hidden()
        # a decision of the sitting before can be taken back, too
        press(page, "u")
        assert place(page) == 1
        assert page.locator("#counts").text_content().startswith("0 of 4")
    assert desk.labels("anna") == []


def test_one_can_walk_about_and_think_again(desk: Desk, opened: Opened) -> None:
    with desk.serve() as server, opened(server.url) as page:
        press(page, "j", "ArrowRight", "j", "j")
        assert place(page) == 4
        press(page, "k", "ArrowLeft")
        assert place(page) == 2
        press(page, "a", "k", "n")
        assert place(page) == 3
        press(page, "k", "e")
        page.locator("#new-question").fill("What does it weigh?")
        press(page, "Control+Enter", "k", "e")
        # an edit is edited further
        assert page.locator("#new-question").input_value() == "What does it weigh?"
    assert [label.decision for label in desk.labels("anna")] == [Decision.ACCEPT, Decision.EDIT]


def test_escape_leaves_everything_as_it_was(desk: Desk, opened: Opened) -> None:
    with desk.serve() as server, opened(server.url) as page:
        press(page, "e")
        page.keyboard.type("aru n")
        press(page, "Escape")
        assert page.locator("#question").text_content() == "How heavy is the bare Alder, asked 0?"
        press(page, "r", "Escape", "?")
        assert page.locator("#help").is_visible()
        # keys of the page below do nothing
        press(page, "a", "Escape")
        assert page.locator("#help").is_hidden() and place(page) == 1
    assert desk.labels("anna") == []


def test_a_refused_edit_says_why_and_loses_nothing(desk: Desk, opened: Opened) -> None:
    with desk.serve() as server, opened(server.url, expected="400") as page:
        press(page, "e")
        page.locator("#new-answers textarea").first.fill(" ")
        press(page, "Control+Enter")
        assert page.locator("#problem").text_content() == "the question had an answer: give one, or reject it"
        assert page.locator("#editing").is_visible()
        page.locator("#new-answers textarea").first.fill("about 40 kg")
        press(page, "Control+Enter")
        assert page.locator("#problem").is_hidden() and place(page) == 2
    assert [label.answers for label in desk.labels("anna")] == [("about 40 kg",)]


def test_the_mouse_works_too_and_a_server_that_is_gone_is_told(desk: Desk, opened: Opened) -> None:
    with ExitStack() as stack:
        with desk.serve() as server:
            page = stack.enter_context(opened(server.url, expected="ERR_CONNECTION_REFUSED"))
            page.get_by_role("button", name="Accept").click()
            idle(page)
            page.get_by_role("button", name="Reject").click()
            page.get_by_role("button", name="the question is unclear").click()
            idle(page)
        press(page, "a")
        assert "Not saved" in page.locator("#problem").text_content()
        assert page.locator("#counts").text_content().startswith("2 of 4")
    assert [label.decision for label in desk.labels("anna")] == [Decision.ACCEPT, Decision.REJECT]


def test_two_reviewers_and_their_agreement(desk: Desk, opened: Opened) -> None:
    for reviewer, keys in (("anna", "aar1a"), ("ben", "ar2r3a")):
        with desk.serve(reviewer) as server, opened(server.url) as page:
            # what the other one decided is not shown
            assert page.locator("#counts").text_content().startswith("0 of 4")
            press(page, *keys)
    reviewed = read_reviewed(desk.file, desk.workspace, resamples=100, seed=1)
    (pair,) = reviewed.agreements
    assert pair.reviewers == ("anna", "ben")
    assert (pair.same.value, pair.kappa.value) == (0.75, 0.5)
    assert reviewed.counts == {
        "accepted": 2, "edited": 0, "rejected": 1, "disputed": 1, "stale": 0, "unreviewed": 0
    }  # fmt: skip


def test_a_file_cannot_put_anything_but_text_on_the_page(desk: Desk, opened: Opened) -> None:
    hostile = {"source": f"{SCRIPT}.md", "quote": SCRIPT}
    desk.write(
        row(0, question=SCRIPT, answers=[SCRIPT], topic=SCRIPT, evidence=[hostile], persona=SCRIPT, **{SCRIPT: SCRIPT})
    )
    with desk.serve() as server, opened(server.url) as page:
        assert page.locator("#question").text_content() == SCRIPT
        assert page.locator("p.answer").text_content() == SCRIPT
        assert SCRIPT in page.locator("#passages .problem").text_content()
        press(page, "r", "6")
        page.keyboard.type(SCRIPT)
        press(page, "Enter")
        assert SCRIPT in page.locator("#label").text_content()
        assert page.title() == "made.jsonl – review"
        assert page.locator("img").count() == 0 and page.locator("script").count() == 1


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_it_fits_the_screen_and_can_be_read(desk: Desk, opened: Opened, scheme: str, width: int) -> None:
    long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
    desk.write(row(0, question=long, answers=[long], evidence=[{"source": long, "quote": long}], persona=long), row(1))
    with desk.serve() as server, opened(server.url, scheme, width) as page:
        for keys in ((), ("e",), ("Escape", "r"), ("Escape", "?"), ("Escape", "r", "6", "Escape", "j", "a")):
            press(page, *keys)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), keys
        press(page, "j")
        paper = colour(page.locator("body"), "backgroundColor")
        assert (sum(paper) < 200) is (scheme == "dark")
        for selector in (
            "h2#question",
            ".soft",
            "button.accept",
            "button.edit",
            "button.reject",
            ".label",
            "mark",
            "kbd",
        ):
            seen = page.locator(f"{selector} >> visible=true").first
            assert contrast(colour(seen, "color"), paper_of(seen)) > 4.5, selector
        assert page.locator("article").is_visible()
        beside = page.locator("article").bounding_box()["x"] > page.locator("#question").bounding_box()["x"] + 100
        assert beside is (width == 1280)


def colour(element: Any, name: str) -> list[int]:
    return element.evaluate(f"node => getComputedStyle(node).{name}.match(/\\d+/g).slice(0, 3).map(Number)")


def paper_of(element: Any) -> list[int]:
    """The background that is seen behind an element."""
    return element.evaluate(
        """node => {
          while (getComputedStyle(node).backgroundColor === "rgba(0, 0, 0, 0)") node = node.parentElement;
          return getComputedStyle(node).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number);
        }"""
    )


def test_a_screen_reader_is_told_what_happens(desk: Desk, opened: Opened) -> None:
    with desk.serve() as server, opened(server.url) as page:
        press(page, "a")
        assert page.locator("[aria-live=polite]").text_content() == (
            "Accepted. Question 2 of 4: How heavy is the bare Alder, asked 1?"
        )
        bar = page.get_by_role("progressbar", name="Reviewed")
        assert bar.get_attribute("aria-valuenow") == "1" and bar.get_attribute("aria-valuemax") == "4"
        press(page, "r")
        assert page.get_by_role("dialog", name="Why is it rejected?").is_visible()
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        press(page, "Escape", "e")
        assert page.get_by_label("Answer 1").input_value() == "40 kg"
        assert page.get_by_label("Question", exact=True).is_visible()
        press(page, "Escape", "Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"


def test_a_record_that_changed_is_to_be_looked_at_again(desk: Desk, opened: Opened) -> None:
    with desk.serve() as server, opened(server.url) as page:
        press(page, "a", "a")
    desk.write(row(0, answers=["41 kg"]), row(1, split="dev", persona="buyer"), row(2), row(3))
    with desk.serve() as server, opened(server.url) as page:
        assert place(page) == 1 and page.locator("#stale").is_visible()
        # another split or persona is nothing that was judged
        assert page.locator("#counts").text_content().startswith("1 of 4")
        press(page, "a")
        assert page.locator("#counts").text_content().startswith("2 of 4")
        assert page.locator("#stale").is_hidden()
