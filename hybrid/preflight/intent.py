"""What people must have said: the task, a review, the plan for forgetting and rollback, whether facts last."""

from hybrid.corpus.history import FILE, changes, num_versions
from hybrid.corpus.review_file import read_review
from hybrid.jsonl import read_jsonl
from hybrid.preflight.answers import Evidence, Found, Situation, seen
from hybrid.tuning.raft import most_examples
from hybrid.tuning.raft_example import MOST_REPEATS, reached_share

UNSTABLE = 0.1
"""Share of the documents that may change from version to version, or in a month, before facts count as unstable."""
_MONTH = 30
_TEMPLATE = "run `hybrid preflight --init` and fill in"


def task_written(situation: Situation) -> Found:
    """One task, one input, one output and an owner."""
    task, name = situation.task, situation.task_name
    if task is None:
        return Found("no", seen(f"there is no {name}", file=name), f"{_TEMPLATE} {situation.corpus.task_file}")
    missing = [key for key in ("task", "input", "output", "owner") if not getattr(task, key).strip()]
    if missing:
        return Found("no", seen(f"not said: {', '.join(missing)}", file=name), f"fill in {', '.join(missing)}")
    return Found("yes", seen(f"{task.task} ({task.input} → {task.output}; {task.owner})", file=name))


def facts_last(situation: Situation) -> Found:
    """From the change rate between the versions that this workspace has seen, or from what the team says of it."""
    advice = "leave facts that change to retrieval: build the index often, and tune form and refusals at most"
    told = changes(situation.root)
    if told:
        days = sum(change.days for change in told)
        per_version = sum(change.share for change in told) / len(told)
        per_month = sum(change.share for change in told) * _MONTH / days if days >= _MONTH else None
        rate = per_version if per_month is None else per_month
        last = told[-1]
        text = (
            f"{len(told) + 1} versions seen in {days} days: {100 * rate:.1f} % of the documents change or go "
            f"{'a version' if per_month is None else 'a month'} (last: {last.changed} changed, {last.removed} removed, "
            f"{last.added} new of {last.before})"
        )
        return Found("no", seen(text, file=FILE), advice) if rate > UNSTABLE else Found("yes", seen(text, file=FILE))
    task = situation.task
    if task is not None and task.change_rate_per_month is not None:
        rate = task.change_rate_per_month
        text = f"the team says {100 * rate:g} % of the documents change in a month; one version seen"
        where = seen(text, file=situation.task_name)
        return Found("no", where, advice) if rate > UNSTABLE else Found("yes", where)
    num = num_versions(situation.root)
    text = "unknown, one version seen" if num == 1 else "unknown, no version seen"
    return Found("unknown", seen(text, file=FILE), f"say change_rate_per_month in {situation.task_name}")


def reviewed(situation: Situation) -> Found:
    """By name in the task file, or in files that reviewers left beside the questions."""
    task = situation.task
    reviews = [(path, read_review(path)) for path in situation.corpus.review_files]
    found = [Evidence(review.text, path.relative_to(situation.corpus.folder).as_posix()) for path, review in reviews]
    dated = task is not None and task.reviewed_by and task.reviewed_on is not None
    if task is not None and task.reviewed_by:
        when = f" on {task.reviewed_on}" if task.reviewed_on else ", undated"
        found.append(Evidence(f"read by {', '.join(task.reviewed_by)}{when}", situation.task_name))
    if dated or any(review.counts for _, review in reviews):
        return Found("yes", tuple(found))
    advice = f"have an expert read a sample, then fill in reviewed_by and reviewed_on in {situation.task_name}"
    if task is not None and task.reviewed_by:
        advice = "fill in reviewed_on"
    return Found("no", tuple(found) or seen("no review is recorded", file=situation.task_name), advice)


def plan(situation: Situation) -> Found:
    """How forgetting is seen, what is done against it, and how the model before comes back."""
    config, task = situation.config, situation.task
    found: list[Evidence] = []
    missing: list[str] = []
    if situation.tunes_generator:
        files = [path for path in config.evaluation.general_paths if path.is_file()]
        if files:
            found.append(Evidence(f"general ability is measured on {', '.join(path.name for path in files)}"))
        else:
            missing.append("set evaluation.general_files to items outside the domain")
        if config.raft.general_share and config.raft.general_path.is_file():
            found.append(Evidence(_general_mix(situation)))
        else:
            missing.append("mix general instructions in (raft.general_share, raft.general_file)")
        weight = f"chosen among {list(config.merge.sweep)}" if config.merge.sweep else f"{config.merge.weight:g}"
        found.append(Evidence(f"merged by {config.merge.method}, weight {weight}"))
    if "embed" in situation.methods:
        found.append(Evidence("the tuned embedder replaces the base only where dev shows a gain"))
    found.append(Evidence("the base stays: `--system base` answers at any time"))
    plans = {"forgetting_plan": "", "rollback_plan": ""}
    for key in plans:
        text = getattr(task, key).strip() if task is not None else ""
        if text:
            found.append(Evidence(text, situation.task_name))
        else:
            missing.append(f"write {key} into {situation.task_name}")
    return Found("no" if missing else "yes", tuple(found), "; ".join(missing))


def _general_mix(situation: Situation) -> str:
    """The share that the file of general instructions really gives, and what is short of the configured one."""
    raft = situation.config.raft
    num_rows = sum(1 for _ in read_jsonl(raft.general_path))
    share = reached_share(most_examples(situation.train, raft), raft.general_share, num_rows)
    told = f"{100 * share:.0f} % of the examples are general ({raft.general_path.name})"
    if round(share, 2) < round(raft.general_share, 2):
        asked = f"raft.general_share asks for {100 * raft.general_share:.0f} %"
        told += f"; {asked}, for which its {num_rows} instructions are too few, each shown {MOST_REPEATS} times"
    return told
