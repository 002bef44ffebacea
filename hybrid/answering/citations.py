"""Reading an answer: its markers, whether it declines, and whether its figures stand in what it cites."""

import re
from collections.abc import Sequence

from hybrid.answering.prompt import ANSWER_MARK
from hybrid.answering.sources import NUMBER_WORDS, supporting_sentence, tokens
from hybrid.types import Answer, Citation, Passage

_MARKER = re.compile(r"\[(\d{1,3})\]")
_DECLINES = re.compile(
    r"^\W*(?:(?:yes|no)\W+)?"
    r"(i (?:do not|don't|don’t|cannot|can't|am not able to) (?:know|answer|say|find|tell|determine)|"
    r"(?:(?:the|these) (?:numbered )?passages? (?:do|does)(?: not|n't|n’t)|"
    r"none of the(?:se)? (?:numbered )?passages?(?: do| does)?) "
    r"(?:hold|contain|mention|say|provide|give|state)|"
    r"(?:unknown|not (?:stated|mentioned|given|specified|provided|enough information)))",
    re.IGNORECASE,
)
_UNFINISHED_MARKER = re.compile(r"\[\d*$")
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[A-Za-z0-9]+(?:[-/.,][A-Za-z0-9]+)*")


def read_answer(
    text: str,
    context: Sequence[Passage],
    dropped: Sequence[Passage] = (),
    shown: Sequence[str] = (),
    *,
    guard: bool = True,
) -> Answer:
    """Parse a completion against the passages it was given, in their order, and what of them was shown.

    `guard`: withhold unsupported answers.

    Markers that point outside the context are ignored: they cite nothing.
    """
    final = text.rsplit(ANSWER_MARK, 1)[-1].strip()
    plain = plain_text(final)
    abstained = declines(plain)
    cited = [] if abstained else [(n, context[n - 1]) for n in cited_numbers(final) if 1 <= n <= len(context)]
    unsupported = () if abstained else unsupported_claims(plain, [passage for _, passage in cited])
    return Answer(
        text=text.strip(),
        plain=plain,
        final=final,
        abstained=abstained,
        citations=tuple(Citation(n, passage.id, supporting_sentence(plain, passage)) for n, passage in cited),
        unsupported=unsupported,
        withheld=guard and bool(unsupported),
        context=tuple(passage.id for passage in context),
        dropped=tuple(passage.id for passage in dropped),
        shown=tuple(shown),
    )


def declines(plain: str) -> bool:
    """Whether an answer without markers says that the answer is not known. An empty answer declines, too."""
    return not plain.strip() or bool(_DECLINES.match(plain))


def may_yet_decline(text: str) -> bool:
    """Whether the beginning of an answer declines, or may become one that declines as it goes on."""
    # re cannot say of a text that it is the beginning of a match
    import regex

    plain = plain_text(_UNFINISHED_MARKER.sub("", text))
    return not plain or regex.match(_DECLINES.pattern, plain, regex.IGNORECASE, partial=True) is not None


def plain_text(text: str) -> str:
    """A text without citation markers and the blanks that they leave."""
    return re.sub(r"\s+([.,;:!?])", r"\1", re.sub(r"\s+", " ", _MARKER.sub("", text))).strip()


def unmarked(text: str) -> str:
    """A text without citation markers, line by line as it was."""
    lines = (re.sub(r"[ \t]+([.,;:!?])", r"\1", _MARKER.sub("", line)).strip() for line in text.splitlines())
    return "\n".join(lines).strip()


def cited_numbers(text: str) -> tuple[int, ...]:
    """The numbers of all markers, each once."""
    return tuple(dict.fromkeys(int(number) for number in _MARKER.findall(text)))


def unsupported_claims(plain: str, cited: Sequence[Passage], question: str = "") -> tuple[str, ...]:
    """Figures (42, 6.5) and identifiers (SB-401, TL2) of the answer that stand in none of the cited passages, nor in
    the question."""
    texts = [*(passage.full_text for passage in cited), question]
    known = {claim for text in texts for claim in _claims(text)}
    known |= {token for text in texts for token in tokens(text) if token in NUMBER_WORDS.values()}
    return tuple(claim for claim in dict.fromkeys(_claims(plain)) if claim not in known)


def _claims(text: str) -> list[str]:
    """Normalised figures and identifiers, in order. A figure inside an identifier counts as the identifier only."""
    claims = []
    for word in _WORD.findall(text):
        token = word.strip(".,-/")
        if _FIGURE.fullmatch(token):
            claims.append(_plain_figure(token))
        elif any(c.isdigit() for c in token):
            split = re.fullmatch(r"(\d+(?:[.,]\d+)*)([A-Za-z]{1,3})", token)
            claims.append(_plain_figure(split[1]) if split else token.upper())
    return claims


def _plain_figure(token: str) -> str:
    """`1,200` and `1200` are one figure; `6,5` stays apart from `65`."""
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", token):
        token = token.replace(",", "")
    return token.rstrip("0").rstrip(".") if "." in token else token
