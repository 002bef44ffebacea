"""The first hits of a ranking in the order of a reranker."""

from collections.abc import Mapping, Sequence

from hybrid.protocols import Reranker
from hybrid.types import Hit, Passage, ranked


def rerank(
    reranker: Reranker, question: str, hits: Sequence[Hit], passages: Mapping[str, Passage], *, depth: int
) -> list[Hit]:
    """The first `depth` of `hits` by the reranker's scores, ties by id; those behind follow in their order.

    Scores fall over the whole list: the reranker's, and behind them the hits' own, moved down by as much as brings the
    first of them to the lowest of the reranker's.
    """
    head, tail = hits[:depth], hits[depth:]
    if not head:
        return []
    scores = reranker.score(question, [passages[hit.passage_id].full_text for hit in head])
    told = {hit.passage_id: score for hit, score in zip(head, scores, strict=True)}
    ordered = sorted(told, key=lambda identity: (-told[identity], identity))
    lowest = told[ordered[-1]]
    behind = [lowest - (tail[0].score - hit.score) for hit in tail]
    return ranked([*ordered, *(hit.passage_id for hit in tail)], [*(told[identity] for identity in ordered), *behind])
