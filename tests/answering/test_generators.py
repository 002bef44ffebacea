"""What every generator must do, run on a local model and on a server that holds the same model."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid.answering.local_generator import LocalGenerator
from hybrid.answering.openai_generator import OpenAIGenerator
from hybrid.answering.openvino_generator import OpenVINOGenerator
from hybrid.errors import EndpointError, InputError, UserError
from hybrid.precision import fast_dtype
from hybrid.protocols import Generator, Streaming
from hybrid.types import Chat, Message
from tests.chat_server import ChatServer
from tests.tiny_generator import tiny_generator

SYSTEM = Message("system", "Answer the question using only the numbered passages.")
CHATS: list[Chat] = [
    (SYSTEM, Message("user", "How heavy is the red pump?")),
    (Message("user", "x"),),
    (SYSTEM, Message("user", "The pump weighs 20 kg. " * 5 + "How heavy is it?")),
    (Message("user", "Which seal?"), Message("assistant", "The red one."), Message("user", "And the valve — é?")),
    (SYSTEM, Message("user", "Question: which seal does the red valve take?")),
]
KEY = "sk-test-0123456789abcdef"


@pytest.fixture(scope="module")
def running(local: LocalGenerator) -> Iterator[ChatServer]:
    server = ChatServer(local)
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def server(running: ChatServer) -> ChatServer:
    running.fault = ""
    running.requests.clear()
    return running


def remote(server: ChatServer) -> OpenAIGenerator:
    return OpenAIGenerator(server.url, "tiny", api_key_env="TEST_MODEL_KEY", timeout_s=30)


class GeneratorContract(ABC):
    """The suite. `make` gives a generator that holds the tiny model."""

    @abstractmethod
    def make(self, local: LocalGenerator, server: ChatServer) -> Generator: ...

    def test_answers_are_those_of_the_model_in_the_order_of_the_chats(
        self, local: LocalGenerator, server: ChatServer
    ) -> None:
        generator = self.make(local, server)
        answers = generator.generate(CHATS, max_new_tokens=8)
        alone = [local.generate([chat], max_new_tokens=8)[0] for chat in CHATS]
        assert answers == alone
        assert len({answer.text for answer in answers}) > 1
        assert generator.generate(CHATS[::-1], max_new_tokens=8) == alone[::-1]

    def test_an_answer_told_while_it_is_written_is_the_same_answer(
        self, local: LocalGenerator, server: ChatServer
    ) -> None:
        generator = self.make(local, server)
        assert isinstance(generator, Streaming)
        for chat in CHATS:
            pieces: list[str] = []
            answer = generator.stream(chat, max_new_tokens=8, on_text=pieces.append)
            assert [answer] == generator.generate([chat], max_new_tokens=8)
            assert "".join(pieces) == answer.text
            assert len(pieces) > 1 or len(answer.text) < 4

    def test_whoever_listens_can_end_the_writing(self, local: LocalGenerator, server: ChatServer) -> None:
        generator = self.make(local, server)
        assert isinstance(generator, Streaming)
        heard: list[str] = []

        def leave(piece: str) -> None:
            heard.append(piece)
            raise BrokenPipeError

        with pytest.raises(BrokenPipeError):
            generator.stream(CHATS[0], max_new_tokens=30, on_text=leave)
        assert len(heard) == 1
        assert generator.generate(CHATS[:1], max_new_tokens=8) == local.generate(CHATS[:1], max_new_tokens=8)

    def test_lengths_and_reasons(self, local: LocalGenerator, server: ChatServer) -> None:
        for answer, chat in zip(self.make(local, server).generate(CHATS, max_new_tokens=3), CHATS, strict=True):
            assert answer.num_prompt_tokens == local.count_tokens(chat)
            assert 1 <= answer.num_new_tokens <= 3
            assert answer.finish_reason == "stop" or answer.num_new_tokens == 3
            assert answer.text == answer.text.strip()

    def test_no_chats(self, local: LocalGenerator, server: ChatServer) -> None:
        assert self.make(local, server).generate([], max_new_tokens=3) == []

    def test_name_fingerprint_and_count(self, local: LocalGenerator, server: ChatServer) -> None:
        generator = self.make(local, server)
        assert generator.name == "tiny"
        assert generator.fingerprint == self.make(local, server).fingerprint
        counts = [generator.count_tokens(chat) for chat in CHATS]
        assert counts[2] == max(counts) and counts[1] == min(counts) > 0


class TestLocalGenerator(GeneratorContract):
    """In this process."""

    def make(self, local: LocalGenerator, server: ChatServer) -> Generator:
        return local


class TestOpenAIGenerator(GeneratorContract):
    """Over HTTP."""

    def make(self, local: LocalGenerator, server: ChatServer) -> Generator:
        return remote(server)


class TestOpenVINOGenerator(GeneratorContract):
    """In this process, exported."""

    @pytest.fixture(autouse=True)
    def _cache(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        self.cache = tmp_path_factory.getbasetemp() / "openvino"

    def make(self, local: LocalGenerator, server: ChatServer) -> Generator:
        return OpenVINOGenerator(local, self.cache)


def test_a_stream_that_the_server_is_too_busy_for_is_asked_again(server: ChatServer) -> None:
    server.fault = "is busy"
    pieces: list[str] = []
    answer = remote(server).stream(CHATS[0], max_new_tokens=8, on_text=pieces.append)
    assert len(server.requests) == 2 and all(request["stream"] for request in server.requests)
    assert [answer] == remote(server).generate(CHATS[:1], max_new_tokens=8)
    assert "".join(pieces) == answer.text


def test_the_reason_of_a_server_is_told_of_a_stream_too(server: ChatServer) -> None:
    server.fault = "says why"
    with pytest.raises(EndpointError, match="no such adapter"):
        remote(server).stream(CHATS[0], max_new_tokens=8, on_text=lambda _: None)


@pytest.mark.parametrize("fault", ["breaks off", "no stream", "refuses the key"])
def test_a_stream_that_is_none_or_breaks_off_is_an_error_of_the_endpoint(server: ChatServer, fault: str) -> None:
    server.fault = fault
    with pytest.raises(EndpointError):
        remote(server).stream(CHATS[0], max_new_tokens=8, on_text=lambda _: None)


def test_batches_of_one_and_of_four_give_equal_answers(folder: Path) -> None:
    one, four = (LocalGenerator(folder, dtype="float32", batch_size=n) for n in (1, 4))
    assert one.generate(CHATS, max_new_tokens=8) == four.generate(CHATS, max_new_tokens=8)


def test_generation_stops_at_the_end_of_turn(local: LocalGenerator) -> None:
    """With the end token's embedding made dominant the first token is the last."""
    import torch

    head = local.model.get_output_embeddings().weight
    end = local.tokenizer.eos_token_id
    saved = head.data.clone()
    try:
        prompt = local.tokenizer(local.render(CHATS[0]), return_tensors="pt", add_special_tokens=False)
        with torch.inference_mode():
            state = local.model.model(**prompt).last_hidden_state[0, -1]
        head.data[end] = state * 100
        (answer,) = local.generate([CHATS[0]], max_new_tokens=9)
    finally:
        head.data.copy_(saved)
    assert (answer.text, answer.finish_reason, answer.num_new_tokens) == ("", "stop", 1)


def test_fingerprint_depends_on_weights_and_precision_not_on_the_path(folder: Path, tmp_path: Path) -> None:
    copy = tiny_generator(tmp_path / "same")
    other = tiny_generator(tmp_path / "other", seed=1)
    base = LocalGenerator(folder, dtype="float32").fingerprint
    assert LocalGenerator(copy, dtype="float32").fingerprint == base
    changed = [
        LocalGenerator(other, dtype="float32"),
        LocalGenerator(folder, dtype="bfloat16"),
        LocalGenerator(folder, dtype="float32", batch_size=3),
    ]
    assert len({base, *(generator.fingerprint for generator in changed)}) == 4
    assert LocalGenerator(folder, dtype=fast_dtype()).fingerprint == LocalGenerator(folder).fingerprint


PAIRS = [
    ("The pump weighs", " 20 kg."),
    ("Question: which seal does the red valve take?", " x"),
    ("", " a prompt that is empty"),
    ("The pump weighs", " an amount that takes many more tokens than the others do"),
]


def test_loglikelihood_is_the_sum_computed_by_hand(local: LocalGenerator) -> None:
    import torch

    prompt, continuation = PAIRS[0]
    head = local.tokenizer(prompt, add_special_tokens=False)["input_ids"]
    tail = local.tokenizer(continuation, add_special_tokens=False)["input_ids"]
    total = 0.0
    with torch.inference_mode():
        for i, token in enumerate(tail):
            logits = local.model(torch.tensor([head + tail[:i]])).logits[0, -1].tolist()
            top = max(logits)
            total += logits[token] - top - math.log(sum(math.exp(logit - top) for logit in logits))
    ((value, num_tokens),) = local.loglikelihood([prompt], [continuation])
    assert num_tokens == len(tail) > 1
    assert value == pytest.approx(total, abs=1e-3) and value < 0


def test_loglikelihood_does_not_depend_on_batch_mates(folder: Path, local: LocalGenerator) -> None:
    prompts, continuations = zip(*PAIRS, strict=True)
    together = local.loglikelihood(prompts, continuations)
    alone = [local.loglikelihood([p], [c])[0] for p, c in PAIRS]
    assert [n for _, n in together] == [n for _, n in alone]
    assert [v for v, _ in together] == pytest.approx([v for v, _ in alone], abs=1e-3)
    others = LocalGenerator(folder, dtype="float32", batch_size=3).loglikelihood(prompts[::-1], continuations[::-1])
    assert [v for v, _ in others[::-1]] == pytest.approx([v for v, _ in alone], abs=1e-3)


def test_folders_that_are_no_chat_models_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json"):
        LocalGenerator(tmp_path)
    plain = tiny_generator(tmp_path / "plain")
    (plain / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match="no chat template"):
        LocalGenerator(plain).render(CHATS[0])


def test_requests_are_greedy_and_carry_the_key(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_MODEL_KEY", KEY)
    remote(server).generate(CHATS[:1], max_new_tokens=5)
    (request,) = server.requests
    assert request["path"] == "/v1/chat/completions" and request["key"] == f"Bearer {KEY}"
    assert (request["temperature"], request["max_tokens"], request["model"]) == (0.0, 5, "tiny")
    assert request["messages"] == [{"role": m.role, "content": m.content} for m in CHATS[0]]


def test_a_local_server_needs_no_key(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_MODEL_KEY", raising=False)
    assert len(remote(server).generate(CHATS[:2], max_new_tokens=2)) == 2


def test_a_missing_key_is_told_by_the_name_of_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_MODEL_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    generator = OpenAIGenerator("https://models.invalid/v1", "m", api_key_env="TEST_MODEL_KEY")
    with pytest.raises(UserError, match="no API key") as caught:
        generator.generate(CHATS[:1], max_new_tokens=2)
    assert "TEST_MODEL_KEY" in str(caught.value) and KEY not in str(caught.value)


@pytest.mark.parametrize("fault", ["refuses the key", "no choices", "no JSON"])
def test_a_server_that_misbehaves_is_named_without_the_key(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setenv("TEST_MODEL_KEY", KEY)
    server.fault = fault
    with pytest.raises(EndpointError) as caught:
        remote(server).generate(CHATS[:1], max_new_tokens=2)
    assert server.url in str(caught.value) and "model tiny" in str(caught.value)
    assert not any(KEY[i : i + 6] in str(caught.value) for i in range(len(KEY) - 5))


def test_an_endpoint_that_is_down_is_named() -> None:
    generator = OpenAIGenerator(
        "http://127.0.0.1:9/v1", "m", api_key_env="TEST_MODEL_KEY", timeout_s=2, total_timeout_s=1
    )
    with pytest.raises(EndpointError, match=r"127\.0\.0\.1:9") as caught:
        generator.generate(CHATS[:1], max_new_tokens=2)
    assert "base_url" in caught.value.remedy


def test_the_estimate_of_tokens_is_seldom_too_low(local: LocalGenerator, server: ChatServer) -> None:
    text = "Tighten both nuts evenly until a drop falls every second. " * 10
    assert remote(server).count_tokens((Message("user", text),)) >= len(text) / 4


@pytest.mark.real
def test_the_embedded_model_answers_a_trivial_chat(smollm_folder: Path) -> None:
    generator = LocalGenerator(smollm_folder)
    chat = (Message("user", "What is the capital of France? Answer in one short sentence."),)
    (answer,) = generator.generate([chat], max_new_tokens=24)
    assert "Paris" in answer.text
    assert answer.finish_reason == "stop" and answer.num_prompt_tokens == generator.count_tokens(chat)
    right, wrong = generator.loglikelihood(["The capital of France is"] * 2, [" Paris", " banana"])
    assert right[0] > wrong[0] + 3
