"""Reading an answer: its markers, whether it declines, and whether its figures stand in what it cites."""

import json
import re
from collections.abc import Sequence

from hybrid.answering.markers import find_markers, without_markers
from hybrid.answering.prompt import ANSWER_MARK
from hybrid.answering.refusals import declines
from hybrid.answering.sources import NUMBER_WORDS, supporting_sentence, tokens
from hybrid.languages.detection import language_of
from hybrid.languages.folding import fold
from hybrid.languages.numerals import close_up, readings, spell_out
from hybrid.types import Answer, Citation, Passage

_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[A-Za-z0-9]+(?:[-/.,][A-Za-z0-9]+)*")
_OPTION = re.compile(r"(?<![\w-])(?:--[A-Za-z][\w-]+|-[A-Za-z](?![\w-]))")
_ANY_OPTION = re.compile(r"(?<![\w-])-{1,2}[A-Za-z][\w-]*")
"""In a document, where two hyphens may have become one dash."""
_CAPITAL = re.compile(r"(?<=[^\W_][ ,])[^\W\d_a-zà-öø-ÿа-я][^\W\d_]{2,}")
"""A word with a capital behind another word."""
_STEM = 5
"""Letters by which forms of a name are alike."""
_NAME = re.compile(r"(?<!\w)[A-Za-z]\w*_\w+")


def read_answer(
    text: str,
    context: Sequence[Passage],
    dropped: Sequence[Passage] = (),
    shown: Sequence[str] = (),
    *,
    guard: bool = True,
    question: str = "",
    gold: Sequence[str] = (),
    round_too: bool = False,
) -> Answer:
    """Parse a completion against the passages it was given, in their order, and what of them was shown: the one door
    for every answer, whoever gave it.

    `guard`: withhold unsupported answers. `question` and, where it is known, `gold` help to tell what is text from what
    is a marker or a refusal: `argv[1]`, "Unknown device". `round_too`: (1) is a marker as well, where the prompt asks
    for it.

    Markers that point outside the context are ignored: they cite nothing.
    """
    final = text.rsplit(ANSWER_MARK, 1)[-1].strip()
    known = "\n".join([question, *gold, *(shown or [passage.full_text for passage in context])])
    plain = plain_text(final, known, round_too=round_too)
    abstained = declines(plain, question) and not any(_bare(plain) == _bare(text) for text in gold)
    numbers = cited_numbers(final, known, round_too=round_too)
    cited = [] if abstained else [(n, context[n - 1]) for n in numbers if 1 <= n <= len(context)]
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


def _bare(text: str) -> str:
    return fold(text).casefold().strip(" .\"'")


def plain_text(text: str, known: str = "", *, round_too: bool = False) -> str:
    """A text without citation markers and the blanks that they leave; other blanks stay of their kind.

    What stands with its brackets in `known` is text. `round_too`: (1) is a marker as well.
    """
    bare = text if _is_object(text) else without_markers(text, known=known, round_too=round_too)
    return re.sub(r"[ \t]+([.,;:!?])(?!\d)", r"\1", re.sub(r"[ \t\r\n\f\v]+", " ", bare)).strip()


def unmarked(text: str, known: str = "", *, round_too: bool = False) -> str:
    """A text without citation markers, line by line as it was."""
    bare = text if _is_object(text) else without_markers(text, known=known, round_too=round_too)
    lines = (re.sub(r"[ \t]+([.,;:!?])(?!\d)", r"\1", line).strip() for line in bare.splitlines())
    return "\n".join(lines).strip()


def cited_numbers(text: str, known: str = "", *, round_too: bool = False) -> tuple[int, ...]:
    """The numbers of all markers, each once."""
    found = [] if _is_object(text) else find_markers(text, known=known, round_too=round_too)
    return tuple(dict.fromkeys(number for marker in found for number in marker.numbers))


def _is_object(text: str) -> bool:
    """Whether a text is a JSON object, whose lists are no markers."""
    if not text.lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def unsupported_claims(plain: str, cited: Sequence[Passage], question: str = "") -> tuple[str, ...]:
    """Figures (42, 6.5), identifiers (SB-401, TL2, max_size) and options (-v, --keep) of the answer that stand in none
    of the cited passages, nor in the question."""
    texts = [*(passage.full_text for passage in cited), question]
    known = {claim for text in texts for claim in _claims(text)}
    # small numbers in words
    known |= {token for text in texts for token in tokens(text) if token in NUMBER_WORDS.values()}
    values = {value for claim in known for value in readings(claim)}
    figures = [claim for claim in dict.fromkeys(_claims(plain)) if claim not in known and not readings(claim) & values]
    names = _foreign_code(fold(plain), fold("\n".join(texts)))
    return (*(figure for figure in figures if not any(figure in name.upper() for name in names)), *names)


def _foreign_code(plain: str, read: str) -> list[str]:
    """Options, and names with a low line, of a text that another does not hold."""
    options = {option.lstrip("-") for option in _ANY_OPTION.findall(read)}
    names = {name.casefold() for name in _NAME.findall(read)}
    found = [option for option in _OPTION.findall(plain) if option.lstrip("-") not in options]
    found += [name for name in _NAME.findall(plain) if name.casefold() not in names]
    return list(dict.fromkeys(found))


def foreign_names(plain: str, read: Sequence[str]) -> tuple[str, ...]:
    """Names, words with a capital inside a sentence, that stand in nothing that was read.

    None in German, where every noun has a capital, and none where the answer is in another language than what was
    read: names are translated.
    """
    found = dict.fromkeys(match[0] for match in _CAPITAL.finditer(fold(plain)))
    whole, language = "\n".join(read), language_of(plain)
    if not found or language == "de" or language_of(whole) != language:
        return ()
    known = {word[:_STEM] for word in tokens(whole)}
    return tuple(name for name in found if not {word[:_STEM] for word in tokens(name)} <= known)


def _claims(text: str) -> list[str]:
    """Figures and identifiers, in order. A figure inside an identifier counts as the identifier only."""
    claims = []
    for word in _WORD.findall(close_up(spell_out(fold(text), language_of(text)))):
        token = word.strip(".,-/")
        if _FIGURE.fullmatch(token):
            claims.append(token)
        elif any(c.isdigit() for c in token):
            split = re.fullmatch(r"(\d+(?:[.,]\d+)*)([A-Za-z]{1,3})", token)
            claims.append(split[1] if split else token.upper())
    return claims
