"""What of an answer is served: statements with the sources that were found for them, and reasons to withhold it."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hybrid.answering.citations import cited_numbers, foreign_names, unmarked, unsupported_claims
from hybrid.answering.question_form import YES_NO
from hybrid.answering.sources import (
    Similar,
    Statement,
    begins_with_label,
    content_words,
    is_label,
    tokens,
    trace,
)
from hybrid.languages.folding import fold
from hybrid.types import Answer, Citation, Passage, Withheld

_USUAL_LOGPROB = -0.2
"""Of a right answer, where the engine does not say."""
_NEARNESS, _SURENESS = 2.0, 0.5
"""What a similarity of 1 and a log-probability of 1 nat are worth beside the whole question treated."""
_RESTATED = 3
"""Words without which nothing is said again: "England" answers in which country the Bank of England is."""
_ONE_OF = re.compile(r"\b(?:or|oder|ou|of een|albo|lub|или|veya|czy)\b|还是|或|それとも|または|또는|أم")


@dataclass(frozen=True)
class Policy:
    """What is withheld. `instruction`: the words of the prompt that an answer must not give back. `min_support`: the
    least support of an answer that is served; None asks for none. `round_markers`: (1) is a marker, too.
    """

    guard: bool = True
    instruction: str = ""
    min_support: float | None = None
    round_markers: bool = False


def ground(
    answer: Answer,
    question: str,
    context: Sequence[Passage],
    policy: Policy,
    *,
    logprob: float | None = None,
    similar: Similar | None = None,
    before: int = 0,
) -> Answer:
    """The answer with its sources as found, whatever the model said of them, and with the reason to withhold it.

    `context` are the passages of the prompt, in their order. `logprob`: mean log-probability of the answer's tokens
    in nats, None where the engine does not say. `before`: passages that are counted before the first of `context`.
    What the model declined stays declined.

    The support of an answer is what its weakest statement's place treats of the question: the share of the question's
    words, twice the similarity of question and passage by the embedder (the share again where there is none), and half
    of `logprob`. A sure answer may stand beside other words than the question's, an unsure one may not.
    """
    if answer.abstained:
        return answer
    headings = [passage.heading for passage in context]
    texts = answer.shown or [passage.full_text for passage in context]
    bodies = [text.removeprefix(f"{heading}\n") for text, heading in zip(texts, headings, strict=True)]
    # as the answer was read
    known, round_too = "\n".join([question, *texts]), policy.round_markers
    final = unmarked(answer.final, known, round_too=round_too)
    claimed = cited_numbers(answer.final, known, round_too=round_too)
    found = trace(final, question, bodies, claimed, similar, headings)
    places = [statement.place for statement in found if statement.place]
    numbers = list(dict.fromkeys(place.marker for place in places))
    spans = {place.marker: place.span for place in reversed(places)}
    cited = [context[number - 1] for number in numbers]
    names = foreign_names(answer.plain, [question, *headings, *bodies])
    unsupported = (*unsupported_claims(answer.plain, cited, question), *names)
    echo = is_echo(answer.plain, question, [*headings, *bodies], policy.instruction)
    support = _treated(question, found, texts, similar) + _SURENESS * (_USUAL_LOGPROB if logprob is None else logprob)
    empty = repeats(answer.plain, question)
    reason = _reason(echo, unsupported, empty, places, support, policy.min_support)
    return replace(
        answer,
        citations=tuple(Citation(before + n, context[n - 1].id, spans[n]) for n in numbers),
        unsupported=unsupported,
        unsourced=tuple(statement.text for statement in found if statement.place is None),
        echo=echo,
        support=support,
        served=_served(final, found, before),
        reason=reason,
        withheld=policy.guard and reason is not None,
    )


def is_echo(plain: str, question: str, shown: Sequence[str], instruction: str) -> bool:
    """Whether half or more of an answer's words are of the instruction and of nothing else that the model read."""
    if is_label(plain):
        return False
    said = content_words(plain)
    read = {word for text in (question, *shown) for word in tokens(text)}
    foreign = said - read
    return bool(foreign) and foreign <= set(tokens(instruction)) and 2 * len(foreign) >= len(said)


def repeats(plain: str, question: str) -> bool:
    """Whether an answer says half or more of the question again and nothing else, which tells something only where
    yes or no, or one of several, was asked for.
    """
    said, asked = content_words(plain), content_words(question)
    if len(said) < _RESTATED or 2 * len(said & asked) < len(asked) or not said <= set(tokens(question)):
        return False
    low = fold(question).casefold().strip()
    return not (YES_NO.search(low) or _ONE_OF.search(low) or begins_with_label(plain))


def _treated(question: str, found: Sequence[Statement], texts: Sequence[str], similar: Similar | None) -> float:
    """How much of the question is treated where the weakest statement stands, by words and by the embedder."""
    places = [statement.place for statement in found]
    if not all(places):
        return 0.0
    near: dict[int, float] = {}
    markers = sorted({place.marker for place in places if place})
    if similar and markers:
        near = dict(zip(markers, similar(question, [texts[marker - 1] for marker in markers]), strict=True))
    return min((place.fit + _NEARNESS * near.get(place.marker, place.fit) for place in places if place), default=0.0)


def _reason(
    echo: bool, unsupported: Sequence[str], empty: bool, places: Sequence[object], support: float, least: float | None
) -> Withheld | None:
    if echo:
        return Withheld.ECHO
    if unsupported:
        return Withheld.FIGURE
    if empty:
        return Withheld.REPEATS
    if not places:
        return Withheld.NO_SOURCE
    return Withheld.OFF_TOPIC if least is not None and support < least else None


def _served(final: str, found: Sequence[Statement], before: int) -> str:
    """The answer with a marker behind the last statement of each run that has one source; JSON stays as it is."""
    if _is_json(final):
        return final
    pieces, end = [], 0
    for place, statement in enumerate(found):
        start = final.index(statement.text, end)
        pieces.append(final[end:start])
        end = start + len(statement.text)
        following = found[place + 1].place if place + 1 < len(found) else None
        own = statement.place
        last = own is not None and (following is None or following.marker != own.marker)
        # behind the stop: what was shown while it was being written stays as it is
        pieces.append(f"{statement.text} [{before + own.marker}]" if own and last else statement.text)
    return ("".join(pieces) + final[end:]).strip()


def _is_json(text: str) -> bool:
    if not text.startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
