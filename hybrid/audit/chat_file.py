"""An audit of examples for the generator: RAFT files of this project, and chats in the forms of other trainers."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid.answering.chat_records import read_turns
from hybrid.answering.citations import read_answer
from hybrid.answering.excerpt import contains_answer
from hybrid.answering.prompt import numbered_passages, split_prompt
from hybrid.answering.refusals import declines
from hybrid.audit.requirements import AT_LEAST, Method, Requirement
from hybrid.audit.training_rows import Fault, FileAudit, RowFinding, asked_alike, at_least
from hybrid.audit.wording import WORD
from hybrid.config import Config
from hybrid.errors import InputError
from hybrid.evaluation.graders import normalise
from hybrid.jsonl import read_jsonl
from hybrid.types import Chat, Message, Passage, Question

SUPPORTED = 0.6
"""Share of an answer's words that must stand in what it cites: as RAFT examples are verified."""
_GENERAL = (0.05, 0.3)
_ABSTAIN = (0.02, 0.4)
"""Shares outside which a note is made. Usual are 10 to 20 % general and 20 to 30 % that decline."""
_VERDICTS = re.compile(r"(?:yes|no|maybe|true|false)\b|\(?[a-e]\s*(?:[).:,]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class ChatRow:
    """One line, from 1. `kind` is oracle, abstain or general; `passages` are those numbered in the prompt."""

    line: int
    prompt: Chat
    completion: str
    kind: str
    question: str
    passages: tuple[Passage, ...]


def read_chats(path: Path) -> list[ChatRow]:
    """Lines in the forms of `read_turns`. Raises `InputError` for another form."""
    rows = []
    for line, record in read_jsonl(path):
        turns = read_turns(path, line, record)
        if len(turns) < 2 or turns[-1].role != "assistant":
            raise InputError(path, "the last message is not the assistant's", "each example ends with one", line=line)
        prompt, completion = turns[:-1], turns[-1].content
        user = next((turn.content for turn in reversed(prompt) if turn.role == "user"), "")
        asked, shown = split_prompt(user)
        if not shown and (shown := numbered_passages(user)):
            # no `Question:` below the passages: what stands above them asks, or nothing can be told apart
            asked = asked.partition("[1] ")[0].strip() or asked
        passages = tuple(Passage(f"[{number}]", text) for number, text in enumerate(shown, start=1))
        if record.get("kind") == "general" or not passages:
            kind = "general"
        else:
            kind = "abstain" if declines(_answer(completion).plain) else "oracle"
        rows.append(ChatRow(line, prompt, completion, kind, asked, passages))
    if not rows:
        raise InputError(path, "holds no examples", 'write {"messages": [{"role": …, "content": …}, …]} a line')
    return rows


def audit_chats(
    rows: Sequence[ChatRow],
    questions: Sequence[Question],
    *,
    methods: Sequence[Method],
    config: Config,
    count_tokens: Callable[[Chat], int],
) -> FileAudit:
    """Counts, shares of kinds, duplicates, answers that their citations do not hold, lengths, leaks.

    A leak is an example about a dev or test question of the corpus.
    """
    held = [question for question in questions if question.split != "train"]
    findings: list[RowFinding] = []
    seen: dict[Chat, ChatRow] = {}
    limit = config.raft.max_example_tokens
    lengths = []

    def find(fault: Fault, row: ChatRow, detail: str) -> None:
        findings.append(RowFinding(fault, row.line, detail, row.question[:200]))

    for row in rows:
        lengths.append(count_tokens((*row.prompt, Message("assistant", row.completion))))
        if lengths[-1] > limit:
            find(Fault.TOO_LONG, row, f"{lengths[-1]} tokens, raft.max_example_tokens is {limit}")
        if not row.completion.strip():
            find(Fault.EMPTY, row, "the completion is empty")
        elif problem := ungrounded(row):
            find(Fault.UNGROUNDED, row, problem)
        first = seen.setdefault(row.prompt, row)
        if first is not row:
            same = normalise(first.completion) == normalise(row.completion)
            find(Fault.DUPLICATE if same else Fault.CONTRADICTION, row, f"line {first.line} has the same prompt")
    asked = {row.line: row.question for row in rows if row.kind != "general"}
    by_line = {row.line: row for row in rows}
    for line, other in asked_alike(asked, held):
        if isinstance(other, Question):
            find(Fault.LEAK, by_line[line], f"{other.id} of {other.split} asks alike")
    kinds = Counter(row.kind for row in rows)
    shares = {kind: kinds[kind] / len(rows) for kind in ("oracle", "abstain", "general")}
    ordered = sorted(lengths)
    figures = {
        **{f"share {kind}": share for kind, share in shares.items()},
        "median tokens": ordered[len(ordered) // 2],
        "longest tokens": ordered[-1],
    }
    return FileAudit(
        len(rows), tuple(_requirements(rows, methods, config)), figures, tuple(findings), tuple(_notes(shares))
    )


def ungrounded(row: ChatRow) -> str:
    """Why an answer does not follow from the passages that it cites; "" where it does, or cites none on purpose."""
    if row.kind != "oracle":
        return ""
    answer = read_answer(row.completion, row.passages, guard=False)
    named = [int(number) for number in re.findall(r"\[(\d+)\]", row.completion)]
    if outside := [number for number in named if not 1 <= number <= len(row.passages)]:
        return f"it cites [{outside[0]}] of {len(row.passages)} passages"
    cited = [row.passages[int(citation.marker) - 1] for citation in answer.citations] or list(row.passages)
    where = "what it cites" if answer.citations else "any passage"
    text = "\n".join(passage.full_text for passage in cited)
    if contains_answer(text, answer.plain.rstrip(".")) or _VERDICTS.match(answer.plain):
        return ""
    if answer.citations and answer.unsupported:
        return f"{', '.join(answer.unsupported)} is not in {where}"
    words = [word.lower() for word in WORD.findall(answer.plain)]
    known = {word.lower() for word in WORD.findall(text)}
    share = sum(word in known for word in words) / len(words) if words else 0.0
    return "" if share >= SUPPORTED else f"{100 * share:.0f} % of its words stand in {where}"


def _notes(shares: Mapping[str, float]) -> list[str]:
    notes = []
    low, high = _GENERAL
    if not low <= shares["general"] <= high:
        notes.append(
            f"{100 * shares['general']:.0f} % of the examples are general: 10 to 20 % keep what the model could before."
        )
    low, high = _ABSTAIN
    if not low <= shares["abstain"] <= high:
        notes.append(
            f"{100 * shares['abstain']:.0f} % of the examples decline: with none it learns to invent, with too many to "
            "refuse."
        )
    return notes


def _requirements(rows: Sequence[ChatRow], methods: Sequence[Method], config: Config) -> list[Requirement]:
    domain = sum(row.kind != "general" for row in rows)
    found = []
    for method in methods:
        if method == "raft":
            what, need = "examples on the domain (RAFT)", config.raft.min_examples
            found.append(at_least(what, domain, need, "{} more are needed"))
        elif method == "grpo":
            found.append(at_least("trajectories (GRPO)", len(rows), AT_LEAST["grpo"][0], "{} more are needed"))
    return found


def _answer(completion: str) -> Any:
    return read_answer(completion, (), guard=False)
