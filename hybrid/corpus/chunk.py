"""Documents to passages: first by heading, then by sentence within the token budget (llama-index does both splits)."""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from hybrid.types import Document, Passage

Tokenizer = Callable[[str], list[Any]]
_HEADING = re.compile(r"^(#{1,6})\s+(.*)$")


def chunk(
    documents: Sequence[Document], *, tokenize: Tokenizer, chunk_tokens: int, overlap_tokens: int = 0
) -> list[Passage]:
    """Passages of at most `chunk_tokens`, heading included, with character spans into their document's text.

    Ids are `document#digest of heading and text`: stable when other parts of the document change.
    """
    from llama_index.core.node_parser import MarkdownNodeParser
    from llama_index.core.schema import Document as Node

    by_heading = MarkdownNodeParser.from_defaults(header_path_separator=" › ")
    passages: list[Passage] = []
    for document in documents:
        cursor = 0
        taken: dict[str, int] = {}
        for node in by_heading.get_nodes_from_node(Node(text=document.text)):
            section, body = _section(node.text, str(node.metadata.get("header_path", "")), document.title)
            if not body.strip():
                continue
            heading = " › ".join(part for part in (document.title, section) if part)
            budget = max(chunk_tokens - len(tokenize(heading)) - 4, chunk_tokens // 2)
            cursor = _after_heading(node.text, document.text, cursor)
            end = cursor
            for text in _split(body, tokenize, budget, overlap_tokens):
                start = document.text.find(text, cursor)
                start = cursor if start < 0 else start
                end = start + len(text)
                cursor = end if not overlap_tokens else start + 1
                digest = hashlib.sha256(f"{heading}\n{text}".encode()).hexdigest()[:8]
                taken[digest] = taken.get(digest, 0) + 1
                suffix = f"-{taken[digest]}" if taken[digest] > 1 else ""
                passages.append(
                    Passage(
                        id=f"{document.id}#{digest}{suffix}",
                        text=text,
                        title=document.title,
                        section=section,
                        document_id=document.id,
                        source=document.source,
                        start_char=start,
                        end_char=end,
                    )
                )
            cursor = end
    return passages


def _after_heading(section: str, text: str, cursor: int) -> int:
    """Where the body of a section starts in the document, looking from `cursor` on."""
    match = _HEADING.match(section.partition("\n")[0])
    heading = re.compile(rf"^#+\s+{re.escape(match[2].strip())}\s*$", re.MULTILINE) if match else None
    found = heading.search(text, cursor) if heading else None
    return found.end() if found else cursor


def _section(text: str, header_path: str, title: str) -> tuple[str, str]:
    """Heading path below the title, and the body without its heading line."""
    first, _, rest = text.partition("\n")
    match = _HEADING.match(first)
    parents = [part.strip() for part in header_path.split("›") if part.strip() and part.strip() != title]
    if not match:
        return " › ".join(parents), text
    own = match[2].strip()
    return " › ".join([*parents, own] if own != title else parents), rest.strip("\n")


def _split(body: str, tokenize: Tokenizer, budget: int, overlap_tokens: int) -> list[str]:
    body = body.strip()
    if len(tokenize(body)) <= budget:
        return [body]
    from llama_index.core.node_parser import SentenceSplitter

    splitter = SentenceSplitter(
        chunk_size=budget,
        chunk_overlap=min(overlap_tokens, budget // 2),
        tokenizer=tokenize,
        paragraph_separator="\n\n",
        include_metadata=False,
    )
    return [part for part in splitter.split_text(body) if part.strip()]
