"""A question to a pipeline, and all that is told of the answer."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from hybrid.answering.orders import find_orders
from hybrid.answering.pipeline import Pipeline, Request
from hybrid.answering.streaming import OnText
from hybrid.passage_filter import parse_conditions
from hybrid.protocols import Preloading
from hybrid.serving.huge_pages import use_huge_pages
from hybrid.types import Answer, Hit


class Asker:
    """Asks a pipeline. The generator is loaded in a thread while the embedder is loaded and searches."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        # no daemon: a process that ended while something is being loaded might crash
        self._loading = threading.Thread(target=self._preload)
        self._loading.start()

    def ask(
        self, question: str, *, where: Sequence[str] = (), ranks: bool = False, on_text: OnText | None = None
    ) -> dict[str, Any]:
        """`record`: the answer as `hybrid query --json` prints it; `headings`: of each passage in it.

        `where`: conditions on the passages that are searched. `ranks` tells the place of each passage in both rankings,
        where two are fused, and before a reranker. `on_text` gets pieces of the answer as soon as they may be shown.
        Raises `UserError` where a condition is none, names no field, or no passage fulfils all.
        """
        pipeline, conditions = self._pipeline, parse_conditions(where)
        hits = pipeline.retrieve([question], where=conditions)[0]
        halves = pipeline.halves([question], where=conditions) if ranks else {}
        if ranks and pipeline.reranker:
            depth = pipeline.config.retrieval.depth
            halves["before_reranking"] = pipeline.first_stage([question], depth, where=conditions)
        request = Request(question, pipeline.lookup(hits), among=pipeline.select(conditions))
        # what counts tokens is loaded too before the model is waited for; fitted again it takes no time
        pipeline.fit(request)
        self._loading.join()
        answer = pipeline.stream(request, on_text) if on_text else pipeline.answer([request])[0]
        return {
            "record": {
                **_record(pipeline, question, answer, hits, {name: rows[0] for name, rows in halves.items()}),
                **({"where": list(where), "num_searched": len(pipeline.select(conditions) or ())} if where else {}),
            },
            "headings": {identity: pipeline.passages[identity].heading for identity in sorted(answer.context)},
        }

    def warm(self) -> None:
        """Load everything now, for a process that stays."""
        self._pipeline.retrieve(["warm"])
        if self._pipeline.reranker:
            # words alone may find nothing to rerank
            self._pipeline.reranker.score("warm", ["warm"])
        self._loading.join()
        if isinstance(self._pipeline.generator, Preloading):
            self._pipeline.generator.preload(alone=True, several=self._pipeline.reads_apart)
        # whatever else is needed at first use
        self._pipeline.fit(Request("warm", ()))
        use_huge_pages()

    def _preload(self) -> None:
        if isinstance(self._pipeline.generator, Preloading):
            try:
                self._pipeline.generator.preload(alone=False, several=self._pipeline.reads_apart)
            except Exception:
                # told where the generator is asked
                return


def _record(
    pipeline: Pipeline, question: str, answer: Answer, hits: Sequence[Hit], halves: Mapping[str, Sequence[Hit]]
) -> dict[str, Any]:
    scores = {hit.passage_id: hit.score for hit in hits}
    places = {name: {hit.passage_id: hit.rank for hit in found} for name, found in halves.items()}
    return {
        "question": question,
        "answer": None if answer.served_abstention else answer.served,
        "abstained": answer.abstained,
        "withheld": answer.withheld,
        "reason": answer.reason.value if answer.reason else None,
        "unsupported": list(answer.unsupported),
        "unsourced": list(answer.unsourced),
        "support": round(answer.support, 3),
        "generated": answer.text,
        "citations": [
            {
                "marker": citation.marker,
                "passage_id": citation.passage_id,
                "title": pipeline.passages[citation.passage_id].title,
                "section": pipeline.passages[citation.passage_id].section,
                "source": pipeline.passages[citation.passage_id].source,
                "span": citation.span,
                "score": scores[citation.passage_id],
            }
            for citation in answer.citations
        ],
        "context": [
            {
                "passage_id": identity,
                "source": pipeline.passages[identity].source,
                "score": scores[identity],
                **({"ranks": {name: place.get(identity) for name, place in places.items()}} if places else {}),
                **({"metadata": dict(metadata)} if (metadata := pipeline.passages[identity].metadata) else {}),
                "text": pipeline.passages[identity].text,
            }
            for identity in answer.context
        ],
        "orders": [
            {"passage_id": identity, "source": pipeline.passages[identity].source, "text": order}
            for identity in (answer.context if pipeline.config.answering.orders == "omit" else ())
            for order in find_orders(pipeline.passages[identity].text)
        ],
        "dropped": list(answer.dropped),
        "examples": {"shown": answer.examples, "left_out": answer.examples_left_out},
    }
