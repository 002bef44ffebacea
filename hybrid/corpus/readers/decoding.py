"""Bytes to text: UTF-8 first, another encoding only where it is declared or beyond doubt; then what is no text goes."""

import codecs
import re

from hybrid.corpus.readers.content import UnreadableError

_SAMPLE = 200_000
"""Bytes from which an encoding is guessed."""
_COHERENT = 0.5
"""Of charset-normalizer, how well the letters fit a language: below it, its guesses are often wrong."""
_BINARY = 0.02
"""Share of control characters from which a file is no text."""
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_OTHER = re.compile(r"cp\d+|utf-7|hz|iso2022_\w+|johab|mac-\w+")
"""Encodings that browsers do not know and old mails are in; of Python's others some take hours for a megabyte."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ENCODED = re.compile(r"(?<![!-~])[!-~]{1000,}")
"""Base64 or minified code: a run of ASCII without a space that no word is as long as."""

Notes = tuple[tuple[int, str], ...]


def decode(data: bytes, *, html: bool = False) -> tuple[str, Notes]:
    """Text with `\\n` line ends and without control characters, and what had to be done. With `html` the encoding that
    the page declares counts. Raises `UnreadableError` where the encoding is not known."""
    text, notes = _decoded(data, html)
    plain = _CONTROL.sub("", text)
    control = len(text) - len(plain)
    if control > _BINARY * len(text):
        raise UnreadableError("binary data, not text")
    if control:
        text = plain
        notes = (*notes, (0, f"{control} control characters removed"))
    return text.replace("\r\n", "\n").replace("\r", "\n"), notes


def declared_encoding(label: str) -> str:
    """Python's name of the encoding that browsers take a label for (WHATWG): `iso-8859-1` is windows-1252. "" where
    they know none, or one that a text in which the label can be read is not in."""
    import webencodings

    found = webencodings.lookup(label) if label.isascii() else None
    if found is not None and found.name not in ("replacement", "x-user-defined"):
        return "" if found.name.startswith("utf-16") else found.codec_info.name
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return ""
    return name if _OTHER.fullmatch(name) else ""


def _wrong_label(data: bytes, name: str) -> Notes:
    """A note where bytes that are UTF-8 are declared to be in another encoding."""
    return ((0, f"declared as {name}, but it is UTF-8"),) if name not in ("", "utf-8") and not data.isascii() else ()


def without_encoded_data(text: str) -> tuple[str, Notes]:
    """Prose without base64 and minified code, and whether there was any."""
    text, runs = _ENCODED.subn(" ", text)
    told = f"{runs} runs of encoded data (1000 letters and more without a space) removed"
    return text, ((0, told),) if runs else ()


def storable(text: str) -> str:
    """The text without what UTF-8 cannot hold or no document means: halves of surrogate pairs, control characters.

    JSON may name them, and PDF libraries give them out for broken fonts.
    """
    return _CONTROL.sub("", _SURROGATE.sub("\ufffd", text))


def _decoded(data: bytes, html: bool) -> tuple[str, Notes]:
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    label = _DECLARED.search(data[:4096]) if html else None
    name = declared_encoding(label[1].decode("ascii")) if label else ""
    try:
        text = data.decode(encoding)
        return text, _wrong_label(data, name) if encoding.startswith("utf-8") else ((0, f"read as {encoding}"),)
    except UnicodeDecodeError:
        pass
    if name:
        try:
            return data.decode(name), ((0, f"read as {name}, as it declares"),)
        except UnicodeDecodeError:
            pass
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_SAMPLE]).best()
    if best is None or best.chaos > 0 or best.coherence < _COHERENT:
        raise UnreadableError("not UTF-8")
    try:
        return data.decode(best.encoding), ((0, f"not UTF-8: read as {best.encoding}"),)
    except UnicodeDecodeError:
        raise UnreadableError("not UTF-8") from None
