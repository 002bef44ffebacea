"""RAFT examples from a small corpus made by hand: shares, distractors, targets, budgets."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hybrid.answering.prompt import ABSTENTION, ANSWER_MARK, Asked, Example, PromptForm
from hybrid.artifacts import Manifest
from hybrid.config import Config
from hybrid.errors import InputError, TooLittleDataError, UserError
from hybrid.jsonl import write_jsonl
from hybrid.tuning.raft import build_raft, holds
from hybrid.tuning.raft_example import reached_share
from hybrid.types import Chat, Evidence, Hit, Message, Passage, Question

NUM = 40
ORACLE = {
    n: Passage(f"gold{n}", f"Pump {n} is blue. It weighs {100 + n} kg without oil. Keep it dry.") for n in range(NUM)
}
TWIN = {n: Passage(f"twin{n}", f"The sheet repeats that pump {n} has {100 + n}  KG.") for n in range(NUM)}
NOISE = [Passage(f"noise{i}", f"Chapter {i} is about hoses and clamps.") for i in range(8)]
PASSAGES = {p.id: p for p in [*ORACLE.values(), *TWIN.values(), *NOISE]}


def question(n: int, **changes: Any) -> Question:
    values: dict[str, Any] = {
        "id": f"q{n}",
        "question": f"How heavy is pump {n}?",
        "answers": (f"{100 + n} kg",),
        "positives": (f"gold{n}",),
        "split": "train",
        "answer_type": "number",
        "evidence": (Evidence("manual", f"It weighs {100 + n} kg without oil."),),
    }
    return Question(**{**values, **changes})


def unanswerable(n: int, split: str = "train") -> Question:
    return Question(id=f"u{n}", question=f"What does pump {n} cost?", split=split, answerable=False)


TRAIN = [question(n) for n in range(NUM)]
NEVER = [unanswerable(n) for n in range(NUM)]


def ranked(question: Question) -> list[Hit]:
    """The oracle first, its twin second, then noise in an order of the question's own."""
    number = int(question.id[1:])
    noise = [NOISE[(number + i) % len(NOISE)].id for i in range(len(NOISE))]
    own = [f"gold{number}", f"twin{number}"] if question.answerable else []
    return [Hit(p, 1 - rank / 100, rank) for rank, p in enumerate([*own, *noise], 1)]


def num_words(chat: Chat) -> int:
    return sum(len(message.content.split()) for message in chat)


def configured(style: str = "cited", seed: int = 13, **raft: Any) -> Config:
    values = {"num_examples": 50, "num_distractors": 3, "general_share": 0, "min_examples": 10, **raft}
    return Config.model_validate({"raft": values, "answering": {"style": style}, "seed": seed})


def build(target: Path, questions: list[Question], config: Config, **changes: Any) -> Manifest:
    run = {q.id: ranked(q) for q in questions}
    options: dict[str, Any] = {"passages": PASSAGES, "run": run, "inputs": {"index": "i"}, **changes}
    return build_raft(questions, count_tokens=num_words, config=config, target=target, **options)


def read(target: Path, split: str = "train") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (target / f"{split}.jsonl").read_text().splitlines()]


def context(record: dict[str, Any]) -> list[str]:
    """Texts of the numbered passages of a prompt."""
    blocks = record["prompt"][-1]["content"].split("\n\n")[:-2]
    return [block.split("] ", 1)[1] for block in blocks if block != "(no passages)"]


def completion(record: dict[str, Any]) -> str:
    return str(record["completion"][0]["content"])


@pytest.mark.parametrize(("oracle_rate", "num_oracle"), [(0.0, 0), (0.7, 25), (1.0, 36)])
def test_shares_are_those_of_the_config(tmp_path: Path, oracle_rate: float, num_oracle: int) -> None:
    config = configured(num_examples=40, oracle_rate=oracle_rate, unanswerable_share=0.1)
    manifest = build(tmp_path / "raft", TRAIN + NEVER, config)
    kinds = Counter(r["kind"] for r in read(tmp_path / "raft"))
    wanted = {"oracle": num_oracle, "no_oracle": 36 - num_oracle, "unanswerable": 4}
    assert kinds == {kind: n for kind, n in wanted.items() if n}
    assert manifest.counts["train"] == 40
    assert manifest.counts.get("train_oracle", 0) == num_oracle


def test_shares_hold_where_there_are_fewer_questions_than_wanted(tmp_path: Path) -> None:
    config = configured(num_examples=1000, unanswerable_share=0.2)
    build(tmp_path / "raft", TRAIN[:20] + NEVER, config)
    kinds = Counter(r["kind"] for r in read(tmp_path / "raft"))
    assert kinds == {"oracle": 14, "no_oracle": 6, "unanswerable": 5}


def test_distractors_are_the_best_ranked_that_neither_are_gold_nor_hold_the_answer(tmp_path: Path) -> None:
    build(tmp_path / "raft", TRAIN + NEVER, configured())
    for record in read(tmp_path / "raft"):
        number = int(record["question_id"][1:])
        wanted = 3 if record["kind"] == "oracle" else 4
        assert set(record["distractors"]) == {NOISE[(number + i) % 8].id for i in range(wanted)}
        texts = [PASSAGES[p].text for p in record["distractors"]]
        oracle = [ORACLE[number].text] if record["kind"] == "oracle" else []
        assert sorted(context(record)) == sorted(texts + oracle)


@pytest.mark.parametrize("wanted", [1, 3])
def test_an_oracle_that_is_never_served_stands_among_its_neighbours_as_a_served_one_does(
    tmp_path: Path, wanted: int
) -> None:
    """Half of the oracles rank second, half of them sixth: there `top` would show the oracle below every distractor."""
    questions, run = TRAIN[:20], {}
    for number, asked in enumerate(questions):
        order = [p.id for p in NOISE]
        order.insert(1 if number % 2 else 5, f"gold{number}")
        run[asked.id] = [Hit(p, 1 - rank / 100, rank) for rank, p in enumerate(order, 1)]
    above = {}
    for policy in ("top", "served", "below"):
        config = configured(num_distractors=wanted, oracle_rate=1.0, distractors=policy)
        build(tmp_path / policy, questions, config, run=run)
        above[policy] = Counter()
        for record in read(tmp_path / policy):
            order = [hit.passage_id for hit in run[record["question_id"]]]
            assert len(record["distractors"]) == wanted
            above[policy][sum(order.index(p) < order.index(record["oracle"]) for p in record["distractors"])] += 1
    assert above["top"] == {1: 20} if wanted == 1 else {1: 10, 3: 10}
    assert above["served"] == {1: 20}
    assert above["below"] == {0: 20}


def test_distractors_come_from_the_pool_only(tmp_path: Path) -> None:
    build(tmp_path / "raft", TRAIN, configured(pool_depth=4))
    assert {len(r["distractors"]) for r in read(tmp_path / "raft")} == {2}
    build(tmp_path / "none", TRAIN, configured(num_distractors=0, oracle_rate=1.0))
    assert {len(context(r)) for r in read(tmp_path / "none")} == {1}


@pytest.mark.parametrize("style", ["cited", "quote_first", "reason_first"])
def test_targets_name_the_place_where_the_oracle_stands(tmp_path: Path, style: str) -> None:
    build(tmp_path / "raft", TRAIN, configured(style))
    oracles = [r for r in read(tmp_path / "raft") if r["kind"] == "oracle"]
    assert len(oracles) == 28
    for record in oracles:
        number = int(record["question_id"][1:])
        place = context(record).index(ORACLE[number].text) + 1
        quote = f"It weighs {100 + number} kg without oil."
        assert (
            completion(record)
            == {
                "cited": f"{100 + number} kg [{place}]",
                "quote_first": f'"{quote}" [{place}] {ANSWER_MARK} {100 + number} kg [{place}]',
                "reason_first": f"Passage [{place}] says: {quote} {ANSWER_MARK} {100 + number} kg [{place}]",
            }[style]
        )
        assert record["oracle"] == f"gold{number}"


def test_without_evidence_the_quote_is_the_sentence_that_supports(tmp_path: Path) -> None:
    questions = [question(n, evidence=()) for n in range(NUM)]
    build(tmp_path / "raft", questions, configured("quote_first", oracle_rate=1.0))
    for record in read(tmp_path / "raft"):
        number = int(record["question_id"][1:])
        assert completion(record).startswith(f'"It weighs {100 + number} kg without oil."')


def test_the_oracle_stands_in_every_place(tmp_path: Path) -> None:
    build(tmp_path / "raft", TRAIN, configured(oracle_rate=1.0))
    places = Counter(completion(r)[-2] for r in read(tmp_path / "raft"))
    assert sorted(places) == ["1", "2", "3", "4"]
    assert min(places.values()) >= 3


@pytest.mark.parametrize("policy", ["abstain", "answer"])
def test_targets_without_the_oracle(tmp_path: Path, policy: str) -> None:
    build(tmp_path / "raft", TRAIN + NEVER, configured(without_oracle=policy))
    seen = set()
    for record in read(tmp_path / "raft"):
        if record["kind"] == "oracle":
            continue
        seen.add(record["kind"])
        remembered = record["kind"] == "no_oracle" and policy == "answer"
        assert completion(record) == (f"{100 + int(record['question_id'][1:])} kg" if remembered else ABSTENTION)
        assert record["oracle"] == "" and "gold" not in json.dumps(record["distractors"])
    assert seen == {"no_oracle", "unanswerable"}


def test_prompts_are_rendered_as_they_are_served(tmp_path: Path) -> None:
    from hybrid.answering.prompt import PromptForm, render

    build(tmp_path / "raft", TRAIN, configured("quote_first"))
    by_text = {p.text: p for p in PASSAGES.values()}
    for record in read(tmp_path / "raft"):
        number = int(record["question_id"][1:])
        chat = render(TRAIN[number].question, [by_text[text] for text in context(record)], PromptForm("quote_first"))
        assert record["prompt"] == [{"role": m.role, "content": m.content} for m in chat]


def test_what_is_too_long_loses_its_worst_distractors_and_is_counted(tmp_path: Path) -> None:
    build(tmp_path / "free", TRAIN, configured(oracle_rate=1.0))
    full = min(r["num_tokens"] for r in read(tmp_path / "free"))
    limit = max(64, full - 8)
    manifest = build(tmp_path / "raft", TRAIN, configured(oracle_rate=1.0, max_example_tokens=limit))
    records = read(tmp_path / "raft")
    assert max(r["num_tokens"] for r in records) <= limit
    assert manifest.facts["longest_tokens"] == max(r["num_tokens"] for r in records)
    for record in records:
        number = int(record["question_id"][1:])
        left = 3 - record["dropped"]
        assert record["dropped"] > 0
        assert set(record["distractors"]) == {NOISE[(number + i) % 8].id for i in range(left)}
        assert completion(record) == f"{100 + number} kg [{context(record).index(ORACLE[number].text) + 1}]"
    assert manifest.counts["dropped_distractors"] == sum(r["dropped"] for r in records)
    assert manifest.counts["examples_with_dropped_distractors"] == len(records)


def test_an_oracle_that_is_too_long_alone_is_an_error(tmp_path: Path) -> None:
    passages = {**PASSAGES, "gold3": Passage("gold3", ORACLE[3].text + " and more" * 200)}
    with pytest.raises(UserError, match="question q3 with its oracle alone takes") as caught:
        build(tmp_path / "raft", TRAIN, configured(oracle_rate=1.0, max_example_tokens=100), passages=passages)
    assert "max_example_tokens" in caught.value.remedy
    assert not (tmp_path / "raft").exists()


def test_answers_that_the_oracle_does_not_hold_are_dropped_and_counted(tmp_path: Path) -> None:
    wrong = [
        question(0, answers=("99 kg",)),
        question(1, answers=("1 kg",)),
        question(2, answers=()),
        question(3, answer_type="long", answers=("Rotate the impeller backwards twice every winter morning.",)),
        question(7, answer_type="long", answers=('{"pump weighs oil": "a ton of lead"}',), json_schema="{}"),
    ]
    right = [
        question(4, answers=("104  KG",)),
        question(5, answer_type="yes_no", answers=("yes",)),
        question(6, answer_type="long", answers=("Pump 6 weighs 106 kg without any oil.",)),
        question(8, answer_type="long", answers=('{"mass": "108 kg", "oiled": false}',), json_schema="{}"),
    ]
    manifest = build(tmp_path / "raft", wrong + right + TRAIN[9:], configured(oracle_rate=1.0))
    used = {r["question_id"] for r in read(tmp_path / "raft")}
    assert used == {f"q{n}" for n in range(4, NUM) if n != 7}
    assert manifest.counts["dropped_unsupported_answer"] == 5


def test_too_few_examples_are_refused_unless_forced(tmp_path: Path) -> None:
    config = configured(min_examples=30)
    with pytest.raises(TooLittleDataError, match=r"20 RAFT examples .* 30") as caught:
        build(tmp_path / "raft", TRAIN[:20], config)
    assert "--force" in caught.value.remedy and not (tmp_path / "raft").exists()
    assert build(tmp_path / "raft", TRAIN[:20], config, force=True).counts["train"] == 20
    assert build(tmp_path / "enough", TRAIN[:30], config).counts["train"] == 30


def test_dev_examples_come_from_dev_questions(tmp_path: Path) -> None:
    dev = [question(n, split="dev") for n in range(30, NUM)]
    other = [question(n, split="test") for n in range(25, 30)]
    manifest = build(tmp_path / "raft", TRAIN[:25] + dev + other, configured(num_dev_examples=6))
    assert {r["question_id"] for r in read(tmp_path / "raft")} == {f"q{n}" for n in range(25)}
    assert {int(r["question_id"][1:]) for r in read(tmp_path / "raft", "dev")} <= set(range(30, NUM))
    assert manifest.counts["dev"] == len(read(tmp_path / "raft", "dev")) == 6


def test_same_seed_same_bytes_and_another_seed_another_draw(tmp_path: Path) -> None:
    for name in ("one", "two"):
        build(tmp_path / name, TRAIN + NEVER, configured())
    build(tmp_path / "other", TRAIN + NEVER, configured(seed=14))
    one, two, other = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("one", "two", "other"))
    assert sorted(one) == ["dev.jsonl", "manifest.json", "train.jsonl"]
    assert one == two
    assert one["train.jsonl"] != other["train.jsonl"]


def test_a_rerun_does_nothing_and_another_style_builds_anew(tmp_path: Path) -> None:
    first = build(tmp_path / "raft", TRAIN, configured())
    before = (tmp_path / "raft" / "train.jsonl").stat().st_mtime_ns
    assert build(tmp_path / "raft", TRAIN, configured()) == first
    assert (tmp_path / "raft" / "train.jsonl").stat().st_mtime_ns == before
    assert build(tmp_path / "raft", TRAIN, configured("quote_first")).id != first.id
    assert ANSWER_MARK in completion(next(r for r in read(tmp_path / "raft") if r["kind"] == "oracle"))


def test_the_general_share_is_of_the_whole_mixture(tmp_path: Path) -> None:
    file = tmp_path / "general.jsonl"
    write_jsonl(file, ({"instruction": f"Say {n}.", "response": f"{n}"} for n in range(50)))
    config = configured(general_share=0.2, general_file=file, num_examples=40)
    manifest = build(tmp_path / "raft", TRAIN, config)
    records = read(tmp_path / "raft")
    general = [r for r in records if r["kind"] == "general"]
    assert (len(records), len(general), manifest.counts["train_general"]) == (50, 10, 10)
    assert all(r["prompt"] == [{"role": "user", "content": f"Say {completion(r)}."}] for r in general)
    assert {r["kind"] for r in records[:25]} == {r["kind"] for r in records[25:]}, "the mixture is shuffled"
    assert manifest.facts["general_share"] == 0.2
    with pytest.raises(InputError, match=r"absent\.jsonl"):
        build(tmp_path / "bad", TRAIN, configured(general_share=0.2, general_file=tmp_path / "absent.jsonl"))


def test_general_instructions_are_repeated_at_most_three_times_and_the_real_share_is_told(tmp_path: Path) -> None:
    file = tmp_path / "general.jsonl"
    write_jsonl(file, ({"instruction": f"Say {n}.", "response": f"{n}"} for n in range(4)))

    def mixed(share: float) -> tuple[list[str], Manifest]:
        folder = tmp_path / f"raft-{share}"
        manifest = build(folder, TRAIN, configured(general_share=share, general_file=file, num_examples=40))
        return [completion(r) for r in read(folder) if r["kind"] == "general"], manifest

    said, manifest = mixed(0.2)
    assert sorted(Counter(said).values()) == [2, 2, 3, 3] and manifest.facts["general_share"] == 0.2
    said, manifest = mixed(0.5)
    assert Counter(said) == {str(n): 3 for n in range(4)}, "40 are asked for"
    assert manifest.facts["general_share"] == round(12 / 52, 4) == round(reached_share(40, 0.5, 4), 4)
    ids = [r["id"] for r in read(tmp_path / "raft-0.5")]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("answer", "text", "expected"),
    [
        ("20 kg", "It weighs 20 kg.", True),
        ("20 kg", "It weighs 20\n  KG.", True),
        ("20 kg", "It weighs 120 kg.", False),
        ("20 kg", "It weighs 20 kgs.", False),
        ("(a) b*", "see (a) b* there", True),
        ("", "anything", False),
    ],
)
def test_an_answer_stands_in_a_passage_as_whole_words(answer: str, text: str, expected: bool) -> None:
    assert holds(Passage("p", text), answer) is expected


def test_the_commonest_label_is_cut_to_the_next_one(tmp_path: Path) -> None:
    labels = ["yes"] * 24 + ["no"] * 12 + ["maybe"] * 4
    questions = [question(n, answers=(label,), answer_type="yes_no_maybe") for n, label in enumerate(labels)]
    manifest = build(tmp_path / "raft", questions, configured(balance_labels=True, oracle_rate=1.0))
    given = Counter(completion(record).split()[0] for record in read(tmp_path / "raft"))
    assert given == {"yes": 12, "no": 12, "maybe": 4}
    assert manifest.counts["dropped_commonest_label"] == 12
    build(tmp_path / "all", questions, configured(oracle_rate=1.0))
    assert len(read(tmp_path / "all")) == 40


def test_an_example_whose_answer_is_not_shown_is_dropped(tmp_path: Path) -> None:
    config = configured()
    answering = config.answering.model_copy(update={"passage_tokens": 16})
    whole = build(tmp_path / "whole", TRAIN, config.model_copy(update={"answering": answering}))
    assert whole.counts.get("dropped_answer_not_shown", 0) == 0
    long = {n: Passage(p.id, f"Pump {n} is how heavy? {'So heavy that nobody lifts it alone. ' * 2}{p.text}")
            for n, p in ORACLE.items()}  # fmt: skip
    passages = {**PASSAGES, **{p.id: p for p in long.values()}}
    config = config.model_copy(update={"answering": answering.model_copy(update={"passage_tokens": 16})})
    cut = build(tmp_path / "cut", TRAIN, config.model_copy(update={"raft": config.raft.model_copy(
        update={"min_examples": 1})}), passages=passages, force=True)  # fmt: skip
    kept = [r for r in read(tmp_path / "cut") if r["kind"] == "oracle"]
    assert cut.counts["dropped_answer_not_shown"] > 0
    assert all(r["completion"][0]["content"].split(" [")[0] in r["prompt"][-1]["content"] for r in kept)


def test_the_question_may_stand_before_the_passages_too(tmp_path: Path) -> None:
    config = configured()
    first = config.model_copy(update={"answering": config.answering.model_copy(update={"question_first": True})})
    build(tmp_path / "raft", TRAIN, first)
    for record in read(tmp_path / "raft"):
        blocks = record["prompt"][-1]["content"].split("\n\n")
        assert blocks[0] == blocks[-1] and blocks[0].startswith("Question: ")


def test_best_first_puts_every_example_in_the_retrievers_order(tmp_path: Path) -> None:
    config = configured(oracle_rate=0.5)
    config = config.model_copy(update={"answering": config.answering.model_copy(update={"best_first": True})})
    build(tmp_path / "raft", TRAIN, config)
    for record in read(tmp_path / "raft"):
        ranking = [hit.passage_id for hit in ranked(TRAIN[int(record["question_id"][1:])])]
        texts = context(record)
        order = [next(p for p in ranking if PASSAGES[p].text == text) for text in texts]
        assert order == sorted(order, key=ranking.index)
        if record["kind"] == "oracle":
            # the oracle ranks first, its twin is no distractor
            assert completion(record).endswith("[1]")


class Gives:
    """Examples whose questions say what they were chosen for."""

    def choose(self, asked: Sequence[Asked], num: int, form: PromptForm) -> list[tuple[Example, ...]]:
        return [
            tuple(Example((NOISE[n],), f"For {sorted(one.hidden)}, {n}?", "so") for n in range(num)) for one in asked
        ]


def test_worked_examples_stand_before_a_question_as_they_are_served(tmp_path: Path) -> None:
    config = configured(num_examples=10, unanswerable_share=0.0, oracle_rate=1.0)
    answering = config.answering.model_copy(update={"examples": 2})
    config = config.model_copy(update={"answering": answering})
    build(tmp_path / "wide", TRAIN, config, examples=Gives(), window_tokens=5000)
    for record in read(tmp_path / "wide"):
        first, second, last = (turn["content"] for turn in record["prompt"] if turn["role"] == "user")
        gold = f"gold{record['question_id'][1:]}"
        assert f"For ['{gold}'], 0?" in first and f"For ['{gold}'], 1?" in second
        assert f"How heavy is pump {gold[4:]}?" in last
        whole = [Message(turn["role"], turn["content"]) for turn in [*record["prompt"], *record["completion"]]]
        assert record["num_tokens"] == num_words(tuple(whole))
    longest = max(record["num_tokens"] for record in read(tmp_path / "wide"))
    manifest = build(tmp_path / "narrow", TRAIN, config, examples=Gives(), window_tokens=longest - 30)
    assert manifest.counts["worked_examples_left_out"] == manifest.counts["train"]
    assert all(len(record["prompt"]) == 3 for record in read(tmp_path / "narrow"))
