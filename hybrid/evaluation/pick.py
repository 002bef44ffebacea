"""Which layer to retune, said only where the data carry it.

Layers are compared by what a retune may be expected to gain for its cost: Shapley headroom, which does not depend on
the order of repair, times the share that past retunes of the layer realised, divided by its cost. What is promised is
the gain of repairing that layer alone.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from hybrid.config import DiagnosisConfig
from hybrid.evaluation.headroom import Headroom
from hybrid.evaluation.labels import cause_of_miss
from hybrid.evaluation.records import Record
from hybrid.evaluation.statistics import Floats
from hybrid.types import Interval, Layer

MIN_QUESTIONS = 30
"""Answerable questions below which nothing is recommended."""
MAX_NEEDED = 10_000
"""More questions than this are told as this many: the layers are as good as equal."""
BOTH = "hybrid train-embed, then hybrid train-raft"
"""The next command where either layer alone adds nothing: a preflight knows by it that both may be tuned."""
_COVERED = 0.8
"""Share of the gold passages ranked low that a larger k should bring into the context."""

_DO = {
    Layer.EMBEDDER: "retune the embedder",
    Layer.GENERATOR: "retune the generator",
    Layer.RANKING: "show the generator more passages",
    Layer.CORPUS: "complete the documents or mend the chunking",
    Layer.RETRIEVAL: "mend retrieval",
}
_WHY = {
    Layer.EMBEDDER: "the wrong documents are found",
    Layer.GENERATOR: "the right documents are found but not turned into right answers",
    Layer.RANKING: "the right documents are found but ranked just too low",
    Layer.CORPUS: "the right text is in no passage of the index",
    Layer.RETRIEVAL: (
        "from the right passages the answers are right; whether those are missing, ranked low or cut cannot be told "
        "without gold_ids and retrieved_ids"
    ),
}


@dataclass(frozen=True)
class Pick:
    """A recommendation, or why there is none. `questions_needed` more would settle it; None where it is settled."""

    recommended: Layer | None
    probability_best: dict[str, float]
    sentence: str
    reason: str
    questions_needed: int | None
    next_command: str


def pick(
    records: Sequence[Record],
    headroom: Headroom,
    config: DiagnosisConfig,
    transfer: Mapping[str, float],
    *,
    reranked: bool = False,
) -> Pick:
    """Decide between the retrieval side and the generator, over answerable records with a headroom of their own.

    `transfer` holds the realised share of headroom by layer; a layer without one counts as repaired perfectly, and the
    reason says so. `reranked`: the passages are reranked already, so that this is not what to do.
    """
    num = len(records)
    retrieval = retrieval_layer(records, config.rank_limit)
    if num < MIN_QUESTIONS:
        missing = MIN_QUESTIONS - num
        return Pick(
            None,
            {},
            f"Not enough data to say: {num} answerable questions, at least {MIN_QUESTIONS} are needed.",
            "Without an evaluation set of that size there is no telling whether a retune helped.",
            missing,
            _ask(missing),
        )
    rates = {layer: transfer.get(layer.value, 1.0) for layer in (retrieval, Layer.GENERATOR)}
    costs = {retrieval: config.retrieval_cost, Layer.GENERATOR: config.generator_cost}
    draws = {
        retrieval: headroom.draws["retrieval_shapley"] * rates[retrieval] / costs[retrieval],
        Layer.GENERATOR: headroom.draws["generator_shapley"] * rates[Layer.GENERATOR] / costs[Layer.GENERATOR],
    }
    shapley = {
        retrieval: _scaled(headroom.intervals["retrieval_shapley"], rates[retrieval]),
        Layer.GENERATOR: _scaled(headroom.intervals["generator_shapley"], rates[Layer.GENERATOR]),
    }
    terms = {retrieval: "retrieval", Layer.GENERATOR: "generator_alone"}
    alone = {layer: _scaled(headroom.intervals[term], rates[layer]) for layer, term in terms.items()}
    probability = _better(draws[Layer.GENERATOR], draws[retrieval])
    chances = {retrieval.value: 1 - probability, Layer.GENERATOR.value: probability}
    best, other = sorted(shapley, key=lambda layer: -shapley[layer].value / costs[layer])
    numbers = (
        f"{best} {_points(shapley[best])} of headroom against {other} {_points(shapley[other])} (Shapley), {best} is "
        f"the larger with probability {chances[best.value]:.2f}; repairing {best} alone would add "
        f"{_points(alone[best])} {_transfer(best, transfer)}"
    )
    effect = config.minimum_effect
    # the layer's share of what both could gain must clear the effect; what it gains by itself must be there at all
    adds_alone = alone[best].low > 0 and alone[best].value > effect
    if chances[best.value] >= config.confidence and shapley[best].low > effect and adds_alone:
        return Pick(
            best,
            chances,
            f"{_do(best, reranked).capitalize()}: {_WHY[best]}, and mending that alone could turn up to "
            f"{_range(alone[best])} more of every 100 answers right.",
            f"{numbers}.",
            None,
            _command(best, records, config.rank_limit, reranked=reranked),
        )
    if max(interval.high for interval in shapley.values()) <= effect:
        sentence = f"No retune is worth it: no layer holds more than {100 * effect:.0f} points of answer accuracy."
        return Pick(None, chances, sentence, f"{numbers}.", None, "nothing to retune; widen the evaluation set")
    if min(shapley[best].low, shapley[other].low) > effect and alone[best].high <= effect:
        sentence = "Both layers must be repaired together: either one alone adds next to nothing."
        return Pick(None, chances, sentence, f"{numbers}.", None, BOTH)
    missing = max(
        needed_to_rank(
            shapley[best].value / costs[best] - shapley[other].value / costs[other],
            draws[best] - draws[other],
            num,
            config.confidence,
        ),
        needed_to_clear(shapley[best], draws[best] * costs[best], num, effect),
        1 if adds_alone else needed_to_clear(alone[best], headroom.draws[terms[best]] * rates[best], num, effect),
    )
    both = min(interval.low for interval in shapley.values()) > effect
    return Pick(
        None,
        chances,
        f"Not enough data to say which layer to retune: about {_count(missing)} more questions would settle it.",
        f"{numbers}{'; both layers hold headroom worth having' if both else ''}.",
        missing,
        _ask(missing),
    )


def retrieval_layer(records: Sequence[Record], rank_limit: int) -> Layer:
    """The retrieval side by its main fault: CORPUS or RANKING where it causes most of the misses, RETRIEVAL where most
    were not recorded, else EMBEDDER.
    """
    causes = Counter(cause_of_miss(record, rank_limit=rank_limit) for record in records)
    causes.pop(None, None)
    for layer in (Layer.CORPUS, Layer.RANKING, Layer.RETRIEVAL):
        if 2 * causes[layer] > causes.total():
            return layer
    return Layer.EMBEDDER


def needed_to_rank(difference: float, draws: Floats, num: int, confidence: float) -> int:
    """More questions until a difference of this size has bootstrap probability `confidence` of being positive.

    The standard error of `draws` is taken to shrink with the root of the number of questions.
    """
    z = NormalDist().inv_cdf(confidence)
    return _more(z * float(np.std(draws)), abs(difference), num)


def needed_to_clear(interval: Interval, draws: Floats, num: int, effect: float) -> int:
    """More questions until the 95 % interval lies wholly above, or wholly below, the minimum effect."""
    z = NormalDist().inv_cdf(0.975)
    return _more(z * float(np.std(draws)), abs(interval.value - effect), num)


def _more(margin: float, distance: float, num: int) -> int:
    if distance == 0:
        return MAX_NEEDED
    return max(1, min(MAX_NEEDED, math.ceil(num * (margin / distance) ** 2) - num))


def _scaled(interval: Interval, rate: float) -> Interval:
    return Interval(interval.value * rate, interval.low * rate, interval.high * rate, interval.num)


def _transfer(layer: Layer, transfer: Mapping[str, float]) -> str:
    if layer.value in transfer:
        return f"at the {100 * transfer[layer.value]:.0f} % of its headroom that past retunes of it realised"
    return "if the repair were perfect (transfer rate taken as 1)"


def _better(first: Floats, second: Floats) -> float:
    """Bootstrap probability that the first is larger; a tie counts half."""
    return float(np.mean(first > second) + np.mean(first == second) / 2)


def _do(layer: Layer, reranked: bool) -> str:
    return _DO[layer] if reranked or layer is not Layer.RANKING else f"{_DO[layer]} or rerank them"


def _command(layer: Layer, records: Sequence[Record], rank_limit: int, *, reranked: bool) -> str:
    if layer is Layer.EMBEDDER:
        return "hybrid train-embed"
    if layer is Layer.GENERATOR:
        return "hybrid train-raft"
    if layer is Layer.RETRIEVAL:
        return "record gold_ids and retrieved_ids, then diagnose again: they tell which part of retrieval fails"
    if layer is Layer.CORPUS:
        return "add the missing documents or raise corpus.chunk_tokens, then build the index again"
    low = [record for record in records if cause_of_miss(record, rank_limit=rank_limit) is Layer.RANKING]
    ranks = sorted(record.gold_rank for record in low if record.gold_rank is not None)
    k = ranks[math.ceil(_COVERED * len(ranks)) - 1]
    more = f"raise retrieval.k to {k} (and generator.context_tokens with it)"
    return more if reranked else f"{more}, or set retrieval.reranker to a cross-encoder"


def _ask(num: int) -> str:
    return f"add {_count(num)} answerable questions to the evaluation set, then diagnose again"


def _count(num: int) -> str:
    return f"{MAX_NEEDED:,} or more" if num >= MAX_NEEDED else f"{num:,}"


def _range(interval: Interval) -> str:
    return f"{100 * interval.value:.0f} (95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f})"


def _points(interval: Interval) -> str:
    return f"{100 * interval.value:.1f} points [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"
