"""One reviewer's sitting at a question file: what the page shows, and what it may ask for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from hybrid.errors import UserError
from hybrid.review.evidence import Shelf
from hybrid.review.labels import REASONS, Decision, Label, LabelLog, latest
from hybrid.review.question_file import JUDGED, Item

_SHOWN = (*JUDGED, "id", "split", "answer_type", "topic", "case", "group")


@dataclass
class Session:
    """Items in the order in which they are shown. Safe to call from several threads."""

    items: Sequence[Item]
    log: LabelLog
    shelf: Shelf
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._places = {item.question.id: place for place, item in enumerate(self.items)}

    def overview(self) -> dict[str, Any]:
        """The decision on each item in order, None where there is none that counts; and counts of them."""
        with self._lock:
            return self._overview()

    def _overview(self) -> dict[str, Any]:
        labels = latest(self.log.labels)
        decisions = [label.decision.value if (label := _current(item, labels)) else None for item in self.items]
        return {"decisions": decisions, "counts": {decision.value: decisions.count(decision) for decision in Decision}}

    def item(self, place: int) -> dict[str, Any]:
        """All that is shown of the item at a place, from 0. Raises `UserError` where there is none."""
        if not 0 <= place < len(self.items):
            raise UserError(f"there is no question at place {place}")
        item = self.items[place]
        question = item.question
        with self._lock:
            labels = latest(self.log.labels)
        label = _current(item, labels)
        passages, notes = self.shelf.beside(question)
        tags = (question.split, question.answer_type, question.topic, question.case, question.group)
        return {
            "place": place,
            "id": question.id,
            "record": item.digest,
            "question": question.question,
            "answers": list(question.answers),
            "answerable": question.answerable,
            "tags": [tag for tag in tags if tag],
            "others": {name: _text(value) for name, value in item.record.items() if name not in _SHOWN},
            "passages": [
                {"heading": m.passage.heading, "source": m.passage.source, "pieces": m.pieces()} for m in passages
            ],
            "notes": notes,
            "label": label.row() if label else None,
            "stale": label is None and question.id in labels,
        }

    def decide(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Record a label: id, record (its digest), decision, and what goes with that. Returns the overview.

        Raises `UserError` where the page speaks of another record than the file holds, or leaves something out.
        """
        label = self._label(wanted)
        with self._lock:
            self.log.append(label)
            return self._overview()

    def undo(self) -> dict[str, Any]:
        """Take the latest label back. Returns the overview and the label's `place`.

        Raises `UserError` where it is not among the items: what the reviewer does not see stays.
        """
        with self._lock:
            place = self._places.get(self.log.labels[-1].id) if self.log.labels else None
            if place is None:
                raise UserError("there is nothing to undo among these questions")
            self.log.undo()
            return {**self._overview(), "place": place}

    def _label(self, wanted: Mapping[str, Any]) -> Label:
        identity, decision = wanted.get("id"), wanted.get("decision")
        if not isinstance(identity, str) or identity not in self._places:
            raise UserError(f"there is no question {identity!r}")
        item = self.items[self._places[identity]]
        if wanted.get("record") != item.digest:
            raise UserError("this page shows another version of the file: reload it")
        if decision not in list(Decision):
            raise UserError(f"{decision!r} is no decision")
        note = _stripped(wanted.get("note", ""))
        if decision == Decision.REJECT:
            reason = wanted.get("reason")
            if not isinstance(reason, str) or reason not in REASONS:
                raise UserError(f"{reason!r} is no reason to reject")
            if reason == "other" and not note:
                raise UserError("say in a note what is wrong")
            return Label(identity, item.digest, Decision.REJECT, reason=reason, note=note)
        if decision == Decision.EDIT:
            return self._edit(item, wanted, note)
        return Label(identity, item.digest, Decision.ACCEPT, note=note)

    def _edit(self, item: Item, wanted: Mapping[str, Any], note: str) -> Label:
        question = _stripped(wanted.get("question"))
        given = wanted.get("answers")
        answers = tuple(text for answer in given if (text := _stripped(answer))) if isinstance(given, list) else ()
        if not question:
            raise UserError("a question needs its wording")
        if item.question.answers and not answers:
            raise UserError("the question had an answer: give one, or reject it")
        if answers and not item.question.answerable and not item.question.answers:
            raise UserError("the documents are not to answer this question: if they do, reject it")
        original = item.question
        if (question, answers) == (original.question.strip(), tuple(answer.strip() for answer in original.answers)):
            return Label(original.id, item.digest, Decision.ACCEPT, note=note)
        return Label(original.id, item.digest, Decision.EDIT, question, answers, note=note)


def _current(item: Item, labels: Mapping[str, Label]) -> Label | None:
    label = labels.get(item.question.id)
    return label if label and label.record == item.digest else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _stripped(value: object) -> str:
    # half of a surrogate pair, which a browser can send, could not be written
    return value.encode("utf-8", "replace").decode().strip() if isinstance(value, str) else ""
