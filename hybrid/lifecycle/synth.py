"""The teacher of a workspace: its generator, the base retriever, and the questions that come of both."""

from collections.abc import Callable
from dataclasses import replace

from hybrid.artifacts import Manifest
from hybrid.backends import make_cached, make_generator
from hybrid.config import Config, GeneratorConfig
from hybrid.corpus.task import Task, read_task
from hybrid.lifecycle.teacher import check_terms
from hybrid.lifecycle.workspace import Workspace
from hybrid.models import embedded_as
from hybrid.synth.asked_form import asked_form
from hybrid.synth.record import made_record
from hybrid.synth.teacher import NOTHING_LEFT, Estimate, estimate, plan, write_questions, written

_QUESTION_TOKENS = 80
"""Of a draft, beside its answer."""


def synthesise(
    workspace: Workspace, *, told: Callable[[Estimate], bool], accept_terms: bool = False
) -> Manifest | None:
    """Publish `synth/teacher`. `told` hears the estimate before anything is paid, and says whether to go on.

    Raises `UserError` where the teacher's licence forbids to train on what it writes and nobody accepts that.
    """
    config = workspace.config
    teacher_config = config.synth.teacher or config.generator
    licence, verdict = check_terms(teacher_config, config.generator, workspace.corpus, accepted=accept_terms)
    search = workspace.search("base")
    search.build()
    # a guard would turn an unsupported answer into an abstention, and agree with unanswerable questions
    answering = search.config.answering.model_copy(update={"guard": "off"})
    form = asked_form(read_task(workspace.corpus.task_file) or Task(), answering, search.passages.questions)
    config = _with_room(config, teacher_config, form.reply_tokens)
    config = config.model_copy(update={"answering": form.asks(answering)})
    passages, target = search.passages, workspace.root / "synth" / "teacher"
    generator = make_generator(config)
    inputs = {
        "passages": passages.manifest.id,
        **search.inputs(),
        "teacher": generator.fingerprint,
        "licence": licence,
    }
    if done := written(target, config, inputs, form):
        return done if told(NOTHING_LEFT) else None
    teacher = make_cached(generator, config, workspace.root / "cache" / "generations.sqlite")
    assignments = plan(passages.passages, config)
    if not told(estimate(assignments, teacher, config, form)):
        return None
    pipeline = replace(search, config=config).pipeline(teacher)
    ready = workspace.corpus.ready_passages.is_file()
    known = embedded_as(config.generator.model, "generator") if config.generator.kind == "local" else None
    name = known.name if known else config.generator.model
    stamp = {"teacher": name, "teacher_licence": licence}
    return write_questions(
        assignments,
        pipeline,
        config=config,
        target=target,
        inputs=inputs,
        facts={
            "teacher": name,
            "teacher_licence": licence,
            "terms": verdict.reason + (", accepted" if verdict.permission == "no" else ""),
        },
        record=lambda question: made_record(question, ready=ready) | stamp,
        form=form,
    )


def _with_room(config: Config, teacher: GeneratorConfig, answer_tokens: int) -> Config:
    """With the teacher as its generator; neither its drafts nor its answers end before the asked length does."""
    draft = max(config.synth.draft_tokens, answer_tokens and _QUESTION_TOKENS + answer_tokens)
    room = max(teacher.max_new_tokens, answer_tokens)
    return config.model_copy(
        update={
            "generator": teacher.model_copy(update={"max_new_tokens": room}),
            "synth": config.synth.model_copy(update={"draft_tokens": draft}),
        }
    )
