"""Other people's systems under our arms: a LlamaIndex query engine, and an HTTP endpoint with a command."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hybrid.cli.main import cli
from hybrid.errors import EndpointError
from hybrid.evaluation.foreign import HttpSystem, LlamaIndexSystem, record
from hybrid.evaluation.labels import label
from hybrid.evaluation.outcomes_file import read_outcomes
from hybrid.retrieval.sentence_embedder import SentenceEmbedder
from hybrid.types import Arm, Label, Passage, Question
from tests.json_server import json_server

NUM = 12
PASSAGES = {f"p{i}": Passage(f"p{i}", f"Pump {i} weighs {100 + i} kg.", document_id=f"d{i}") for i in range(NUM)}
QUESTIONS = [
    *(Question(f"q{i}", f"How heavy is pump {i}?", (f"{100 + i} kg",), (f"p{i}",), "dev", "number") for i in range(8)),
    Question("u1", "What does pump 3 cost?", split="dev", answerable=False),
]


class Shelf:
    """Finds by number, but one shelf too far for odd pumps; reads the pump that is asked for, or declines."""

    def __init__(self) -> None:
        self.asked = 0

    def retrieve(self, question: str, depth: int) -> list[Passage]:
        number = int("".join(filter(str.isdigit, question)))
        first = number if number % 2 == 0 else number + 4
        return [PASSAGES[f"p{(first + i) % NUM}"] for i in range(min(depth, 4))]

    def answer(self, question: str, passages: Sequence[Passage]) -> str:
        self.asked += 1
        number = "".join(filter(str.isdigit, question))
        held = next((n for n, p in enumerate(passages, 1) if f"Pump {number} " in p.full_text), None)
        if held is None or "cost" in question:
            return "I don't know."
        return f"{passages[held - 1].text.split('weighs ')[1].rstrip('.')} [{held}]"


def run(system: Any, path: Path, **changes: Any) -> int:
    options: dict[str, Any] = {"k": 2, "depth": 4, "orders": 2, "seed": 1, **changes}
    return record(system, QUESTIONS, PASSAGES, path=path, **options)


def check(path: Path) -> None:
    found = {r.question_id: r for r in read_outcomes(path).records}
    assert len(found) == len(QUESTIONS)
    for number in range(8):
        expected = Label.CORRECT if number % 2 == 0 else Label.WRONG_DOCUMENTS
        assert label(found[f"q{number}"], rank_limit=20) is expected
        assert len(found[f"q{number}"].of(Arm.RETRIEVED)) == 2
        assert found[f"q{number}"].correct(Arm.IRRELEVANT)
    assert label(found["u1"], rank_limit=20) is Label.CORRECT_ABSTENTION


def test_every_arm_is_recorded_and_a_second_run_asks_nothing(tmp_path: Path) -> None:
    system, path = Shelf(), tmp_path / "outcomes.jsonl"
    num_lines = 8 * (2 + 2 + 3) + 3
    assert run(system, path) == num_lines
    asked = system.asked
    assert asked < num_lines, "what two arms share is asked once"
    check(path)
    assert run(system, path) == 0 and system.asked == asked


def test_a_stopped_run_goes_on_to_the_same_file(tmp_path: Path) -> None:
    class Stops(Shelf):
        def answer(self, question: str, passages: Sequence[Passage]) -> str:
            if self.asked == 20:
                raise KeyboardInterrupt
            return super().answer(question, passages)

    whole, parts = tmp_path / "whole.jsonl", tmp_path / "parts.jsonl"
    run(Shelf(), whole)
    with pytest.raises(KeyboardInterrupt):
        run(Stops(), parts)
    assert 20 <= len(parts.read_text().splitlines()) < len(whole.read_text().splitlines())
    with parts.open("a") as stream:
        # killed in the middle of a line
        stream.write('{"question": "q3", "arm": "retr')
    run(Shelf(), parts)
    assert parts.read_text() == whole.read_text()


@pytest.fixture
def endpoint() -> Iterator[dict[str, Any]]:
    """The same system behind HTTP; `fault` makes it misbehave."""
    system = Shelf()
    state: dict[str, Any] = {"fault": "", "system": system}

    def answer(path: str, body: Any) -> tuple[int, Any]:
        if state["fault"] == "refuses":
            return 400, "no"
        if path == "/retrieve":
            found = [{"id": p.id, "text": p.text} for p in system.retrieve(body["question"], body["depth"])]
            value: Any = {"passages": [{"text": "x"}] if state["fault"] == "no id" else found}
        else:
            value = {"answer": system.answer(body["question"], [Passage(**p) for p in body["passages"]])}
        return 200, [] if state["fault"] == "no object" else value

    with json_server(answer) as url:
        state["url"] = url
        yield state


def test_an_endpoint_is_asked_under_every_arm(endpoint: dict[str, Any], tmp_path: Path) -> None:
    run(HttpSystem(endpoint["url"]), tmp_path / "outcomes.jsonl")
    check(tmp_path / "outcomes.jsonl")


@pytest.mark.parametrize("fault", ["refuses", "no id", "no object"])
def test_an_endpoint_that_misbehaves_is_named(endpoint: dict[str, Any], tmp_path: Path, fault: str) -> None:
    endpoint["fault"] = fault
    with pytest.raises(EndpointError) as caught:
        run(HttpSystem(endpoint["url"]), tmp_path / "outcomes.jsonl")
    assert endpoint["url"] in str(caught.value) and caught.value.remedy


def test_an_endpoint_that_is_down_is_tried_again_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
    with pytest.raises(EndpointError, match=r"127\.0\.0\.1:9"):
        HttpSystem("http://127.0.0.1:9", timeout_s=2).retrieve("q", 3)
    assert waits == [1.0, 2.0]


@pytest.mark.real
def test_the_command_asks_an_endpoint_and_diagnoses_it(
    endpoint: dict[str, Any], tmp_path: Path, minilm: SentenceEmbedder
) -> None:
    corpus = tmp_path / "pumps"
    corpus.mkdir()
    lines = [{"id": p.id, "title": "", "text": p.text} for p in PASSAGES.values()]
    (corpus / "passages.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = [
        {
            "id": q.id, "question": q.question, "answers": q.answers, "positives": q.positives, "split": q.split,
            "answerable": q.answerable, "answer_type": q.answer_type,
        }
        for q in QUESTIONS
    ]  # fmt: skip
    (corpus / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["diagnose", "--corpus", str(corpus), "--workspace", str(tmp_path / "w"), "--url", endpoint["url"]]
    outcome = CliRunner().invoke(cli, [*arguments, "--set", "retrieval.k=2", "--json"])
    assert outcome.exit_code == 0, outcome.output
    verdict = json.loads(outcome.stdout)
    assert verdict["labels"]["q1"] == "WRONG_DOCUMENTS" and verdict["labels"]["q2"] == "CORRECT"
    assert Path(verdict["report"]).is_file()


def test_a_llama_index_query_engine_is_asked_under_every_arm(tmp_path: Path) -> None:
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
    from llama_index.core.query_engine import RetrieverQueryEngine
    from llama_index.core.response_synthesizers import get_response_synthesizer
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

    shelf = Shelf()

    class Retriever(BaseRetriever):  # type: ignore[misc]
        def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
            found = shelf.retrieve(query_bundle.query_str, 4)
            return [NodeWithScore(node=TextNode(id_=p.id, text=p.text), score=1.0) for p in found]

    class Reader(CustomLLM):  # type: ignore[misc]
        """Reads the prompt that the synthesiser wrote."""

        @property
        def metadata(self) -> LLMMetadata:
            return LLMMetadata(model_name="reader")

        def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
            asked = prompt.split("Query: ")[1].split("\n")[0]
            held = [p for p in PASSAGES.values() if p.text in prompt.split("Query: ")[0]]
            return CompletionResponse(text=shelf.answer(asked, held))

        def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
            yield self.complete(prompt)

    synthesizer = get_response_synthesizer(llm=Reader(), response_mode="compact")
    engine = RetrieverQueryEngine(retriever=Retriever(), response_synthesizer=synthesizer)
    run(LlamaIndexSystem(engine), tmp_path / "outcomes.jsonl")
    found = {r.question_id: r for r in read_outcomes(tmp_path / "outcomes.jsonl").records}
    assert label(found["q2"], rank_limit=20) is Label.CORRECT
    assert label(found["q3"], rank_limit=20) is Label.WRONG_DOCUMENTS
