"""Whether a teacher's answers may train another model: its licence, by the table, before it writes anything."""

from urllib.parse import urlparse

from hybrid.config import GeneratorConfig
from hybrid.corpus.passages import CorpusFolder
from hybrid.corpus.task import Task, read_task
from hybrid.errors import UserError
from hybrid.licences import Verdict, judge
from hybrid.models import embedded, resolve
from hybrid.preflight.permission import licence_of_folder

_SERVICES = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "google-gemini-api",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
}
"""Hosts whose own terms hold, whatever model is asked for."""


def check_terms(
    teacher: GeneratorConfig, corpus: CorpusFolder, *, base_licence: str, accepted: bool
) -> tuple[str, Verdict]:
    """The teacher's licence and what the table says of it.

    Raises `UserError` where it forbids to train on what the teacher writes and nobody `accepted` that.
    """
    task = read_task(corpus.task_file) or Task()
    licence = task.teacher_licence or licence_of(teacher)
    verdict = judge(licence, "teacher", task.use, base_licence=base_licence)
    if verdict.permission == "no" and not accepted:
        raise UserError(
            f"the teacher {teacher.model} may not be used to train: {verdict.reason}",
            "take another teacher, or read its terms and pass --accept-teacher-terms",
        )
    return licence, verdict


def licence_of(generator: GeneratorConfig) -> str:
    """By the service's host, the embedded model's record, or the model's folder; "" where none says."""
    if generator.kind == "openai":
        return _SERVICES.get(urlparse(generator.base_url).hostname or "", "")
    if generator.model == "embedded":
        return embedded("generator").licence.lower()
    return licence_of_folder(resolve(generator.model, "generator"))[0]
