"""What must have been measured before: the base, whose fault it is, and what a prompt alone can do."""

import re
from collections.abc import Mapping
from typing import Any

from hybrid.evaluation.pick import BOTH
from hybrid.evaluation.prompt_gain import SET_PROMPT
from hybrid.preflight.answers import Found, Method, Situation, seen
from hybrid.types import Layer

_LAYERS: dict[Method, str] = {"embed": "embedder", "raft": "generator", "dpo": "generator", "grpo": "generator"}
_SHOTS = re.compile(r"evaluation-base-(\d+)shot-(\w+)")


def baseline(situation: Situation) -> Found:
    """A current evaluation of the base on the configured split."""
    split = situation.config.evaluation.split
    name = f"evaluation-base-{split}"
    manifest = situation.manifest(name)
    run = "run `hybrid evaluate --system base`"
    if manifest is None:
        return Found("no", seen(f"the base was not measured on {split}", file=name), run)
    if not situation.is_of_base(manifest):
        return Found("no", seen("it is of other documents, questions or models", file=name), run)
    return Found("yes", seen(_figures(situation.read_json(f"{name}/metrics.json")), file=f"{name}/metrics.json"))


def diagnosed(situation: Situation) -> Found:
    """Whether the diagnosis of the base says to retune what is to be tuned."""
    name = f"diagnosis-base-{situation.config.diagnosis.split}"
    manifest = situation.manifest(name)
    run = "run `hybrid diagnose --system base`"
    if manifest is None:
        return Found("no", seen("nobody asked whether documents or answers are wrong", file=name), run)
    if not situation.is_of_base(manifest):
        return Found("no", seen("it is of other documents, questions or models", file=name), run)
    file = f"{name}/diagnosis.json"
    told = situation.read_json(file)
    layer, wanted = told["recommended"], {_LAYERS[method] for method in situation.methods}
    evidence = seen(told["sentence"], file=file)
    if str(told["next_command"]).startswith(SET_PROMPT):
        return Found("no", evidence, str(told["next_command"]))
    if layer == Layer.PROMPT and not situation.tunes_generator:
        # how the generator is asked changes nothing of what is found
        layer = told["with_present_prompt"]
    if layer in wanted:
        others = " and ".join(sorted(wanted - {layer}))
        return Found("yes", evidence, f"the {others} may stay as it is: tune the {layer} alone" if others else "")
    # both layers at fault is a reason to tune where both methods are asked for
    if layer is None and told["next_command"] == BOTH and len(wanted) == 2:
        return Found("yes", evidence)
    return Found("no", evidence, str(told["next_command"]))


def proven_prompt(situation: Situation) -> Found | None:
    """No where the diagnosis of the base proved another prompt to be better: before the queries, which every training
    waits for, or the generator's, which its own waits for. Not asked where it proved none.
    """
    name = f"diagnosis-base-{situation.config.diagnosis.split}"
    manifest = situation.manifest(name)
    if manifest is None:
        return None
    file = f"{name}/diagnosis.json"
    told = situation.read_json(file)
    command = str(told["next_command"])
    waits = command.startswith(SET_PROMPT) or (told["recommended"] == Layer.PROMPT and situation.tunes_generator)
    # weights are read for this one: only where it matters
    if not waits or not situation.is_of_base(manifest):
        return None
    return Found("no", seen(told["sentence"], file=file), command)


def prompting(situation: Situation) -> Found | None:
    """Whether worked examples in the prompt were measured and do not do already what tuning is to do."""
    if not situation.tunes_generator:
        return None
    split = situation.config.evaluation.split
    run = "run `hybrid evaluate --system base --set evaluation.few_shot=3`: the baseline that tuning must beat"
    found = [
        (_score(situation, path.name), int(match[1]), path.name)
        for path in situation.root.glob(f"evaluation-base-*shot-{split}")
        if (match := _SHOTS.fullmatch(path.name))
        and (manifest := situation.manifest(path.name))
        and situation.is_of_base(manifest)
    ]
    if not found:
        where = f"evaluation-base-<n>shot-{split}"
        return Found("no", seen("the base with worked examples in its prompt was not measured", file=where), run)
    score, shots, name = max(found)
    file = f"{name}/metrics.json"
    text = f"with {shots} worked examples {100 * score:.1f} of 100 answers' score"
    effect = situation.config.diagnosis.minimum_effect
    task = situation.task
    if task is not None and task.target_score is not None:
        text += f", {100 * task.target_score:g} are wanted"
        if score >= task.target_score - effect:
            return Found("no", seen(text, file=file), "prompting will do: keep the worked examples, tune nothing")
        return Found("yes", seen(text, file=file))
    tuned = situation.manifest(f"evaluation-tuned-{split}")
    if tuned is not None and situation.is_current(tuned):
        reached = _score(situation, f"evaluation-tuned-{split}")
        text += f", {100 * reached:.1f} as tuned before"
        if score >= reached - effect:
            return Found("no", seen(text, file=file), "prompting does as well as the tuned model: tune nothing")
        return Found("yes", seen(text, file=file))
    text += "; no target_score to hold it against"
    return Found("unknown", seen(text, file=file), f"say target_score in {situation.task_name}")


def _score(situation: Situation, name: str) -> float:
    metrics = situation.read_json(f"{name}/metrics.json")
    return float(metrics["answer_score"]["value"] or 0.0) if "answer_score" in metrics else 0.0


def _figures(metrics: Mapping[str, Any]) -> str:
    shown = [
        f"{name} {metrics[name]['value']:.3f}"
        for name in ("ndcg@10", "answer_score")
        if name in metrics and metrics[name]["value"] is not None
    ]
    num = metrics["ndcg@10"]["num"] if "ndcg@10" in metrics else 0
    return f"{', '.join(shown)} on {num} questions"
