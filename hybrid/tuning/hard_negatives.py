"""Hard negatives for the embedder: passages that rank high for a question and do not answer it.

The margin relative to the positive's score is the rule of Moreira et al. 2024 (NV-Retriever, arXiv:2407.15831).
`sentence_transformers.util.mine_hard_negatives` has it too, but knows texts only: it can tell neither that a passage
holds the question's answer nor which document it is from, and keeps a fixed depth of the ranking. So the few lines are
written out here, over vectors that the caller has already.

Of the passages of the gold document only those that share the answer are false negatives. The others, often
near-identical sections of the same manual or paper, are what the embedder confuses and must learn to tell apart;
dropping the whole document would drop the hardest cases. Where the answer cannot be looked for in a text (yes or no, a
choice, no answer given), the document's other passages might support it, so there the whole document is left out.
"""

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from hybrid.protocols import Vectors
from hybrid.types import Passage, Question

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_NOT_IN_TEXT = ("yes_no", "yes_no_maybe", "choice")


def mine_hard_negatives(
    questions: Sequence[Question],
    passages: Sequence[Passage],
    query_vectors: Vectors,
    passage_vectors: Vectors,
    *,
    num_negatives: int,
    relative_margin: float,
    dropped: Counter[str] | None = None,
) -> list[list[str]]:
    """Per question the ids of its hardest negatives, hardest first, at most `num_negatives`.

    `query_vectors` `(n_questions, dim)` and `passage_vectors` `(n_passages, dim)` are unit vectors. A negative scores
    at most `positive - relative_margin * |positive|`, where `positive` is the best score of the question's positives.
    The whole ranking is gone through, ties by id, so that there are fewer than `num_negatives` only where the corpus
    has no more. A question without a positive among the passages gets none. `dropped` counts the passages that the
    ranking would have taken, by what made them false negatives: "text", "answer" or "document".
    """
    judge = _Judge(passages)
    by_id = np.empty(len(passages), dtype=np.int64)
    by_id[sorted(range(len(passages)), key=lambda position: passages[position].id)] = np.arange(len(passages))
    mined: list[list[str]] = []
    for question, vector in zip(questions, query_vectors, strict=True):
        taken: list[str] = []
        mined.append(taken)
        golds = judge.positions(question)
        if not golds or not num_negatives:
            continue
        scores = passage_vectors @ vector
        positive = float(scores[golds].max())
        limit = positive - relative_margin * abs(positive)
        reason_of = judge.for_question(question)
        texts: set[str] = set()
        for position in np.lexsort((by_id, -scores)):
            if scores[position] > limit:
                continue
            reason = reason_of(int(position))
            if reason:
                if dropped is not None and reason != "positive":
                    dropped[reason] += 1
            elif judge.texts[position] not in texts:
                texts.add(judge.texts[position])
                taken.append(passages[position].id)
                if len(taken) == num_negatives:
                    break
    return mined


def fill_negatives(
    questions: Sequence[Question],
    passages: Sequence[Passage],
    mined: Sequence[Sequence[str]],
    *,
    num_negatives: int,
    seed: int,
) -> list[list[str]]:
    """Bring every question to exactly `num_negatives`, since a batch needs rows of equal length.

    Missing ones are drawn at random from the passages that are no false negatives, whatever their score; where these
    do not suffice either, they repeat. A question for which no passage is fit keeps an empty list.
    """
    judge = _Judge(passages)
    filled: list[list[str]] = []
    for question, found in zip(questions, mined, strict=True):
        chosen = list(found[:num_negatives])
        filled.append(chosen)
        if len(chosen) == num_negatives:
            continue
        reason_of = judge.for_question(question)
        for position in random.Random(f"{seed}:{question.id}").sample(range(len(passages)), len(passages)):
            if len(chosen) == num_negatives:
                break
            if passages[position].id not in chosen and not reason_of(position):
                chosen.append(passages[position].id)
        distinct = len(chosen)
        while chosen and len(chosen) < num_negatives:
            chosen.append(chosen[len(chosen) - distinct])
    return filled


class _Judge:
    """Says of a passage why it must not be a question's negative."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        self._position = {passage.id: position for position, passage in enumerate(passages)}
        self._words = [_words(passage.full_text) for passage in passages]
        self.texts = [_words(passage.text) for passage in passages]

    def positions(self, question: Question) -> list[int]:
        """Of the question's positives that are among the passages."""
        return [self._position[id_] for id_ in question.positives if id_ in self._position]

    def for_question(self, question: Question) -> Callable[[int], str]:
        """Position to "positive", "text", "answer", "document", or "" where the passage is fit as a negative."""
        golds = set(self.positions(question))
        texts = {self.texts[gold] for gold in golds}
        answers = [] if question.answer_type in _NOT_IN_TEXT else [_words(answer) for answer in question.answers]
        answers = [answer for answer in answers if answer.strip()]
        documents = set() if answers else {self._passages[gold].document_id for gold in golds} - {""}

        def reason(position: int) -> str:
            if position in golds:
                return "positive"
            if self.texts[position] in texts:
                return "text"
            if any(answer in self._words[position] for answer in answers):
                return "answer"
            return "document" if self._passages[position].document_id in documents else ""

        return reason


def _words(text: str) -> str:
    """Words and numbers between single blanks, blanks at both ends: `in` is then a search for whole words.

    Letters and digits are parted ("45Nm" is "45 Nm"), thousands separators and the dot of "N·m" fall away. Where this
    is too loose a good negative is lost; too strict, and the embedder is trained away from a right passage.
    """
    plain = unicodedata.normalize("NFKC", text).casefold().replace("·", "").replace("⋅", "")
    return f" {' '.join(_WORD.findall(_THOUSANDS.sub('', plain)))} "
