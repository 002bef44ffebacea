"""Two diagnoses of the same questions, before and after a retune: what moved, what regressed, and whether it counts.

The realised gain of a retune is the paired difference of accuracy under the arm `retrieved`; what was predicted is the
headroom of the retuned layer repaired alone, as diagnosed before. Their ratio is the transfer rate.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hybrid.artifacts import Manifest, require
from hybrid.errors import UserError
from hybrid.evaluation.form_gain import form_gain
from hybrid.evaluation.headroom import measure_headroom
from hybrid.evaluation.labels import label
from hybrid.evaluation.prompt_gain import prompt_gain
from hybrid.evaluation.records import Record
from hybrid.evaluation.statistics import holm, mcnemar_exact, paired_interval
from hybrid.jsonl import read_jsonl
from hybrid.types import Arm, Interval, Layer, Outcome

_SERVED = ("guard", "min_support")
"""Of `answering`, what changes no answer that is diagnosed."""
_SHARED_ARMS = (Arm.RETRIEVED, Arm.ORACLE_IN_DISTRACTORS, Arm.ORACLE)


@dataclass(frozen=True)
class ArmMove:
    """Accuracy under an arm before and after; `num_gained` and `num_lost` by majority over orders; p by McNemar,
    adjusted by Holm over the arms.
    """

    before: float
    after: float
    gain: Interval
    num_gained: int
    num_lost: int
    p: float


@dataclass(frozen=True)
class Moved:
    """`regressed` and `mended` are ids of questions whose majority verdict under `retrieved` changed.

    `retuned` is embedder, ranking (the same vectors, fused with words otherwise), generator, prompt, both, nothing or
    unknown, by what differs between the two systems; `predicted` is None where it is no single layer.
    """

    num: int
    retuned: str
    arms: dict[str, ArmMove]
    transitions: dict[str, int]
    regressed: tuple[str, ...]
    mended: tuple[str, ...]
    realised: Interval
    predicted: Interval | None
    transfer: float | None
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def read_records(folder: Path) -> list[Record]:
    """The records of a published diagnosis. Raises `UserError` where the folder holds none."""
    require(folder, "hybrid diagnose")
    outcomes: dict[str, list[Outcome]] = {}
    for _, row in read_jsonl(folder / "outcomes.jsonl"):
        made = Outcome(
            **{**row, "arm": Arm(row["arm"]), "cited": tuple(row["cited"]), "context": tuple(row["context"])}
        )
        outcomes.setdefault(made.question_id, []).append(made)
    return [
        Record(**row, outcomes=tuple(outcomes.get(row["question_id"], ())))
        for _, row in read_jsonl(folder / "records.jsonl")
    ]


def what_was_retuned(before: Manifest, after: Manifest) -> str:
    """By the manifests of two diagnoses. A layer that was retuned and asked in another prompt as well is unknown: what
    was gained is not the layer's.
    """
    parts = what_differs(before.inputs, after.inputs)
    asked, now = ({k: v for k, v in m.config.get("answering", {}).items() if k not in _SERVED} for m in (before, after))
    if asked == now or parts == "unknown":
        return parts
    return Layer.PROMPT.value if parts == "nothing" else "unknown"


def what_differs(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """By what two systems were made of: the inputs of their diagnoses."""
    if not all("index" in inputs and "generator" in inputs for inputs in (before, after)):
        return "unknown"
    embedder, generator = (before[key] != after[key] for key in ("index", "generator"))
    # words beside the same vectors, another weight of theirs, a reranker behind them, or fewer passages to be found
    ranking = any(before.get(key) != after.get(key) for key in ("lexical", "fusion", "reranker", "where"))
    if (embedder or ranking) and generator:
        return "both"
    return "embedder" if embedder else Layer.RANKING.value if ranking else "generator" if generator else "nothing"


def what_moved(
    before: Sequence[Record],
    after: Sequence[Record],
    *,
    retuned: str,
    rank_limit: int,
    minimum_effect: float,
    resamples: int,
    seed: int,
) -> Moved:
    """Compare two lists of records. Raises `UserError` where they are not of the same answerable questions."""
    old, new = ([r for r in records if r.answerable] for records in (before, after))
    if [r.question_id for r in old] != [r.question_id for r in new]:
        raise UserError(
            "the two diagnoses asked different questions",
            "diagnose both systems on the same split, with the same diagnosis.max_questions and seed",
        )
    if not old:
        raise UserError("neither diagnosis has an answerable question", "diagnose a split that has some")
    arms = _arms(old, new, resamples, seed)
    realised = arms[Arm.RETRIEVED.value].gain
    term = {"embedder": "retrieval", "ranking": "retrieval", "generator": "generator_alone"}.get(retuned)
    predicted = measure_headroom(old, resamples=resamples, seed=seed).intervals[term] if term else None
    pairs = list(zip(old, new, strict=True))
    names = zip(*(_labels(side, rank_limit, resamples, seed) for side in (old, new)), strict=True)
    verdicts = [(a.question_id, a.correct(Arm.RETRIEVED), b.correct(Arm.RETRIEVED)) for a, b in pairs]
    regressed = tuple(name for name, was, now in verdicts if was and not now)
    mended = tuple(name for name, was, now in verdicts if now and not was)
    counts = Counter(f"{was} → {now}" for was, now in names if was != now)
    return Moved(
        num=len(old),
        retuned=retuned,
        arms=arms,
        transitions=dict(counts.most_common()),
        regressed=regressed,
        mended=mended,
        realised=realised,
        predicted=predicted,
        transfer=realised.value / predicted.value if predicted and predicted.value > minimum_effect else None,
        sentence=_sentence(realised, arms[Arm.RETRIEVED.value].p, predicted, len(regressed), retuned),
    )


def _labels(records: Sequence[Record], rank_limit: int, resamples: int, seed: int) -> list[str]:
    gain = prompt_gain(records, None, resamples=resamples, seed=seed)
    form = form_gain(records, None, resamples=resamples, seed=seed)
    proven = {"wrong_prompt": bool(gain and gain.is_proven), "wrong_form": bool(form and form.is_proven)}
    return [label(record, rank_limit=rank_limit, **proven).value for record in records]


def _arms(old: Sequence[Record], new: Sequence[Record], resamples: int, seed: int) -> dict[str, ArmMove]:
    found: dict[str, ArmMove] = {}
    for arm in _SHARED_ARMS:
        pairs = [(a, b) for a, b in zip(old, new, strict=True) if a.of(arm) and b.of(arm)]
        if not pairs:
            continue
        was, now = ([float(side.accuracy(arm) or 0.0) for side in sides] for sides in zip(*pairs, strict=True))
        gained = sum(b.correct(arm) and not a.correct(arm) for a, b in pairs)
        lost = sum(a.correct(arm) and not b.correct(arm) for a, b in pairs)
        gain = paired_interval(was, now, [a.cluster for a, _ in pairs], resamples=resamples, seed=seed)
        before, after = sum(was) / len(was), sum(now) / len(now)
        found[arm.value] = ArmMove(before, after, gain, gained, lost, mcnemar_exact(gained, lost))
    adjusted = holm({name: move.p for name, move in found.items()})
    return {name: replace(move, p=adjusted[name]) for name, move in found.items()}


def _sentence(realised: Interval, p: float, predicted: Interval | None, num_regressed: int, retuned: str) -> str:
    gain = f"{100 * realised.value:+.1f} points [{100 * realised.low:+.1f}, {100 * realised.high:+.1f}]"
    what = {
        "both": "retuning both layers",
        "ranking": "fusing vectors and words otherwise",
        "prompt": "asking in another prompt",
        "nothing": "chance alone, for nothing was retuned,",
        "unknown": "what was changed",
    }.get(retuned, f"retuning the {retuned}")
    if math.isnan(realised.low):
        verdict = "one question tells nothing"
    elif realised.low > 0 and p < 0.05:
        verdict = "a gain"
    elif realised.high < 0 and p < 0.05:
        verdict = "a loss: roll it back"
    else:
        verdict = "not proven: it may be chance"
    promised = (
        f", of {100 * predicted.value:.1f} points [{100 * predicted.low:.1f}, {100 * predicted.high:.1f}] that were "
        "predicted for a perfect repair"
        if predicted
        else ""
    )
    lost = f"; {num_regressed} questions that were right are wrong now" if num_regressed else ""
    return f"{what[0].upper()}{what[1:]} moved answers by {gain}{promised} – {verdict}{lost}."
