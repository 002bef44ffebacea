"""RAFT examples (Zhang et al. 2024, arXiv:2403.10131) from the live index: oracle, distractors, and a verified target.

Distractors are what the retriever really returns for the question, best first, so that the generator learns on the
noise that it will meet. A share of the examples withholds the oracle; their target is a policy, by default to decline.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hybrid.answer_format import values_in_words
from hybrid.answering.excerpt import HELD, answer_survives, contains_answer, words_held
from hybrid.answering.prompt import (
    ABSTENTION,
    Asked,
    Example,
    ExampleSource,
    best_first,
    fit_examples,
    prompt_form,
    render,
    target_text,
)
from hybrid.answering.sources import supporting_sentence
from hybrid.artifacts import Manifest, current, publish, require
from hybrid.config import Config
from hybrid.config_training import RaftConfig
from hybrid.errors import TooLittleDataError, UserError
from hybrid.jsonl import write_jsonl
from hybrid.tuning.raft_example import Kind, RaftExample, general_examples
from hybrid.types import Chat, Hit, Message, Passage, Question

VERSION = 4
_LABELS = ("yes_no", "yes_no_maybe", "choice")
"""Answers that are judgements on a passage, not strings of it."""


def build_raft(
    questions: Sequence[Question],
    passages: Mapping[str, Passage],
    run: Mapping[str, Sequence[Hit]],
    *,
    count_tokens: Callable[[Chat], int],
    config: Config,
    target: Path,
    inputs: Mapping[str, str],
    examples: ExampleSource | None = None,
    window_tokens: int = 0,
    force: bool = False,
) -> Manifest:
    """Publish `train.jsonl` and `dev.jsonl`. `run` holds hits of the live index for every train and dev question.

    `examples` gives the worked examples of the prompt, as it is served; with them it takes at most `window_tokens`, on
    top of which the answer comes.

    Raises `TooLittleDataError` under `raft.min_examples`, `UserError` where a question with its oracle alone is over
    `raft.max_example_tokens`.
    """
    settings = {
        "raft": config.raft.settings(),
        "answering": config.answering.model_dump(mode="json", exclude={"guard", "reading"}),
        "seed": config.seed,
        **({"window_tokens": window_tokens} if examples else {}),
    }
    if done := current(target, "raft", VERSION, settings, inputs):
        return done
    maker = _Maker(passages, run, count_tokens, config, examples, window_tokens)
    train = maker.examples([q for q in questions if q.split == "train"], config.raft.num_examples)
    if len(train) < config.raft.min_examples and not force:
        raise TooLittleDataError(
            f"{len(train)} RAFT examples passed verification, raft.min_examples is {config.raft.min_examples}",
            "write more training questions with evidence, or pass --force to train all the same",
        )
    counts = Counter({f"train_{kind}": n for kind, n in Counter(e.kind for e in train).items()})
    counts.update(maker.counts)
    dev = maker.examples([q for q in questions if q.split == "dev"], config.raft.num_dev_examples)
    general = general_examples(config, len(train), count_tokens)
    mixture = [*train, *general]
    random.Random(config.seed).shuffle(mixture)
    with publish(target, "raft", VERSION, settings, inputs) as build:
        write_jsonl(build.path / "train.jsonl", (example.record() for example in mixture))
        write_jsonl(build.path / "dev.jsonl", (example.record() for example in dev))
        build.counts.update(counts, train=len(mixture), train_general=len(general), dev=len(dev))
        build.facts["general_share"] = round(len(general) / max(1, len(mixture)), 4)
        build.facts["longest_tokens"] = max((e.num_tokens for e in mixture), default=0)
    return require(target, "hybrid train-raft")


def unanswerable_examples(num_answerable: int, num_unanswerable: int, wanted: int, raft: RaftConfig) -> int:
    """How many of `wanted` examples are made from questions that nothing answers."""
    share = raft.unanswerable_share
    return min(num_unanswerable, round(wanted * share), round(num_answerable * share / (1 - share)))


def most_examples(questions: Sequence[Question], raft: RaftConfig) -> int:
    """Domain examples that these train questions give at most, all of them passing verification."""
    num_answerable = sum(q.answerable and bool(q.positives) for q in questions)
    num_unanswerable = sum(not q.answerable for q in questions)
    declined = unanswerable_examples(num_answerable, num_unanswerable, raft.num_examples, raft)
    return min(num_answerable, raft.num_examples - declined) + declined


class _Maker:
    """Draws, verifies and fits examples; `counts` says what was dropped and why."""

    def __init__(
        self,
        passages: Mapping[str, Passage],
        run: Mapping[str, Sequence[Hit]],
        count_tokens: Callable[[Chat], int],
        config: Config,
        examples: ExampleSource | None,
        window_tokens: int,
    ) -> None:
        self._examples = examples
        self._window_tokens = window_tokens
        self._passages = passages
        self._run = run
        self._count_tokens = count_tokens
        self._config = config
        self._form = prompt_form(config.answering, count_tokens)
        self.counts: Counter[str] = Counter()
        self._candidates_of: dict[str, list[Passage]] = {}
        self._served_places = [0]

    def examples(self, questions: Sequence[Question], wanted: int) -> list[RaftExample]:
        """At most `wanted` examples; the shares of the config hold up to rounding."""
        raft = self._config.raft
        rng = random.Random(self._config.seed)
        answerable = [q for q in questions if q.answerable and q.positives and self._verified(q)]
        unanswerable = [q for q in questions if not q.answerable]
        rng.shuffle(answerable)
        if raft.balance_labels:
            answerable = self._balanced(answerable)
        rng.shuffle(unanswerable)
        num_unanswerable = unanswerable_examples(len(answerable), len(unanswerable), wanted, raft)
        chosen = answerable[: wanted - num_unanswerable]
        places = [self._place(question) for question in chosen]
        self._served_places = [place for place in places if place <= raft.num_distractors] or [0]
        num_oracle = round(len(chosen) * raft.oracle_rate)
        return [
            *(self._with_oracle(q, rng) for q in chosen[:num_oracle]),
            *(self._without_oracle(q, "no_oracle", rng) for q in chosen[num_oracle:]),
            *(self._without_oracle(q, "unanswerable", rng) for q in unanswerable[:num_unanswerable]),
        ]

    def _balanced(self, questions: list[Question]) -> list[Question]:
        """Without the surplus of the commonest label, which a small model would learn to say always."""
        labelled = Counter(q.answers[0] for q in questions if q.answer_type in _LABELS)
        if len(labelled) < 2:
            return questions
        (commonest, _), (_, limit) = labelled.most_common(2)
        kept, taken = [], 0
        for question in questions:
            if question.answer_type in _LABELS and question.answers[0] == commonest:
                taken += 1
                if taken > limit:
                    self.counts["dropped_commonest_label"] += 1
                    continue
            kept.append(question)
        return kept

    def _verified(self, question: Question) -> bool:
        """Whether the oracle holds the quote and supports the answer; else the question is dropped and counted."""
        oracle = self._passages[question.positives[0]]
        if question.answer_type in _LABELS:
            supported = bool(question.answers)
        elif question.answer_type == "long":
            # a key of JSON is asked for, and stands in no passage
            said = " ".join(part for a in question.answers[:1] for part in _said(a, question))
            supported = words_held(oracle.full_text, said) >= HELD
        else:
            supported = any(holds(oracle, answer) for answer in question.answers[:1])
        if not supported:
            self.counts["dropped_unsupported_answer"] += 1
            return False
        shown = self._form.excerpts.show(oracle, question.question)
        if not answer_survives(question.answers[:1], oracle.full_text, shown):
            self.counts["dropped_answer_not_shown"] += 1
            return False
        return True

    def _with_oracle(self, question: Question, rng: random.Random) -> RaftExample:
        oracle = self._passages[question.positives[0]]
        distractors = self._beside_oracle(question, rng)
        # the slot is a share of the list, so that dropping distractors to fit keeps the oracle's place random
        place = rng.random()
        quote = self._quote(question, oracle)

        def make(kept: Sequence[Passage]) -> tuple[Sequence[Passage], str]:
            slot = int(place * (len(kept) + 1))
            context = self._ordered(question, [*kept[:slot], oracle, *kept[slot:]])
            marker = context.index(oracle) + 1
            return context, target_text(question.answers[0], marker, quote, self._form.style)

        return self._fit(question, "oracle", distractors, make, oracle.id, rng)

    def _ordered(self, question: Question, context: Sequence[Passage]) -> list[Passage]:
        """As it would be served."""
        ranking = [hit.passage_id for hit in self._run[question.id]] if self._form.best_first else []
        return best_first(context, ranking)

    def _without_oracle(self, question: Question, kind: Kind, rng: random.Random) -> RaftExample:
        distractors = self._distractors(question, self._config.raft.num_distractors + 1)
        remember = kind == "no_oracle" and self._config.raft.without_oracle == "answer"
        completion = question.answers[0] if remember else ABSTENTION
        return self._fit(question, kind, distractors, lambda kept: (self._ordered(question, kept), completion), "", rng)

    def _fit(
        self,
        question: Question,
        kind: Kind,
        distractors: list[Passage],
        make: Callable[[Sequence[Passage]], tuple[Sequence[Passage], str]],
        oracle: str,
        rng: random.Random,
    ) -> RaftExample:
        kept = list(distractors)
        order = {passage.id: rng.random() for passage in distractors}
        limit = self._config.raft.max_example_tokens
        while True:
            context, completion = make(sorted(kept, key=lambda passage: order[passage.id]))
            chat = render(question.question, context, self._form)
            num_tokens = self._count_tokens((*chat, Message("assistant", completion)))
            if num_tokens <= limit:
                break
            if not kept:
                raise UserError(
                    f"question {question.id} with its oracle alone takes {num_tokens} tokens, over {limit}",
                    "raise raft.max_example_tokens, or lower corpus.chunk_tokens and index again",
                )
            kept.pop()
        if shown := self._shown_before(question, context):
            chat = render(question.question, context, self._form, shown)
            num_tokens = self._count_tokens((*chat, Message("assistant", completion)))
        dropped = len(distractors) - len(kept)
        self.counts["dropped_distractors"] += dropped
        self.counts["examples_with_dropped_distractors"] += bool(dropped)
        return RaftExample(
            id=f"{kind}-{question.id}",
            kind=kind,
            chat=chat,
            completion=completion,
            question_id=question.id,
            oracle=oracle,
            distractors=tuple(passage.id for passage in context if passage.id != oracle),
            num_tokens=num_tokens,
            dropped=dropped,
        )

    def _shown_before(self, question: Question, context: Sequence[Passage]) -> tuple[Example, ...]:
        """The worked examples as the question would be served with; none of them rests on its gold."""
        num = self._config.answering.examples
        if self._examples is None or not num:
            return ()
        asked = Asked(question.question, frozenset(question.positives))
        (chosen,) = self._examples.choose([asked], num, self._form)
        kept = fit_examples(
            question.question,
            context,
            chosen,
            form=self._form,
            count_tokens=self._count_tokens,
            window_tokens=self._window_tokens,
        )
        self.counts["worked_examples_left_out"] += len(chosen) - len(kept)
        return kept

    def _distractors(self, question: Question, wanted: int) -> list[Passage]:
        """The best-ranked of the passages that may be distractors."""
        return self._candidates(question)[:wanted]

    def _beside_oracle(self, question: Question, rng: random.Random) -> list[Passage]:
        """The distractors of an example with its oracle, by `raft.distractors`.

        A retriever that ranks the oracle low ranks all the best ones above it, a context that is never served. With
        `served` the oracle's neighbours in the ranking stand in, as many of them above it as for another question that
        is served; with `below` those behind it always do.
        """
        policy, wanted = self._config.raft.distractors, self._config.raft.num_distractors
        place, found = self._place(question), self._candidates(question)
        if policy == "top" or (policy == "served" and place <= wanted):
            return found[:wanted]
        above = rng.choice(self._served_places) if policy == "served" else 0
        start = max(0, min(place - above, len(found) - wanted))
        return found[start : start + wanted]

    def _place(self, question: Question) -> int:
        """How many candidates the retriever ranks above the oracle; all where it does not find it in the pool."""
        hits = self._run[question.id][: self._config.raft.pool_depth]
        rank = next((place for place, hit in enumerate(hits) if hit.passage_id == question.positives[0]), len(hits))
        above = {hit.passage_id for hit in hits[:rank]}
        return sum(passage.id in above for passage in self._candidates(question))

    def _candidates(self, question: Question) -> list[Passage]:
        """Passages of the pool, best first, that neither are gold nor hold an answer."""
        if question.id not in self._candidates_of:
            gold = set(question.positives)
            checkable = question.answer_type not in (*_LABELS, "long")
            hits = self._run[question.id][: self._config.raft.pool_depth]
            pool = [self._passages[hit.passage_id] for hit in hits if hit.passage_id not in gold]
            self._candidates_of[question.id] = [
                passage
                for passage in pool
                if not (checkable and any(holds(passage, answer) for answer in question.answers))
            ]
        return self._candidates_of[question.id]

    def _quote(self, question: Question, oracle: Passage) -> str:
        for evidence in question.evidence:
            if evidence.quote in oracle.text:
                return evidence.quote
        return supporting_sentence(question.answers[0], oracle)


def holds(passage: Passage, answer: str) -> bool:
    """Whether the answer stands in the passage as whole words, case and spacing aside."""
    return contains_answer(passage.full_text, answer)


def _said(answer: str, question: Question) -> list[str]:
    return values_in_words(answer) if question.json_schema else [answer]
