"""Chat files of trainers read back as questions: TRL, Axolotl, LLaMA-Factory (sharegpt, alpaca), OpenAI's fine-tuning.

A chat holds less than a corpus. Its question, its answer and the passages of the prompt can be told apart where the
prompt numbers its passages as ours does (`[1] …`), or says `Context: … Question: …`; gold is what the answer cites.
Titles, documents, the whole of a passage that was shown in part, and why an answer declines are gone: notes say so.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hybrid.answering.citations import read_answer
from hybrid.answering.excerpt import contains_answer
from hybrid.corpus.importers import Records
from hybrid.data.table_import import passage_id, split_of
from hybrid.errors import InputError
from hybrid.jsonl import read_jsonl
from hybrid.types import Passage

_ROLES = {"human": "user", "gpt": "assistant", "model": "assistant", "chatgpt": "assistant"}
_NUMBERED = re.compile(r"^\[(\d{1,3})\] ", re.MULTILINE)
_ASKED = re.compile(r"^question:[ \t]*", re.IGNORECASE | re.MULTILINE)
_LABELLED = re.compile(r"\A(?:context|passages?|documents?|input):\s*(.+?)\n\s*question:\s*(.+)\Z", re.I | re.DOTALL)

Turn = tuple[str, str]
"""Role and content."""


@dataclass(frozen=True)
class Chat:
    """A chat with the place that it came from, for errors. `identity` is "" where the record has none."""

    path: Path
    line: int
    turns: Sequence[Turn]
    split: str
    identity: str = ""


@dataclass(frozen=True)
class Names:
    """How a file calls its parts, by LLaMA-Factory's dataset_info.json; the defaults are tried elsewhere."""

    columns: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def read_chats(source: Path, split: str) -> Records:
    """Questions of all chats in a file, or of the .jsonl and .json files of a folder; `split` where no name says it.

    A question that stands in several chats is one: the chat that answers it counts. Raises `InputError` for records of
    another form and where no chat ends with an answer.
    """
    questions: dict[str, dict[str, Any]] = {}
    passages: dict[str, dict[str, Any]] = {}
    bare: set[str] = set()
    found: Counter[str] = Counter()
    for chat in _chats(source, split):
        found["chats"] += 1
        user = [content for role, content in chat.turns if role == "user"]
        if not user or chat.turns[-1][0] != "assistant":
            found["no answer"] += 1
            continue
        found["longer"] += len(user) > 1
        asked, context = split_prompt(user[-1])
        shown = [Passage(passage_id(text), text) for text in context]
        passages.update({passage.id: {"id": passage.id, "text": passage.text} for passage in shown})
        record = _question(chat, asked, shown, f"chat-{found['chats']:05d}")
        name = chat.identity or asked
        if not context:
            bare.add(name)
        found["no gold"] += bool(context) and record["answerable"] and not record["positives"]
        found["again"] += name in questions
        if name not in questions or (record["answerable"] and not questions[name]["answerable"]):
            questions[name] = {**record, "id": questions.get(name, record)["id"]}
    if passages:
        # general instructions of a mixture: there is nothing to retrieve for them
        found["without passages"] = len(bare)
        questions = {name: record for name, record in questions.items() if name not in bare}
    if not questions:
        raise InputError(source, f"no question with an answer in {found['chats']} chats", "each ends with `assistant`")
    return Records(passages.values() if passages else None, questions.values(), _notes(found, questions, passages))


def split_prompt(user: str) -> tuple[str, list[str]]:
    """The question of a user turn and the passages before it; the whole turn and none where nothing parts them."""
    asked = list(_ASKED.finditer(user))
    if asked:
        # with answering.question_first it stands at both ends
        before, question = user[: asked[-1].start()], user[asked[-1].end() :].strip()
        marks: list[re.Match[str]] = []
        for mark in _NUMBERED.finditer(before):
            if int(mark[1]) == len(marks) + 1:
                marks.append(mark)
        if marks:
            ends = [*(mark.start() for mark in marks[1:]), len(before)]
            return question, [before[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
        if before.strip() in ("", "(no passages)"):
            return question, []
    if labelled := _LABELLED.match(user.strip()):
        return labelled[2].strip(), [labelled[1].strip()]
    return user.strip(), []


def _question(chat: Chat, asked: str, shown: Sequence[Passage], name: str) -> dict[str, Any]:
    answer = read_answer(chat.turns[-1][1], shown)
    gold = [citation.passage_id for citation in answer.citations]
    if not gold and not answer.abstained:
        gold = [passage.id for passage in shown if len(shown) == 1 or contains_answer(passage.text, answer.plain)]
    return {
        "id": chat.identity or name,
        "question": asked,
        "answers": [] if answer.abstained else [answer.plain.removesuffix(".")],
        "positives": list(dict.fromkeys(gold)),
        "split": chat.split,
        "answer_type": "span" if answer.abstained or len(answer.plain.split()) <= 12 else "long",
        "answerable": not answer.abstained,
    }


def _notes(found: Counter[str], questions: Mapping[str, Any], passages: Mapping[str, Any]) -> list[str]:
    declined = sum(not record["answerable"] for record in questions.values())
    notes = [
        (found["no answer"], "chats do not end with an answer and are left out"),
        (found["longer"], "chats have earlier turns: only the last question was taken"),
        (found["again"], "chats ask a question of another chat again"),
        (
            declined,
            "questions are declined: unanswerable here, though RAFT also declines where it withholds the passage",
        ),
    ]
    if passages:
        notes += [
            (found["without passages"], "questions have no passages that can be told apart, and are left out"),
            (found["no gold"], "answers cite no passage and stand in none: their gold is not known"),
        ]
        last = (
            "titles stand in the texts; documents, answer types, what a prompt left out of a passage are not in a chat"
        )
    else:
        last = "no passages can be told apart: put documents/ beside questions.jsonl, and `evidence` into the questions"
    return [*(f"{num} {text}" for num, text in notes if num), last]


# -- the forms -------------------------------------------------------------------------------------------------------


def _chats(source: Path, split: str) -> Iterator[Chat]:
    info = source / "dataset_info.json"
    if source.is_file():
        files = [(source, Names())]
    elif info.is_file():
        files = list(_described(info))
    else:
        files = [(path, Names()) for path in sorted(source.iterdir()) if path.suffix in (".jsonl", ".json")]
    if not files:
        raise InputError(source, "no .jsonl or .json file in it", "name the file, or the folder that holds it")
    for path, names in files:
        where = split_of(path.stem) or split
        for line, record in _records(path):
            turns = _turns(path, line, record, names)
            identity = record.get("question_id") or record.get("id") or ""
            yield Chat(path, line, turns, where, str(identity))


def _described(info: Path) -> Iterator[tuple[Path, Names]]:
    try:
        entries = json.loads(info.read_text(encoding="utf-8"))
        for entry in entries.values():
            path = info.parent / entry.get("file_name", "")
            # entries may also stand for data sets of a hub
            if path.is_file():
                yield path, Names(entry.get("columns", {}), entry.get("tags", {}))
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            info, f"not LLaMA-Factory's form: {error!r}", "it maps names to entries with `file_name`"
        ) from None


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Lines of JSONL, or the items of a JSON array, counted from 1."""
    if path.suffix == ".jsonl":
        yield from read_jsonl(path)
        return
    try:
        items = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(path, f"malformed JSON: {error}", "an array of chats, or one a line in a .jsonl") from None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise InputError(path, "not an array of objects", "an array of chats, or one a line in a .jsonl")
    yield from enumerate(items, start=1)


def _turns(path: Path, line: int, record: Mapping[str, Any], names: Names) -> list[Turn]:
    columns = names.columns
    keys = (columns.get("messages", "messages"), "messages", "conversations")
    listed = next((record[key] for key in keys if key in record), None)
    if isinstance(listed, list):
        return [_turn(path, line, item, names.tags) for item in listed]
    sides = [(record.get("prompt"), "user"), (record.get("completion"), "assistant")]
    if all(isinstance(side, str | list) for side, _ in sides):
        return [
            turn
            for side, role in sides
            for turn in ([(role, side)] if isinstance(side, str) else [_turn(path, line, m, {}) for m in side or ()])
        ]
    asked, answer = record.get(columns.get("prompt", "instruction")), record.get(columns.get("response", "output"))
    if isinstance(asked, str) and isinstance(answer, str):
        context = record.get(columns.get("query", "input")) or ""
        # alpaca puts what is asked first and what it is asked of second
        return [("user", f"Context:\n{context}\nQuestion: {asked}" if context else asked), ("assistant", answer)]
    raise InputError(
        path,
        f"no chat in it (fields: {', '.join(record)})",
        "needs `messages`, `conversations`, `prompt` and `completion`, or `instruction` and `output`",
        line=line,
    )


def _turn(path: Path, line: int, item: Any, tags: Mapping[str, str]) -> Turn:
    """A message under any of the usual keys; the parts of a content in parts are joined."""
    if isinstance(item, dict):
        role = next((item[key] for key in (tags.get("role_tag", "role"), "role", "from") if key in item), None)
        content = next(
            (item[key] for key in (tags.get("content_tag", "content"), "content", "value") if key in item), None
        )
        if isinstance(content, list):
            content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
        if isinstance(role, str) and isinstance(content, str):
            named = {tags[f"{name}_tag"]: name for name in ("user", "assistant", "system") if f"{name}_tag" in tags}
            return named.get(role, _ROLES.get(role, role)), content
    raise InputError(path, "a message has no role or no text", 'write {"role": "user", "content": "…"}', line=line)
