"""Which rungs the ladder of a workspace has: untuned ones as dev sees them, and each tuned system that exists."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from hybrid.artifacts import read_manifest
from hybrid.config import Config
from hybrid.errors import MissingError, StaleError
from hybrid.evaluation.ladder import Rung
from hybrid.lifecycle.generator_choice import SystemName
from hybrid.lifecycle.search import Search
from hybrid.lifecycle.settled_prompt import choice_inputs, prompt_path
from hybrid.lifecycle.workspace import Workspace
from hybrid.prompting.settled import Prompt, made_choice, present_prompt
from hybrid.prompting.untuned import UntunedRungs, untuned_rungs
from hybrid.protocols import Generator

TITLES: Mapping[SystemName, str] = {
    "embedder": "tuned embedder",
    "adapter": "tuned, not merged",
    "tuned": "tuned",
}


@dataclass(frozen=True)
class Asked:
    """A system with the rungs that ask it."""

    system: SystemName
    search: Search
    generator: Generator
    rungs: tuple[Rung, ...]


@dataclass(frozen=True)
class LadderPlan:
    """The systems from the lowest up, what dev says of the untuned ones, and what is left out, with the reason."""

    systems: Sequence[Asked]
    untuned: UntunedRungs
    left_out: Mapping[str, str]
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]

    @property
    def rungs(self) -> list[Rung]:
        """All, the lowest first."""
        return [rung for asked in self.systems for rung in asked.rungs]


def plan_ladder(workspace: Workspace, built: Callable[[Search], None]) -> LadderPlan:
    """The rungs of the passages as they were published last; each search goes through `built` before it is used.

    A tuned system that is stale is left out. Raises `MissingError` or `StaleError` where the base cannot be asked.
    """
    passages = workspace.published()
    config = workspace.config
    choice = made_choice(prompt_path(workspace.root), config, choice_inputs(config, passages))
    untuned = untuned_rungs(choice.facts if choice else None)
    left_out = dict(untuned.left_out)
    base = _asked(workspace, "base", built)
    steps = [
        Rung(step.name, "base", step.prompt.style, step.prompt.examples, step.below, False, step.note, step.dev)
        for step in untuned.rungs
    ]
    systems = [replace(base, rungs=tuple(steps))]
    for system in tuned_systems(workspace):
        try:
            asked = _asked(workspace, system, built)
        except (StaleError, MissingError) as error:
            left_out[TITLES[system]] = str(error.remedy or error.problem)
            continue
        prompt, note = _prompt_of(workspace, system, untuned, asked.search.config)
        rung = Rung(TITLES[system], system, prompt.style, prompt.examples, untuned.best, True, note)
        systems.append(replace(asked, rungs=(rung,)))
    inputs = {"passages": passages.manifest.id}
    for asked in systems:
        inputs |= {f"{asked.system} {name}": value for name, value in asked.search.inputs().items()}
        inputs[f"{asked.system} generator"] = asked.generator.fingerprint
    rungs = [asdict(rung) for asked in systems for rung in asked.rungs]
    settings = {**_settings(config), "rungs": rungs, "best": untuned.best, "left_out": sorted(left_out)}
    return LadderPlan(systems, untuned, left_out, settings, inputs)


def tuned_systems(workspace: Workspace) -> list[SystemName]:
    """Those in which something is tuned, without one that answers as another does."""
    found: list[SystemName] = ["embedder"] if workspace.has_tuned_embedder else []
    if workspace.config.generator.kind == "local":
        adapter, merged = (read_manifest(workspace.root / name) for name in ("adapter", "generator"))
        # at weight 1 the merged model is the adapter on its base: the merge checks that their logits agree
        same = workspace.has_tuned_generator and merged is not None and merged.facts.get("weight") == 1.0
        if adapter is not None and adapter.facts["verdict"] == "tuned" and not same:
            found.append("adapter")
    return [*found, "tuned"] if workspace.has_tuned_generator else found


def _asked(workspace: Workspace, system: SystemName, built: Callable[[Search], None]) -> Asked:
    search = workspace.search(system, workspace.published())
    built(search)
    return Asked(system, search, workspace.generator(system), ())


def _prompt_of(workspace: Workspace, system: SystemName, untuned: UntunedRungs, config: Config) -> tuple[Prompt, str]:
    """What a tuned system is asked in, and why: the prompt it was trained on; of the base generator the best one."""
    if system == "embedder":
        return untuned.prompt, f"in the prompt of {untuned.best}"
    present = present_prompt(config)
    if config.generator.kind == "openai":
        return present, "in the configured prompt"
    adapter, raft, merged = (read_manifest(workspace.root / name) for name in ("adapter", "raft", "generator"))
    of_this = system == "adapter" or (merged and adapter and merged.inputs.get("adapter") == adapter.id)
    if of_this and adapter and raft and adapter.inputs.get("raft") == raft.id:
        trained = raft.config["answering"]
        prompt = Prompt(trained["style"], trained["examples"])
        if prompt.style != "own" or config.answering.template:
            return prompt, "in the prompt it was trained on"
    return present, "in the configured prompt: the one it was trained on is not known any more"


def _settings(config: Config) -> dict[str, Any]:
    return {
        "evaluation": {name: getattr(config.evaluation, name) for name in ("split", "max_questions", "resamples")},
        "retrieval": config.retrieval.settings(),
        "answering": config.answering.model_dump(mode="json", exclude={"style", "examples"}),
        "generator": config.generator.model_dump(
            mode="json", include={"context_tokens", "window_tokens", "max_new_tokens"}
        ),
        "seed": config.seed,
    }
