"""The contexts of the arms: what they hold, and which prompts they share."""

from hybrid.evaluation.contexts import contexts
from hybrid.types import Arm, Passage, Question

PASSAGES = {f"p{number}": Passage(f"p{number}", f"text {number}", document_id=f"d{number}") for number in range(6)}
QUESTION = Question("q", "which?", ("text 2",), ("p2",))
K = 3
ORDERS = 3


def shown(found: list[str]) -> dict[Arm, list[tuple[str, ...]]]:
    ranking = [PASSAGES[identity] for identity in found]
    made = contexts(QUESTION, ranking, ranking, PASSAGES, sorted(PASSAGES), k=K, orders=ORDERS, seed=13)
    arms: dict[Arm, list[tuple[str, ...]]] = {}
    for context in made:
        arms.setdefault(context.arm, []).append(tuple(passage.id for passage in context.passages))
    return arms


def test_where_the_gold_was_found_perfect_retrieval_asks_one_new_prompt() -> None:
    arms = shown(["p1", "p2", "p0", "p3"])
    assert arms[Arm.RETRIEVED][0] == ("p1", "p2", "p0")
    assert arms[Arm.ORACLE_IN_DISTRACTORS][:-1] == arms[Arm.RETRIEVED][1:]
    assert all(sorted(order) == ["p0", "p1", "p2"] for order in arms[Arm.ORACLE_IN_DISTRACTORS])


def test_where_it_was_missed_the_gold_takes_the_place_of_the_last_one() -> None:
    arms = shown(["p1", "p0", "p3", "p2"])
    assert all("p2" not in order for order in arms[Arm.RETRIEVED])
    assert all(sorted(order) == ["p0", "p1", "p2"] for order in arms[Arm.ORACLE_IN_DISTRACTORS])
    assert len(arms[Arm.ORACLE_IN_DISTRACTORS]) == ORDERS
