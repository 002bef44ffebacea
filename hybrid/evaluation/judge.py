"""A language model as a second opinion: never the verdict, always with its agreement with the grader beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

from hybrid.answering.citations import read_answer
from hybrid.errors import EndpointError
from hybrid.evaluation.records import Record
from hybrid.evaluation.statistics import share_interval
from hybrid.protocols import Generator
from hybrid.types import Arm, Chat, Interval, Message, Question

_ROLE = (
    "You grade answers. Say yes where the given answer means the same as one of the reference answers, no where it "
    "does not. Reply with one word: yes or no."
)
_REPLY_TOKENS = 4


@dataclass(frozen=True)
class Judgement:
    """`agreement`: share of the answers on which judge and grader say the same; `kappa` corrects it for chance
    (Cohen 1960), None where both say the same of all. `unclear` replies are in neither. `disputed` are question ids.
    """

    judge: str
    right: Interval
    agreement: Interval
    kappa: float | None
    unclear: int
    disputed: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """For the notes of a diagnosis."""
        kappa = "" if self.kappa is None else f", kappa {self.kappa:.2f}"
        low, high = 100 * self.agreement.low, 100 * self.agreement.high
        unclear = f"; {self.unclear} replies were neither yes nor no" if self.unclear else ""
        return (
            f"The judge {self.judge} agrees with the grader on {100 * self.agreement.value:.0f} % [{low:.0f}, "
            f"{high:.0f}] of {self.agreement.num} answers{kappa}{unclear}. The verdict is the grader's."
        )


def judge_answers(
    judge: Generator, records: Sequence[Record], questions: Sequence[Question], *, resamples: int, seed: int
) -> Judgement:
    """Ask a judge whether the answers that a person reads are right; those that decline are not shown to it.

    Raises `EndpointError` where none of its replies is yes or no.
    """
    by_id = {question.id: question for question in questions}
    asked = [
        (record, outcome)
        for record in records
        for outcome in record.of(Arm.RETRIEVED)
        if outcome.order == 0 and record.answerable and not outcome.abstained and by_id[record.question_id].answers
    ]
    chats = [_chat(by_id[record.question_id], outcome.text) for record, outcome in asked]
    replies = judge.generate(chats, max_new_tokens=_REPLY_TOKENS)
    read = [(*item, _verdict(reply.text)) for item, reply in zip(asked, replies, strict=True)]
    clear = [(record, outcome, verdict) for record, outcome, verdict in read if verdict is not None]
    if asked and not clear:
        raise EndpointError(
            f"the judge {judge.name} said neither yes nor no of any answer (first reply: {replies[0].text[:60]!r})",
            "name a larger model in diagnosis.judge_model, or leave diagnosis.judge_url empty",
        )
    clusters = [record.cluster for record, _, _ in clear]
    same = [outcome.correct == verdict for _, outcome, verdict in clear]
    right = [verdict for _, _, verdict in clear]
    return Judgement(
        judge=judge.name,
        right=share_interval(right, clusters, resamples=resamples, seed=seed),
        agreement=share_interval(same, clusters, resamples=resamples, seed=seed),
        kappa=_kappa([outcome.correct for _, outcome, _ in clear], right),
        unclear=len(asked) - len(clear),
        disputed=tuple(record.question_id for (record, _, _), agrees in zip(clear, same, strict=True) if not agrees),
    )


def _chat(question: Question, text: str) -> Chat:
    references = " | ".join(question.answers)
    plain = read_answer(text, (), guard=False).plain
    return (
        Message("system", _ROLE),
        Message("user", f"Question: {question.question}\nReference answers: {references}\nGiven answer: {plain}"),
    )


def _verdict(reply: str) -> bool | None:
    word = reply.strip().lower()
    return True if word.startswith("yes") else False if word.startswith("no") else None


def _kappa(first: Sequence[bool], second: Sequence[bool]) -> float | None:
    num = len(first)
    if not num:
        return None
    same = sum(a == b for a, b in zip(first, second, strict=True)) / num
    p, q = sum(first) / num, sum(second) / num
    chance = p * q + (1 - p) * (1 - q)
    return None if chance == 1 else (same - chance) / (1 - chance)
