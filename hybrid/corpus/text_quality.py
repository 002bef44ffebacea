"""What is wrong with the letters of a text, and which language it is in."""

from hybrid.languages.detection import identifier

SURE = 0.9
"""Probability from which a language counts as known."""
RARE = 0.1
"""Share of the texts below which a language is told as foreign."""
_LETTERS = 40
_SAMPLE = 200
"""Characters from which the language is told: more take longer and change nothing."""


def language(text: str) -> str:
    """ISO 639-1 code; "" where a text is too short to tell or holds no running words."""
    # headings and lists of names say little: the longest paragraph has running words
    sample = max(text.split("\n\n"), key=len)[:_SAMPLE]
    if sum(map(str.isalpha, sample)) < _LETTERS:
        sample = text[:_SAMPLE]
    if sum(map(str.isalpha, sample)) < _LETTERS:
        return ""
    # letter frequencies were counted in running text: capitals throughout look like no language
    code, probability = identifier().classify(sample.lower() if sum(map(str.isupper, sample)) > _LETTERS else sample)
    return str(code) if probability >= SURE and code != "zxx" else ""


def garbled(text: str) -> str:
    """What is wrong with the letters of a text: "Ã¼" for "ü", replacement characters; "" where nothing is."""
    if text.isascii():
        return ""
    if "\ufffd" in text:
        return "replacement characters"
    from ftfy.badness import badness

    return "text in a wrong encoding" if badness(text) > 0 else ""
