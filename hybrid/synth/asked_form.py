"""Which form the answers of made questions have: as the task says, and where it does not, as dev's own answers have it.

Length counts words. Of JSON the words of its values count, not those of its keys.
"""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hybrid.answer_format import SENTENCE_WORDS, is_valid, values_in_words
from hybrid.config_answering import PLACEHOLDER, AnsweringConfig
from hybrid.corpus.task import Task
from hybrid.languages.words import find_words
from hybrid.types import Question

SPAN_WORDS = 12
"""Words up to which an answer is a span of its passage; longer ones say it in words of their own."""
MAX_CHARACTERS = 300
"""Of an answer for which nobody asks for a length."""
_ENOUGH = 5
"""Dev questions from which on their answers say what is usual."""
_ROOM = 160
"""Tokens for an answer whose form is asked for, but not its length."""
_LABELS = ("yes_no", "yes_no_maybe", "choice")
_TEMPLATE = (
    "{passages}\n\nAnswer the question from the passages above. {instruction} If the passages do not contain the "
    "answer, reply: {abstention}\n\nQuestion: {question}"
)


@dataclass(frozen=True)
class AskedForm:
    """`least` and `most` words of an answer, 0 for no bound; `in_sentences`: not the shortest one. `style`: what it
    looks like, in the team's words. `source` says who asks for it, `notes` what a person should know of it.
    """

    least: int = 0
    most: int = 0
    in_sentences: bool = False
    style: str = ""
    pattern: str = ""
    json_schema: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether only the team's words say what an answer looks like."""
        return bool(self.style) and not (self.most or self.pattern or self.json_schema)

    @property
    def is_plain(self) -> bool:
        """Whether a prompt that asks for the shortest answer asks for this form."""
        return not (self.in_sentences or self.pattern or self.json_schema or self.is_open)

    @property
    def told(self) -> str:
        """What is asked of an answer, for a prompt."""
        if self.json_schema:
            bound = f", at most {self.most} words in all" if self.most else ""
            return f"JSON on one line{bound}, valid by this JSON Schema: {self.json_schema}"
        if self.pattern:
            return f"the whole of it fits the regular expression {self.pattern}"
        if self.in_sentences:
            least = f"{self.least} to" if self.least > SENTENCE_WORDS else "at most"
            return f"whole sentences, {least} {self.most} words"
        if self.most:
            return f"as short as possible, at most {self.most} words"
        return "in the form that is asked for" if self.style else "as short as possible"

    @property
    def told_style(self) -> str:
        """The team's own words on an answer, as a sentence for a prompt; empty where there are none."""
        return (
            f"Answers look like this: {self.style.rstrip('. ')}. Leave out numbers of passages." if self.style else ""
        )

    @property
    def reply_tokens(self) -> int:
        """Room that an answer needs, in tokens; 0 where the configured one does."""
        if self.is_plain:
            return 0
        keys = len(self.json_schema) // 4
        return (2 * self.most + 20 if self.most else _ROOM) + keys

    @property
    def sentence(self) -> str:
        """For the person who reads the estimate."""
        kind = "by a JSON Schema" if self.json_schema else f"by the pattern {self.pattern}" if self.pattern else ""
        bound = "" if kind and not self.most else f"at most {self.most} words" if kind else self.told
        said = f"“{self.style[:80]}”" if self.style else ""
        parts = [part for part in (kind, bound, said) if part]
        return f"answers: {', '.join(parts)}" + (f" (by {self.source})" if self.source else "")

    def problem(self, answer: str) -> str:
        """In what an answer breaks the form; empty where it does not. What stands before a colon names the kind."""
        asked = Question("", "", pattern=self.pattern, json_schema=self.json_schema)
        if is_valid(answer, asked) is False:
            return f"not of the asked {'JSON Schema' if self.json_schema else 'pattern'}: {answer[:80]!r}"
        num = count(answer, self.json_schema)
        if self.most and num > self.most:
            return f"longer than asked: {num} words, at most {self.most}"
        if num < self.least:
            return f"shorter than asked: {num} words, at least {self.least}"
        if self.is_plain and not self.most and len(answer) > MAX_CHARACTERS:
            return f"longer than asked: {len(answer)} characters, at most {MAX_CHARACTERS}"
        return ""

    def asks(self, answering: AnsweringConfig) -> AnsweringConfig:
        """A prompt that asks for this form: the team's own one where there is one, or where the shortest is wanted."""
        if self.is_plain or answering.style == "own":
            return answering
        # the style holds the configured instruction
        words = f"The answer: {self.told}. {self.told_style}".strip()
        return answering.model_copy(update={"style": "own", "template": _TEMPLATE, "instruction": words})


SHORT = AskedForm()
"""What nobody says anything of."""


def asked_form(task: Task, answering: AnsweringConfig, questions: Sequence[Question]) -> AskedForm:
    """What the task says, key by key; what it leaves out from the answers of dev, which people wrote; the style also
    from `answering.instruction` and a template of the team's own.
    """
    usual = _usual(questions)
    said_by = usual.source
    if task.answer_pattern or task.answer_schema:
        # lengths and forms of dev are those of another form
        usual = AskedForm(pattern=task.answer_pattern, json_schema=task.answer_schema, notes=usual.notes)
        said_by = ""
    if task.answer_words:
        long = task.answer_words > SPAN_WORDS and not (usual.pattern or usual.json_schema)
        least = SENTENCE_WORDS if long else 0
        usual = replace(usual, least=least, most=task.answer_words, in_sentences=long)
        said_by = said_by if usual.pattern or usual.json_schema else ""
    prompt = " ".join(PLACEHOLDER.sub(" ", answering.template).split()) if answering.style == "own" else ""
    styles = (
        task.answer_style or task.output,
        answering.instruction,
        f"as this asks for: “{prompt}”" if prompt else "",
    )
    named = task.answer_style or task.output or task.answer_words or task.answer_pattern or task.answer_schema
    by = ("task.yaml" if named else "", "answering" if answering.instruction or prompt else "", said_by)
    form = replace(usual, style=" ".join(filter(None, styles)), source=" and ".join(filter(None, by)))
    if not (form.is_plain or form.is_open or answering.style == "own" or answering.instruction):
        asks = f"answering.style {answering.style} asks for as few words as possible, these answers have another form"
        form = replace(form, notes=(*form.notes, f"{asks}: say it in answering.template before training on them"))
    return form


def count(answer: str, json_schema: str = "") -> int:
    """Words of an answer; of JSON those of its values."""
    return len(find_words(said(answer, json_schema)))


def said(answer: str, json_schema: str) -> str:
    """What an answer says: the values of JSON, else all of it."""
    return " ".join(values_in_words(answer)) if json_schema else answer


def sample(json_schema: str, text: str) -> str:
    """JSON by a schema that says this text; "" where it has place for other texts too, or for none."""
    places: list[str] = []
    value = json.dumps(_filled(json.loads(json_schema), text, places), ensure_ascii=False)
    return value if len(places) == 1 and is_valid(value, Question("", "", json_schema=json_schema)) else ""


def _filled(schema: object, text: str, places: list[str]) -> object:
    if not isinstance(schema, dict):
        return None
    if "const" in schema or schema.get("enum"):
        return schema.get("const", next(iter(schema.get("enum", ())), None))
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object":
        parts = schema.get("properties", {})
        needed = schema.get("required") or list(parts)
        return {name: _filled(part, text, places) for name, part in parts.items() if name in needed}
    if kind == "array":
        return [_filled(schema.get("items", {"type": "string"}), text, places)]
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        # no figure fits all of the worked examples
        places += ["", ""]
        return 0
    places.append(text)
    return text


def _usual(questions: Sequence[Question]) -> AskedForm:
    dev = [q for q in questions if q.split == "dev" and q.answerable and q.answers and q.origin != "synth"]
    own = [question for question in dev if question.answer_type not in _LABELS]
    notes: tuple[str, ...] = ()
    if 2 * len(own) < len(dev):
        notes = (
            "most dev questions are answered by a label (yes, no, a choice): the teacher writes no such questions",
        )
    if len(own) < _ENOUGH:
        return AskedForm(notes=notes)
    schema, pattern = (_commonest([getattr(q, name) for q in own]) for name in ("json_schema", "pattern"))
    lengths = sorted(count(question.answers[0], question.json_schema) for question in own)
    middle, low, high = (lengths[math.ceil(share * len(own)) - 1] for share in (0.5, 0.1, 0.9))
    is_long = middle > SPAN_WORDS or 2 * sum(question.answer_type == "long" for question in own) > len(own)
    long = is_long and not (schema or pattern)
    return AskedForm(
        least=low if long else 0,
        most=high if long else max(high, SPAN_WORDS),
        in_sentences=long,
        pattern=pattern,
        json_schema=schema,
        source=f"{len(own)} dev answers of {middle} words in the middle",
        notes=notes,
    )


def _commonest(forms: Sequence[str]) -> str:
    """What more than half of the questions ask for; "" where that is no form."""
    form, num = Counter(forms).most_common(1)[0]
    return form if 2 * num > len(forms) else ""
