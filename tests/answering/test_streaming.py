"""What of an answer may be shown before it is whole."""

from collections.abc import Sequence
from typing import Any

import pytest

from hybrid.answering.citations import plain_text, read_answer
from hybrid.answering.refusals import declines, may_yet_decline
from hybrid.answering.streaming import Gate, TokenText, may_stream
from hybrid.config_answering import AnsweringConfig

DECLINING = [
    "I don't know.",
    "I do not know which seal it takes [2].",
    "I am not able to say",
    "[1] I cannot find it",
    "The passages do not mention a seal.",
    "the numbered passage doesn't give it",
    "None of these numbered passages do state it",
    "Unknown",
    "Not enough information is there.",
    "“I don’t know.”",
    "  - not stated",
]
ANSWERING = [
    "20 kg [1].",
    "The red one [2].",
    "It weighs 20 kg as a whole [1]",
    "I think 20 kg [1]",
    "None [1]. It is dry.",
    "Monday to Friday, nine to five [1]",
]


def shown(text: str, **answering: Any) -> list[str]:
    """What stands on the screen after each character of a text."""
    pieces: list[str] = []
    gate = Gate(AnsweringConfig(**answering), pieces.append)
    screens = []
    for character in text:
        gate.put(character)
        screens.append("".join(pieces))
    return screens


@pytest.mark.parametrize("text", DECLINING)
def test_nothing_is_shown_of_an_answer_that_declines(text: str) -> None:
    assert declines(plain_text(text))
    assert set(shown(text)) == {""}
    assert all(may_yet_decline(text[:end]) for end in range(len(text)))


@pytest.mark.parametrize("text", ANSWERING)
def test_an_answer_is_shown_from_its_beginning_as_soon_as_it_cannot_decline(text: str) -> None:
    screens = shown(text)
    assert screens[-1] == text
    assert all(text.startswith(screen) for screen in screens)
    first = next(place for place, screen in enumerate(screens) if screen)
    assert screens[first:] == [text[: end + 1] for end in range(first, len(text))]
    assert first < 25


@pytest.mark.parametrize("style", ["quote_first", "reason_first"])
def test_work_is_held_back_until_the_answer_behind_it_has_begun(style: str) -> None:
    work = "Passage [2] says: It weighs 20 kg. Answer:"
    assert set(shown(f"{work} I don't know.", style=style)) == {""}
    screens = shown(f"{work} 20 kg [2].", style=style)
    assert screens[len(work) - 1] == "" and screens[-1] == f"{work} 20 kg [2]."


@pytest.mark.parametrize("style", ["cited", "quote_first", "reason_first"])
@pytest.mark.parametrize("mark", ["Answer:", " **Answer:** ", "[1] Answer:", "Answer: Answer:", "Answer:\nAnswer: "])
def test_a_mark_that_comes_first_opens_nothing_in_any_style(style: str, mark: str) -> None:
    assert read_answer(f"{mark} I don't know.", []).abstained
    assert set(shown(f"{mark} I don't know.", style=style)) == {""}
    screens = shown(f"{mark} 20 kg [2].", style=style)
    assert screens[len(mark)] == "" and screens[-1] == f"{mark} 20 kg [2]."


def test_only_a_guard_that_withholds_nothing_lets_anything_be_shown_early() -> None:
    assert [may_stream(AnsweringConfig(guard=guard)) for guard in ("abstain", "flag", "off")] == [False, True, True]


def test_characters_come_whole_and_blanks_around_the_answer_never() -> None:
    content = " é🙂 kg \n".encode()

    def decode(tokens: Sequence[int]) -> str:
        return bytes(tokens).decode("utf-8", errors="replace")

    pieces: list[str] = []
    text = TokenText(decode, {0}, pieces.append)
    for byte in content:
        text.put([byte])
    text.put([0, *b"more"])
    text.put(list(b"and more"))
    assert pieces == ["é", "🙂", " k", "g"]
