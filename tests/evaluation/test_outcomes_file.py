"""Outcomes that another system recorded: what is read, what is refused, and that nothing missing counts as wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hybrid.cli.main import cli
from hybrid.errors import InputError, TooLittleDataError, UserError
from hybrid.evaluation.halves import MissedHalves, missed_halves
from hybrid.evaluation.labels import label
from hybrid.evaluation.outcomes_file import read_outcomes
from hybrid.types import Arm, Label

ORACLES = ("oracle_in_distractors", "oracle")


def lines(name: str, *, right: bool, found: bool, oracle: bool = True) -> list[dict[str, Any]]:
    """A question under three arms: right or not as it stands, its gold found or not."""
    ranking = ["g", "x"] if found else ["x", "y"]
    asked = {"question": name, "gold_ids": ["g"], "retrieved_ids": ranking}
    return [
        {**asked, "arm": "retrieved", "correct": right},
        *({"question": name, "arm": arm, "correct": oracle} for arm in ORACLES),
    ]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[list[dict[str, Any]]], Path]:
    def _write(rows: list[dict[str, Any]]) -> Path:
        path = tmp_path / "outcomes.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return _write


Write = Callable[[list[dict[str, Any]]], Path]


def test_fields_are_read_and_defaults_filled(write: Write) -> None:
    found = read_outcomes(write(lines("q1", right=False, found=False) + lines("q2", right=True, found=True)))
    first, second = found.records
    assert (first.gold_rank, first.gold_in_context, second.gold_rank, second.gold_in_context) == (None, False, 1, True)
    assert first.gold_in_index and first.cluster == "g"
    assert first.of(Arm.ORACLE)[0].gold_in_context
    assert found.notes == []


def test_answers_with_another_query_prompt_may_be_recorded_too(write: Write, tmp_path: Path) -> None:
    rows = []
    for number in range(60):
        broken = number < 30
        # a gold passage each: else all questions vary together
        own = [
            {**row, **({"gold_ids": [f"g{number}"]} if "gold_ids" in row else {})}
            for row in lines(f"q{number}", right=not broken, found=False)
        ]
        rows += [*own, {"question": f"q{number}", "arm": "reprompted", "correct": True}]
    result = CliRunner().invoke(cli, ["diagnose", "--outcomes", str(write(rows)), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["recommended"] == "embedder" and told["next_command"].startswith("set the other query prompt")
    assert told["query_prompt"]["num_gained"] == 30 and told["query_prompt"]["ranks"] is None
    page = (tmp_path / "outcomes-diagnosis" / "report.html").read_text(encoding="utf-8")
    assert "found with another query prompt" in page


def test_the_halves_of_a_fused_ranking_are_read_and_files_without_them_too(write: Write) -> None:
    plain = lines("q1", right=False, found=False)
    fused = lines("q2", right=False, found=False)
    fused[1] |= {"dense_ids": ["x", "y"], "lexical_ids": ["x", "y", "g"]}
    first, second = read_outcomes(write(plain + fused)).records
    assert first.half_ranks == {}
    assert second.half_ranks == {"dense": None, "lexical": 3}
    told = missed_halves([first, second], 3)
    assert told == MissedHalves(3, missed=1, lexical=1, dense=0, neither=0)
    with pytest.raises(InputError, match="`dense_ids` is not a list"):
        read_outcomes(write([{**plain[0], "dense_ids": "g"}]))


def test_answers_are_graded_where_no_verdict_was_recorded(write: Write) -> None:
    asked = {"question": "q", "gold_answers": ["35 Nm"], "answer_type": "number", "gold_ids": ["g"]}
    rows = [
        {**asked, "arm": "retrieved", "answer": "I don't know.", "retrieved_ids": ["g"]},
        {"question": "q", "arm": "oracle", "answer": "It is 35 Nm [1]."},
        {"question": "q", "arm": "oracle_in_distractors", "answer": "45 Nm"},
        {"question": "u", "arm": "retrieved", "answer": "42", "answerable": False},
    ]
    answered, never = read_outcomes(write(rows)).records
    right = {o.arm: o.correct for o in answered.outcomes}
    assert right == {Arm.RETRIEVED: False, Arm.ORACLE: True, Arm.ORACLE_IN_DISTRACTORS: False}
    assert answered.of(Arm.RETRIEVED)[0].abstained
    assert not never.answerable and not never.correct(Arm.RETRIEVED)


def test_a_missing_arm_is_never_a_failure(write: Write) -> None:
    rows = lines("q1", right=False, found=True) + lines("q2", right=True, found=True)[:1]
    found = read_outcomes(write(rows))
    assert [record.question_id for record in found.records] == ["q1"]
    (note,) = found.notes
    assert "1 questions lack the arms oracle_in_distractors, oracle" in note and "q2" in note
    with pytest.raises(TooLittleDataError, match="no question can be attributed"):
        read_outcomes(write(lines("q2", right=True, found=True)[:1]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arm": "reranked"}, "unknown arm 'reranked'"),
        ({"score": float("nan"), "correct": None}, "`correct` is None"),
        ({"score": float("nan")}, "`score` is nan"),
        ({"score": 1.5}, "`score` is 1.5"),
        ({"correct": "yes"}, "`correct` is 'yes'"),
        ({"cited_ids": "g"}, "`cited_ids` is not a list"),
        ({"order": -1}, "`order` is -1"),
        ({"verdict": True}, "unknown field 'verdict'"),
        ({"gold_ids": ["other"]}, "`gold_ids` differs"),
        ({"question": ""}, "no `question`"),
        ({"pattern": "("}, "`pattern` is no regular expression"),
        ({"json_schema": {"type": "nonsense"}}, "`json_schema` is no JSON Schema"),
    ],
)
def test_bad_lines_are_named_by_file_and_line(write: Write, change: dict[str, Any], message: str) -> None:
    rows = lines("q1", right=True, found=True)
    rows[1] = {**rows[1], "order": 0, **change}
    with pytest.raises(InputError) as caught:
        read_outcomes(write(rows))
    assert message in str(caught.value) and caught.value.line == 2
    assert caught.value.remedy


def test_a_line_that_occurs_twice_and_one_without_a_verdict_are_refused(write: Write) -> None:
    rows = lines("q1", right=True, found=True)
    with pytest.raises(InputError, match="stood on line 1 already"):
        read_outcomes(write([*rows, {**rows[0], "correct": False}]))
    with pytest.raises(InputError, match="neither `correct`, nor `score`, nor `answer`"):
        read_outcomes(write([{"question": "q", "arm": "retrieved"}]))
    with pytest.raises(InputError, match="no outcome"):
        read_outcomes(write([]))


@pytest.mark.parametrize(("right", "found"), [(True, True), (False, True), (False, False)])
def test_all_alike_and_one_alone_have_a_verdict_without_a_traceback(write: Write, right: bool, found: bool) -> None:
    for num in (1, 40):
        # a generator that fails with the gold in view fails with the gold alone too
        rows = [row for i in range(num) for row in lines(f"q{i}", right=right, found=found, oracle=right or not found)]
        for row in rows:
            row["gold_ids"] = [f"g{row['question']}"]
            if row["arm"] == "retrieved":
                row["retrieved_ids"] = row["gold_ids"] if found else ["x"]
        outcome = CliRunner().invoke(cli, ["diagnose", "--outcomes", str(write(rows)), "--json"])
        assert outcome.exit_code == 0, outcome.output
        verdict = json.loads(outcome.output)
        if num == 1:
            assert "Not enough data" in verdict["sentence"]
        elif right:
            assert verdict["recommended"] is None
        else:
            assert verdict["recommended"] == ("generator" if found else "embedder")


def test_the_command_writes_a_report_and_bad_input_is_the_users(write: Write) -> None:
    rows = [row for i in range(40) for row in lines(f"q{i}", right=i % 2 == 0, found=i % 2 == 0)]
    path = write(rows)
    outcome = CliRunner().invoke(cli, ["diagnose", "--outcomes", str(path)])
    assert outcome.exit_code == 0, outcome.output
    assert "the wrong documents are found" in outcome.output
    report = path.with_name("outcomes-diagnosis") / "report.html"
    assert "q1" in report.read_text()
    missing = CliRunner().invoke(cli, ["diagnose", "--outcomes", str(path.with_name("gone.jsonl"))])
    assert isinstance(missing.exception, UserError) and "no such file" in str(missing.exception)


def test_the_documented_example_is_read(repository: Path, tmp_path: Path) -> None:
    text = (repository / "docs" / "OUTCOMES.md").read_text(encoding="utf-8")
    path = tmp_path / "example.jsonl"
    path.write_text(text.split("```jsonl\n")[1].split("```")[0])
    found = {record.question_id: record for record in read_outcomes(path).records}
    assert set(found) == {"q1", "q2", "q3"}
    assert label(found["q1"], rank_limit=20) is Label.WRONG_DOCUMENTS
    assert label(found["q2"], rank_limit=20) is Label.CORRECT
    assert label(found["q3"], rank_limit=20) is Label.CORRECT_ABSTENTION


def test_without_ids_the_side_is_named_and_the_rest_cannot_be_told(write: Write, tmp_path: Path) -> None:
    rows = []
    for number in range(40):
        right = number < 10
        rows += [{"question": f"q{number}", "arm": "retrieved", "correct": right}]
        rows += [{"question": f"q{number}", "arm": arm, "correct": True} for arm in ORACLES]
    path = write(rows)
    record = read_outcomes(path).records[-1]
    assert (record.gold_in_index, record.gold_in_context) == (None, None)
    assert label(record, rank_limit=20) is Label.RETRIEVAL
    told = CliRunner().invoke(cli, ["diagnose", "--outcomes", str(path), "--workspace", str(tmp_path / "w"), "--json"])
    verdict = json.loads(told.stdout)
    assert told.exit_code == 0 and verdict["recommended"] == "retrieval"
    assert "cannot be told without gold_ids and retrieved_ids" in verdict["sentence"]
    assert verdict["shares"]["MISSING"]["value"] == 0 and verdict["shares"]["RETRIEVAL"]["value"] == 0.75
    assert any("40 questions it was not recorded" in note for note in verdict["notes"])
    assert not any("did not reach the generator" in note for note in verdict["notes"])


def test_recorded_answers_are_read_as_served_ones_are(write: Write) -> None:
    def graded(answer: str, gold: str, kind: str = "span", **more: Any) -> tuple[bool, bool]:
        row = {"question": "Q", "answer": answer, "gold_answers": [gold], "answer_type": kind, **more}
        rows = [{**row, "arm": arm} for arm in ("retrieved", *ORACLES)]
        outcome = read_outcomes(write(rows)).records[0].of(Arm.RETRIEVED)[0]
        return outcome.correct, outcome.abstained

    assert graded("15 [1]", "15", "number") == (True, False)
    assert graded("12 500 EUR [1, 2]", "12,500 EUR", "number") == (True, False)
    assert graded("argv[1]", "argv[1]") == (True, False)
    assert graded("首都是北京。", "北京") == (True, False)
    assert graded("1.5 bar", "15 bar") == (False, False)
    assert graded("Unknown device", "Unknown device") == (True, False)
    assert graded("The answer is not in the passages.", "15", "number") == (False, True)
    assert graded("Unanswerable", "-", answerable=False) == (True, True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": None}, "`answer` is null"),
        ({"answer": 15}, "`answer` is 15"),
        ({"answer": ["b"]}, "`answer` is"),
        ({"answer": "b \ud83d"}, "lone surrogate"),
        ({"answer_type": ["span"]}, "`answer_type` is"),
    ],
)
def test_values_of_other_stacks_are_refused_with_file_and_line(
    write: Write, change: dict[str, Any], message: str
) -> None:
    rows = [{"question": "Q", "arm": "retrieved", "answer": "a", "gold_answers": ["a"], **change}]
    with pytest.raises(InputError, match=message) as told:
        read_outcomes(write(rows))
    assert told.value.line == 1


def test_a_mark_before_the_first_line_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.jsonl"
    rows = lines("q", right=True, found=True)
    path.write_text("\ufeff" + "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert len(read_outcomes(path).records) == 1
