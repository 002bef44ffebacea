"""A judge beside the grader: what it is asked, how agreement is counted, what happens when it says nothing."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from hybrid.cli.main import cli
from hybrid.errors import EndpointError
from hybrid.evaluation.judge import judge_answers
from hybrid.evaluation.records import Record
from hybrid.types import Arm, Chat, Generation, Outcome, Question
from tests.json_server import json_server


class Strict:
    """Says yes where the answer is one of the references letter by letter; of one answer it says something else."""

    name = fingerprint = "strict"

    def __init__(self, mute: str = "") -> None:
        self._mute = mute
        self.asked: list[Chat] = []

    def count_tokens(self, chat: Chat) -> int:
        return 0

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        self.asked += chats
        return [Generation(self._reply(chat[-1].content), "stop", 1, 1) for chat in chats]

    def _reply(self, text: str) -> str:
        references, given = (line.split(": ", 1)[1] for line in text.splitlines()[1:])
        if given == self._mute or self._mute == "*":
            return "Well, that depends"
        return "Yes." if given in references.split(" | ") else "no"


def case(number: int, text: str, correct: bool, *, abstained: bool = False) -> tuple[Record, Question]:
    name = f"q{number}"
    outcome = Outcome(name, Arm.RETRIEVED, 0, float(correct), correct, abstained, True, text)
    other = Outcome(name, Arm.RETRIEVED, 1, 0.0, False, False, True, "another order")
    return Record(name, "", name, True, True, 1, (outcome, other)), Question(name, "How heavy?", ("20 kg", "20 kilos"))


def test_agreement_is_told_with_kappa_and_the_disputed_questions() -> None:
    given = [
        case(0, "20 kg [1]", True),
        case(1, "30 kg [1]", False),
        case(2, "20 kilos", True),
        case(3, "some 20 kg", True),
        case(4, "I don't know.", False, abstained=True),
    ]
    judge = Strict()
    found = judge_answers(judge, *zip(*given, strict=True), resamples=200, seed=1)
    assert len(judge.asked) == 4, "one answer a question, none that declines"
    assert found.agreement.value == 0.75 and found.disputed == ("q3",)
    # by hand: both say right for 2 of 4, wrong for 1; expected by chance .75·.5 + .25·.5 = .5
    assert found.kappa == pytest.approx((0.75 - 0.5) / 0.5)
    assert "75 %" in found.sentence and "grader's" in found.sentence


def test_unclear_replies_are_counted_apart() -> None:
    found = judge_answers(
        Strict(mute="30 kg"), *zip(case(0, "20 kg", True), case(1, "30 kg", False), strict=True), resamples=200, seed=1
    )
    assert found.unclear == 1 and found.agreement.num == 1 and found.kappa is None
    assert "1 replies were neither" in found.sentence


def test_a_judge_that_never_says_yes_or_no_is_an_error() -> None:
    with pytest.raises(EndpointError, match="neither yes nor no"):
        judge_answers(Strict(mute="*"), *zip(case(0, "20 kg", True), strict=True), resamples=200, seed=1)


@pytest.fixture
def endpoint() -> Iterator[str]:
    """A chat server whose model finds every answer right."""

    choice = {"index": 0, "message": {"role": "assistant", "content": "Yes"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    reply = {"id": "1", "object": "chat.completion", "created": 0, "model": "kind", "choices": [choice], "usage": usage}
    with json_server(lambda path, body: (200, reply)) as url:
        yield f"{url}/v1"


def test_a_diagnosis_tells_how_far_the_judge_agrees(endpoint: str, tmp_path: Path) -> None:
    rows = [
        {"question": f"q{i}", "arm": arm, "answer": "20 kg" if i % 4 else "30 kg", "gold_answers": ["20 kg"],
         "answer_type": "number", "gold_ids": [f"g{i}"], "retrieved_ids": [f"g{i}"]}
        for i in range(40)
        for arm in ("retrieved", "oracle_in_distractors", "oracle")
    ]  # fmt: skip
    file = tmp_path / "outcomes.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = ["diagnose", "--outcomes", str(file), "--json", "--set", f"diagnosis.judge_url={endpoint}"]
    outcome = CliRunner().invoke(cli, [*asked, "--set", "diagnosis.judge_model=kind"])
    assert outcome.exit_code == 0, outcome.output
    verdict = json.loads(outcome.stdout)
    assert verdict["judge"]["agreement"]["value"] == 0.75 and verdict["judge"]["right"]["value"] == 1.0
    assert any("The judge kind agrees with the grader on 75 %" in note for note in verdict["notes"])
    assert verdict["recommended"] == "generator", "the verdict is the grader's"
    nameless = CliRunner().invoke(cli, asked)
    assert nameless.exit_code != 0 and "judge_model" in str(nameless.exception)
