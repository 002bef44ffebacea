"""The prompt of a workspace, chosen on dev with the base system: all systems are asked in it."""

from collections.abc import Callable
from dataclasses import asdict, replace

from hybrid.artifacts import Manifest, require
from hybrid.backends import make_cached
from hybrid.errors import TooLittleDataError
from hybrid.lifecycle.settled_prompt import choice_inputs, prompt_path
from hybrid.lifecycle.workspace import Workspace
from hybrid.prompting.choice import Budget, candidates, choose_prompt, dev_questions
from hybrid.prompting.settled import made_choice, present_prompt


def choose(workspace: Workspace, budget: Budget, told: Callable[[str], None]) -> Manifest:
    """The choice, made anew only where there is none of these questions, this generator, present prompt and budget.

    Raises `TooLittleDataError` where there are no dev questions.
    """
    search = workspace.search("base")
    config, passages = workspace.config, search.passages
    dev = dev_questions(passages.questions, config.seed)
    target, inputs = prompt_path(workspace.root), choice_inputs(config, passages)
    done = made_choice(target, config, inputs)
    present = present_prompt(config)
    asked = {"answers": budget.answers, "minutes": budget.minutes}
    if done and done.facts["present"] == asdict(present) and (budget == Budget() or done.facts["budget"] == asked):
        return done
    config = present.of(config)
    search = replace(search, config=config)
    search.build()
    generator = workspace.generator("base")
    cached = make_cached(generator, config, workspace.root / "cache" / "generations.sqlite")
    pipeline = search.pipeline(cached)
    pipeline = replace(pipeline, examples=search.examples(pipeline))
    dev = [question for question in dev if pipeline.may_answer(question)]
    if len(dev) < 2:
        raise TooLittleDataError("retrieval.where leaves no gold of dev: a prompt cannot be chosen", "widen it")
    num_examples = require(search.examples_path, "hybrid index").counts["answering"]
    return choose_prompt(
        pipeline,
        dev,
        candidates(config, num_examples),
        uncached=generator,
        budget=budget,
        target=target,
        inputs=inputs,
        told=told,
    )
