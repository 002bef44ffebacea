"""Train or dev by document: whatever makes questions out of documents puts one document's questions on one side."""

import random

from hybrid.artifacts import sha256_json
from hybrid.types import Passage


def split_of(passage: Passage, dev_share: float, seed: int) -> str:
    """`dev` with the chance `dev_share`, else `train`; the same for all passages of a document, in every run."""
    drawn = random.Random(sha256_json([seed, passage.document_id or passage.id])).random()
    return "dev" if drawn < dev_share else "train"
