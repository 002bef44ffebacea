"""A made question as a line of a question file."""

from dataclasses import replace
from typing import Any

from hybrid.corpus.questions import question_record
from hybrid.types import Question


def made_record(question: Question, *, ready: bool) -> dict[str, Any]:
    """Passages by id where the corpus has ready ones, else by quotes: ids change when documents are cut otherwise."""
    made = replace(question, origin="synth")
    return question_record(replace(made, evidence=()) if ready else replace(made, positives=()))
