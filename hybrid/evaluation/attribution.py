"""The diagnosis: labels, headroom, contrasts and the pick, from records alone. No model, no file, no clock."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hybrid.config import DiagnosisConfig
from hybrid.evaluation.form_gain import FormGain, form_gain
from hybrid.evaluation.headroom import measure_headroom
from hybrid.evaluation.labels import ANSWERABLE_LABELS, UNANSWERABLE_LABELS, label
from hybrid.evaluation.pick import Pick, pick
from hybrid.evaluation.prompt_forms import OtherForm
from hybrid.evaluation.prompt_gain import PromptGain, prompt_gain
from hybrid.evaluation.records import Record, check_records, gold_shown_in
from hybrid.evaluation.second_grader import STRICT, stricter
from hybrid.evaluation.statistics import holm, mcnemar_exact, mean_interval, num_clusters, share_interval, wilson
from hybrid.types import Arm, Interval, Label, Layer

__all__ = ["Contrast", "Diagnosis", "QuestionDiagnosis", "Record", "TopicDiagnosis", "attribute", "jsonable"]

FEW_CLUSTERS = 10
"""Below this many clusters the intervals speak for those documents only."""
MIN_TOPIC = 50
"""Topics with fewer answerable questions are pooled."""
POOLED = "other topics"


@dataclass(frozen=True, slots=True)
class QuestionDiagnosis:
    """One question's label and what it rests on. Accuracies are means over orders; None where an arm was not run."""

    question_id: str
    topic: str
    label: Label
    over_refusal: bool
    gold_in_context: bool | None
    gold_rank: int | None
    accuracy: dict[str, float]


@dataclass(frozen=True, slots=True)
class Contrast:
    """Majority verdicts under two arms: right only under the second, right only under the first, McNemar's p."""

    num_gained: int
    num_lost: int
    p: float


@dataclass(frozen=True, slots=True)
class TopicDiagnosis:
    """Headroom within a topic; p-values of the two contrasts are adjusted by Holm over topics and layers."""

    topic: str
    num: int
    retrieval: Interval
    generator: Interval
    p_retrieval: float
    p_distraction: float


@dataclass(frozen=True, slots=True)
class SecondVerdict:
    """What a grader that counts an answer as right from `threshold` on would recommend, and whether it is the same."""

    threshold: float
    accuracy: float
    recommended: Layer | None
    agrees: bool


@dataclass(frozen=True)
class Diagnosis:
    """Everything that the report shows. Shares and headroom are in [0, 1] and over answerable questions.

    `labels` maps question ids to labels, for all questions.

    `headroom` holds retrieval, distraction, reading and total (retriever first); `generator_first` and `shapley` hold
    generator and retrieval. `over_answer` is a share of the unanswerable questions, `over_refusal` of the answerable,
    `miscited` of those that were answered rightly from the gold with a citation.

    `with_present_prompt` is what would be recommended if no other prompt were known.
    """

    num_answerable: int
    num_unanswerable: int
    num_clusters: int
    labels: dict[str, str]
    questions: tuple[QuestionDiagnosis, ...]
    shares: dict[str, Interval]
    over_answer: Interval
    over_refusal: Interval
    miscited: Interval
    arms: dict[str, Interval]
    headroom: dict[str, Interval]
    generator_first: dict[str, Interval]
    shapley: dict[str, Interval]
    interaction: Interval
    contrasts: dict[str, Contrast]
    topics: tuple[TopicDiagnosis, ...]
    probability_best: dict[str, float]
    recommended: Layer | None
    sentence: str
    reason: str
    questions_needed: int | None
    next_command: str
    second_grader: SecondVerdict
    query_prompt: PromptGain | None
    prompt_form: FormGain | None
    with_present_prompt: Layer | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON: enums as text, tuples as lists, nan as null."""
        plain = jsonable(asdict(self))
        assert isinstance(plain, dict)
        return plain


def attribute(
    records: Sequence[Record],
    *,
    config: DiagnosisConfig,
    resamples: int = 10_000,
    seed: int,
    transfer: Mapping[str, float] | None = None,
    prompt: str | None = None,
    form: OtherForm | None = None,
    reranked: bool = False,
) -> Diagnosis:
    """Diagnose. `transfer`: by layer, the share of its headroom that past retunes realised; 1 where none is known.
    `prompt` is the one of the arm `reprompted`, `form` that of the arm `reworded`. `reranked`: the system has a
    reranker, and none is advised.

    Raises `ValueError` for records that lack an arm (see `check_records`).
    """
    check_records(records)
    answerable = [record for record in records if record.answerable]
    unanswerable = [record for record in records if not record.answerable]
    headroom = measure_headroom(answerable, resamples=resamples, seed=seed)
    gain = prompt_gain(answerable, prompt, resamples=resamples, seed=seed)
    other = form_gain(records, form, resamples=resamples, seed=seed)
    present = pick(answerable, headroom, config, transfer or {}, reranked=reranked)
    choice = _first_of_all(present, (gain, other), len(answerable), config)
    second = _second(answerable, choice.recommended, config, transfer or {}, resamples, seed)
    proven = {"wrong_prompt": bool(gain and gain.is_proven), "wrong_form": bool(other and other.is_proven)}
    labels = {r.question_id: label(r, rank_limit=config.rank_limit, **proven) for r in records}

    def share(group: Sequence[Record], test: Callable[[Record], bool]) -> Interval:
        hits = [test(record) for record in group]
        if not hits:
            return wilson(0, 0)
        return share_interval(hits, [record.cluster for record in group], resamples=resamples, seed=seed)

    def share_of(group: Sequence[Record], name: Label) -> Interval:
        return share(group, lambda record: labels[record.question_id] is name)

    terms = headroom.intervals
    return Diagnosis(
        num_answerable=len(answerable),
        num_unanswerable=len(unanswerable),
        num_clusters=num_clusters([record.cluster for record in answerable]),
        labels={question: name.value for question, name in labels.items()},
        questions=tuple(_question(record, labels[record.question_id]) for record in records),
        shares={name.value: share_of(answerable, name) for name in ANSWERABLE_LABELS}
        | {name.value: share_of(unanswerable, name) for name in UNANSWERABLE_LABELS},
        over_answer=share_of(unanswerable, Label.OVER_ANSWER),
        over_refusal=share(answerable, lambda record: record.over_refusal),
        miscited=share([r for r in answerable if r.miscited is not None], lambda record: bool(record.miscited)),
        arms=_arms(answerable, unanswerable, resamples, seed),
        headroom={name: terms[name] for name in ("retrieval", "distraction", "reading", "total")},
        generator_first={"generator": terms["generator_alone"], "retrieval": terms["retrieval_last"]},
        shapley={"generator": terms["generator_shapley"], "retrieval": terms["retrieval_shapley"]},
        interaction=terms["interaction"],
        contrasts={
            "retrieved_vs_oracle_in_distractors": _contrast(answerable, Arm.RETRIEVED, Arm.ORACLE_IN_DISTRACTORS),
            "oracle_in_distractors_vs_oracle": _contrast(answerable, Arm.ORACLE_IN_DISTRACTORS, Arm.ORACLE),
        },
        topics=_topics(answerable, resamples, seed),
        probability_best=choice.probability_best,
        recommended=choice.recommended,
        sentence=choice.sentence if second.agrees else f"{_DISAGREE.format(second=_named(second))} {choice.sentence}",
        reason=choice.reason,
        questions_needed=choice.questions_needed,
        next_command=choice.next_command,
        second_grader=second,
        query_prompt=gain,
        prompt_form=other,
        with_present_prompt=present.recommended,
        notes=tuple(_notes(answerable, share_of(unanswerable, Label.OVER_ANSWER), config)),
    )


def _first_of_all(
    present: Pick, gains: Sequence[PromptGain | FormGain | None], num: int, config: DiagnosisConfig
) -> Pick:
    """The pick of `num` questions, or of other prompts that are worth more than a retune the one that gains most."""
    others = [(each.gain.value, each.instead_of(present, num, config)) for each in gains if each]
    worth = [(value, choice) for value, choice in others if choice is not present]
    return max(worth, key=lambda each: each[0])[1] if worth else present


_DISAGREE = "The verdict hangs on the grader (a stricter one {second})."


def _named(second: SecondVerdict) -> str:
    return f"says {second.recommended}" if second.recommended else "recommends nothing"


def _second(
    answerable: Sequence[Record],
    first: Layer | None,
    config: DiagnosisConfig,
    transfer: Mapping[str, float],
    resamples: int,
    seed: int,
) -> SecondVerdict:
    records = stricter(answerable)
    headroom = measure_headroom(records, resamples=resamples, seed=seed)
    draws = {"resamples": resamples, "seed": seed}
    gains = prompt_gain(records, None, **draws), form_gain(records, None, **draws)
    choice = _first_of_all(pick(records, headroom, config, transfer), gains, len(records), config)
    right = [record.accuracy(Arm.RETRIEVED) or 0.0 for record in records]
    accuracy = sum(right) / len(right) if right else math.nan
    return SecondVerdict(STRICT, accuracy, choice.recommended, choice.recommended == first)


def _question(record: Record, name: Label) -> QuestionDiagnosis:
    accuracy = {arm.value: value for arm in Arm if (value := record.accuracy(arm)) is not None}
    return QuestionDiagnosis(
        record.question_id,
        record.topic,
        name,
        record.over_refusal,
        record.gold_in_context,
        record.gold_rank,
        accuracy,
    )


def _arms(
    answerable: Sequence[Record], unanswerable: Sequence[Record], resamples: int, seed: int
) -> dict[str, Interval]:
    """Accuracy under each arm that was run, over the answerable questions; under `irrelevant` over all."""
    arms = {}
    for arm in Arm:
        records = [*answerable, *unanswerable] if arm is Arm.IRRELEVANT else answerable
        pairs = [(value, record.cluster) for record in records if (value := record.accuracy(arm)) is not None]
        if pairs:
            values, clusters = [value for value, _ in pairs], [cluster for _, cluster in pairs]
            if set(values) <= {0.0} or set(values) <= {1.0}:
                hits = [value == 1.0 for value in values]
                arms[arm.value] = share_interval(hits, clusters, resamples=resamples, seed=seed)
            else:
                arms[arm.value] = mean_interval(values, clusters, resamples=resamples, seed=seed)
    return arms


def _contrast(records: Sequence[Record], before: Arm, after: Arm) -> Contrast:
    pairs = [(r.correct(before), r.correct(after)) for r in records if r.of(before) and r.of(after)]
    gained = sum(second and not first for first, second in pairs)
    lost = sum(first and not second for first, second in pairs)
    return Contrast(gained, lost, mcnemar_exact(gained, lost))


def _topics(records: Sequence[Record], resamples: int, seed: int) -> tuple[TopicDiagnosis, ...]:
    """By topic, small ones pooled; empty where that leaves fewer than two."""
    sizes = Counter(record.topic for record in records)
    groups: dict[str, list[Record]] = {}
    for record in records:
        large = record.topic and sizes[record.topic] >= MIN_TOPIC
        groups.setdefault(record.topic if large else POOLED, []).append(record)
    if len(groups) < 2:
        return ()
    raw: dict[str, float] = {}
    for topic, group in groups.items():
        raw[f"{topic}/retrieval"] = _contrast(group, Arm.RETRIEVED, Arm.ORACLE_IN_DISTRACTORS).p
        raw[f"{topic}/distraction"] = _contrast(group, Arm.ORACLE_IN_DISTRACTORS, Arm.ORACLE).p
    adjusted = holm(raw)
    found = []
    for topic, group in sorted(groups.items()):
        terms = measure_headroom(group, resamples=resamples, seed=seed).intervals
        p_retrieval, p_distraction = adjusted[f"{topic}/retrieval"], adjusted[f"{topic}/distraction"]
        found.append(
            TopicDiagnosis(topic, len(group), terms["retrieval"], terms["generator"], p_retrieval, p_distraction)
        )
    return tuple(found)


def _notes(records: Sequence[Record], over_answer: Interval, config: DiagnosisConfig) -> list[str]:
    notes = []
    clusters = num_clusters([record.cluster for record in records])
    if clusters == 1:
        notes.append("All questions share one gold passage: intervals draw questions and speak for that passage only.")
    elif 1 < clusters < FEW_CLUSTERS:
        notes.append(f"Only {clusters} clusters of questions: the intervals speak for those documents only.")
    for arm in (Arm.ORACLE_IN_DISTRACTORS, Arm.ORACLE):
        cut = sum(bool(r.of(arm)) and gold_shown_in(r.of(arm)) is False for r in records)
        if cut:
            notes.append(
                f"In {cut} questions the gold did not reach the generator under {arm.value} (cut by the token budget): "
                "raise generator.context_tokens, or their failures are charged to the generator."
            )
    unknown = sum(record.gold_in_context is None for record in records)
    if unknown:
        notes.append(
            f"Of {unknown} questions it was not recorded whether the gold passage was shown: which part of retrieval "
            "fails, and whether a right answer was luck, cannot be told without gold_ids and retrieved_ids."
        )
    without = sum(record.gold_in_index is False and not record.of(Arm.ORACLE) for record in records)
    if without:
        notes.append(
            f"{without} questions have their gold in no passage and no oracle answer: their headroom assumes the "
            "oracle accuracy of the other questions."
        )
    if over_answer.num and over_answer.low > config.minimum_effect:
        notes.append(
            f"{100 * over_answer.value:.0f} % of the unanswerable questions were answered: train abstention "
            "(hybrid train-raft with unanswerable examples) or keep the guard on."
        )
    return notes


def jsonable(value: object) -> object:
    """For JSON: enums as text, tuples as lists, nan as null."""
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, Label | Layer | Arm):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
