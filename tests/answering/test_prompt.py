"""One prompt for training and serving, and what happens where it does not fit."""

import re

import pytest

from hybrid.answering.excerpt import Excerpts
from hybrid.answering.prompt import (
    ABSTENTION,
    ANSWER_MARK,
    Example,
    PromptForm,
    best_first,
    fit_context,
    fit_examples,
    numbered_passages,
    render,
    split_prompt,
    target_text,
)
from hybrid.config_answering import AnswerStyle
from hybrid.errors import UserError
from hybrid.types import Chat, Passage

STYLES: tuple[AnswerStyle, ...] = ("plain", "cited", "quote_first", "reason_first")
TASK = PromptForm().task
A = Passage("a", "It weighs 20 kg.", title="Pump A", section="Mass")
B = Passage("b", "It is red.")
C = Passage("c", "one two three four five six seven eight nine ten")


def num_words(chat: Chat) -> int:
    return sum(len(message.content.split()) for message in chat)


def test_passages_are_numbered_in_order_with_their_headings_and_the_question_comes_last() -> None:
    (user,) = render("How heavy?", [B, A], PromptForm())
    assert user.role == "user"
    assert user.content == f"[1] It is red.\n\n[2] Pump A › Mass\nIt weighs 20 kg.\n\n{TASK}\n\nQuestion: How heavy?"
    assert ABSTENTION not in TASK and ABSTENTION in PromptForm("cited").task


def test_no_passages() -> None:
    assert render("How heavy?", [], PromptForm())[-1].content == f"(no passages)\n\n{TASK}\n\nQuestion: How heavy?"


def test_the_question_may_stand_before_the_passages_too() -> None:
    content = render("How heavy?", [A], PromptForm(question_first=True))[-1].content
    assert content == f"Question: How heavy?\n\n[1] Pump A › Mass\nIt weighs 20 kg.\n\n{TASK}\n\nQuestion: How heavy?"
    alone = render("How heavy?", [], PromptForm(question_first=True))[-1].content
    assert alone == f"(no passages)\n\n{TASK}\n\nQuestion: How heavy?"


def test_an_instruction_joins_the_task() -> None:
    form = PromptForm(instruction="Answer yes, no or maybe.")
    assert form.task.endswith("Answer yes, no or maybe.")
    assert form.task in render("q", [A], form)[-1].content and form.words == form.task


def test_a_team_s_own_words_take_the_place_of_all_others() -> None:
    form = PromptForm("own", "Be brief.", template="{question}\n{passages}\n{instruction} Else say {abstention}")
    (user,) = render("What is {passages}?", [B], form)
    assert user.content == f"What is {{passages}}?\n[1] It is red.\nBe brief. Else say {ABSTENTION}"
    assert form.words.split() == ["Else", "say", "Be", "brief."]


def test_best_first_is_the_order_of_the_ranking_and_says_so() -> None:
    assert best_first([C, A, B], ["x", "a", "y", "c"]) == [A, C, B]
    assert best_first([C, A, B], []) == [C, A, B]
    assert "holds the first passage for the best" in render("q", [A], PromptForm(best_first=True))[0].content
    assert "holds the first passage for the best" not in render("q", [A], PromptForm())[0].content


def test_passages_in_the_prompt_are_excerpts() -> None:
    form = PromptForm(excerpts=Excerpts(max_tokens=6))
    assert "ten" not in render("one?", [C], form)[-1].content
    fitted = fit_context("one?", [C], form=form, count_tokens=num_words, budget_tokens=99)
    assert fitted.shown == (form.excerpts.show(C, "one?"),)


def test_examples_come_as_turns_before_the_question() -> None:
    chat = render("How heavy?", [A], PromptForm(), [Example((B,), "Which colour?", "red [1]")])
    assert [m.role for m in chat] == ["user", "assistant", "user"]
    assert chat[0].content == f"[1] It is red.\n\n{TASK}\n\nQuestion: Which colour?"
    assert chat[1].content == "red [1]"
    assert chat[2:] == render("How heavy?", [A], PromptForm())


def test_styles_ask_for_different_things_and_none_shows_an_answer() -> None:
    asked = {style: PromptForm(style).task for style in STYLES}
    assert len(set(asked.values())) == len(STYLES)
    shown = [found for task in asked.values() for found in re.findall(r"\d+|\[.*?\]|\".*?\"|like:", task)]
    assert shown == []
    assert {style: target_text("20 kg", 2, "It weighs 20 kg.", style) for style in STYLES} == {
        "plain": "20 kg",
        "cited": "20 kg [2]",
        "quote_first": f'"It weighs 20 kg." [2] {ANSWER_MARK} 20 kg [2]',
        "reason_first": f"Passage [2] says: It weighs 20 kg. {ANSWER_MARK} 20 kg [2]",
    }


def budget(*passages: Passage) -> int:
    return num_words(render("How heavy?", passages, PromptForm()))


def test_passages_are_dropped_from_the_end() -> None:
    fitted = fit_context("How heavy?", [A, B, C], form=PromptForm(), count_tokens=num_words, budget_tokens=budget(A, B))
    assert (fitted.passages, fitted.dropped) == ((A, B), (C,))
    fitted = fit_context("How heavy?", [A, B, C], form=PromptForm(), count_tokens=num_words, budget_tokens=budget(A))
    assert (fitted.passages, fitted.dropped) == ((A,), (C, B))


def test_nothing_is_dropped_at_the_very_budget_and_something_one_below() -> None:
    whole = budget(A, B, C)
    at = fit_context("How heavy?", [A, B, C], form=PromptForm(), count_tokens=num_words, budget_tokens=whole)
    below = fit_context("How heavy?", [A, B, C], form=PromptForm(), count_tokens=num_words, budget_tokens=whole - 1)
    assert (at.dropped, below.dropped) == ((), (C,))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_oracle_is_kept_wherever_it_stands(place: int) -> None:
    context = [A, B]
    context.insert(place, C)
    fitted = fit_context(
        "How heavy?", context, form=PromptForm(), count_tokens=num_words, budget_tokens=budget(C), keep={"c"}
    )
    assert fitted.passages == (C,)
    assert set(fitted.dropped) == {A, B}


def test_an_oracle_that_does_not_fit_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(UserError, match="with its gold passage") as caught:
        fit_context(
            "How heavy?", [A, C], form=PromptForm(), count_tokens=num_words, budget_tokens=budget(C) - 1, keep={"c"}
        )
    assert "context_tokens" in caught.value.remedy
    with pytest.raises(UserError, match="the question alone"):
        fit_context("How heavy?", [A], form=PromptForm(), count_tokens=num_words, budget_tokens=budget() - 1)


def test_worked_examples_give_way_the_first_ones_first() -> None:
    examples = [Example((C,), f"Which, {n}?", "ten [1]") for n in range(3)]

    def size(number: int) -> int:
        return num_words(render("How heavy?", [A, B], PromptForm(), examples[3 - number :]))

    def fitted(window: int) -> tuple[Example, ...]:
        form = PromptForm()
        return fit_examples("How heavy?", [A, B], examples, form=form, count_tokens=num_words, window_tokens=window)

    assert fitted(size(3)) == tuple(examples)
    assert fitted(size(3) - 1) == tuple(examples[1:])
    assert fitted(size(1) - 1) == ()


@pytest.mark.parametrize("form", [PromptForm(), PromptForm(question_first=True)])
def test_a_prompt_is_taken_apart_again(form: PromptForm) -> None:
    faq = Passage("f", "Question: What is it?\nA pump.\n[7] is no passage", title="FAQ")
    shown = [faq, A, B]
    asked = render("How heavy?", shown, form)[-1].content
    assert split_prompt(asked) == ("How heavy?", [passage.full_text for passage in shown])
    assert split_prompt(render("Why?", [], form)[-1].content) == ("Why?", [])


def test_prompts_that_cannot_be_told_apart_are_questions_whole() -> None:
    assert split_prompt("[1] is a footnote. Why?") == ("[1] is a footnote. Why?", [])
    assert split_prompt("Read this.\nQuestion: Why?") == ("Read this.\nQuestion: Why?", [])
    assert split_prompt(" question: Why? ") == ("question: Why?", [])
    assert numbered_passages("[2] so\n[1] a\n\n[3] c\n[2] b\nc") == ["a\n\n[3] c", "b\nc"]
    assert numbered_passages("none") == []
