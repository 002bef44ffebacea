"""Enough questions of the right kind, asked of the whole corpus, without anybody's secrets in them."""

from collections import Counter
from collections.abc import Mapping, Sequence

from hybrid.audit.coverage import measure_coverage
from hybrid.audit.documents import private_data
from hybrid.audit.requirements import Method as AuditMethod
from hybrid.audit.requirements import requirements
from hybrid.preflight.answers import Found, Situation, Status, seen, worst
from hybrid.tuning.raft import most_examples
from hybrid.types import Passage, Question

COVERED = 0.5
"""Share of the documents that questions should ask about."""
_QUERIES = "passages/queries.jsonl"
_AUDIT: dict[str, AuditMethod] = {"embed": "embedder", "raft": "raft", "dpo": "dpo", "grpo": "grpo"}


def enough(situation: Situation) -> Found:
    """Counts against what training refuses, and what the method asks beyond that."""
    config = situation.config
    texts, missing = [], []
    statuses: list[Status] = []
    for method in situation.methods:
        if method == "embed":
            have, need = len(situation.usable[0]), config.train_embed.min_pairs
            texts.append(f"{have} answerable training questions with a known passage, {need} are the least for tuning")
        elif method == "raft":
            have, need = most_examples(situation.train, config.raft), config.raft.min_examples
            texts.append(
                f"RAFT examples: {have} at most from {len(situation.train)} training questions, raft.min_examples is "
                f"{need}"
            )
        else:
            item = requirements(situation.passages.questions, [_AUDIT[method]], config)[-1]
            have, need = int(item.have), int(item.need)
            texts.append(f"{have} of {need} {item.what}")
        statuses.append("no" if have < need else "yes")
        if have < need:
            missing.append(f"write or synthesise {need - have} more (split: train)")
    return Found(worst(statuses), seen(*texts, file=_QUERIES), "; ".join(dict.fromkeys(missing)))


def evaluation_set(situation: Situation) -> Found:
    """Answerable dev questions: checkpoints are chosen on them, and gains are shown."""
    _, dev = situation.usable
    need = situation.config.train_embed.min_dev_questions
    texts = [f"{len(dev)} answerable dev questions with a known passage, {need} are the least for tuning"]
    test = sum(question.answerable for question in situation.passages.split("test"))
    texts.append(f"{test} answerable test questions")
    if len(dev) < need:
        advice = "move or write more: without them no gain can be shown (split: dev)"
        return Found("no", seen(*texts, file=_QUERIES), advice)
    return Found("yes", seen(*texts, file=_QUERIES))


def coverage(situation: Situation) -> Found:
    """Documents and topics that questions ask about; reads the audit's figures where those are current."""
    audit = situation.manifest("audit")
    if audit is not None and situation.is_current(audit):
        told: Mapping[str, object] = situation.read_json("audit/audit.json")["coverage"]
        file = "audit/audit.json"
    else:
        from dataclasses import asdict

        passages = situation.passages
        told, file = asdict(measure_coverage(passages.questions, passages.by_id, seed=situation.config.seed)), _QUERIES
    share, topics = float(str(told["documents"])), list(_rows(told["topics"]))
    empty = [str(topic["name"]) for topic in topics if not topic["questions"]]
    texts = [f"{100 * share:.0f} % of the documents are asked about"]
    if topics:
        texts.append(f"{len(topics) - len(empty)} of {len(topics)} topics are")
    if share < COVERED or empty:
        what = f"ask about {'; '.join(empty[:3])}" if empty else "ask about more of the documents"
        return Found("no", seen(*texts, file=file), f"{what} (`hybrid audit` lists them)")
    return Found("yes", seen(*texts, file=file))


def private_training(situation: Situation) -> Found:
    """Secrets and personal data in what is trained on word by word: training questions and their answers."""
    return _private(situation, *_in_questions(situation.train), "training questions", _QUERIES)


def private_documents(situation: Situation) -> Found:
    """The same in the documents, as noted when they were read, and in the questions that are held out."""
    noted = situation.passages.manifest.facts["private"]
    counts, places = _in_questions([q for q in situation.passages.questions if q.split != "train"])
    return _private(
        situation, Counter(noted["counts"]) + counts, [*noted["places"], *places], "documents", "passages/manifest.json"
    )


def _private(
    situation: Situation, counts: Counter[str], places: Sequence[Sequence[str]], where: str, file: str
) -> Found:
    """`places`: pairs of a place and a kind; of many, the first."""
    task = situation.task
    forbidden = Counter({kind: num for kind, num in counts.items() if task is None or not task.allows(kind)})
    if not counts:
        return Found("yes", seen(f"no secrets or personal data in the {where}", file=file))
    some = ", ".join(f"{count} {kind}" for kind, count in (forbidden or counts).most_common())
    if not forbidden:
        return Found("yes", seen(f"{some} in the {where}, which {situation.task_name} allows", file=file))
    first = next((f", first in {place}" for place, kind in places if kind in forbidden), "")
    return Found(
        "no",
        seen(f"{some} in the {where}{first}", file=file),
        f"take them out, or allow the kinds in {situation.task_name}: personal_data",
    )


def _in_questions(questions: Sequence[Question]) -> tuple[Counter[str], list[tuple[str, str]]]:
    found = private_data([Passage(q.id, "\n".join((q.question, *q.answers))) for q in questions])
    places = [(f"{item.passage} ({item.shown})", item.kind) for item in found]
    return Counter(item.kind for item in found), places


def _rows(value: object) -> Sequence[Mapping[str, object]]:
    return [dict(row) for row in value] if isinstance(value, list | tuple) else []
