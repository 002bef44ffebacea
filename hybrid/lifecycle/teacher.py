"""Whether a teacher's answers may train another model: its licence, by the table, before it writes anything."""

from urllib.parse import urlparse

from hybrid.config import GeneratorConfig
from hybrid.corpus.passages import CorpusFolder
from hybrid.corpus.task import Task, read_task
from hybrid.errors import UserError
from hybrid.licences import Verdict, judge
from hybrid.models import resolve
from hybrid.preflight.permission import licence_of_model

_SERVICES = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "google-gemini-api",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
}
"""Hosts whose own terms hold, whatever model is asked for."""
_STRICTNESS = {"yes": 0, None: 1, "no": 2}


def check_terms(
    teacher: GeneratorConfig, base: GeneratorConfig, corpus: CorpusFolder, *, accepted: bool
) -> tuple[str, Verdict]:
    """The teacher's licence and what the table says of it. `base` is the generator that will be trained.

    A local teacher is fetched first: its folder says its licence. Of that licence and the task's `teacher_licence` the
    stricter holds, so that an entry left over from another teacher permits nothing. Raises `UserError` where it forbids
    to train on what the teacher writes and neither `accepted` nor the task's `accepted_terms` says that it may be.
    """
    task = read_task(corpus.task_file) or Task()
    if teacher.kind == "local":
        resolve(teacher.model, "generator")
    base_licence = licence_of(base, task)
    stated = [name for name in (licence_of(teacher, task), task.teacher_licence) if name] or [""]
    verdicts = {name: judge(name, "teacher", task.use, base_licence=base_licence) for name in stated}
    licence = max(stated, key=lambda name: (_STRICTNESS[verdicts[name].permission], not task.accepts(name)))
    verdict = verdicts[licence]
    if verdict.permission == "no" and not accepted and not task.accepts(licence):
        raise UserError(
            f"the teacher {teacher.model} may not be used to train: {verdict.reason}",
            f"take another teacher, or read its terms and pass --accept-teacher-terms or add {licence} to "
            f"accepted_terms in {corpus.task_file.name}",
        )
    return licence, verdict


def licence_of(generator: GeneratorConfig, task: Task) -> str:
    """By the service's host, else as of any model; "" where nothing says it. Fetches nothing."""
    if generator.kind == "openai":
        host = urlparse(generator.base_url).hostname or ""
        return _SERVICES.get(host) or task.model_licences.get(generator.model, "")
    return licence_of_model(generator.model, "generator", task)[0]
