"""Every row of the label table, the headroom by hand, and the golden cases of the pick."""

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest

from hybrid.config import DiagnosisConfig
from hybrid.evaluation.attribution import Diagnosis, attribute
from hybrid.evaluation.headroom import TERMS, terms
from hybrid.evaluation.labels import cause_of_miss, label
from hybrid.evaluation.pick import MAX_NEEDED, needed_to_rank
from hybrid.evaluation.records import Record
from hybrid.types import Arm, Interval, Label, Layer, Outcome

CONFIG = DiagnosisConfig()


def outcomes(
    question: str, arm: Arm, right: Sequence[int], *, gold: bool | Sequence[int] = True, abstained: bool = False
) -> list[Outcome]:
    golds = [gold] * len(right) if isinstance(gold, bool) else gold
    return [
        Outcome(question, arm, order, float(ok), bool(ok), abstained, bool(golds[order]), "text")
        for order, ok in enumerate(right)
    ]


def record(
    name: str = "q",
    *,
    r: Sequence[int] = (0, 0, 0),
    d: Sequence[int] = (1, 1, 1),
    o: Sequence[int] = (1,),
    c: int = 0,
    x: int | None = None,
    in_context: bool | Sequence[int] = False,
    in_index: bool = True,
    gold_rank: int | None = None,
    answerable: bool = True,
    abstained: bool = False,
    cluster: str = "",
    topic: str = "",
) -> Record:
    made = outcomes(name, Arm.RETRIEVED, r, gold=in_context, abstained=abstained)
    made += outcomes(name, Arm.ORACLE_IN_DISTRACTORS, d) + outcomes(name, Arm.ORACLE, o)
    made += outcomes(name, Arm.CLOSED_BOOK, [c], gold=False)
    made += outcomes(name, Arm.IRRELEVANT, [] if x is None else [x], gold=False)
    return Record(name, topic, cluster or name, answerable, in_index, gold_rank, tuple(made))


def diagnose(records: Sequence[Record], *, reranked: bool = False, **changes: float) -> Diagnosis:
    config = CONFIG.model_copy(update=changes)
    return attribute(records, config=config, resamples=1_000, seed=1, reranked=reranked)


def many(num: int, prefix: str, **keywords: object) -> list[Record]:
    return [record(f"{prefix}{index}", **keywords) for index in range(num)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (record(in_index=False), Label.MISSING),
        (record(in_index=False, d=(0,), o=(0,)), Label.MISSING),
        (record(gold_rank=20), Label.RANKED_LOW),
        (record(gold_rank=21), Label.WRONG_DOCUMENTS),
        (record(gold_rank=None), Label.WRONG_DOCUMENTS),
        (record(d=(0, 0, 0), gold_rank=5), Label.WRONG_DOCUMENTS_DISTRACTED),
        (record(d=(0, 0, 0), o=(0,)), Label.BOTH),
        (record(in_context=True, o=(0,)), Label.WRONG_ANSWER),
        (record(in_context=True, d=(0, 0, 0), o=(0,)), Label.WRONG_ANSWER),
        (record(in_context=True, d=(0, 0, 0)), Label.DISTRACTED),
        (record(in_context=True), Label.ORDER),
        (record(r=(1, 1, 1), in_context=True), Label.CORRECT),
        (record(r=(1, 1, 1)), Label.LUCKY),
        (record(r=(1, 1, 1), c=1), Label.PARAMETRIC),
        (record(r=(1, 1, 1), c=1, in_context=True), Label.CORRECT),
        (record(answerable=False, r=(1, 1, 1), abstained=True), Label.CORRECT_ABSTENTION),
        (record(answerable=False), Label.OVER_ANSWER),
        # declines among what it found, but answers from passages on something else
        (record(answerable=False, r=(1, 1, 1), abstained=True, x=0), Label.OVER_ANSWER),
        (record(answerable=False, r=(1, 1, 1), abstained=True, x=1), Label.CORRECT_ABSTENTION),
        # the majority over orders decides
        (record(r=(1, 0, 1), in_context=True), Label.CORRECT),
        (record(r=(0, 0, 1), in_context=(1, 1, 0)), Label.ORDER),
        (record(r=(0, 0, 1), in_context=(1, 0, 0), d=(1, 0, 1)), Label.WRONG_DOCUMENTS),
        (record(r=(1, 0), in_context=True, d=(0, 1)), Label.DISTRACTED),
    ],
)
def test_label_table(made: Record, expected: Label) -> None:
    assert label(made, rank_limit=20) is expected


def test_the_cause_of_a_miss_does_not_depend_on_the_reader() -> None:
    assert cause_of_miss(record(gold_rank=9, d=(0,), o=(0,)), rank_limit=20) is Layer.RANKING
    assert cause_of_miss(record(gold_rank=90), rank_limit=20) is Layer.EMBEDDER
    assert cause_of_miss(record(in_index=False), rank_limit=20) is Layer.CORPUS
    assert cause_of_miss(record(in_context=True), rank_limit=20) is None
    assert cause_of_miss(record(r=(1,)), rank_limit=20) is None


def test_headroom_by_hand() -> None:
    """R = 1/3, D = 2/3, O = 1; gold in context in the second order only, where the answer was wrong: G = 2/3."""
    row = dict(zip(TERMS, terms([record(r=(1, 0, 0), d=(1, 1, 0), in_context=(0, 1, 0))])[0], strict=True))
    third = 1 / 3
    expected = {
        "retrieval": third,
        "distraction": third,
        "reading": 0,
        "total": 2 * third,
        "generator": third,
        "generator_alone": third,
        "retrieval_last": third,
        "retrieval_shapley": third,
        "generator_shapley": third,
        "interaction": 0,
    }
    assert row == pytest.approx(expected)


def test_telescopes_add_up_and_negative_values_stay() -> None:
    rng = np.random.default_rng(1)
    records = [
        record(
            f"q{i}",
            r=rng.integers(0, 2, 3).tolist(),
            d=rng.integers(0, 2, 3).tolist(),
            o=rng.integers(0, 2, 1).tolist(),
            in_context=rng.integers(0, 2, 3).tolist(),
        )
        for i in range(40)
    ]
    t = dict(zip(TERMS, terms(records).T, strict=True))
    np.testing.assert_allclose(t["retrieval"] + t["distraction"] + t["reading"], t["total"])
    np.testing.assert_allclose(t["generator_alone"] + t["retrieval_last"], t["total"])
    np.testing.assert_allclose(t["retrieval_shapley"] + t["generator_shapley"], t["total"])
    np.testing.assert_allclose(t["interaction"], t["generator"] - t["generator_alone"], atol=1e-12)
    assert t["retrieval"].min() < 0 and t["distraction"].min() < 0


def test_a_gap_in_the_corpus_without_oracle_answers_counts_as_retrieval_headroom() -> None:
    gap = Record("gap", "", "gap", True, False, None, tuple(outcomes("gap", Arm.RETRIEVED, [0], gold=False)))
    t = dict(zip(TERMS, terms([gap, record("a"), record("b", d=(0,))]).T, strict=True))
    assert t["retrieval"][0] == pytest.approx(0.5)
    assert dict(zip(TERMS, terms([gap])[0], strict=True))["retrieval"] == 1


def test_shop_whose_search_returns_the_wrong_goods_retunes_the_embedder() -> None:
    """What is returned is answered rightly; the gold is nowhere near the top in four of ten questions."""
    good = many(60, "g", r=(1, 1, 1), in_context=True, gold_rank=1)
    result = diagnose(good + many(40, "b", gold_rank=70))
    assert result.recommended is Layer.EMBEDDER and result.next_command == "hybrid train-embed"
    assert result.probability_best == {"embedder": 1.0, "generator": 0.0}
    assert result.questions_needed is None
    assert result.sentence.startswith("Retune the embedder: the wrong documents are found")
    assert "40 (95 % interval" in result.sentence
    assert result.headroom["retrieval"].value == pytest.approx(0.4)
    assert result.shares["WRONG_DOCUMENTS"].value == pytest.approx(0.4)
    assert result.contrasts["retrieved_vs_oracle_in_distractors"].num_gained == 40
    assert result.contrasts["retrieved_vs_oracle_in_distractors"].p < 1e-9
    assert result.contrasts["oracle_in_distractors_vs_oracle"].p == 1


def test_contracts_retrieved_but_answered_badly_retune_the_generator() -> None:
    """95 % of the clauses are found, four of ten answers are wrong even with the clause alone."""
    good = many(57, "g", r=(1, 1, 1), in_context=True, gold_rank=1)
    bad = many(38, "b", in_context=True, gold_rank=1, d=(0, 0, 0), o=(0,))
    result = diagnose(good + bad + many(5, "m", gold_rank=80))
    assert result.recommended is Layer.GENERATOR and result.next_command == "hybrid train-raft"
    assert result.headroom["reading"].value == pytest.approx(0.38)


def test_guidelines_misread_among_others_retune_the_generator() -> None:
    """92 % found; right when read alone, wrong among look-alike passages."""
    good = many(62, "g", r=(1, 1, 1), in_context=True, gold_rank=1)
    bad = many(30, "b", in_context=True, gold_rank=2, d=(0, 0, 0))
    result = diagnose(good + bad + many(8, "m", gold_rank=80))
    assert result.recommended is Layer.GENERATOR
    assert result.shares["DISTRACTED"].value == pytest.approx(0.3)
    assert result.headroom["distraction"].low > 0.05


def test_prices_that_are_not_in_the_index_are_no_case_for_tuning() -> None:
    good = many(60, "g", r=(1, 1, 1), in_context=True, gold_rank=1)
    result = diagnose(good + many(40, "b", in_index=False))
    assert result.recommended is Layer.CORPUS
    assert "train" not in result.next_command


def test_gold_just_below_k_asks_for_a_larger_k() -> None:
    good = many(60, "g", r=(1, 1, 1), in_context=True, gold_rank=1)
    low = [record(f"b{i}", gold_rank=5 + i % 5) for i in range(40)]
    result = diagnose(good + low)
    assert result.recommended is Layer.RANKING
    assert "raise retrieval.k to 8 " in result.next_command  # ranks 5 to 9 in equal parts: 8 holds four fifths
    assert result.next_command.endswith(", or set retrieval.reranker to a cross-encoder")
    assert result.sentence.startswith("Show the generator more passages or rerank them: ")
    reranked = diagnose(good + low, reranked=True)
    assert reranked.recommended is Layer.RANKING
    assert reranked.next_command == "raise retrieval.k to 8 (and generator.context_tokens with it)"
    assert reranked.sentence.startswith("Show the generator more passages: ")


def test_too_few_questions_recommend_nothing() -> None:
    result = diagnose(many(29, "b", gold_rank=70))
    assert result.recommended is None and result.questions_needed == 1
    assert result.sentence.startswith("Not enough data to say")
    assert diagnose(many(30, "b", gold_rank=70)).recommended is Layer.EMBEDDER


def test_unanswerable_questions_do_not_count_towards_the_minimum() -> None:
    result = diagnose(many(20, "b", gold_rank=70) + many(20, "u", answerable=False))
    assert result.recommended is None and result.questions_needed == 10


def test_a_layer_that_may_add_nothing_worth_having_by_itself_needs_more_than_a_question() -> None:
    records = [
        *many(100, "right", r=(1, 1, 1), in_context=True),
        *many(6, "documents"),
        *many(20, "both", d=(0, 0, 0), o=(0,)),
    ]
    result = diagnose(records)
    assert result.shapley["retrieval"].low > CONFIG.minimum_effect
    assert result.probability_best["embedder"] >= CONFIG.confidence
    alone = result.headroom["retrieval"]
    assert alone.value < CONFIG.minimum_effect < alone.high
    assert result.recommended is None and result.questions_needed and result.questions_needed > 100


def test_a_layer_is_named_by_its_share_of_the_gain_where_it_adds_something_by_itself() -> None:
    records = [
        *many(120, "right", r=(1, 1, 1), in_context=True),
        *many(12, "documents"),
        *many(6, "both", d=(0, 0, 0), o=(0,)),
    ]
    result = diagnose(records)
    alone = result.headroom["retrieval"]
    assert 0 < alone.low < CONFIG.minimum_effect < alone.value
    assert result.shapley["retrieval"].low > CONFIG.minimum_effect
    assert result.recommended is Layer.EMBEDDER


def test_equal_layers_recommend_nothing_and_say_how_much_more_is_needed() -> None:
    records = many(60, "g", r=(1, 1, 1), in_context=True, gold_rank=1) + many(20, "m", gold_rank=70)
    result = diagnose(records + many(20, "b", in_context=True, d=(0, 0, 0), o=(0,)))
    assert result.recommended is None
    assert result.questions_needed == MAX_NEEDED and "10,000 or more" in result.sentence


def test_more_questions_of_the_same_kind_settle_it() -> None:
    def system(scale: int) -> list[Record]:
        good = many(24 * scale, "g", r=(1, 1, 1), in_context=True, gold_rank=1)
        missed = many(10 * scale, "m", gold_rank=70)
        return good + missed + many(6 * scale, "b", in_context=True, d=(0, 0, 0), o=(0,))

    small = diagnose(system(1))
    assert small.recommended is None and small.questions_needed is not None
    assert 20 < small.questions_needed < 400
    scale = math.ceil(1.5 * (40 + small.questions_needed) / 40)
    assert diagnose(system(scale)).recommended is Layer.EMBEDDER


def test_nothing_to_gain_is_a_verdict_too() -> None:
    result = diagnose(many(400, "g", r=(1, 1, 1), in_context=True, gold_rank=1) + many(3, "m", gold_rank=70))
    assert result.recommended is None and result.questions_needed is None
    assert "No retune is worth it" in result.sentence


def test_the_minimum_effect_is_respected() -> None:
    records = many(80, "g", r=(1, 1, 1), in_context=True, gold_rank=1) + many(20, "m", gold_rank=70)
    assert diagnose(records).recommended is Layer.EMBEDDER
    assert diagnose(records, minimum_effect=0.15).recommended is None


def test_both_layers_failing_on_the_same_questions_need_both() -> None:
    """Neither repair alone turns a single answer right."""
    records = many(40, "g", r=(1, 1, 1), in_context=True, gold_rank=1)
    result = diagnose(records + many(60, "b", d=(0, 0, 0), o=(0,), gold_rank=70))
    assert result.recommended is None
    assert result.interaction.value == pytest.approx(0.6)
    assert "together" in result.sentence


def test_needed_questions_follow_the_root_law() -> None:
    draws = np.random.default_rng(3).normal(0.1, 0.1, 50_000)
    assert needed_to_rank(0.1, draws, 100, 0.95) == pytest.approx(100 * 1.645**2 - 100, rel=0.03)


def test_noise_alone_seldom_makes_a_pick() -> None:
    """Three orders of a coin that is fair to both layers: with R = D in law there is no retrieval headroom to find."""
    rng = np.random.default_rng(5)
    picks = 0
    for trial in range(30):
        records = [
            record(
                f"q{i}",
                r=(rng.random(3) < 0.9).tolist(),
                d=(rng.random(3) < 0.9).tolist(),
                o=(rng.random(1) < 0.9).tolist(),
                in_context=True,
                gold_rank=1,
            )
            for i in range(150)
        ]
        result = attribute(records, config=CONFIG, resamples=200, seed=trial)
        assert abs(result.headroom["retrieval"].value) < 0.08
        picks += result.recommended not in (None, Layer.GENERATOR)
    assert picks == 0


def test_unanswerable_questions_and_refusals_stand_apart() -> None:
    records = many(35, "g", r=(1, 1, 1), in_context=True, gold_rank=1)
    records += many(5, "r", in_context=True, abstained=True, gold_rank=1)
    answerable = diagnose(records)
    mixed = diagnose(records + many(15, "u", answerable=False) + many(5, "v", answerable=False, r=(1, 1, 1)))
    assert mixed.headroom == answerable.headroom and mixed.arms == answerable.arms
    assert mixed.over_answer.value == pytest.approx(0.75) and mixed.over_answer.num == 20
    assert mixed.over_refusal.value == pytest.approx(5 / 40)
    assert any("unanswerable" in note for note in mixed.notes)
    assert math.isnan(answerable.over_answer.value)


def test_intervals_hold_their_value_and_shares_add_up() -> None:
    rng = np.random.default_rng(9)
    records = [
        record(
            f"q{i}",
            r=rng.integers(0, 2, 3).tolist(),
            d=rng.integers(0, 2, 3).tolist(),
            in_context=bool(rng.integers(0, 2)),
            gold_rank=int(rng.integers(1, 60)),
            cluster=f"c{i // 3}",
        )
        for i in range(90)
    ]
    result = diagnose(records)
    intervals = [*result.shares.values(), *result.arms.values(), *result.headroom.values(), *result.shapley.values()]
    for item in intervals:
        assert isinstance(item, Interval)
        if item.num:
            assert item.low <= item.value <= item.high
    answerable = [name for name in Label if name not in (Label.OVER_ANSWER, Label.CORRECT_ABSTENTION)]
    assert sum(result.shares[name.value].value for name in answerable) == pytest.approx(1)
    assert result.num_clusters == 30
    assert result.labels == {item.question_id: item.label.value for item in result.questions}


def test_clustered_questions_widen_the_interval() -> None:
    alone = many(50, "g", r=(1, 1, 1), in_context=True) + many(50, "m", gold_rank=70)
    together = [
        Record(r.question_id, "", f"c{i // 10}", True, True, r.gold_rank, r.outcomes) for i, r in enumerate(alone)
    ]
    wide, narrow = diagnose(together).headroom["retrieval"], diagnose(alone).headroom["retrieval"]
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    few = [Record(r.question_id, "", f"c{i // 20}", True, True, r.gold_rank, r.outcomes) for i, r in enumerate(alone)]
    assert any("Only 5 clusters" in note for note in diagnose(few).notes)


def test_topics_are_pooled_below_fifty_and_adjusted_by_holm() -> None:
    records = many(50, "a", topic="seals", gold_rank=70)
    records += many(20, "b", topic="oil", r=(1, 1, 1), in_context=True) + many(20, "c", r=(1, 1, 1), in_context=True)
    topics = {topic.topic: topic for topic in diagnose(records).topics}
    assert {name: topic.num for name, topic in topics.items()} == {"seals": 50, "other topics": 40}
    assert topics["seals"].p_retrieval == pytest.approx(4 * 2 / 2**50)
    assert topics["other topics"].p_retrieval == 1
    assert diagnose(many(60, "a", topic="seals")).topics == ()


def test_gold_cut_by_the_token_budget_is_noted() -> None:
    cut = record("cut", in_context=True)
    cut = Record(
        "cut", "", "cut", True, True, 1, cut.of(Arm.RETRIEVED) + cut.of(Arm.ORACLE)
        + tuple(outcomes("cut", Arm.ORACLE_IN_DISTRACTORS, [0, 0, 0], gold=False)),
    )  # fmt: skip
    assert any("In 1 questions the gold did not reach" in note for note in diagnose([cut, *many(40, "g")]).notes)


def test_records_without_their_arms_are_refused() -> None:
    bare = Record("q", "", "q", True, True, 1, tuple(outcomes("q", Arm.RETRIEVED, [0])))
    with pytest.raises(ValueError, match="question q lacks the arms"):
        diagnose([bare])
    with pytest.raises(ValueError, match="occurs twice"):
        diagnose([record("q"), record("q")])


def test_the_dictionary_is_json_even_where_nothing_was_asked() -> None:
    for records in ([], many(3, "u", answerable=False), many(40, "b", gold_rank=70)):
        result = diagnose(records)
        text = json.dumps(result.to_dict(), allow_nan=False)
        assert json.loads(text)["labels"] == result.labels
    assert diagnose([]).to_dict()["headroom"]["retrieval"]["value"] is None


def test_the_same_seed_gives_the_same_diagnosis() -> None:
    records = many(30, "g", r=(1, 1, 1), in_context=True) + many(30, "m", gold_rank=70)
    assert diagnose(records) == diagnose(records)
