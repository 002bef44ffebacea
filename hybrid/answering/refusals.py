"""Whether an answer declines: says that it is not known, or not in the documents, in fifteen languages.

What goes beside a refusal says nothing: apologies, whom to ask, what the passages treat instead. "The author is not
named, but the report is of 1998" answers. `refusals.toml` names what refusals are made of; which of these, of
their order and of the short phrases beside them weigh how much was learned (logistic regression, weights in
`refusal_weights.json`) by `python -m benchmarks.grading --learn` from 3,600 labelled texts. Measured on others.
"""

import itertools
import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from hybrid.answering.markers import without_markers
from hybrid.answering.question_form import WHY, WORDING, YES_NO
from hybrid.answering.refusal_phrases import STEM, phrases
from hybrid.answering.refusal_wordings import Wording, beside, script, wordings
from hybrid.languages.folding import fold

_LEAD = re.compile(
    r"^[\W_]*(?:(?:final |short )?answer|antwort|réponse|respuesta|risposta|resposta|答案|回答|答え)\s*[:：]\s*",
    re.IGNORECASE,
)
_WRAP = re.compile(r"""^[\s*_"'`«»„“”‹›（(「『]+|[\s*_"'`«»“”‹›）)」』]+$""")
_ENDS = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+|;\s+|；|: (?=[a-zà-ÿ])")
_CONTRAST = re.compile(
    r",\s+(?=(?:but|however|yet|although|though|so|nevertheless|aber|jedoch|sondern|doch|mais|cependant|toutefois|pero|"
    r"sin embargo|aunque|ma|però|tuttavia|mas|porém|contudo|no entanto|maar|echter|ale|lecz|jednak|"
    r"но|однако|while|whereas|während|tandis que|mientras|mentre|enquanto|terwijl|podczas gdy)\b)|"
    r"[,،]?\s+(?=(?:but|although|mais|pero|mas|ama|ancak|fakat|لكن|ولكن)\b)|(?<=지만)\s+|"
    r"[，,](?=(?:但|不过|然而|可是|因此|所以))"
    r"|(?<=が)[、,]|(?<=けれど)[、,]|,\s+(?=[^,]*\b(?:aber|jedoch)\b)"
)
_CONCESSIVE = re.compile(
    r"^(?:while|although|though|even though|whereas|obwohl|während|bien que|alors que|si bien|quoique|aunque|sebbene|"
    r"benché|anche se|mentre|embora|ainda que|apesar de|虽然|尽管)"
)
_TAG = re.compile(r"\[[a-z-]+\]\s*$")
"""Some systems mark that nothing was found."""


def declines(plain: str, question: str = "") -> bool:
    """Whether an answer without markers says that the answer is not known. An empty answer declines, too.

    The question helps: "The contract holds no such clause" answers whether it does.
    """
    text = _bare(plain)
    if not text:
        return True
    if len(text) > _LONGEST:
        return False
    slots = [_slots(clause) for sentence in _sentences(text) for clause in _clauses(sentence)]
    score = refusal_score(plain, question)
    if slots and all("whole" in each for each in slots):
        return score > _SURE_WHOLE
    return score > (_SURE if any(_DENIES & each for each in slots) else _SURE_WITHOUT)


def refusal_score(plain: str, question: str = "") -> float:
    """Log odds that an answer declines."""
    weights = _weights()
    return float(
        weights["bias"]
        + sum(weights["weights"].get(name, 0.0) * value for name, value in features(plain, question).items())
    )


def features(plain: str, question: str = "") -> dict[str, float]:
    """What the classifier weighs, by name: wordings, pairs of those in one clause, what stands beside them, phrases."""
    text = _bare(plain)
    clauses = [clause for sentence in _sentences(text) for clause in _clauses(sentence)] or [""]
    kinds = [_kind(clause) for clause in clauses]
    slots = [_slots(clause) for clause in clauses]
    stems = {word[:STEM] for word in _WORD.findall(fold(question).casefold())}
    shapes = [_shape(clause, stems) for clause in clauses]
    found = sorted({name for each in slots for name in each})
    best = sorted(max(((len(each), sorted(each)) for each in slots), key=lambda item: item[0])[1])
    whole = sum(map(len, clauses)) or 1
    asked = set(re.findall(r"\w+", fold(question).casefold()))
    words = re.findall(r"\w+", text)
    told: dict[str, float] = dict.fromkeys(found, 1.0)
    told |= {f"{a}+{b}": 1.0 for a, b in itertools.combinations(best, 2)}
    told |= {
        "refuses": float("refusal" in kinds),
        "refuses alone": float("refusal" in kinds and "answer" not in kinds),
        "refuses last": float(kinds[-1] == "refusal"),
        "answers last": float(kinds[-1] == "answer" and len(kinds) > 1),
        "neutral": float("neutral" in kinds),
        "answer share": sum(len(c) for c, kind in zip(clauses, kinds, strict=True) if kind == "answer") / whole,
        "length": min(len(text), 300) / 100,
        "one word": float(len(words) <= 1),
        "few words": float(len(words) <= 4),
        "figures": float(any(w.isdigit() and w not in asked for w in words)),
        "quoted": float(bool(_QUOTED_WHOLE.match(fold(plain).strip()))),
        "quotes": float(bool(_QUOTED.search(text))),
    }
    told |= dict.fromkeys(itertools.chain.from_iterable(map(_orders, shapes)), _PHRASE)
    for kind, most in (("answer", 5), ("refusal", 4)):
        new = sum(shape.count("x") for shape, own in zip(shapes, kinds, strict=True) if own == kind)
        told[f"new in {kind}"] = min(most, new) / most
    if question:
        told["all asked"] = float(not any("x" in shape for shape in shapes))
        asks = _slots(_bare(question))
        told |= {f"asks {name}": 1.0 for name in asks}
        form = fold(question).casefold().strip()
        told["asks why"] = float(bool(WHY.search(form)))
        told["asks wording"] = float(bool(WORDING.search(form)))
        told["asks wording+few words"] = told["asks wording"] * told["few words"]
        told["asks wording+quoted"] = told["asks wording"] * told["quoted"]
        told["yes or no"] = float(bool(YES_NO.search(form)))
        for name in (*(f"asks {name}" for name in asks), "asks why", "asks wording", "yes or no"):
            told[f"{name}+refuses"] = told[name] * told["refuses"]
        told["tells last"] = told["refuses"] * _tells(plain, question, kinds[-1])
        told["asked"] = sum(word in asked for word in words) / max(1, len(words))
        told["names"] = float(bool(_names(plain) - _names(question) - {""}))
    return told | dict.fromkeys(phrases(text, question), _PHRASE)


def _slots(clause: str) -> frozenset[str]:
    """The names of the wordings that a clause holds, in the language of which it holds most."""
    return _read(clause).slots


@dataclass(frozen=True)
class _Reading:
    """A clause without quotes, the names of the wordings it holds in the language of which it holds most, and whether
    it refuses in any."""

    bare: str
    wording: Wording
    slots: frozenset[str]
    refuses: bool


@lru_cache(maxsize=256)
def _read(clause: str) -> _Reading:
    bare = _QUOTED.sub(" ", clause.strip(_EDGES)).replace("yes or no", " ")
    spoken = wordings(script(bare))
    found = []
    for wording in spoken:
        own = {name for name in _SLOTS if getattr(wording, name).search(bare)}
        if wording.whole.fullmatch(bare):
            own.add("whole")
        found.append(frozenset(own))
    best = max(range(len(found)), key=lambda place: len(found[place]))
    refuses = any(_refuses(own, len(bare) < _SHORT) for own in found)
    return _Reading(bare, spoken[best], found[best], refuses)


def _shape(clause: str, stems: set[str]) -> list[str]:
    """A clause as the names of its wordings in their order, words of the question as `Q`, others as `x`."""
    read = _read(clause)
    tags: dict[int, str] = {}
    for name in reversed(_TAGS):
        for match in getattr(read.wording, name).finditer(read.bare):
            tags.update(dict.fromkeys(range(match.start(), match.end()), name))
    told: list[str] = []
    for match in _WORD.finditer(read.bare):
        word = match[0]
        tag = tags.get(match.start())
        if tag is None:
            if len(word) < 4 and word.isascii() and not word.isdigit():
                continue
            tag = "Q" if word[:STEM] in stems else "x"
        if told[-1:] != [tag]:
            told.append(tag)
    return told


def _tells(plain: str, question: str, last: str) -> float:
    """Whether the last clause refuses nothing and holds a figure or a name that is not asked."""
    if last != "answer":
        return 0.0
    sentence = (_sentences(plain) or [""])[-1]
    end = (_clauses(sentence) or [""])[-1]
    asked = set(re.findall(r"\w+", question))
    return float(any((w[0].isdigit() or w[0].isupper()) and w not in asked for w in re.findall(r"\w+", end)[1:]))


def _orders(shape: list[str]) -> set[str]:
    """Up to three names in a row: what is denied stands beside the denial."""
    tags = ["^", *shape, "$"]
    return {f"#{' '.join(tags[i : i + n])}" for n in (1, 2, 3) for i in range(len(tags) - n + 1)}


_TAGS = ("no", "lack", "me", "documents", "facts", "know", "tell")
_WORD = re.compile(r"[\u30a0-\u30ff]+|[\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")


def _names(text: str) -> set[str]:
    """Words with a capital that begin no sentence."""
    return {match[1] for match in re.finditer(r"(?<=[\w,] )([A-ZÀ-Þ][\w-]+)", text)}


@cache
def _weights() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((Path(__file__).parent / "refusal_weights.json").read_text(encoding="utf-8"))
    return loaded


_LONGEST = 1500
"""Letters above which nobody merely declines."""
_SURE = -0.3
"""Log odds from which on an answer declines, where precision and recall of lines held out are as good as each other."""
_SURE_WITHOUT = 1.0
"""The same without any word of denial, as in "The passages concern another edition; I would need that one"."""
_SURE_WHOLE = -1.0
"""The same of whole refusals, which answer where the question asks for wording: "No data" on a display."""
_PHRASE = 0.5
"""Weight of a phrase before learning: the many phrases are trusted less than the few wordings."""
_DENIES = {"no", "lack", "fail", "whole"}
_SLOTS = ("no", "lack", "documents", "facts", "tell", "me", "know", "ask", "fail", "given", "given_last", "may")
_QUOTED_WHOLE = re.compile(r"^[\"'「『《“](?![^\"]*\"[^\"]+\").*[\"'」』》”]\.?$")


def may_yet_decline(text: str) -> bool:
    """Whether the beginning of an answer declines, or may become one that declines as it goes on.

    A first sentence that is whole tells it; an unfinished one where it holds nothing that refusals are made of.
    """
    plain = _bare(without_markers(_UNFINISHED_MARKER.sub("", text)))
    if not plain:
        return True
    sentences = _ENDS.split(plain)
    if len(sentences) > 1 or plain.endswith((".", "!", "?", "。", "！", "？")):
        return refusal_score(sentences[0]) > _UNLIKELY or any(
            _kind(clause) != "answer" for clause in _clauses(sentences[0])
        )
    slots, figure = _slots(plain), any(map(str.isdigit, plain))
    if figure:
        return bool(slots & _DENIES)
    return len(plain) < _FEW or (len(plain) < _UNSURE and bool(slots))


_FEW = 20
"""Letters of a beginning that tells nothing yet."""
_UNFINISHED_MARKER = re.compile(r"[\[【(]\s*\d*$")
_UNLIKELY = -1.0
"""Log odds of a first sentence up to which it begins no answer that declines."""
_UNSURE = 160
"""Letters of an unfinished first sentence after which it is shown."""


def _bare(plain: str) -> str:
    text = _TAG.sub("", _values(fold(plain)).replace("**", "").strip())
    text = _LEAD.sub("", text)
    return _SIGNS.sub("", _WRAP.sub("", text).casefold()).strip()


_SIGNS = re.compile(r"[\u0307\u064b-\u0652]")
"""The dot that a Turkish capital leaves in small letters, and Arabic vowels."""


def _values(text: str) -> str:
    """The values of a JSON object as a text; any other text as it is."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        told = json.loads(text)
    except ValueError:
        return text
    return (
        ". ".join("null" if value is None else str(value) for value in told.values())
        if isinstance(told, dict)
        else text
    )


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in _ENDS.split(text) if part.strip(" .!?。！？*_\"'")]


def _clauses(sentence: str) -> list[str]:
    parts = [part.strip() for part in _CONTRAST.split(sentence) if part.strip()]
    if parts and _CONCESSIVE.match(parts[0]) and "," in parts[0]:
        head, _, rest = parts[0].rpartition(",")
        parts = [head.strip(), rest.strip(), *parts[1:]]
    return [part for part in parts if any(map(str.isalnum, part))]


def _kind(clause: str) -> str:
    if _read(clause).refuses:
        return "refusal"
    return "neutral" if beside().search(clause.strip(_EDGES)) else "answer"


def _refuses(has: frozenset[str], short: bool) -> bool:
    """Whether a clause that holds these wordings of a language refuses by itself."""
    if "whole" in has:
        return True
    if "may" in has:
        return False
    denies = bool(has & {"no", "lack"})
    if "documents" in has and ("lack" in has or has >= {"no", "tell"}):
        return True
    if denies and has >= {"me", "know"}:
        return True
    if "fail" in has and has & {"ask", "documents"}:
        return True
    if denies and "facts" in has and (short or "given" in has):
        return True
    return has >= {"no", "given_last"}


_SHORT = 30
_EDGES = " .!?。！？*_\"'，、,…"
_QUOTED = re.compile(r"[\"「『《“‘]([^\"」』》”’]*)[\"」』》”’]|`[^`]*`")
