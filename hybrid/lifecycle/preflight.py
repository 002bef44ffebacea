"""The preflight of a workspace, and the gate that it puts before a training."""

from collections.abc import Callable, Collection, Sequence

from hybrid.errors import UserError
from hybrid.lifecycle.settled_prompt import settle_prompt
from hybrid.lifecycle.workspace import Workspace
from hybrid.preflight.answers import Answer, Method, Situation
from hybrid.preflight.preflight import ask, missing

PROVEN_PROMPT = "proven-prompt"
"""The question that rests on the diagnosis, which a loop makes itself."""


def situation_of(workspace: Workspace, methods: Sequence[Method]) -> Situation:
    """The workspace as the questions see it; passages are brought up to date first."""
    passages = workspace.passages()
    config = settle_prompt(workspace.root, workspace.config, passages)
    return Situation(workspace.root, workspace.corpus, config, passages, tuple(methods))


def pass_gate(
    workspace: Workspace,
    methods: Sequence[Method],
    announce: Callable[[str], None],
    *,
    force: bool,
    unasked: Collection[str] = (),
) -> tuple[str, ...]:
    """The hard questions that failed and were forced; empty where none failed. `announce` gets a line on what is soft.
    `unasked`: keys of questions that do not count here.

    Raises `UserError` where one failed and `force` is not given. Writes nothing but the passages.
    """
    situation = situation_of(workspace, methods)
    failed = [answer for answer in missing(ask(situation, hard_only=True)) if answer.key not in unasked]
    if situation.task is None:
        announce(
            f"note: no {situation.task_name} says what is tuned and for whom; `hybrid preflight` asks what matters"
        )
    if failed and not force:
        told = "\n".join(f"  {answer.key}: {_evidence(answer)}" for answer in failed)
        advice = "; ".join(dict.fromkeys(answer.next for answer in failed))
        raise UserError(
            f"the preflight stops this training:\n{told}",
            f"{advice}, or pass --force to train all the same (the manifest will say so)",
        )
    if failed:
        announce(f"note: forced against the preflight: {', '.join(answer.key for answer in failed)}")
    return tuple(answer.key for answer in failed)


def _evidence(answer: Answer) -> str:
    return "; ".join(part.text for part in answer.evidence)
