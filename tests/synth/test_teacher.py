"""Drafts under filters: a teacher whose every reply is known, each filter dropping what it is there for."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybrid.answer_format import is_valid
from hybrid.answering.generation_cache import CachedGenerator
from hybrid.answering.pipeline import Pipeline
from hybrid.config import Config
from hybrid.corpus.questions import read_questions
from hybrid.errors import UserError
from hybrid.evaluation.graders import grade
from hybrid.jsonl import read_jsonl
from hybrid.retrieval.flat_store import FlatStore
from hybrid.synth.asked_form import SHORT, AskedForm
from hybrid.synth.record import made_record
from hybrid.synth.teacher import YIELD, estimate, plan, write_questions
from hybrid.tuning.raft import build_raft
from hybrid.types import Chat, Evidence, Generation, Passage, Question, ranked
from tests.words_embedder import DIM, Words

NUM = 16
SHELF = [
    Passage(f"p{i}", f"The machine mx{i} weighs {100 + i} kg when it is empty and dry.", document_id=f"d{i}")
    for i in range(NUM)
]
CONFIG = Config.model_validate(
    {"retrieval": {"k": 2}, "synth": {"num_drafts": NUM, "shares": {"lookup": 1}, "rank_limit": 3}}
)


class Teacher:
    """Asks for the weight of the marked machine and reads it out of the passages, put into words by `answers`; `knows`
    answers without any."""

    name = fingerprint = "teacher"

    def __init__(
        self,
        *,
        knows: str = "",
        drafts: Callable[[str, str], str] | None = None,
        answers: Callable[[str, str], str] | None = None,
    ) -> None:
        self.asked: list[Chat] = []
        self._knows = knows
        self._answers = answers or (lambda machine, weight: f"{weight} kg")
        self._drafts = drafts or (lambda machine, weight: f"Question: How heavy is an {machine}?\nAnswer: {weight} kg")

    def count_tokens(self, chat: Chat) -> int:
        return sum(len(turn.content.split()) for turn in chat)

    def generate(self, chats: Sequence[Chat], *, max_new_tokens: int) -> list[Generation]:
        self.asked += chats
        return [Generation(self._reply(chat), "stop", 1, 1) for chat in chats]

    def _reply(self, chat: Chat) -> str:
        text = chat[-1].content
        if "You write questions" in chat[0].content:
            marked = re.search(r"Marked: .*(mx\d+) weighs (\d+)", text)
            return self._drafts(marked[1], marked[2]) if marked else "Question: What does a pallet cost?\nAnswer:"
        if "You review" in chat[0].content:
            machine = re.search(r"Question: .*mx(\d+)", text)
            return f"5 5 5 {1 + int(machine[1]) % 5}" if machine else "5 5 5 5"
        asked = re.search(r"(?m)^Question: .*?(mx\d+)", text)
        for number, line in re.findall(r"(?m)^\[(\d+)\] (.*)$", text):
            found = re.search(r"(mx\d+) weighs (\d+) kg", line)
            if asked and found and found[1] == asked[1]:
                return f"{self._answers(found[1], found[2])} [{number}]"
        return self._knows or "I don't know."


def pipeline(teacher: Teacher, config: Config, shelf: list[Passage]) -> Pipeline:
    embedder, store = Words(), FlatStore(DIM)
    store.add([p.id for p in shelf], embedder.encode_passages([p.full_text for p in shelf]))
    return Pipeline(store, embedder, teacher, {p.id: p for p in shelf}, config)


def run(
    tmp_path: Path,
    teacher: Teacher,
    config: Config = CONFIG,
    shelf: list[Passage] = SHELF,
    form: AskedForm = SHORT,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Facts of the artefact, and the drafts."""
    manifest = write_questions(
        plan(shelf, config),
        pipeline(teacher, config, shelf),
        config=config,
        target=tmp_path / "teacher",
        inputs={"passages": "x"},
        facts={"teacher": "teacher"},
        record=lambda question: made_record(question, ready=False),
        form=form,
    )
    return manifest.facts | manifest.counts, [row for _, row in read_jsonl(tmp_path / "teacher" / "drafts.jsonl")]


def passed(facts: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {row["filter"]: (row["reached"], row["passed"]) for row in facts["filters"]}


def test_good_drafts_pass_all_filters_and_the_critic_keeps_the_best(tmp_path: Path) -> None:
    facts, drafts = run(tmp_path, Teacher())
    assert set(passed(facts).values()) == {(NUM, NUM), (NUM, round(0.75 * NUM))}
    kept = {row["id"] for row in drafts if row["kept"]}
    lowest_kept = min(sum(row["scores"].values()) for row in drafts if row["id"] in kept)
    assert all(sum(row["scores"].values()) <= lowest_kept for row in drafts if row["id"] not in kept)
    questions = [row for _, row in read_jsonl(tmp_path / "teacher" / "questions.jsonl")]
    assert {row["id"].removeprefix("synth-") for row in questions} == kept
    assert {row["split"] for row in questions} <= {"train", "dev"} and facts["questions"] == len(kept)
    texts = {passage.document_id: passage.text for passage in SHELF}
    assert all(row["answer_type"] == "number" and row["origin"] == "synth" for row in questions)
    assert all(part["quote"] in texts[part["source"]] for row in questions for part in row["evidence"])
    assert not any(row["positives"] for row in questions), "ids change when documents are cut otherwise"
    assert json.loads((tmp_path / "teacher" / YIELD).read_text())["kinds"] == {
        "lookup": {"drafts": NUM, "kept": len(kept)}
    }


@pytest.mark.parametrize(
    ("drafts", "filter_", "reason"),
    [
        (lambda m, w: f"The {m} weighs {w} kg.", "schema", "question"),
        (lambda m, w: f"Question: How heavy is the {m} in this passage?\nAnswer: {w} kg", "standalone", "this passage"),
        (lambda m, w: f"Question: How heavy is it when dry?\nAnswer: {w} kg", "standalone", "is it"),
        (lambda m, w: f"Question: How heavy is an {m}?\nAnswer: 7 kg", "grounded", "7"),
        (lambda m, w: f"Question: How heavy is an {m}?\nAnswer: surely much heavier still", "grounded", "words"),
        (lambda m, w: f"Question: The machine {m} weighs {w} kg when?\nAnswer: empty and dry", "copied", "one run"),
        (lambda m, w: "Question: How heavy are empty machines?\nAnswer: kg", "duplicate", "like"),
        (lambda m, w: f"Question: Is a loaded crate without any oil dangerous?\nAnswer: {w} kg", "duplicate", "like"),
        (lambda m, w: f"Question: When does an {m} weigh so little?\nAnswer: when it is empty", "alone", "kg"),
    ],
)
def test_each_filter_drops_what_it_is_there_for(
    tmp_path: Path, drafts: Callable[[str, str], str], filter_: str, reason: str
) -> None:
    facts, rows = run(tmp_path, Teacher(drafts=drafts))
    reached, left = passed(facts)[filter_]
    assert reached > 0 and left < reached
    dropped = [row["decisions"][filter_] for row in rows if row["decisions"].get(filter_, "passed") != "passed"]
    assert all(reason in decision for decision in dropped) and len(dropped) == reached - left
    assert all(row["kept"] == all(d == "passed" for d in row["decisions"].values()) for row in rows)


def test_a_passage_that_the_retriever_misses(tmp_path: Path) -> None:
    def elsewhere(machine: str, weight: str) -> str:
        return (
            f"Question: Instead of the mx{(int(machine[2:]) + 5) % NUM}, which one has that weight?\nAnswer: {machine}"
        )

    config = CONFIG.model_copy(update={"synth": CONFIG.synth.model_copy(update={"rank_limit": 1})})
    facts, _ = run(tmp_path, Teacher(drafts=elsewhere), config)
    assert passed(facts)["retrieved"] == (NUM, 0)


def test_what_is_known_without_a_passage_measures_nothing(tmp_path: Path) -> None:
    facts, rows = run(tmp_path, Teacher(knows="104 kg"))
    assert passed(facts)["needed"] == (NUM, NUM - 1)
    assert any("104 kg" in row["decisions"]["needed"] for row in rows)


def test_an_unanswerable_question_is_one_that_is_declined(tmp_path: Path) -> None:
    shares = CONFIG.synth.model_copy(update={"shares": {"unanswerable": 1.0}, "num_drafts": 1, "keep_share": 1.0})
    config = CONFIG.model_copy(update={"synth": shares})
    facts, _ = run(tmp_path / "declines", Teacher(), config)
    assert facts["questions"] == 1
    facts, rows = run(tmp_path / "invents", Teacher(knows="12 crowns"), config)
    assert facts["questions"] == 0 and "12 crowns" in rows[0]["decisions"]["alone"]


def test_a_weak_teacher_and_a_lazy_critic_are_named(tmp_path: Path) -> None:
    facts, _ = run(tmp_path / "weak", Teacher(drafts=lambda m, w: "no idea"))
    assert any("too weak" in note for note in facts["notes"])
    lazy = Teacher(drafts=lambda m, w: f"Question: How heavy is an {m}?\nAnswer: {w} kg")
    reply = lazy._reply
    lazy._reply = lambda chat: "3 3 3 3" if "You review" in chat[0].content else reply(chat)  # type: ignore[method-assign]
    facts, _ = run(tmp_path / "lazy", lazy)
    assert any("lottery" in note for note in facts["notes"])


def test_nothing_is_asked_again_and_other_settings_ask_anew(tmp_path: Path) -> None:
    teacher = Teacher()
    run(tmp_path, teacher)
    num = len(teacher.asked)
    run(tmp_path, teacher)
    assert len(teacher.asked) == num
    changed = CONFIG.model_copy(update={"synth": CONFIG.synth.model_copy(update={"keep_share": 0.5})})
    facts, _ = run(tmp_path, teacher, changed)
    assert len(teacher.asked) == 2 * num and facts["questions"] == NUM // 2


LONG = [replace(p, text=f"{p.text} {' '.join(f'{p.id}w{i}' for i in range(200))}") for p in SHELF]


@pytest.mark.parametrize(("shelf", "k", "context_tokens"), [(SHELF, 2, 100), (LONG, 4, 1200)])
def test_the_estimate_bounds_what_is_asked(tmp_path: Path, shelf: list[Passage], k: int, context_tokens: int) -> None:
    values = {"retrieval": {"k": k}, "generator": {"context_tokens": context_tokens}}
    values["synth"] = {**CONFIG.synth.model_dump(), "price_in": 2.0, "price_out": 6.0}
    priced = Config.model_validate(values)
    assignments, teacher = plan(shelf, priced), Teacher()
    found = estimate(assignments, CachedGenerator(teacher, tmp_path / "cache.sqlite"), priced)
    assert found.price == pytest.approx((2 * found.tokens_in + 6 * found.tokens_out) / 1e6)
    assert len(teacher.asked) == 9, "the first draft and the eight that tell the pace"
    teacher.asked.clear()
    run(tmp_path, teacher, priced, shelf)
    assert len(teacher.asked) == found.prompts
    assert sum(map(teacher.count_tokens, teacher.asked)) <= found.tokens_in


def test_what_is_cached_tells_no_pace(tmp_path: Path) -> None:
    assignments, teacher = plan(SHELF, CONFIG), Teacher()
    cached = CachedGenerator(teacher, tmp_path / "cache.sqlite")
    first = estimate(assignments, cached, CONFIG)
    assert first.seconds is not None and " min " in first.sentence
    again = estimate(assignments, cached, CONFIG)
    assert len(teacher.asked) == NUM, "nine, and the seven that were left"
    assert again.seconds is not None and again.seconds > 0
    last = estimate(assignments, cached, CONFIG)
    assert len(teacher.asked) == NUM and last.seconds is None and "min" not in last.sentence
    assert last.prompts == first.prompts


def test_documents_without_a_sentence_are_the_users_problem() -> None:
    with pytest.raises(UserError, match="no sentence"):
        plan([Passage("p", "Kg. Lb.")], CONFIG)


def test_only_the_configured_filters_run_and_are_paid(tmp_path: Path) -> None:
    few = CONFIG.synth.model_copy(update={"filters": ("retrieved", "schema")})
    config, teacher = CONFIG.model_copy(update={"synth": few}), Teacher()
    facts, _ = run(tmp_path, teacher, config)
    assert list(passed(facts)) == ["schema", "retrieved"] and facts["questions"] == NUM
    assert (
        len(teacher.asked)
        == NUM
        == estimate(plan(SHELF, config), CachedGenerator(teacher, tmp_path / "cache.sqlite"), config).prompts
    )


WEIGHT = json.dumps(
    {"type": "object", "required": ["weight"], "properties": {"weight": {"type": "string"}}}, sort_keys=True
)
IN_SENTENCES = AskedForm(8, 30, in_sentences=True)


def sentence(machine: str, weight: str) -> str:
    return f"The machine {machine} has a weight of {weight} kg. That is what it weighs when it is empty and dry."


def drafts_of(answer: Callable[[str, str], str]) -> Callable[[str, str], str]:
    return lambda machine, weight: f"Question: How heavy is an {machine}?\nAnswer: {answer(machine, weight)}"


@pytest.mark.parametrize(
    ("form", "answer", "answer_type"),
    [
        (IN_SENTENCES, sentence, "long"),
        (AskedForm(json_schema=WEIGHT), lambda m, w: f'{{"weight":\n "{w} kg"}}\nDone.', "long"),
        (AskedForm(pattern=r"\d+ kg"), lambda m, w: f"{w} kg", "number"),
        (AskedForm(most=3), lambda m, w: f"{w} kg", "number"),
    ],
)
def test_answers_of_the_asked_form_are_kept_and_train_a_generator(
    tmp_path: Path, form: AskedForm, answer: Callable[[str, str], str], answer_type: str
) -> None:
    """Written, filtered, read back by the corpus's reader, and verified by RAFT."""
    teacher = Teacher(drafts=drafts_of(answer), answers=answer)
    facts, rows = run(tmp_path, teacher, form=form)
    assert facts["questions"] == round(0.75 * NUM), rows[0]["decisions"]
    assert facts["answers"] == {"asked": form.sentence, "dropped": {}}
    drafted = [chat for chat in teacher.asked if "You write questions" in chat[0].content]
    assert all(form.told in chat[0].content for chat in drafted)
    located = read_questions([tmp_path / "teacher" / "questions.jsonl"])
    shelf = {passage.id: passage for passage in SHELF}
    questions = [
        replace(one.question, positives=(one.question.evidence[0].source.replace("d", "p"),), split="train")
        for one in located
    ]
    assert all(question.answer_type == answer_type for question in questions)
    assert all((question.pattern, question.json_schema) == (form.pattern, form.json_schema) for question in questions)
    assert all(is_valid(question.answers[0], question) is not False for question in questions)
    assert all(grade(question.answers[0], question, abstained=False).exact for question in questions)
    raft = build_raft(
        questions,
        shelf,
        {question.id: ranked(list(shelf), [0.0] * NUM) for question in questions},
        count_tokens=teacher.count_tokens,
        config=Config.model_validate({"raft": {"min_examples": 5, "oracle_rate": 1.0, "general_share": 0}}),
        target=tmp_path / "raft",
        inputs={},
    )
    assert raft.counts["train_oracle"] == len(questions)
    told = {row["completion"][0]["content"] for _, row in read_jsonl(tmp_path / "raft" / "train.jsonl")}
    assert told == {question.answers[0] for question in questions}


@pytest.mark.parametrize(
    ("form", "answer", "reason"),
    [
        (IN_SENTENCES, lambda m, w: f"{w} kg", "shorter than asked"),
        (IN_SENTENCES, lambda m, w: f"{sentence(m, w)} " * 3, "longer than asked"),
        (AskedForm(most=3), sentence, "longer than asked"),
        (AskedForm(json_schema=WEIGHT), lambda m, w: f"{w} kg", "not of the asked JSON Schema"),
        (AskedForm(json_schema=WEIGHT), lambda m, w: f'{{"weight": {w}}}', "not of the asked JSON Schema"),
        (AskedForm(pattern=r"\d+ kg"), lambda m, w: f"it is {w} kg", "not of the asked pattern"),
    ],
)
def test_another_form_is_dropped_with_the_reason_and_counted(
    tmp_path: Path, form: AskedForm, answer: Callable[[str, str], str], reason: str
) -> None:
    facts, rows = run(tmp_path, Teacher(drafts=drafts_of(answer)), form=form)
    assert passed(facts)["schema"] == (NUM, 0) and facts["answers"]["dropped"] == {reason: NUM}
    assert all(row["decisions"] == {"schema": row["decisions"]["schema"]} for row in rows)
    assert all(row["decisions"]["schema"].startswith(f"answer: {reason}") for row in rows)


@pytest.mark.parametrize(
    ("form", "answer", "reason"),
    [
        (IN_SENTENCES, lambda m, w: f"{sentence(m, w)} Its motor is cooled by oil.", "Its motor is cooled"),
        (IN_SENTENCES, lambda m, w: sentence(m, "73"), "73 is not in the passages"),
        (AskedForm(json_schema=WEIGHT), lambda m, w: '{"weight": "73 kg"}', "73 is not in the marked"),
        (AskedForm(json_schema=WEIGHT), lambda m, w: '{"weight": "rather little"}', "words"),
    ],
)
def test_what_the_passage_does_not_bear_out_is_dropped_in_every_form(
    tmp_path: Path, form: AskedForm, answer: Callable[[str, str], str], reason: str
) -> None:
    facts, rows = run(tmp_path, Teacher(drafts=drafts_of(answer)), form=form)
    assert passed(facts)["grounded"] == (NUM, 0)
    assert all(reason in row["decisions"]["grounded"] for row in rows)


def test_a_teacher_that_does_not_say_it_again_is_found_out_in_every_form(tmp_path: Path) -> None:
    for name, form, answer in (
        ("long", IN_SENTENCES, sentence),
        ("json", AskedForm(json_schema=WEIGHT), lambda m, w: f'{{"weight": "{w} kg"}}'),
    ):
        teacher = Teacher(drafts=drafts_of(answer), answers=lambda m, w: '{"weight": "73 kg of lead"}')
        facts, _ = run(tmp_path / name, teacher, form=form)
        assert passed(facts)["alone"] == (NUM, 0)


def test_another_form_asks_anew(tmp_path: Path) -> None:
    teacher = Teacher()
    run(tmp_path, teacher)
    num = len(teacher.asked)
    facts, _ = run(tmp_path, teacher, form=AskedForm(most=3))
    assert len(teacher.asked) == 2 * num and "3 words" in facts["answers"]["asked"]


def test_ready_passages_are_named_by_id() -> None:
    question = Question("q", "How heavy?", ("1 kg",), ("p1",), evidence=(Evidence("d1", "weighs 1 kg"),))
    assert made_record(question, ready=True)["positives"] == ["p1"]
    assert "evidence" not in made_record(question, ready=True)
