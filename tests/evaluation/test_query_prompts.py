"""Other query prompts: the one that stands in the way is found by ranks, and nothing is found where none does."""

from dataclasses import replace
from typing import Any

import pytest

from hybrid.answering.pipeline import Pipeline
from hybrid.config import Config
from hybrid.evaluation.query_prompts import TriedPrompt, tried_prompts, worth_asking
from hybrid.retrieval.flat_store import FlatStore
from hybrid.retrieval.sentence_embedder import SentenceEmbedder
from hybrid.types import Interval, Passage, Question
from tests.words_embedder import DIM, Words

NUM = 40
CHAT = "You are the friendly voice of mx001a, mx002a and mx003a. Answer politely and never about mx004a or mx005a. "
PASSAGES = {f"p{i}": Passage(f"p{i}", f"The crate of the mx{i:03}a weighs {i} kg.") for i in range(NUM)}
QUESTIONS = [
    Question(f"q{i}", f"How heavy is the crate of the mx{i:03}a?", (f"{i} kg",), (f"p{i}",)) for i in range(NUM)
]


def pipeline(embedder: Any, **diagnosis: Any) -> Pipeline:
    store = FlatStore(embedder.dim)
    store.add(list(PASSAGES), embedder.encode_passages([passage.full_text for passage in PASSAGES.values()]))
    config = Config.model_validate({"retrieval": {"k": 3, "depth": 20}, "diagnosis": diagnosis})
    # nobody answers here
    return Pipeline(store, embedder, None, PASSAGES, config)  # type: ignore[arg-type]


def tried(system: Pipeline, questions: list[Question] = QUESTIONS) -> list[TriedPrompt]:
    ranking = system.retrieve([question.question for question in questions], system.config.retrieval.depth)
    return tried_prompts(system, questions, ranking, resamples=500, seed=1)


def test_the_prompt_in_the_way_is_found() -> None:
    best, *others = tried(pipeline(Words(CHAT)))
    assert best.prompt == "" and best.is_better and best.gain.value > 0.2
    assert [hits[0].passage_id for hits in best.ranking] == list(PASSAGES)
    assert all(a.gain.value >= b.gain.value for a, b in zip([best, *others], others, strict=False))


def test_the_makers_prompt_goes_before_one_that_ranks_by_a_hair_higher() -> None:
    def item(prompt: str, gain: float, low: float, *, makers: bool = False) -> TriedPrompt:
        return TriedPrompt(prompt, makers, [], Interval(gain, low, 1, 9))

    ours, better, worse = item("", 0.2, 0.1, makers=True), item("a", 0.3, 0.2), item("b", 0.1, -0.1)
    assert worth_asking([better, ours, worse]) is ours
    assert worth_asking([better, item("", 0.2, -0.1, makers=True)]) is better
    assert worth_asking([worse]) is worth_asking([]) is None
    assert {found.prompt for found in tried(pipeline(Words("query: "))) if found.is_makers} == {""}


def test_where_the_prompt_is_right_none_is_better() -> None:
    found = tried(pipeline(Words()))
    assert {item.prompt for item in found} == set(Config().diagnosis.query_prompts) - {""}
    assert not any(item.is_better for item in found)


def test_the_prompts_of_the_model_and_of_the_configuration_are_tried_once_each() -> None:
    embedder = Words("search: ")
    embedder.model_prompts = ("ask: ", "query: ")
    found = tried(pipeline(embedder, query_prompts=("query: ", "search: ", "mine: ")))
    assert sorted(item.prompt for item in found) == ["ask: ", "mine: ", "query: "]


def test_nothing_is_tried_where_nothing_can_be_told() -> None:
    class Plain:
        """An embedder without prompts."""

        name = fingerprint = "plain"
        dim = DIM
        max_tokens = 9
        encode_queries = encode_passages = staticmethod(Words().encode_passages)

    assert tried(pipeline(Plain())) == []
    assert tried(pipeline(Words(CHAT), query_prompts=())) == []
    homeless = [replace(question, positives=("elsewhere",)) for question in QUESTIONS]
    assert tried(pipeline(Words(CHAT)), homeless) == []
    system = pipeline(Words(CHAT))
    ranking = system.retrieve([question.question for question in QUESTIONS], 20)
    by_words: Any = object()
    alone = replace(system, lexical=by_words)
    assert tried_prompts(alone, QUESTIONS, ranking, resamples=10, seed=1) == [], "words alone are not embedded"


def test_the_embedded_model_ranks_better_without_the_words_of_the_chat(minilm: SentenceEmbedder) -> None:
    chat = minilm.with_query_prompt(
        "You are the friendly assistant of our customer portal. Be polite, keep it short, mention that we ship pumps, "
        "motors, valves and gaskets, and never give legal advice. The user writes: "
    )
    topics = ("warranty", "seal", "motor", "valve", "invoice", "shipping", "noise", "rust", "filter", "pressure")
    texts = [f"{topic.capitalize()}: what our manual says of the {topic}, page {i}." for i, topic in enumerate(topics)]
    passages = {f"p{i}": Passage(f"p{i}", text) for i, text in enumerate(texts)}
    questions = [Question(f"q{i}", f"{topic}?", (), (f"p{i}",)) for i, topic in enumerate(topics)]
    store = FlatStore(minilm.dim)
    store.add(list(passages), minilm.encode_passages(texts))
    system = Pipeline(store, chat, None, passages, Config())  # type: ignore[arg-type]
    best = tried(system, questions)[0]
    assert best.prompt == "" and best.gain.value > 0
    assert minilm.query_prompt == "" and minilm.fingerprint != chat.fingerprint


@pytest.mark.parametrize(
    ("saved", "found"),
    [
        ('{"prompts": {"query": "ask: ", "passage": "read: "}}', ("ask: ",)),
        ('{"prompts": null}', ()),
        ("{}", ()),
        (None, ()),
    ],
)
def test_the_makers_prompts_are_read_beside_the_model(tmp_path: Any, saved: str | None, found: tuple[str, ...]) -> None:
    (tmp_path / "modules.json").write_text("[]", encoding="utf-8")
    if saved is not None:
        (tmp_path / "config_sentence_transformers.json").write_text(saved, encoding="utf-8")
    assert SentenceEmbedder(tmp_path).model_prompts == found
