"""Random models of a few thousand numbers, built in well under a second: nothing to download."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def tiny_embedder(folder: Path, texts: Sequence[str], *, hidden: int = 32, max_tokens: int = 32) -> Path:
    """Save a random two-layer Bert with mean pooling as a sentence-transformers folder; returns the folder.

    Its WordPiece vocabulary is the words of `texts`. Without dropout, so that what training does to it is plain to see.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
    from transformers import BertModel

    bert = folder.with_name(folder.name + "-bert")
    BertModel(_tiny_bert(bert, texts, hidden, max_tokens)).save_pretrained(bert)
    transformer = Transformer(str(bert), max_seq_length=max_tokens)
    model = SentenceTransformer(modules=[transformer, Pooling(hidden), Normalize()], device="cpu")
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


def tiny_cross_encoder(folder: Path, texts: Sequence[str], *, num_labels: int = 1, max_tokens: int = 64) -> Path:
    """Save a random two-layer Bert that scores pairs as a transformers folder; returns the folder."""
    from transformers import BertForSequenceClassification

    config = _tiny_bert(folder, texts, 32, max_tokens)
    config.num_labels = num_labels
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def _tiny_bert(folder: Path, texts: Sequence[str], hidden: int, max_tokens: int) -> Any:
    """A configuration for the words of `texts`, whose tokenizer is saved to `folder`; the next weights are seeded."""
    import torch
    from transformers import BertConfig, BertTokenizerFast

    folder.mkdir(parents=True)
    words = sorted({word for text in texts for word in re.findall(r"\w+|[^\w\s]", text.lower())})
    vocabulary = {token: place for place, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words])}
    BertTokenizerFast(vocab=vocabulary, model_max_length=max_tokens).save_pretrained(folder)
    torch.manual_seed(0)
    return BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=hidden,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * hidden,
        max_position_embeddings=2 * max_tokens,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.1,
    )
