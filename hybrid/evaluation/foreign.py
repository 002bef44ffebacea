"""Other people's systems under our arms: anything that can retrieve, and answer from passages that it is given.

What is recorded is a file for `hybrid diagnose --outcomes`. A LlamaIndex query engine and a plain HTTP endpoint are
adapted here; for anything else two methods are enough (`ForeignSystem`).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from hybrid.controls import without_halves
from hybrid.errors import EndpointError
from hybrid.evaluation.contexts import Context, contexts
from hybrid.jsonl import read_jsonl
from hybrid.progress import track
from hybrid.types import Passage, Question

_TRIES = 3
_PAUSE_S = 1.0


class ForeignSystem(Protocol):
    """A retriever and a generator that can be asked apart. Ids are those of the evaluation set's gold passages."""

    def retrieve(self, question: str, depth: int) -> list[Passage]:
        """The best `depth` passages, best first."""
        ...

    def answer(self, question: str, passages: Sequence[Passage]) -> str:
        """The answer from these passages, in this order."""
        ...


class HttpSystem:
    """`POST {url}/retrieve {"question", "depth"}` gives `{"passages": [{"id", "text"}]}`; `POST {url}/answer
    {"question", "passages"}` gives `{"answer"}`.

    Raises `EndpointError` where the endpoint does not answer within `timeout_s`, three times, or answers otherwise.
    """

    def __init__(self, url: str, *, timeout_s: float = 60.0) -> None:
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s

    def retrieve(self, question: str, depth: int) -> list[Passage]:
        """As the endpoint ranks them."""
        found = self._post("retrieve", {"question": question, "depth": depth}, "passages", list)
        try:
            return [Passage(without_halves(str(i["id"])), without_halves(str(i.get("text", "")))) for i in found]
        except (TypeError, KeyError, AttributeError):
            remedy = 'each of `passages` must be {"id": …, "text": …}'
            raise EndpointError(f"{self._url}/retrieve: a passage without an id", remedy) from None

    def answer(self, question: str, passages: Sequence[Passage]) -> str:
        """The endpoint's answer."""
        shown = [{"id": passage.id, "text": passage.full_text} for passage in passages]
        return without_halves(self._post("answer", {"question": question, "passages": shown}, "answer", str))

    def _post(self, path: str, body: Mapping[str, Any], key: str, kind: type) -> Any:
        import httpx
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

        url = f"{self._url}/{path}"

        def ask() -> Any:
            response = httpx.post(url, json=body, timeout=self._timeout_s)
            response.raise_for_status()
            return response.json()

        # what the endpoint refuses once it refuses again
        retrying = Retrying(
            stop=stop_after_attempt(_TRIES),
            wait=wait_exponential(_PAUSE_S),
            retry=retry_if_exception(lambda error: not _is_refusal(error)),
            reraise=True,
        )
        try:
            value = retrying(ask)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            remedy = "look at the endpoint's own log, then run the command again: it goes on where it stopped"
            raise EndpointError(f"{url}: {str(error) or type(error).__name__}", remedy) from None
        if not isinstance(value, dict) or not isinstance(value.get(key), kind):
            raise EndpointError(f"{url}: no `{key}` in what it gave", "answer as docs/OUTCOMES.md says")
        return value[key]


def _is_refusal(error: BaseException) -> bool:
    import httpx

    return isinstance(error, httpx.HTTPStatusError) and error.response.status_code < 500


class LlamaIndexSystem:
    """A LlamaIndex `RetrieverQueryEngine`: its retriever, and its response synthesiser on nodes that we choose.

    Passage ids are node ids. How many nodes the retriever gives is its own `similarity_top_k`.
    """

    def __init__(self, query_engine: Any) -> None:
        self._engine = query_engine

    def retrieve(self, question: str, depth: int) -> list[Passage]:
        """The retriever's nodes."""
        from llama_index.core import QueryBundle

        nodes = self._engine.retrieve(QueryBundle(question))[:depth]
        return [Passage(node.node.node_id, node.node.get_content()) for node in nodes]

    def answer(self, question: str, passages: Sequence[Passage]) -> str:
        """What the engine's synthesiser makes of the passages."""
        from llama_index.core import QueryBundle
        from llama_index.core.schema import NodeWithScore, TextNode

        nodes = [NodeWithScore(node=TextNode(id_=p.id, text=p.full_text), score=1.0) for p in passages]
        return str(self._engine.synthesize(QueryBundle(question), nodes))


def record(
    system: ForeignSystem,
    questions: Sequence[Question],
    passages: Mapping[str, Passage],
    *,
    k: int,
    depth: int,
    orders: int,
    seed: int,
    path: Path,
) -> int:
    """Ask every question under every arm; append a line each to `path` and return how many are new.

    What the file holds already is not asked again, so that a run that was stopped goes on. `passages` are those of the
    evaluation set, for the oracle arms. Raises what the system raises; the lines until then are kept.
    """
    _mend(path)
    done = {(row["question"], row["arm"], row["order"]) for _, row in read_jsonl(path)} if path.is_file() else set()
    path.parent.mkdir(parents=True, exist_ok=True)
    ids = sorted(passages)
    num_new = 0
    with path.open("a", encoding="utf-8") as stream:
        for question in track(questions, total=len(questions), description="recording"):

            def missing(found: Sequence[Passage], question: Question = question) -> list[Context]:
                made = contexts(question, found, found, passages, ids, k=k, orders=orders, seed=seed)
                return [c for c in made if (question.id, c.arm.value, c.order) not in done]

            if not missing(()):
                continue
            found = system.retrieve(question.question, depth)
            # where the gold was found, two arms hold the same passages in the same orders
            answers: dict[tuple[str, ...], str] = {}
            for context in missing(found):
                shown = tuple(passage.id for passage in context.passages)
                if shown not in answers:
                    answers[shown] = system.answer(question.question, context.passages)
                row = _line(question, context, found, passages, answers[shown])
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
                stream.flush()
                num_new += 1
    return num_new


def _mend(path: Path) -> None:
    """Cut off a last line that a kill left half written."""
    if not path.is_file():
        return
    text = path.read_bytes()
    if text and not text.endswith(b"\n"):
        with path.open("r+b") as stream:
            stream.truncate(text.rfind(b"\n") + 1)


def _line(
    question: Question, context: Context, found: Sequence[Passage], passages: Mapping[str, Passage], answer: str
) -> dict[str, Any]:
    return {
        "question": question.id,
        "arm": context.arm.value,
        "order": context.order,
        "answer": answer,
        "text": question.question,
        "gold_answers": list(question.answers),
        "answer_type": question.answer_type,
        "answerable": question.answerable,
        "topic": question.topic,
        "gold_ids": list(question.positives),
        "gold_in_index": any(identity in passages for identity in question.positives),
        "retrieved_ids": [passage.id for passage in found],
        "context_ids": [passage.id for passage in context.passages],
    }
