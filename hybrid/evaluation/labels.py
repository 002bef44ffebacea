"""The label of a question: which part of the system its failure, or its luck, is attributed to."""

from hybrid.evaluation.records import Record
from hybrid.types import Arm, Label, Layer

ANSWERABLE_LABELS = (
    Label.CORRECT,
    Label.LUCKY,
    Label.PARAMETRIC,
    Label.MISSING,
    Label.RETRIEVAL,
    Label.RANKED_LOW,
    Label.WRONG_DOCUMENTS,
    Label.WRONG_DOCUMENTS_DISTRACTED,
    Label.BOTH,
    Label.DISTRACTED,
    Label.WRONG_ANSWER,
    Label.ORDER,
    Label.WRONG_PROMPT,
)
UNANSWERABLE_LABELS = (Label.CORRECT_ABSTENTION, Label.OVER_ANSWER)


def label(record: Record, *, rank_limit: int, wrong_prompt: bool = False, wrong_form: bool = False) -> Label:
    """The first row of the table that fits, by the majority over passage orders.

    Where it was not recorded whether the gold was in context, the arms alone tell the side: RETRIEVAL where the gold
    passages among others turn the failure right, else DISTRACTED or WRONG_ANSWER.

    Right answers: CORRECT with the gold in context; without it PARAMETRIC where closed book is right, else LUCKY.
    `wrong_prompt`: answers are proven to be better with another query prompt, so that a failure which that prompt turns
    right is the present one's, even where the gold is in context: the passages beside it are others too. `wrong_form`:
    they are proven to be better in another form of the generator's prompt, so that a failure which that form turns
    right from the gold in context is the present one's.
    """
    right = record.correct(Arm.RETRIEVED)
    if not record.answerable:
        declines_noise = record.correct(Arm.IRRELEVANT) or not record.of(Arm.IRRELEVANT)
        return Label.CORRECT_ABSTENTION if right and declines_noise else Label.OVER_ANSWER
    if right:
        if record.gold_in_context is not False:
            return Label.CORRECT
        return Label.PARAMETRIC if record.correct(Arm.CLOSED_BOOK) else Label.LUCKY
    if record.gold_in_index is False:
        return Label.MISSING
    if wrong_prompt and record.correct(Arm.REPROMPTED):
        return Label.WRONG_DOCUMENTS
    if wrong_form and record.gold_in_context and record.correct(Arm.REWORDED):
        return Label.WRONG_PROMPT
    reads_in_noise = record.correct(Arm.ORACLE_IN_DISTRACTORS)
    reads = record.correct(Arm.ORACLE)
    if record.gold_in_context is None:
        return Label.RETRIEVAL if reads_in_noise else Label.DISTRACTED if reads else Label.WRONG_ANSWER
    if not record.gold_in_context:
        if reads_in_noise:
            return Label.RANKED_LOW if _near(record, rank_limit) else Label.WRONG_DOCUMENTS
        return Label.WRONG_DOCUMENTS_DISTRACTED if reads else Label.BOTH
    if not reads:
        return Label.WRONG_ANSWER
    return Label.ORDER if reads_in_noise else Label.DISTRACTED


def cause_of_miss(record: Record, *, rank_limit: int) -> Layer | None:
    """Why a failed question's gold was not in context: CORPUS, RANKING or EMBEDDER, RETRIEVAL where that was not
    recorded; None where it was there.

    Unlike the label it does not ask whether the generator could have used the gold: a weak generator must not hide
    that most of the missed gold stands a few ranks below k.
    """
    if not record.answerable or record.correct(Arm.RETRIEVED) or record.gold_in_context:
        return None
    if record.gold_in_context is None and record.gold_in_index is not False:
        return Layer.RETRIEVAL if record.correct(Arm.ORACLE_IN_DISTRACTORS) else None
    if not record.gold_in_index:
        return Layer.CORPUS
    return Layer.RANKING if _near(record, rank_limit) else Layer.EMBEDDER


def _near(record: Record, rank_limit: int) -> bool:
    return record.gold_rank is not None and record.gold_rank <= rank_limit
