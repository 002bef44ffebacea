"""E-mail (.eml): the subject is the title; plain text before HTML, replies quoted in it, and names of attachments."""

import re
from email.message import Message

from hybrid.corpus.readers.content import Content, UnreadableError
from hybrid.corpus.readers.decoding import without_encoded_data
from hybrid.corpus.readers.html import Layout, read_html
from hybrid.corpus.readers.mail_headers import Headers, decoded, one_line

_MOST_HEADER_BYTES = 1_000_000
_MOST_PARTS = 10_000
_MOST_COMPARED = 20_000_000
"""Lines times borders of parts: each line is compared with each border that is open."""
_DEEPEST = 20
"""Parts inside parts."""
_LONG_HEADER = re.compile(rb"^content-(?:type|disposition):(?:[^\n]|\n[ \t]){60000}", re.IGNORECASE | re.MULTILINE)
"""Python takes the parameters of a header apart in time that grows with the square of their number."""
_MOST_NAMED = 50
"""Attachments."""
_SEALED = {"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"}
_KNOWN_BY = ("from", "to", "subject", "date", "message-id", "received")


def read_mail(data: bytes, layout: Layout = "markdown") -> Content:
    """`layout` is that of mails without plain text. Sender, recipients and date (ISO) are metadata.

    Raises `UnreadableError` for what has no header of a mail, for an encrypted one, and for one of too many parts.
    """
    from email import message_from_bytes

    data = data.replace(b"\r\n", b"\n")
    borders, lines = data.lower().count(b"boundary="), data.count(b"\n")
    if data.count(b"\n--") > _MOST_PARTS or borders * lines > _MOST_COMPARED:
        raise UnreadableError("more parts than a mail has")
    if len(data.partition(b"\n\n")[0]) > _MOST_HEADER_BYTES:
        raise UnreadableError("its header is longer than 1 MB")
    if _LONG_HEADER.search(data):
        raise UnreadableError("a part's header is longer than 60 kB")
    # headers are read by the modern parser too, but only those that are shown and short enough
    message = message_from_bytes(data)
    headers = Headers(message)
    if not any(name in message for name in _KNOWN_BY):
        raise UnreadableError("no e-mail: it begins with no header of one")
    body = _Body(layout)
    body.take(message, 0)
    blocks = [block for block in body.blocks if block.strip()]
    if body.is_sealed and not blocks:
        raise UnreadableError("encrypted: save it as it is shown in your mail program")
    if body.attached:
        more = len(body.attached) - _MOST_NAMED
        blocks.append(f"Attachments: {', '.join(body.attached[:_MOST_NAMED])}{f' and {more} more' * (more > 0)}")
    shown, cleaned = without_encoded_data("\n\n".join(blocks))
    return Content(shown, headers.text("subject"), notes=tuple(body.notes) + cleaned, metadata=headers.metadata())


class _Body:
    """Texts and names of attachments, in the order of the parts."""

    def __init__(self, layout: Layout) -> None:
        self.blocks: list[str] = []
        self.attached: list[str] = []
        self.notes: list[tuple[int, str]] = []
        self.is_sealed = False
        self._layout = layout

    def take(self, part: Message, depth: int) -> None:
        """What is shown of a part and of those in it."""
        kind = part.get_content_type()
        name = one_line("subject", part.get_filename(""))
        if kind in _SEALED:
            self.is_sealed = True
        elif depth > _DEEPEST:
            self.notes.append((0, f"parts inside more than {_DEEPEST} others are left out"))
        elif kind == "message/rfc822" and _parts(part):
            inner = _parts(part)[0]
            self.blocks.append(f"Attached message: {Headers(inner).text('subject') or name}")
            self.take(inner, depth + 1)
        elif part.is_multipart():
            self._take_parts(kind, _parts(part), depth)
        elif name or part.get_content_disposition() == "attachment" or not _is_text(kind):
            self.attached.append(name or kind)
        else:
            self.blocks.append(self._text(part, kind))

    def _take_parts(self, kind: str, parts: list[Message], depth: int) -> None:
        if kind == "multipart/related":
            # the others are its pictures
            parts = parts[:1]
        elif kind == "multipart/alternative":
            parts = self._best(parts)
        for part in parts:
            self.take(part, depth + 1)

    def _best(self, parts: list[Message]) -> list[Message]:
        """Plain text that is not empty, else the last, which is the richest."""
        for part in parts:
            if part.get_content_type() == "text/plain" and self._text(part, "text/plain", quiet=True).strip():
                return [part]
        rich = [part for part in parts if part.get_content_type() in ("text/html", "multipart/related")]
        return (rich or parts)[-1:]

    def _text(self, part: Message, kind: str, *, quiet: bool = False) -> str:
        payload = part.get_payload(decode=True)
        text, notes = decoded(payload if isinstance(payload, bytes) else b"", str(part.get_content_charset("")))
        if kind == "text/html":
            content = read_html(text.encode("utf-8", errors="replace"), self._layout)
            text, notes = content.text, (*notes, *content.notes)
        if not quiet:
            self.notes += notes
        return text.strip("\n")


def _is_text(kind: str) -> bool:
    # a part whose borders are missing is text too
    return kind in ("text/plain", "text/html") or kind.startswith("multipart/")


def _parts(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []
