"""Chat files of trainers read back as questions: TRL, Axolotl, LLaMA-Factory (sharegpt, alpaca), OpenAI's fine-tuning.

A chat holds less than a corpus. Its question, its answer and the passages of the prompt can be told apart where the
prompt numbers its passages as ours does (`[1] …`), or says `Context: … Question: …`; gold is what the answer cites.
Titles, documents, the whole of a passage that was shown in part, and why an answer declines are gone: notes say so.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid.answering.chat_records import PLAIN, Names, read_turns
from hybrid.answering.citations import read_answer
from hybrid.answering.excerpt import contains_answer
from hybrid.answering.prompt import split_prompt
from hybrid.corpus.importers import Records
from hybrid.data.table_import import passage_id, split_of
from hybrid.errors import InputError
from hybrid.jsonl import read_json, read_jsonl
from hybrid.types import Chat, Passage

_LABELLED = re.compile(
    r"\A(?:context|passages?|documents?|input):\s*(\S.*?)\n[^\S\n]*question:\s*(\S.*)\Z", re.I | re.DOTALL
)


@dataclass(frozen=True)
class TrainingChat:
    """A chat of a file. `identity` is "" where the record has none."""

    turns: Chat
    split: str
    identity: str = ""


def read_chats(source: Path, split: str) -> Records:
    """Questions of all chats in a file, or of the .jsonl and .json files of a folder; `split` where no name says it.

    A question that stands in several chats is one: a chat that shows passages counts before one that shows none, then
    one that answers before one that declines. Raises `InputError` for records of another form and where no chat ends
    with an answer.
    """
    questions: dict[str, dict[str, Any]] = {}
    passages: dict[str, dict[str, Any]] = {}
    ranks: dict[str, tuple[bool, bool]] = {}
    found: Counter[str] = Counter()
    for chat in _chats(source, split):
        found["chats"] += 1
        user = [turn.content for turn in chat.turns if turn.role == "user"]
        if not user or chat.turns[-1].role != "assistant":
            found["no answer"] += 1
            continue
        found["longer"] += len(user) > 1
        asked, context = _split_prompt(user[-1])
        shown = [Passage(passage_id(text), text) for text in context]
        passages.update({passage.id: {"id": passage.id, "text": passage.text} for passage in shown})
        record = _question(chat, asked, shown, f"chat-{found['chats']:05d}")
        name = chat.identity or asked
        found["no gold"] += bool(context) and record["answerable"] and not record["positives"]
        found["again"] += name in questions
        found["two splits"] += name in questions and questions[name]["split"] != record["split"]
        rank = (bool(context), record["answerable"])
        if name not in questions or rank > ranks[name]:
            questions[name] = {**record, "id": questions.get(name, record)["id"]}
            ranks[name] = rank
    if passages:
        # general instructions of a mixture: there is nothing to retrieve for them
        bare = {name for name, (grounded, _) in ranks.items() if not grounded}
        found["without passages"] = len(bare)
        questions = {name: record for name, record in questions.items() if name not in bare}
    if not questions:
        raise InputError(source, f"no question with an answer in {found['chats']} chats", "each ends with `assistant`")
    return Records(passages.values() if passages else None, questions.values(), _notes(found, questions, passages))


def _split_prompt(user: str) -> tuple[str, list[str]]:
    """The question of a user turn and its passages, numbered or as one labelled context."""
    asked, context = split_prompt(user)
    if not context and (labelled := _LABELLED.match(asked)):
        return labelled[2].strip(), [labelled[1].strip()]
    return asked, context


def _question(chat: TrainingChat, asked: str, shown: Sequence[Passage], name: str) -> dict[str, Any]:
    answer = read_answer(chat.turns[-1].content, shown)
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
        (found["two splits"], "of them stand in another split, and the question counts for one of the two"),
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


def _chats(source: Path, split: str) -> Iterator[TrainingChat]:
    info = source / "dataset_info.json"
    if source.is_file():
        files = [(source, PLAIN)]
    elif info.is_file():
        files = list(_described(info))
    else:
        files = [(path, PLAIN) for path in sorted(source.iterdir()) if path.suffix in (".jsonl", ".json")]
    if not files:
        raise InputError(source, "no .jsonl or .json file in it", "name the file, or the folder that holds it")
    for path, names in files:
        where = split_of(path.stem) or split
        for line, record in _records(path):
            identity = record.get("question_id") or record.get("id") or ""
            yield TrainingChat(read_turns(path, line, record, names), where, str(identity))


def _described(info: Path) -> Iterator[tuple[Path, Names]]:
    entries = read_json(info)
    try:
        for entry in entries.values():
            path = info.parent / entry.get("file_name", "")
            # entries may also stand for data sets of a hub
            if path.is_file():
                yield path, Names(_named(entry.get("columns")), _named(entry.get("tags")))
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            info, f"not LLaMA-Factory's form: {error!r}", "it maps names to entries with `file_name`"
        ) from None


def _named(value: Any) -> dict[str, str]:
    """A mapping of names to names; what is null counts as left out."""
    names = {key: name for key, name in (value or {}).items() if name is not None}
    if not all(isinstance(name, str) for name in names.values()):
        raise TypeError(f"`columns` and `tags` hold names, not {names}")
    return names


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Lines of JSONL, or the items of a JSON array, counted from 1."""
    if path.suffix == ".jsonl":
        yield from read_jsonl(path)
        return
    items = read_json(path, "an array of chats, or one a line in a .jsonl")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise InputError(path, "not an array of objects", "an array of chats, or one a line in a .jsonl")
    yield from enumerate(items, start=1)
