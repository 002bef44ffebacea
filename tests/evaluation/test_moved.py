"""Before and after a retune: what moved, what regressed, and what it teaches about the next one."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hybrid.artifacts import Manifest
from hybrid.cli.main import cli
from hybrid.config import Config, DiagnosisConfig
from hybrid.errors import UserError
from hybrid.evaluation.attribution import attribute
from hybrid.evaluation.diagnose import diagnose_recorded
from hybrid.evaluation.moved import Moved, read_records, what_differs, what_moved, what_was_retuned
from hybrid.evaluation.records import Record
from hybrid.lifecycle.registry import FILE, register, transfer_rates
from hybrid.types import Layer
from tests.evaluation.test_attribution import many, record

OPTIONS: dict[str, Any] = {"rank_limit": 20, "minimum_effect": 0.05, "resamples": 1_000, "seed": 1}


def before() -> list[Record]:
    """60 right; 40 wrong for want of their documents."""
    return [*many(60, "a", r=(1, 1, 1), in_context=True), *many(40, "b", gold_rank=50)]


def after(num_mended: int = 30, num_lost: int = 2) -> list[Record]:
    """Most of the 40 found and answered, a few of the others lost."""
    lost = {f"a{i}" for i in range(num_lost)}
    mended = {f"b{i}" for i in range(num_mended)}
    return [
        record(r.question_id, gold_rank=50)
        if r.question_id in lost
        else record(r.question_id, r=(1, 1, 1), in_context=True, gold_rank=1)
        if r.question_id in mended
        else r
        for r in before()
    ]


def moved(**changes: Any) -> Moved:
    return what_moved(before(), after(**changes), retuned="embedder", **OPTIONS)


def test_gains_losses_and_the_predicted_headroom() -> None:
    found = moved()
    assert found.realised.value == pytest.approx(0.28)
    assert found.predicted is not None and found.predicted.value == pytest.approx(0.4)
    assert found.transfer == pytest.approx(0.7)
    assert found.regressed == ("a0", "a1") and len(found.mended) == 30
    assert found.transitions == {"WRONG_DOCUMENTS → CORRECT": 30, "CORRECT → WRONG_DOCUMENTS": 2}
    assert (found.arms["retrieved"].num_gained, found.arms["retrieved"].num_lost) == (30, 2)
    assert found.arms["retrieved"].p < 0.001 and found.arms["oracle"].gain.value == 0
    assert "a gain" in found.sentence and "2 questions that were right are wrong now" in found.sentence
    assert json.loads(json.dumps(found.to_dict()))["retuned"] == "embedder"


def test_a_loss_is_to_be_rolled_back_and_chance_is_called_chance() -> None:
    assert "roll it back" in moved(num_mended=0, num_lost=20).sentence
    assert "may be chance" in moved(num_mended=3, num_lost=2).sentence
    same = what_moved(before(), before(), retuned="nothing", **OPTIONS)
    assert same.realised.value == 0 and same.predicted is None and same.transfer is None
    assert same.regressed == same.mended == ()


def test_other_questions_cannot_be_compared() -> None:
    with pytest.raises(UserError, match="different questions"):
        what_moved(before(), before()[1:], retuned="embedder", **OPTIONS)
    with pytest.raises(UserError, match="neither diagnosis"):
        what_moved([record(answerable=False)], [record(answerable=False)], retuned="embedder", **OPTIONS)


def test_what_was_retuned_is_read_from_what_the_systems_were_made_of() -> None:
    base, embedder = {"index": "i", "generator": "g"}, {"index": "j", "generator": "g"}
    assert what_differs(base, embedder) == "embedder"
    assert what_differs(base, {"index": "i", "generator": "h"}) == "generator"
    assert what_differs(base, {"index": "j", "generator": "h"}) == "both"
    words = {**base, "lexical": "l", "fusion": "rrf"}
    assert what_differs(base, words) == what_differs(words, {**words, "fusion": "weighted 0.3"}) == Layer.RANKING
    assert what_differs(words, {**words, "reranker": "r, depth 30"}) == Layer.RANKING
    assert what_differs(words, {**words, "where": "year>2020"}) == Layer.RANKING
    assert what_differs(base, {**words, "index": "j"}) == "embedder"
    assert what_differs(base, {**words, "generator": "h"}) == "both"
    assert what_differs(base, base) == "nothing"
    assert what_differs(base, {"outcomes": "x"}) == "unknown"


def test_another_prompt_is_no_retune() -> None:
    def made(style: str, generator: str = "g", guard: str = "abstain") -> Manifest:
        answering = {"style": style, "guard": guard}
        inputs = {"index": "i", "generator": generator}
        return Manifest("diagnosis", "id", 7, {"answering": answering}, inputs)

    plain = made("plain")
    assert what_was_retuned(plain, made("plain", guard="off")) == "nothing"
    assert what_was_retuned(plain, made("cited")) == "prompt"
    assert what_was_retuned(plain, made("plain", "h")) == "generator"
    assert what_was_retuned(plain, made("cited", "h")) == "unknown", "what it gained is not the generator's alone"
    found = what_moved(before(), after(), retuned="prompt", **OPTIONS)
    assert found.predicted is None and found.sentence.startswith("Asking in another prompt moved answers by +28.0")


def test_the_registry_learns_a_transfer_rate_once_for_each_comparison(tmp_path: Path) -> None:
    assert transfer_rates(tmp_path) == {}
    assert register(tmp_path, "d1", "d2", moved())
    assert not register(tmp_path, "d1", "d2", moved())
    assert register(tmp_path, "d2", "d3", moved(num_mended=10, num_lost=0))
    assert transfer_rates(tmp_path) == pytest.approx({"embedder": (0.28 + 0.1) / 0.8})
    assert len((tmp_path / FILE).read_text().splitlines()) == 2


def test_a_layer_whose_retunes_gained_little_is_not_picked_for_its_headroom() -> None:
    """More headroom in retrieval, but past retunes of the embedder realised a tenth of theirs."""
    records = [*many(120, "b", gold_rank=50), *many(60, "c", in_context=True, d=(0, 0, 0), o=(0,))]
    plain = attribute(records, config=DiagnosisConfig(), resamples=1_000, seed=1)
    assert plain.recommended == "embedder" and "transfer rate taken as 1" in plain.reason
    learned = attribute(records, config=DiagnosisConfig(), resamples=1_000, seed=1, transfer={"embedder": 0.1})
    assert learned.recommended == "generator"
    costly = attribute(records, config=DiagnosisConfig(retrieval_cost=5.0), resamples=1_000, seed=1)
    assert costly.recommended == "generator"
    known = attribute(records, config=DiagnosisConfig(), resamples=1_000, seed=1, transfer={"embedder": 0.9})
    assert "90 % of its headroom that past retunes of it realised" in known.reason


def test_two_published_diagnoses_are_compared_by_the_command(tmp_path: Path) -> None:
    folders = []
    for name, records in (("before", before()), ("after", after())):
        path = tmp_path / f"{name}.jsonl"
        rows = [
            {
                "question": r.question_id,
                "arm": o.arm.value,
                "order": o.order,
                "correct": o.correct,
                "gold_ids": [f"g-{r.question_id}"],
                "retrieved_ids": [f"g-{r.question_id}"] if r.gold_in_context else ["x"],
                "gold_in_context": o.gold_in_context,
            }
            for r in records
            for o in r.outcomes
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        folders.append(tmp_path / name)
        diagnose_recorded(path, config=Config(), target=folders[-1])
    assert [asdict(r)["question_id"] for r in read_records(folders[0])] == [r.question_id for r in before()]
    arguments = ["compare", "--workspace", str(tmp_path / "w"), "--diagnoses", *map(str, folders)]
    outcome = CliRunner().invoke(cli, arguments)
    assert outcome.exit_code == 0, outcome.output
    assert "+28.0 points" in outcome.output and "right before, wrong now: a0, a1" in outcome.output
    assert (tmp_path / "w" / FILE).is_file()
