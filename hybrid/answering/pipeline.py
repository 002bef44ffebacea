"""Retrieve, fit, ask, read: the one path from a question to an answer, for serving and for measuring alike."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from hybrid.answering.citations import read_answer
from hybrid.answering.grounding import Policy, ground
from hybrid.answering.nearness import nearness, unrelated_cosine
from hybrid.answering.prompt import (
    Asked,
    Example,
    ExampleSource,
    FittedContext,
    PromptForm,
    best_first,
    fit_context,
    fit_examples,
    prompt_form,
    render,
)
from hybrid.answering.reading_apart import Reading, best_reading, passages_to_read, read_passage
from hybrid.answering.reranking import rerank
from hybrid.answering.sources import Similar
from hybrid.answering.streaming import Gate, OnText, may_stream
from hybrid.config import Config
from hybrid.passage_filter import Condition, select
from hybrid.progress import track
from hybrid.protocols import Embedder, Fuse, Generator, Ranker, Reranker, Streaming, VectorStore, Windowed
from hybrid.types import Answer, Chat, Generation, Hit, Passage, Question, ranked

WINDOW_TOKENS = 4096
"""Of a model that nobody says it of."""


@dataclass(frozen=True)
class Request:
    """A question with the passages that it is to be answered from; ids in `keep` are never dropped to fit.

    `ranking`: ids as the retriever ranks them, best first, which `answering.best_first` needs; by default the passages
    stand in that order. `hidden`: ids of passages that no worked example may rest on, which are the gold ones wherever
    answers are measured; `among`: ids of those that examples may show, None for all.
    """

    question: str
    passages: Sequence[Passage]
    keep: Collection[str] = ()
    ranking: Sequence[str] = ()
    hidden: Collection[str] = ()
    among: frozenset[str] | None = None


@dataclass(frozen=True)
class Pipeline:
    """A system that answers: an index with its embedder, a generator, and how they are used.

    With `lexical` alone, words rank instead of vectors; with `fuse` as well, both do. A `reranker` puts the first of
    what they rank in its own order. `examples` gives the worked examples that the configuration asks for. `among`: ids
    of the passages that may be found, which are those of `passages`; None where that is all that the store holds.
    """

    store: VectorStore
    embedder: Embedder
    generator: Generator
    passages: Mapping[str, Passage]
    config: Config
    examples: ExampleSource | None = None
    lexical: Ranker | None = None
    fuse: Fuse | None = None
    reranker: Reranker | None = None
    among: frozenset[str] | None = None

    @cached_property
    def form(self) -> PromptForm:
        """How questions are put to the generator."""
        return prompt_form(self.config.answering, self.generator.count_tokens)

    def retrieve(
        self, questions: Sequence[str], depth: int | None = None, *, where: Sequence[Condition] = ()
    ) -> list[list[Hit]]:
        """The best `depth` passages of each question (the configured k by default), ranks from 1.

        A reranker reads the same `retrieval.rerank_depth` hits however many are asked for, so that the first ranks are
        the same; what their scores are, `reranking.rerank` says. Raises `UserError` as `select` does.
        """
        depth = depth or self.config.retrieval.k
        deep = max(depth, self.config.retrieval.depth) if self.reranker else depth
        return [hits[:depth] for hits in self.reranked(questions, self.first_stage(questions, deep, where=where))]

    def reranked(self, questions: Sequence[str], rankings: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """The rankings of the questions with their first hits in the reranker's order; as they are without one."""
        if self.reranker is None:
            return [list(hits) for hits in rankings]
        pairs: Iterable[tuple[str, Sequence[Hit]]] = zip(questions, rankings, strict=True)
        if len(questions) > 1:
            pairs = track(pairs, total=len(questions), description="reranking")
        depth = self.config.retrieval.rerank_depth
        return [rerank(self.reranker, asked, hits, self.passages, depth=depth) for asked, hits in pairs]

    def first_stage(
        self, questions: Sequence[str], depth: int | None = None, *, where: Sequence[Condition] = ()
    ) -> list[list[Hit]]:
        """What `retrieve` begins with: the best `depth` passages of each question by vectors, words, or both.

        Two rankings are fused as deep as `retrieval.depth`, or `depth` where that is more, so that the first ranks are
        the same however many are asked for.
        """
        depth = depth or self.config.retrieval.k
        among = self.select(where)
        if self.lexical is None:
            return _by_vectors(self.store, self.embedder, questions, depth, among)
        if self.fuse is None:
            return self.lexical.rank(questions, depth, among)
        halves = self.halves(questions, max(depth, self.config.retrieval.depth), where=where)
        return [self.fuse(*pair)[:depth] for pair in zip(halves["dense"], halves["lexical"], strict=True)]

    def halves(
        self, questions: Sequence[str], depth: int | None = None, *, where: Sequence[Condition] = ()
    ) -> dict[str, list[list[Hit]]]:
        """The rankings that are fused, `dense` and `lexical`, each as `retrieve` gives them; empty where none are."""
        if self.lexical is None or self.fuse is None:
            return {}
        depth = depth or self.config.retrieval.depth
        return both_rankings(self.store, self.embedder, self.lexical, questions, depth, self.select(where))

    def select(self, where: Sequence[Condition]) -> frozenset[str] | None:
        """Ids of the passages that may be found under conditions; None where that is all that the store holds.

        Raises `UserError` where no passage has a field that is named, or none fulfils all conditions.
        """
        if not where:
            return self.among
        asked = tuple(where)
        if asked not in self._selected:
            # one at a time: a store keeps the rows of the last one alone, too
            self._selected.clear()
            self._selected[asked] = select(list(self.passages.values()), asked)
        return self._selected[asked]

    def may_answer(self, question: Question) -> bool:
        """Whether a gold passage of the question may be found; true of a question that names none."""
        return self.among is None or not question.positives or not self.among.isdisjoint(question.positives)

    @cached_property
    def _selected(self) -> dict[tuple[Condition, ...], frozenset[str]]:
        return {}

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Answers in the order of the requests. Raises `UserError` where kept passages alone are over the budget."""
        contexts = self.fit_all(requests)
        if self.reads_apart:
            return self._answer_apart(requests, contexts)
        told = self._generate([self.chats(r.question, c)[0] for r, c in zip(requests, contexts, strict=True)])
        return [self._read(r.question, t, c) for r, t, c in zip(requests, told, contexts, strict=True)]

    def _answer_apart(self, requests: Sequence[Request], contexts: Sequence[FittedContext]) -> list[Answer]:
        """One passage of each request at a time, until an answer is borne out well."""
        chats = [self.chats(request.question, context) for request, context in zip(requests, contexts, strict=True)]
        policy, similar = self._policy, self._similarity()
        told: list[list[Generation]] = [[] for _ in requests]
        readings: list[list[Reading]] = [[] for _ in requests]
        left = list(range(len(requests)))
        while left:
            place = len(told[left[0]])
            for n, generation in zip(left, self._generate([chats[n][place] for n in left]), strict=True):
                told[n].append(generation)
                if contexts[n].passages:
                    read = read_passage(requests[n].question, generation, contexts[n], place, policy, similar)
                    readings[n].append(read)
            left = [n for n in left if place + 1 < len(chats[n]) and not readings[n][-1].is_enough]
        return [
            self._counted(best_reading(own, context), generations, context)
            if own
            else self._read(request.question, generations[0], context)
            for request, own, generations, context in zip(requests, readings, told, contexts, strict=True)
        ]

    def _generate(self, chats: Sequence[Chat]) -> list[Generation]:
        told = self.generator.generate(chats, max_new_tokens=self.config.generator.max_new_tokens)
        # a server need not say how many it read
        return [
            generation
            if generation.num_prompt_tokens
            else replace(generation, num_prompt_tokens=self.generator.count_tokens(chat))
            for chat, generation in zip(chats, told, strict=True)
        ]

    def stream(self, request: Request, on_text: OnText) -> Answer:
        """As `answer` for one request; `on_text` gets what may be shown of the answer before it is judged, in pieces.

        Nothing, where the guard may withhold it or the generator cannot tell before the end.
        """
        if not may_stream(self.config.answering) or not isinstance(self.generator, Streaming):
            return self.answer([request])[0]
        context = self.fit(request)
        generation = self.generator.stream(
            self.prompt(request.question, context.passages, context.examples),
            max_new_tokens=self.config.generator.max_new_tokens,
            on_text=Gate(self.config.answering, on_text).put,
        )
        return self._read(request.question, generation, context)

    @property
    def reads_apart(self) -> bool:
        """Whether each passage has a prompt of its own."""
        return self.config.answering.reading == "apart"

    def chats(self, question: str, context: FittedContext) -> list[Chat]:
        """What is sent: one chat, or one for each passage where they are read apart."""
        groups: list[Sequence[Passage]] = [[passage] for passage in context.passages] if self.reads_apart else []
        return [self.prompt(question, group, context.examples) for group in groups or [context.passages]]

    def fit(self, request: Request) -> FittedContext:
        """What of a request's passages fits the token budget, in the order in which it is shown, with the examples."""
        return self.fit_all([request])[0]

    def fit_all(self, requests: Sequence[Request]) -> list[FittedContext]:
        """As `fit` for each; questions are compared with those of the examples all at once."""
        contexts = [self._fit_passages(request) for request in requests]
        num = self.config.answering.examples
        if self.examples is None or not num:
            return contexts
        asked = [Asked(request.question, frozenset(request.hidden), request.among) for request in requests]
        chosen = self.examples.choose(asked, num, self.form)
        return [self._with_examples(*each) for each in zip(requests, contexts, chosen, strict=True)]

    def _fit_passages(self, request: Request) -> FittedContext:
        passages = request.passages
        if self.form.best_first or self.reads_apart:
            # those that rank first are read first, and the others perhaps not at all
            passages = best_first(passages, request.ranking)
        return fit_context(
            request.question,
            passages_to_read(passages, request.keep) if self.reads_apart else passages,
            form=self.form,
            count_tokens=self.generator.count_tokens,
            budget_tokens=self.config.generator.context_tokens,
            keep=request.keep,
        )

    def _with_examples(self, request: Request, context: FittedContext, chosen: Sequence[Example]) -> FittedContext:
        kept = fit_examples(
            request.question,
            context.passages,
            chosen,
            form=self.form,
            count_tokens=self.generator.count_tokens,
            window_tokens=prompt_window(self.config, self.generator),
        )
        return replace(context, examples=kept, examples_left_out=len(chosen) - len(kept))

    def prompt(self, question: str, passages: Sequence[Passage], examples: Sequence[Example] = ()) -> Chat:
        """The chat that asks the question of these passages together."""
        return render(question, passages, self.form, examples)

    def _read(self, question: str, generation: Generation, context: FittedContext) -> Answer:
        text, logprob = generation.text, generation.logprob
        answer = read_answer(
            text,
            context.passages,
            context.dropped,
            context.shown,
            guard=False,
            question=question,
            round_too=self.form.asks_round,
        )
        answer = ground(answer, question, context.passages, self._policy, logprob=logprob, similar=self._similarity())
        return self._counted(answer, [generation], context)

    def _counted(self, answer: Answer, generations: Sequence[Generation], context: FittedContext) -> Answer:
        return replace(
            answer,
            examples=len(context.examples),
            examples_left_out=context.examples_left_out,
            prompt_tokens=sum(generation.num_prompt_tokens for generation in generations),
            new_tokens=sum(generation.num_new_tokens for generation in generations),
        )

    @property
    def _policy(self) -> Policy:
        options = self.config.answering
        return Policy(options.guard == "abstain", self.form.words, options.min_support, self.form.asks_round)

    def _similarity(self) -> Similar:
        """Of one question to texts: nothing is embedded before it is asked for, nor the question twice."""
        query = lru_cache(maxsize=8)(lambda question: self.embedder.encode_queries([question])[0])

        def similar(question: str, texts: Sequence[str]) -> list[float]:
            cosines = self.embedder.encode_passages(texts) @ query(question)
            return [nearness(float(cosine), self._unrelated) for cosine in cosines]

        return similar

    @cached_property
    def _unrelated(self) -> float:
        return unrelated_cosine(self.embedder)

    def lookup(self, hits: Sequence[Hit]) -> list[Passage]:
        """The passages of hits, in their order."""
        return [self.passages[hit.passage_id] for hit in hits]


def prompt_window(config: Config, generator: Generator) -> int:
    """Tokens of a prompt that leave room for the answer in what the model takes."""
    own = generator.window if isinstance(generator, Windowed) else None
    return (config.generator.window_tokens or own or WINDOW_TOKENS) - config.generator.max_new_tokens


def both_rankings(
    store: VectorStore,
    embedder: Embedder,
    lexical: Ranker,
    questions: Sequence[str],
    depth: int,
    among: frozenset[str] | None = None,
) -> dict[str, list[list[Hit]]]:
    """The rankings that are fused, `dense` and `lexical`, each `depth` deep, of the passages `among` these ids."""
    dense = _by_vectors(store, embedder, questions, depth, among)
    return {"dense": dense, "lexical": lexical.rank(questions, depth, among)}


def _by_vectors(
    store: VectorStore, embedder: Embedder, questions: Sequence[str], depth: int, among: frozenset[str] | None
) -> list[list[Hit]]:
    ids, scores = store.search(embedder.encode_queries(questions), depth, among)
    return [ranked(*row) for row in zip(ids, scores, strict=True)]
