"""All questions together."""

from hybrid.preflight.preflight import ITEMS, ask, missing, summary
from tests.preflight.situations import Make


def test_the_summary_names_what_stops_and_what_is_missing(make: Make) -> None:
    situation = make("embed", task={}, train_embed={"min_pairs": 100})
    answers = ask(situation)
    assert [answer.key for answer in answers] == [
        item.key for item in ITEMS if item.key not in ("proven-prompt", "prompting")
    ]
    assert all(answer.next for answer in missing(answers)), "who is told what is missing is told what to do"
    assert all(answer.evidence for answer in answers)
    story = summary(answers, situation)
    assert story["stops"] == ["data", "evaluation-set"] and not story["ready"]
    assert story["sentence"] == "Do not tune yet: data, evaluation-set would stop it."
    hard = ask(situation, hard_only=True)
    assert hard == [answer for answer in answers if answer.hard]
