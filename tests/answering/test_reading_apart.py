"""Passages read one at a time: which answer is kept, and what of it is served."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hybrid.answering.pipeline import Pipeline, Request
from hybrid.answering.prompt import split_prompt
from hybrid.answering.streaming import may_stream
from hybrid.config import Config
from hybrid.config_answering import AnsweringConfig
from hybrid.lifecycle.settled_prompt import settle_prompt
from hybrid.retrieval.flat_store import FlatStore
from hybrid.types import Chat, Generation, Passage
from tests.words_embedder import Words

PASSAGES = {
    "pump": Passage("pump", "The pump weighs 25 kg. It is blue.", "Pump"),
    "motor": Passage("motor", "The motor weighs 40 kg. Its shaft is 9 mm.", "Motor"),
    "valve": Passage("valve", "The valve opens at 6 bar.", "Valve"),
}


class FirstWeight:
    """Says the first weight that it reads, sure of it; declines where there is none. Told is what it says instead."""

    name = fingerprint = "first weight"

    def __init__(self, told: str = "") -> None:
        self.told = told
        self.asked: list[Chat] = []

    def count_tokens(self, chat: Chat) -> int:
        return sum(len(turn.content.split()) for turn in chat)

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        self.asked += chats
        return [self._answer(chat) for chat in chats]

    def _answer(self, chat: Chat) -> Generation:
        _, passages = split_prompt(chat[-1].content)
        found = re.search(r"\d+ kg", " ".join(passages))
        text = self.told or (f"{found[0]} [1]" if found else "I don't know.")
        # as a server that does not say how many it read
        return Generation(text, "stop", 0, 3, -0.1)


def system(generator: Any, **answering: Any) -> Pipeline:
    embedder = Words()
    store = FlatStore(embedder.dim)
    store.add(list(PASSAGES), embedder.encode_passages([passage.full_text for passage in PASSAGES.values()]))
    config = Config.model_validate({"answering": {"reading": "apart", **answering}})
    return Pipeline(store, embedder, generator, PASSAGES, config)


def ask(pipeline: Pipeline, question: str, *ids: str) -> Any:
    return pipeline.answer([Request(question, [PASSAGES[identity] for identity in ids])])[0]


def test_the_answer_that_its_passage_bears_out_best_is_kept_with_the_number_of_that_passage() -> None:
    generator = FirstWeight()
    answer = ask(system(generator), "How much does the motor weigh?", "pump", "valve", "motor")
    assert [len(split_prompt(chat[-1].content)[1]) for chat in generator.asked] == [1, 1, 1]
    assert (answer.plain, answer.served) == ("40 kg", "40 kg [3]")
    (citation,) = answer.citations
    assert (citation.marker, citation.passage_id, citation.span) == (3, "motor", "The motor weighs 40 kg.")
    assert answer.context == ("pump", "valve", "motor") and len(answer.shown) == 3
    together = ask(
        system(FirstWeight(), reading="together"), "How much does the motor weigh?", "pump", "valve", "motor"
    )
    assert together.plain == "25 kg", "the first weight of all"


def test_requests_keep_their_own_answers_however_many_passages_they_have() -> None:
    generator = FirstWeight()
    pipeline = system(generator)
    asked = [("How much does the pump weigh?", ["pump", "motor"]), ("What weighs most?", []), ("Motor?", ["motor"])]
    requests = [Request(question, [PASSAGES[identity] for identity in ids]) for question, ids in asked]
    answers = pipeline.answer(requests)
    assert len(generator.asked) == 2 + 1 + 1
    assert [answer.plain for answer in answers] == ["25 kg", "I don't know.", "40 kg"]
    assert [answer.context for answer in answers] == [("pump", "motor"), (), ("motor",)]


def test_the_next_is_read_only_where_no_answer_is_borne_out_well_yet() -> None:
    sure, unsure = FirstWeight(), FirstWeight()
    well = ask(system(sure), "The pump weighs how many kg?", "pump", "valve", "motor")
    assert (well.plain, len(sure.asked)) == ("25 kg", 1)
    assert well.support >= 1.55 and well.context == ("pump", "valve", "motor") and well.new_tokens == 3
    assert well.prompt_tokens == sum(sure.count_tokens(chat) for chat in sure.asked)
    poorly = ask(system(unsure), "What is the price?", "pump", "valve", "motor")
    assert poorly.support < 1.55 and len(unsure.asked) == 3 and poorly.new_tokens == 9


def test_what_ranks_first_is_read_first_whatever_the_order() -> None:
    generator = FirstWeight()
    passages = [PASSAGES[identity] for identity in ("valve", "motor", "pump")]
    request = Request("The pump weighs how many kg?", passages, ranking=["pump", "valve", "motor"])
    (answer,) = system(generator).answer([request])
    assert (answer.plain, answer.served, len(generator.asked)) == ("25 kg", "25 kg [1]", 1)


def test_four_passages_are_read_at_most_and_those_that_are_to_be_kept_among_them() -> None:
    passages = [Passage(str(number), f"Nothing about it in {number}.") for number in range(9)]
    generator = FirstWeight()
    request = Request("What is the price?", passages, keep=["7"])
    (answer,) = system(generator).answer([request])
    assert answer.context == ("0", "1", "2", "7") and len(generator.asked) == 4


def test_where_every_passage_is_declined_so_is_the_question() -> None:
    answer = ask(system(FirstWeight()), "At how many bar does it open?", "valve", "valve")
    assert answer.abstained and answer.citations == () and not answer.withheld


def test_an_invention_is_kept_only_where_nothing_is_borne_out_and_then_withheld() -> None:
    answer = ask(system(FirstWeight("77 kg")), "How much does the motor weigh?", "pump", "motor")
    assert answer.withheld and answer.reason == "figure" and answer.unsupported == ("77",)


def test_nothing_is_shown_while_several_answers_are_written() -> None:
    assert may_stream(AnsweringConfig(guard="off", reading="together"))
    assert not may_stream(AnsweringConfig(guard="off", reading="apart"))


@pytest.mark.parametrize(
    ("generator", "tuned", "reading"),
    [
        ({"model": "embedded"}, False, "apart"),
        ({"model": "embedded"}, True, "together"),
        ({"model": "SmolLM2-135M-Instruct"}, False, "together"),
        ({"kind": "openai", "model": "embedded", "base_url": "http://localhost:1/v1"}, False, "together"),
    ],
)
def test_readers_that_were_measured_read_apart_unless_tuned(
    generator: dict[str, Any], tuned: bool, reading: str, tmp_path: Path
) -> None:
    config = Config.model_validate({"generator": generator})
    assert settle_prompt(tmp_path, config, None, tuned=tuned).answering.reading == reading  # type: ignore[arg-type]
    chosen = Config.model_validate({"generator": generator, "answering": {"reading": "together"}})
    assert settle_prompt(tmp_path, chosen, None, tuned=tuned) == chosen  # type: ignore[arg-type]
