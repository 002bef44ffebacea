"""Generations are paid for once, survive the process, and come out the same after a kill."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from hybrid.answering.generation_cache import CachedGenerator
from hybrid.answering.local_generator import LocalGenerator
from hybrid.backends import make_cached
from hybrid.config import Config
from hybrid.types import Chat, Generation, Message
from tests.tiny_generator import tiny_generator


class Watched:
    """A generator that keeps what it was asked, and fails after so many batches."""

    def __init__(self, inner: LocalGenerator, fail_after: int | None = None) -> None:
        self.inner, self.fail_after = inner, fail_after
        self.name, self.fingerprint = inner.name, inner.fingerprint
        self.batches: list[list[str]] = []

    def count_tokens(self, chat: Chat) -> int:
        return self.inner.count_tokens(chat)

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        if self.fail_after is not None and len(self.batches) >= self.fail_after:
            raise KeyboardInterrupt
        self.batches.append([chat[-1].content for chat in chats])
        return self.inner.generate(chats, max_new_tokens=max_new_tokens)

    @property
    def num_asked(self) -> int:
        return sum(map(len, self.batches))


class OneByOne(Watched):
    """Its answers come one by one."""

    def completions(self, chats: Sequence[Chat], *, max_new_tokens: int) -> Iterator[tuple[int, Generation]]:
        for place, chat in enumerate(chats):
            yield place, self.generate([chat], max_new_tokens=max_new_tokens)[0]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> LocalGenerator:
    return LocalGenerator(tiny_generator(tmp_path_factory.mktemp("tiny")), dtype="float32", batch_size=4)


def chats(*texts: str) -> list[Chat]:
    return [(Message("user", text),) for text in texts]


QUESTIONS = [f"How heavy is the pump of {'very ' * (n % 5)}many numbers {n}?" for n in range(10)]


def ask(generator: CachedGenerator, texts: Sequence[str] = QUESTIONS) -> list[Generation]:
    return generator.generate(chats(*texts), max_new_tokens=4)


def test_equal_prompts_run_once_and_answers_keep_their_places(tiny: LocalGenerator, tmp_path: Path) -> None:
    watched = Watched(tiny)
    cached = CachedGenerator(watched, tmp_path / "deep" / "cache.sqlite", slice_size=4)
    answers = ask(cached, ["a b", "c", "a b", "c", "d e f"])
    assert watched.num_asked == 3
    assert answers[0] == answers[2] and answers[1] == answers[3]
    expected = {text: tiny.generate(chats(text), max_new_tokens=4)[0] for text in ("a b", "c", "d e f")}
    assert answers == [expected[text] for text in ("a b", "c", "a b", "c", "d e f")]
    assert ask(cached, ["d e f", "c"]) == [answers[4], answers[1]]
    assert watched.num_asked == 3
    assert cached.name == tiny.name and cached.fingerprint == tiny.fingerprint
    assert cached.count_tokens(chats("c")[0]) == tiny.count_tokens(chats("c")[0])


def test_it_survives_reopening(tiny: LocalGenerator, tmp_path: Path) -> None:
    first = ask(CachedGenerator(Watched(tiny), tmp_path / "cache.sqlite"))
    watched = Watched(tiny)
    assert ask(CachedGenerator(watched, tmp_path / "cache.sqlite")) == first
    assert watched.batches == []


def test_another_length_model_or_role_is_another_prompt(tiny: LocalGenerator, tmp_path: Path) -> None:
    watched = Watched(tiny)
    cached = CachedGenerator(watched, tmp_path / "cache.sqlite")
    cached.generate(chats("a"), max_new_tokens=4)
    (longer,) = cached.generate(chats("a"), max_new_tokens=6)
    assert watched.num_asked == 2 and longer == tiny.generate(chats("a"), max_new_tokens=6)[0]
    cached.generate([(Message("system", "a"),)], max_new_tokens=4)
    assert watched.num_asked == 3
    other = Watched(tiny)
    other.fingerprint = "another model"
    CachedGenerator(other, tmp_path / "cache.sqlite").generate(chats("a"), max_new_tokens=4)
    assert other.num_asked == 1


def test_an_interrupted_run_resumes_with_the_same_batches_and_answers(tiny: LocalGenerator, tmp_path: Path) -> None:
    whole = Watched(tiny)
    expected = ask(CachedGenerator(whole, tmp_path / "whole.sqlite", slice_size=4))
    stopped = Watched(tiny, fail_after=2)
    with pytest.raises(KeyboardInterrupt):
        ask(CachedGenerator(stopped, tmp_path / "cache.sqlite", slice_size=4))
    resumed = Watched(tiny)
    assert ask(CachedGenerator(resumed, tmp_path / "cache.sqlite", slice_size=4)) == expected
    assert stopped.batches + resumed.batches == whole.batches
    assert [len(batch) for batch in whole.batches] == [4, 4, 2]


def test_only_new_prompts_run(tiny: LocalGenerator, tmp_path: Path) -> None:
    watched = Watched(tiny)
    cached = CachedGenerator(watched, tmp_path / "cache.sqlite", slice_size=4)
    ask(cached, QUESTIONS[:6])
    ask(cached)
    assert sorted(text for batch in watched.batches for text in batch) == sorted(QUESTIONS)


def test_what_is_missing_is_what_would_run(tiny: LocalGenerator, tmp_path: Path) -> None:
    watched = Watched(tiny)
    cached = CachedGenerator(watched, tmp_path / "cache.sqlite", slice_size=4)
    ask(cached, QUESTIONS[2:4])
    asked = chats(*QUESTIONS, *QUESTIONS[:1])
    assert cached.missing(asked, max_new_tokens=4) == chats(*QUESTIONS[:2], *QUESTIONS[4:])
    assert cached.missing(asked, max_new_tokens=5) == chats(*QUESTIONS) and watched.num_asked == 2


@pytest.mark.parametrize("kind", [Watched, OneByOne])
def test_more_prompts_than_one_question_takes_have_a_bar(
    tiny: LocalGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: type[Watched]
) -> None:
    cached = CachedGenerator(kind(tiny), tmp_path / "cache.sqlite")
    many = [f"question {place}" for place in range(18)]
    for num, has_bar in ((1, False), (9, False), (18, True), (18, False)):
        ask(cached, many[:num])
        assert ("answering" in capsys.readouterr().err) == has_bar, num


def test_no_prompts(tiny: LocalGenerator, tmp_path: Path) -> None:
    assert ask(CachedGenerator(Watched(tiny), tmp_path / "cache.sqlite"), []) == []


def test_no_prompt_text_is_kept(tiny: LocalGenerator, tmp_path: Path) -> None:
    ask(CachedGenerator(Watched(tiny), tmp_path / "cache.sqlite"), ["a secret question"])
    with sqlite3.connect(tmp_path / "cache.sqlite") as database:
        rows = database.execute("SELECT key, value FROM checked_1").fetchall()
    assert len(rows) == 1 and "secret" not in str(rows[0][0])


def test_an_engine_that_forms_its_own_batches_is_handed_a_slice(tiny: LocalGenerator, tmp_path: Path) -> None:
    config = Config.model_validate({"generator": {"batch_size": 2}})
    for slice_size, longest in ((None, 2), (7, 7)):
        watched = Watched(tiny)
        if slice_size:
            watched.slice_size = slice_size  # type: ignore[attr-defined]
        make_cached(watched, config, tmp_path / f"{slice_size}.sqlite").generate(chats(*QUESTIONS), max_new_tokens=1)
        assert max(map(len, watched.batches)) == longest
